//! Server names of all shapes, clients that send them, and what is said of them.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use gw::app::inspect::{self, RouteQuestion};
use gw::app::sni::{SNI, SniAnswer};
use serde_json::Value;

use crate::Random;
use crate::asked::Everywhere;
use crate::draft::{Draft, SERVER_NAME, server_name};

/// A name that there is, in some case, or nearly one, or something else; `None`: none is sent.
pub(crate) fn generate(random: &mut Random, trust_domain: &str) -> Option<String> {
    if random.chance(40) {
        let name = match random.below(4) {
            0 => format!("{}.server.{}.consul", random.pick(&["dc1-s1", "dc2-s1"]), random.pick(&["dc1", "dc2"])),
            1 => format!("server.{}.consul", random.pick(&["dc1", "dc2"])),
            _ => format!("web.default.dc2.internal.{trust_domain}"),
        };
        return Some(if random.chance(30) { name.to_uppercase() } else { name });
    }
    let long = "w".repeat(64);
    let upper = trust_domain.to_uppercase();
    let domain = random.pick(&[trust_domain, trust_domain, trust_domain, &upper, "other.consul", "consul", "", &trust_domain[1..]]);
    let service = random.pick(&["web", "web", "WEB", "billing", "v1.web", "a.v1.web", "w_b", "-", "", "*", "internal", &long]);
    let datacenter = random.pick(&["dc1", "dc2", "dc2", "DC2", "dc3", "dc", "", "dc2.dc1"]);
    let name = match random.below(21) {
        0..=9 => format!("{service}.default.{datacenter}.internal.{domain}"),
        10 => format!("{service}.ns1.{datacenter}.internal.{domain}"),
        11 => format!("{service}.default.part1.{datacenter}.internal-v1.{domain}"),
        12 => format!("{service}.default.default.far.external.{domain}"),
        13 => format!("{datacenter}.internal.{domain}"),
        14 | 15 => {
            let node = random.pick(&["dc1-s1", "dc2-s1", "DC2-S1", service]);
            format!("{node}.{}.{datacenter}.consul", random.pick(&["server", "server", "SERVER", "query", "service"]))
        }
        16 => format!("server.{datacenter}.{}", random.pick(&["consul", "CONSUL", "peering.consul", "other"])),
        17 => format!("{}.{datacenter}.internal.{domain}", "a.".repeat(100 + random.below(60))),
        18 => random.pick(&["localhost", "shop.test", "10.0.0.1", "::1", "1.2.3", "x", ".", "..", "", "%00", "a b", "<b>&\"'"]).to_owned(),
        19 => random.pick(&["wéb.default.dc2.internal", "\u{202e}web", "web\u{0}", "web\n", "xn--wb-bja.test"]).to_owned(),
        _ => return None,
    };
    Some(if random.chance(8) { name + "." } else { name })
}

/// Sends a ClientHello for a name, says no more, and takes whatever comes until the other side ends.
pub(crate) fn hello(to: SocketAddr, name: Option<&str>) {
    let draft = Draft::default();
    let draft = match name {
        Some(name) => draft.with(SERVER_NAME, server_name(name.as_bytes())),
        None => draft,
    };
    let mut stream = TcpStream::connect(to).expect("the gateway listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    // Who is refused is sent a reset, perhaps before it has said all.
    if stream.write_all(&draft.bytes()).and_then(|()| stream.shutdown(Shutdown::Write)).is_ok() {
        drop(stream.read_to_end(&mut Vec::new()));
    }
}

/// Holds the record of a connection that is passed on by its name to what is said of the name. Whether it was passed on.
pub(crate) fn hold(places: &Everywhere, name: Option<&str>, record: &Value) -> bool {
    // Without a name there is nothing to ask about but the way of a connection.
    let said: Option<SniAnswer> = name.and_then(|name| places.ask(SNI, &[("name", name.to_owned())]));
    assert_eq!(said.is_some(), name.is_some(), "{name:?} is asked about");
    let context = || format!("{name:?}\nrecord {record}\nsaid {said:#?}");
    let url = "https://127.0.0.1/".to_owned();
    let sni = name.map(str::to_owned);
    let question = RouteQuestion { method: "GET".to_owned(), url, headers: Vec::new(), roll: None, source: None, sni, peer: None };
    let forwards = places.route(&inspect::written(&question, None, None), record).forwards();
    let Some(said) = &said else { return forwards };
    assert_eq!(said.routed, forwards, "{}", context());
    // What becomes of a connection that is passed on is said by who has it next.
    assert!(forwards || record["code"] == *said.code, "{}", context());
    assert_eq!(record["rule"].as_str(), said.rule.as_deref(), "{}", context());
    assert_eq!(record["target"].as_str(), said.target.as_deref(), "{}", context());
    if let Some(instance) = record["instance"].as_str() {
        let endpoint = said.endpoints.iter().find(|endpoint| endpoint.id == instance);
        assert_eq!(endpoint.map(|endpoint| &*endpoint.address), record["upstream_host"].as_str(), "{}", context());
    }
    assert!(!said.why.is_empty() && (said.routed || said.endpoints.is_empty()), "{}", context());
    forwards
}
