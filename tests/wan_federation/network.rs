//! Networks that cannot reach each other, as namespaces of their own:
//!
//! ```text
//!   dc1: servers .10 ..        dc1-gw1                     dc2-gw1        dc2: servers .10 ..
//!   198.18.1.0/24 ----- 198.18.1.1 | 198.18.0.11 ~~~ 198.18.0.21 | 198.18.2.1 ----- 198.18.2.0/24
//!                       dc1-gw2 ..      wan: 198.18.0.0/24      dc3-gw1 ..
//! ```
//!
//! No server has a route to one of another datacenter, and no gateway to a server but those of its own. The one way beyond its own
//! datacenter that a server of a secondary has is to the WAN addresses of the primary's gateways, which bootstrapping needs
//! (consul-api 12): packets only, and the way back is open to the gateways' own port alone.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Output};

/// Where gateways listen.
pub(crate) const PORT: u16 = 8443;

/// The namespaces of one test. They are gone when it is dropped, and what runs in them must be before.
pub(crate) struct Network {
    /// What the names of the namespaces begin with: unlike in any other process, and in any other test of this one.
    prefix: String,
    made: Vec<String>,
}

/// The LAN address of a gateway.
pub(crate) fn lan(datacenter: u8, gateway: u8) -> SocketAddr {
    (Ipv4Addr::new(198, 18, datacenter, gateway), PORT).into()
}

/// The WAN address of a gateway.
pub(crate) fn wan(datacenter: u8, gateway: u8) -> SocketAddr {
    (Ipv4Addr::new(198, 18, 0, 10 * datacenter + gateway), PORT).into()
}

/// The address of a server.
pub(crate) fn server(datacenter: u8, server: u8) -> Ipv4Addr {
    Ipv4Addr::new(198, 18, datacenter, 9 + server)
}

impl Network {
    /// Networks for so many datacenters, each with so many servers and gateways; all of them count from 1.
    pub(crate) fn lay_out(name: &str, datacenters: u8, servers: u8, gateways: u8) -> Self {
        let mut network = Self { prefix: format!("gw{}-{name}", std::process::id()), made: Vec::new() };
        network.switch("wan", &[]);
        for dc in 1..=datacenters {
            let addresses: Vec<Ipv4Addr> = (1..=servers).map(|n| server(dc, n)).collect();
            network.switch(&format!("dc{dc}"), &addresses);
            (1..=gateways).for_each(|gateway| network.gateway(dc, gateway));
        }
        for dc in 2..=datacenters {
            (1..=gateways).for_each(|gateway| network.bootstraps(dc, gateway));
        }
        network
    }

    /// The name of a namespace, as `ip netns` has it: of `dc1`, `dc1-gw1`, `wan`.
    pub(crate) fn namespace(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// A command that is run in a namespace: its process is the command's own.
    pub(crate) fn inside(&self, name: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(name)]).arg(program);
        command
    }

    /// What a command line of a shell does in a namespace.
    pub(crate) fn exec(&self, name: &str, line: &str) -> Output {
        self.inside(name, "sh").args(["-c", line]).output().expect("ip of iproute2")
    }

    /// Runs `ip` in a namespace; it must do what is asked.
    #[track_caller]
    pub(crate) fn ip(&self, name: &str, arguments: &str) {
        run(&format!("-n {} {arguments}", self.namespace(name)));
    }

    fn add(&mut self, name: &str) {
        run(&format!("netns add {}", self.namespace(name)));
        self.made.push(name.to_owned());
        self.ip(name, "link set lo up");
        // A gateway passes connections on, and its machine no packets.
        self.set(name, "ip_forward", "0");
    }

    /// A namespace with a network that others are connected to, and these addresses in it.
    fn switch(&mut self, name: &str, addresses: &[Ipv4Addr]) {
        self.add(name);
        self.ip(name, "link add net type bridge");
        addresses.iter().for_each(|address| self.ip(name, &format!("addr add {address}/24 dev net")));
        self.ip(name, "link set net up");
    }

    fn gateway(&mut self, datacenter: u8, gateway: u8) {
        let name = format!("dc{datacenter}-gw{gateway}");
        self.add(&name);
        self.connect(&name, "lan", lan(datacenter, gateway), &format!("dc{datacenter}"));
        self.connect(&name, "wan", wan(datacenter, gateway), "wan");
    }

    /// A cable from a namespace to the network of another.
    fn connect(&self, name: &str, device: &str, address: SocketAddr, to: &str) {
        let (from, there) = (self.namespace(name), self.namespace(to));
        run(&format!("link add {device} netns {from} type veth peer name {name} netns {there}"));
        self.ip(name, &format!("addr add {}/24 dev {device}", address.ip()));
        self.ip(name, &format!("link set {device} up"));
        self.ip(to, &format!("link set {name} master net up"));
    }

    /// A way from the servers of a secondary to a gateway of the primary, over their own first gateway's machine.
    fn bootstraps(&self, datacenter: u8, gateway: u8) {
        let (here, first, there) = (format!("dc{datacenter}"), format!("dc{datacenter}-gw1"), format!("dc1-gw{gateway}"));
        self.ip(&here, &format!("route add {}/32 via {}", wan(1, gateway).ip(), lan(datacenter, 1).ip()));
        for name in [&first, &there] {
            for key in ["conf/all/rp_filter", "conf/lan/rp_filter", "conf/wan/rp_filter"] {
                self.set(name, key, "0");
            }
        }
        self.set(&first, "ip_forward", "1");
        let back = format!("198.18.{datacenter}.0/24");
        self.ip(&there, &format!("route add {back} via {} table 100", wan(datacenter, 1).ip()));
        self.ip(&there, &format!("rule add ipproto tcp sport {PORT} to {back} table 100 priority 100"));
    }

    fn set(&self, name: &str, key: &str, value: &str) {
        let set = self.exec(name, &format!("echo {value} >/proc/sys/net/ipv4/{key}"));
        assert!(set.status.success(), "{key} of {name}: {}", String::from_utf8_lossy(&set.stderr));
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in &self.made {
            drop(Command::new("ip").args(["netns", "del", &self.namespace(name)]).status());
        }
    }
}

#[track_caller]
fn run(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output().expect("ip of iproute2");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {said}(network namespaces need root, or CAP_SYS_ADMIN and CAP_NET_ADMIN)");
}
