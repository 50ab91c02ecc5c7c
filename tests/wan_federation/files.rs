//! Gateways that no Consul controls: a file says where servers and other gateways are, and somebody else registers them.

use std::fs;

use serde_json::json;

use crate::eventually_within;
use crate::federation::{FEDERATES, Federation, Like};
use crate::network;

#[test]
fn gateways_of_files_carry_servers_as_those_of_consul_do() {
    let mut federation = Federation::laid_out("files", Like::default());
    for dc in [1, 2] {
        let (lan, wan, far) = (network::lan(dc, 1), network::wan(dc, 1), 3 - dc);
        let file = federation.folder.path().join(format!("dc{dc}.toml"));
        let text = format!(
            "[[datacenter]]\nname = \"dc{dc}\"\nown = true\n[[datacenter]]\nname = \"dc{far}\"\ngateways = [\"{}\"]\n\
             [[gateway]]\nkind = \"mesh\"\naddress = \"{lan}\"\nwan_address = \"{wan}\"\nexpose_servers = true\n\
             [[server]]\nnode = \"dc{dc}-s1\"\naddress = \"{}:8300\"\n",
            network::wan(far, 1),
            network::server(dc, 1),
        );
        fs::write(&file, text).expect("a file");
        let arguments = ["mesh", "-c", file.to_str().expect("a path"), "--workers", "1"];
        federation.datacenters[usize::from(dc) - 1].gateways[0].arguments = arguments.map(str::to_owned).to_vec();
    }
    for dc in [0, 1] {
        federation.start_servers(dc);
        federation.up(dc);
        let gateway = &federation.datacenters[dc].gateways[0];
        let at = |address: std::net::SocketAddr| json!({"Address": address.ip().to_string(), "Port": address.port()});
        let registration = json!({
            "Kind": "mesh-gateway", "Name": "mesh-gateway", "Address": gateway.lan.ip().to_string(), "Port": gateway.lan.port(),
            "Meta": {"consul-wan-federation": "1"}, "TaggedAddresses": {"lan": at(gateway.lan), "wan": at(gateway.wan)},
            "Check": {"TCP": gateway.lan.to_string(), "Interval": "1s", "Status": "passing"},
        });
        federation.api(dc).put("/v1/agent/service/register", &registration.to_string()).expect("it is registered");
    }
    federation.becomes_one();
    eventually_within(FEDERATES, "every server is alive for every other", || federation.all_alive());
    for (from, to) in [(0, 1), (1, 0)] {
        assert_eq!(federation.writes(from, to, "by-files", "yes"), Ok(()));
    }
}
