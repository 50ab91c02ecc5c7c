//! Every recorded exchange played on the wire: a gateway in this process, clients that send what was sent, services that do what
//! was done. What differs from the recording stands in `deliberate.rs` with its reason, or is a failure.

mod client;
mod compare;
mod deliberate;
mod frames;
mod hpack;
mod http1;
mod service;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::Duration;

use gw::app::config::RunConfig;
use gw::model::service::Address;
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use self::client::Client;
use self::compare::{Played, compare};
use self::deliberate::{BY_THE_CLOCK, DELIBERATE};
use self::service::{Service, Stage};
use crate::corpus::{Places, cases, filled, listener_of, resources, text};

/// Cases that are played side by side: most of the time of a case is waiting.
const AT_ONCE: usize = 6;

#[test]
fn every_recorded_exchange_is_equal_on_the_wire_but_for_the_deliberate_ones() {
    let all = cases();
    let left: Mutex<Vec<&Value>> = Mutex::new(all.iter().rev().collect());
    let found = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = left.lock().expect("no player panics").pop();
                    let Some(case) = next else { return };
                    let differences = play(case);
                    found.lock().expect("no player panics").extend(differences);
                }
            });
        }
    });
    let found = found.into_inner().expect("no player panics");
    let asked: usize = all.iter().filter_map(|case| case["exchanges"].as_array()).map(Vec::len).sum();
    assert!(asked > 1700, "the corpus is there: {asked} exchanges");
    let report = unexpected(&all, &found);
    assert!(report.is_empty(), "{asked} exchanges, {} differ:\n{report}", found.len());
}

/// What differs without a reason, and the reasons of which nothing differs.
fn unexpected(all: &[Value], found: &BTreeMap<(String, usize), Vec<String>>) -> String {
    let flat = |list: &'static [(&str, &[usize], &str)]| list.iter().flat_map(|(case, ns, row)| ns.iter().map(|n| ((*case, *n), *row)));
    let wanted: BTreeMap<(&str, usize), &str> = flat(DELIBERATE).collect();
    let allowed: BTreeMap<(&str, usize), &str> = flat(DELIBERATE).chain(flat(BY_THE_CLOCK)).collect();
    let mut report = String::new();
    for ((case, n), points) in found.iter().filter(|((case, n), _)| !allowed.contains_key(&(case.as_str(), *n))) {
        let played = all.iter().find(|c| c["id"] == *case.as_str()).expect("it was played");
        report.push_str(&format!("{case} {n}: {}\n    {}\n", played["exchanges"][*n]["request"], points.join("\n    ")));
    }
    for ((case, n), row) in wanted.iter().filter(|((case, n), _)| !found.contains_key(&((*case).to_owned(), *n))) {
        report.push_str(&format!("{case} {n} is equal by now: {row} is no reason any more\n"));
    }
    report
}

#[test]
fn every_reason_is_a_row_of_the_differences() {
    let text = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/differences.md")).expect("the page");
    let rows: BTreeSet<&str> = text.lines().filter_map(|l| l.strip_prefix("| ")?.split(" | ").next()).collect();
    for (case, _, row) in DELIBERATE.iter().chain(BY_THE_CLOCK) {
        assert!(rows.contains(row), "{case}: {row} is no row of docs/differences.md");
    }
}

/// Plays a case; the points in which its exchanges differ, by case and number.
fn play(case: &Value) -> Vec<((String, usize), Vec<String>)> {
    let id = text(&case["id"]);
    let stage = Stage::default();
    let mut ground = Ground::of(case, &stage);
    let places = Places { port: &|n| ground.ports.get(&n).copied().unwrap_or(1), instance: &|id| Address::Socket(ground.addresses[id]) };
    let mut config = RunConfig::new(vec![resources(case, &places)]);
    config.workers = NonZeroUsize::new(1);
    config.drain_time = Duration::ZERO;
    let exchanges: Vec<Value> = case["exchanges"].as_array().into_iter().flatten().map(|e| filled(e, &places)).collect();
    let ports: Vec<u16> = case["exchanges"].as_array().into_iter().flatten().map(|e| (places.port)(listener_of(case, e))).collect();
    let gateway = gw::app::start(config).unwrap_or_else(|e| panic!("{id}: {e}"));
    let mut out = Vec::new();
    for (n, (exchange, port)) in exchanges.iter().zip(ports).enumerate() {
        let points = compare(exchange, &ground.play(exchange, port, &stage));
        if !points.is_empty() {
            out.push(((id.clone(), n), points));
        }
    }
    drop(ground);
    gateway.stop().unwrap_or_else(|e| panic!("{id}: {e}"));
    out
}

/// What a case needs around the gateway, and the connections of its clients.
struct Ground {
    ports: BTreeMap<u16, u16>,
    addresses: BTreeMap<String, SocketAddr>,
    _services: Vec<Service>,
    /// Bound sockets that do not listen: they keep a port for the gateway, or refuse in an instance's place.
    _held: Vec<Socket>,
    clients: HashMap<(u16, bool), Client>,
}

impl Ground {
    fn of(case: &Value, stage: &Stage) -> Self {
        let (mut ports, mut addresses, mut services, mut held) = (BTreeMap::new(), BTreeMap::new(), Vec::new(), Vec::new());
        let all = case.to_string();
        for n in (1..=9).filter(|n| all.contains(&format!("$P{n}"))) {
            ports.insert(n, hold(&mut held).port());
        }
        for instance in case["instances"].as_array().into_iter().flatten() {
            let id = text(&instance["id"]);
            let address = if instance.get("closed").is_some() {
                hold(&mut held)
            } else {
                services.push(Service::start(&id, stage));
                services[services.len() - 1].address
            };
            addresses.insert(id, address);
        }
        Self { ports, addresses, _services: services, _held: held, clients: HashMap::new() }
    }

    /// Plays an exchange as often as it was; what is compared is the try that came to the first instance.
    fn play(&mut self, exchange: &Value, port: u16, stage: &Stage) -> Played {
        let tries = exchange["tries"].as_u64().unwrap_or(1) as usize;
        let (mut instances, mut counts) = (BTreeSet::new(), BTreeMap::new());
        let mut first = None::<(Rank, client::Received, Vec<_>)>;
        for _ in 0..tries {
            stage.set(exchange["backend"].as_array().cloned().unwrap_or_default());
            let received = self.ask(exchange, port, stage);
            let seen = stage.seen();
            let instance = seen.last().map(|(s, _)| s.instance.clone());
            *counts.entry(instance.clone().unwrap_or_else(|| received.status.to_string())).or_insert(0) += 1;
            instances.extend(instance.clone());
            let rank = (instance.is_none(), instance, Reverse(seen.len()));
            if first.as_ref().is_none_or(|(r, ..)| rank < *r) {
                first = Some((rank, received, seen));
            }
        }
        let (_, received, seen) = first.expect("a try");
        Played { received, seen, instances, counts, tries }
    }

    fn ask(&mut self, exchange: &Value, port: u16, stage: &Stage) -> client::Received {
        let request = &exchange["request"];
        let fresh = request.get("raw").is_some()
            || exchange.get("check_close").is_some()
            || exchange.get("fresh").is_some()
            || request["version"] == "1.0";
        let key = (port, request["proto"] == "h2");
        let tunnel = exchange["tunnel"].as_str();
        if let Some(client) = self.clients.remove(&key).filter(|_| !fresh) {
            // A kept connection that the gateway ended meanwhile is none.
            if let Ok((received, kept)) = client.ask(request, tunnel)
                && received.status > 0
            {
                self.clients.extend(kept.map(|c| (key, c)));
                return received;
            }
            stage.set(exchange["backend"].as_array().cloned().unwrap_or_default());
        }
        let asked = Client::connect(([127, 0, 0, 1], port).into(), key.1).and_then(|client| client.ask(request, tunnel));
        // Who is cut off has no answer.
        let (received, kept) = asked.unwrap_or_default();
        self.clients.extend(kept.filter(|_| !fresh).map(|c| (key, c)));
        received
    }
}

/// Tries that came to an instance go before others, of those the one with the first id, of those the one that took most attempts:
/// so the recorder chose.
type Rank = (bool, Option<String>, Reverse<usize>);

/// A port that nobody else gets: several sockets may be bound to it, but only who listens is connected to.
fn hold(held: &mut Vec<Socket>) -> SocketAddr {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_reuse_port(true).expect("an option");
    socket.set_reuse_address(true).expect("an option");
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
    let address = socket.local_addr().expect("an address").as_socket().expect("an IP address");
    held.push(socket);
    address
}

/// Characters as the bytes they stand for.
fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| c as u8).collect()
}

/// `[[name, value], ..]`
fn pairs(value: &Value) -> hpack::Fields {
    value.as_array().into_iter().flatten().map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}
