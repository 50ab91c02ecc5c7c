//! Datacenters of a real Consul whose servers cannot reach each other, and mesh gateways between them.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::authority::{Authority, Certificate};
use crate::eventually_within;
use crate::gateway::Gateway;
use crate::network::Network;
use crate::server::{Api, Place, Server};
use crate::support::{Scratch, scratch};

/// Longer than a federation takes that finds itself. Most do within seconds (consul-api 12). But what a server says of a new one it says a
/// few times only, in two seconds; where that is before its gateway has a way there, the new one hears of the third when whole states are
/// exchanged: for the first time one to two minutes after it has started.
pub(crate) const FEDERATES: Duration = Duration::from_secs(180);
/// What Consul may need after all gateways were gone, though they are back (wan-federation 4).
pub(crate) const RECOVERS: Duration = Duration::from_secs(200);

/// What a federation is like. Datacenters are `dc1`, the primary, `dc2` ..; nodes `dc1-s1` ..; namespaces of gateways `dc1-gw1` ..
#[derive(Clone, Copy, Debug)]
pub(crate) struct Like {
    pub(crate) datacenters: u8,
    /// In each datacenter.
    pub(crate) servers: u8,
    /// In each datacenter.
    pub(crate) gateways: u8,
}

impl Default for Like {
    fn default() -> Self {
        Self { datacenters: 2, servers: 1, gateways: 1 }
    }
}

/// A datacenter.
pub(crate) struct Datacenter {
    /// `dc1`
    pub(crate) name: String,
    pub(crate) servers: Vec<Server>,
    pub(crate) gateways: Vec<Gateway>,
}

/// Several datacenters. Whatever was started is ended when it is dropped, and the networks are gone.
pub(crate) struct Federation {
    // In this order: processes end before their networks go, and the folder is the last.
    pub(crate) datacenters: Vec<Datacenter>,
    pub(crate) network: Network,
    /// Of all agents.
    pub(crate) authority: Authority,
    /// As whom handshakes are made by hand: no server.
    handshakes: Certificate,
    /// What is made for it, until it is dropped.
    pub(crate) folder: Scratch,
    /// One at a time, for a machine with few cores.
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::new(());

/// What a member of the WAN pool is: `("dc1-s1.dc1", "alive")`.
pub(crate) type Member = (String, &'static str);

impl Federation {
    /// Networks, certificates and what everybody is to be told; nothing runs.
    pub(crate) fn laid_out(name: &str, like: Like) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let Like { datacenters, servers, gateways } = like;
        let folder = scratch(name);
        let network = Network::lay_out(name, datacenters, servers, gateways);
        let authority = Authority::begin(&folder.path().join("tls"));
        let datacenter = |datacenter: u8| {
            let place = |number| Place { datacenter, number, of: servers, gateways, folder: folder.path() };
            let servers: Vec<Server> = (1..=servers).map(|number| Server::new(&place(number), &authority)).collect();
            let consul = servers[0].address();
            let gateways = (1..=gateways).map(|number| Gateway::new(datacenter, number, &consul, folder.path())).collect();
            Datacenter { name: format!("dc{datacenter}"), servers, gateways }
        };
        let datacenters = (1..=datacenters).map(datacenter).collect();
        let handshakes = authority.certificate("handshakes", &["localhost"], "-days 10");
        Self { datacenters, network, authority, handshakes, folder, _alone: alone }
    }

    /// All of it, when it has become one federation.
    pub(crate) fn start(name: &str, like: Like) -> Self {
        let mut federation = Self::laid_out(name, like);
        (0..federation.datacenters.len()).for_each(|dc| federation.start_servers(dc));
        (0..federation.datacenters.len()).for_each(|dc| federation.up(dc));
        federation.becomes_one();
        federation
    }

    /// Starts the servers of a datacenter, and waits until one leads. Datacenters count from 0 here.
    #[track_caller]
    pub(crate) fn start_servers(&mut self, dc: usize) {
        let Self { datacenters, network, .. } = self;
        datacenters[dc].servers.iter_mut().for_each(|server| server.start(network));
        eventually_within(FEDERATES, "a server leads", || {
            self.api(dc).get("/v1/status/leader").is_ok_and(|leader| leader.as_str().is_some_and(|at| !at.is_empty()))
        });
    }

    /// Starts the gateways of a datacenter, and waits until they listen.
    #[track_caller]
    pub(crate) fn up(&mut self, dc: usize) {
        let Self { datacenters, network, .. } = self;
        datacenters[dc].gateways.iter_mut().for_each(|gateway| gateway.up(network));
    }

    /// Starts one gateway, and waits until it listens.
    #[track_caller]
    pub(crate) fn gateway_up(&mut self, dc: usize, gateway: usize) {
        let Self { datacenters, network, .. } = self;
        datacenters[dc].gateways[gateway].up(network);
    }

    /// The HTTP API of the first server of a datacenter.
    pub(crate) fn api(&self, dc: usize) -> &Api {
        &self.datacenters[dc].servers[0].api
    }

    /// The members of the WAN pool as a datacenter sees them.
    pub(crate) fn members(&self, dc: usize) -> Vec<Member> {
        let all = self.api(dc).get("/v1/agent/members?wan=1").unwrap_or_default();
        let member = |member: &Value| {
            let status = match member["Status"].as_u64() {
                Some(1) => "alive",
                Some(2) => "leaving",
                Some(3) => "left",
                Some(4) => "failed",
                _ => "none",
            };
            (member["Name"].as_str().unwrap_or_default().to_owned(), status)
        };
        let mut members: Vec<Member> = all.as_array().into_iter().flatten().map(member).collect();
        members.sort();
        members
    }

    /// Asks the catalog of a datacenter from another: `Err` has Consul's words.
    pub(crate) fn reaches(&self, from: usize, to: usize) -> Result<(), String> {
        let path = format!("/v1/catalog/services?dc={}", self.datacenters[to].name);
        self.api(from).get(&path).and_then(|all| all.get("consul").map(drop).ok_or_else(|| format!("{path}: {all}")))
    }

    /// The pairs of datacenters of which the first does not reach the second, and why.
    pub(crate) fn gaps(&self) -> Vec<String> {
        let all = 0..self.datacenters.len();
        let pairs = all.clone().flat_map(|from| all.clone().map(move |to| (from, to))).filter(|(from, to)| from != to);
        let gap = |(from, to): (usize, usize)| Some(format!("dc{} -> dc{}: {}", from + 1, to + 1, self.reaches(from, to).err()?));
        pairs.filter_map(gap).collect()
    }

    /// Whether every datacenter reaches every other, and knows their gateways.
    pub(crate) fn is_one(&self) -> bool {
        self.gaps().is_empty() && (0..self.datacenters.len()).all(|dc| self.knows_all_gateways(dc))
    }

    fn knows_all_gateways(&self, dc: usize) -> bool {
        let states = self.api(dc).get("/v1/internal/federation-states/mesh-gateways").unwrap_or_default();
        let knows = |other: &Datacenter| states[&other.name].as_array().is_some_and(|all| all.len() == other.gateways.len());
        self.datacenters.iter().all(knows)
    }

    /// Waits until it is one.
    #[track_caller]
    pub(crate) fn becomes_one(&self) {
        eventually_within(FEDERATES, "every datacenter reaches every other", || self.is_one());
    }

    /// Waits until every datacenter reaches every other. How long that took.
    #[track_caller]
    pub(crate) fn reaches_all(&self, within: Duration) -> Duration {
        let start = Instant::now();
        eventually_within(within, "every datacenter reaches every other", || self.gaps().is_empty());
        start.elapsed()
    }

    /// Every server of every datacenter is alive in the eyes of each.
    pub(crate) fn all_alive(&self) -> bool {
        let servers = self.datacenters.iter().flat_map(|dc| dc.servers.iter().map(|s| format!("{}.{}", s.node(), dc.name)));
        let wanted: Vec<Member> = servers.map(|name| (name, "alive")).collect();
        (0..self.datacenters.len()).all(|dc| self.members(dc) == wanted)
    }

    /// Writes a key in another datacenter, and reads it there.
    pub(crate) fn writes(&self, from: usize, to: usize, key: &str, value: &str) -> Result<(), String> {
        self.api(from).put(&format!("/v1/kv/{key}?dc={}", self.datacenters[to].name), value)?;
        let read = self.api(to).ask("GET", &format!("/v1/kv/{key}?raw"), "");
        if read == Some((200, value.to_owned())) { Ok(()) } else { Err(format!("{key} in {}: {read:?}", self.datacenters[to].name)) }
    }

    /// A handshake as a server makes it, by openssl: from a namespace to a gateway or a server, with a server name and an ALPN. The ALPN
    /// that was agreed on.
    pub(crate) fn handshake(&self, from: &str, to: SocketAddr, name: &str, alpn: &str) -> Result<String, String> {
        let Certificate { cert, key } = &self.handshakes;
        let line = format!(
            "exec timeout 10 openssl s_client -connect {to} -servername {name} -verify_hostname {name} -alpn {alpn} -verify_return_error -CAfile {} \
             -cert {} -key {} </dev/null",
            self.authority.ca().display(),
            cert.display(),
            key.display()
        );
        let output = self.network.exec(from, &line);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (said, why) = (text(&output.stdout), text(&output.stderr));
        let agreed = said.lines().find_map(|line| line.strip_prefix("ALPN protocol: ")).map(str::to_owned);
        agreed.filter(|_| said.contains("Verify return code: 0 (ok)")).ok_or_else(|| why.lines().last().unwrap_or("nothing").to_owned())
    }

    /// What a gateway answers at its admin listener.
    pub(crate) fn admin(&self, namespace: &str, path: &str) -> String {
        let output = self.network.exec(namespace, &format!("curl -s --max-time 10 http://127.0.0.1:19000{path}"));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Federation {
    #[expect(clippy::print_stdout, reason = "shown with the test that failed")]
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        println!("gaps: {:#?}", self.gaps());
        for datacenter in &self.datacenters {
            for server in &datacenter.servers {
                // Not what was asked of it, which is most of it.
                let log: String = server.log().split_inclusive('\n').filter(|line| !line.contains("agent.http: Request")).collect();
                println!("the end of what {} wrote:\n{}", server.node(), end(&log, 6000));
            }
            for gateway in &datacenter.gateways {
                println!("the end of what {} wrote:\n{}\n{}", gateway.namespace, end(&gateway.log(), 2000), end(&gateway.records(), 2000));
            }
        }
    }
}

fn end(text: &str, most: usize) -> &str {
    let at = text.char_indices().rev().nth(most).map_or(0, |(at, _)| at);
    &text[at..]
}
