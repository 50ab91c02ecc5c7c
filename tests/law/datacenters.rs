//! `examples/two-datacenters`: each of its gateways with the files of the example, at ports of loopback in place of the addresses of its
//! networks. What one of them sends on the next one gets, and each has said so.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use gw::app::inspect::{self, RouteQuestion};
use gw::app::sni::{SNI, SniAnswer};
use serde_json::Value;

use crate::asked::Everywhere;
use crate::names;
use crate::records::Records;
use crate::support::{Gateway, Scratch, TRUST_DOMAIN, backend, copy_folder, curl, free_port, gw, scratch, with_free_ports};
use crate::{Random, is_replayed, seeds};

/// The gateways, in the order in which they are started.
const GATEWAYS: [&str; 4] = ["dc2-exit", "dc2-mesh", "dc1-mesh", "dc1-edge"];

/// One of them.
struct Held {
    gateway: Gateway,
    places: Everywhere,
    records: Records,
    address: SocketAddr,
}

/// The example on loopback.
struct TwoDatacenters {
    _folder: Scratch,
    held: BTreeMap<&'static str, Held>,
}

impl TwoDatacenters {
    fn start(test: &str) -> Self {
        let folder = scratch(test);
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/two-datacenters");
        let mut ports = BTreeMap::new();
        let mut addresses = BTreeMap::from([("10.0.0.20:8080".to_owned(), backend("web"))]);
        certificates(folder.path());
        for name in GATEWAYS {
            copy_folder(&example.join(name), &folder.path().join(name), &mut |text| {
                at_loopback(&with_free_ports(text, &mut ports), &mut addresses)
            });
        }
        let mut held = BTreeMap::new();
        for name in GATEWAYS {
            let folder = folder.path().join(name);
            let file = folder.join("gw.toml");
            let gateway = Gateway::start(&["run", "-c", &file.display().to_string(), "--access-log", "access.log"], &folder);
            let places = Everywhere::of(&gateway, &file);
            let address = match name {
                "dc1-edge" => ([127, 0, 0, 1], ports[&8080]).into(),
                "dc1-mesh" => addresses["10.0.0.2:8443"],
                "dc2-mesh" => addresses["192.0.2.2:8443"],
                _ => addresses["10.0.0.10:8443"],
            };
            held.insert(name, Held { gateway, places, records: Records::in_file(&folder.join("access.log")), address });
        }
        Self { _folder: folder, held }
    }

    fn one(&mut self, name: &str) -> &mut Held {
        self.held.get_mut(name).expect("a gateway of the example")
    }
}

/// `10.0.0.2:8443` and the like become addresses of loopback, the same one wherever it is said.
fn at_loopback(text: &str, addresses: &mut BTreeMap<String, SocketAddr>) -> String {
    let parts = text.split('"').map(|part| match part.parse::<SocketAddr>() {
        Ok(_) => addresses.entry(part.to_owned()).or_insert_with(|| ([127, 0, 0, 1], free_port()).into()).to_string(),
        Err(_) if part == "10.0.0.10" => "127.0.0.1".to_owned(),
        Err(_) => part.to_owned(),
    });
    let written = parts.collect::<Vec<_>>().join("\"");
    let code = written.lines().filter(|line| !line.trim_start().starts_with('#'));
    assert!(code.clone().all(|line| !line.contains("10.0.0.") && !line.contains("192.0.2.")), "an address is left: {written}");
    written
}

/// Those that the script of the example makes.
fn certificates(folder: &Path) {
    let run = |args: &[&str]| assert!(gw(args).current_dir(folder).output().expect("gw runs").status.success(), "{args:?}");
    run(&["certs", "init", "--dir", "ca", "--trust-domain", TRUST_DOMAIN]);
    for (service, datacenter, gateway) in [("edge", "dc1", "dc1-edge"), ("web", "dc2", "dc2-exit")] {
        run(&["certs", "issue", service, "--datacenter", datacenter, "--dir", "ca"]);
        let certs = folder.join(gateway).join("certs");
        std::fs::create_dir_all(&certs).expect("a folder");
        for file in [format!("{service}.pem"), format!("{service}-key.pem"), "ca.pem".to_owned()] {
            std::fs::copy(folder.join("ca").join(&file), certs.join(&file)).expect("a copy");
        }
    }
}

#[test]
fn what_each_gateway_between_two_datacenters_did_with_a_server_name_is_what_each_place_says() {
    let mut example = TwoDatacenters::start("law-names");
    let (mut passed_on, mut arrived) = (0, 0);
    for seed in seeds(200) {
        let mut random = Random::new(seed);
        let name = names::generate(&mut random, TRUST_DOMAIN);
        let name = name.as_deref();
        let first = *random.one_of(&["dc1-mesh", "dc2-mesh", "dc2-exit"]);
        let context = format!("seed {seed}: {name:?} to {first}");
        names::hello(example.one(first).address, name);
        let mut at = first;
        loop {
            let held = example.one(at);
            let record = held.records.next(&format!("{context}, at {at}"));
            if at == "dc2-exit" {
                arrived += usize::from(held_at_the_exit(held, name, &record));
                break;
            }
            if !names::hold(&held.places, name, &record) {
                break;
            }
            passed_on += 1;
            at = if at == "dc1-mesh" { "dc2-mesh" } else { "dc2-exit" };
        }
    }
    for (name, held) in example.held {
        assert_eq!(held.records.left(), Vec::<Value>::new(), "{name}");
        assert_eq!(held.gateway.end(), Some(0), "{name}");
    }
    assert!(is_replayed() || passed_on > 20 && arrived > 12, "{passed_on} passed on, {arrived} arrived");
}

/// Holds a connection whose handshake nobody ends: what is known by then is whether the name means a service here. Whether it does.
fn held_at_the_exit(held: &Held, name: Option<&str>, record: &Value) -> bool {
    let said: Option<SniAnswer> = name.and_then(|name| held.places.ask(SNI, &[("name", name.to_owned())]));
    let wanted = said.as_ref().map_or("sni_absent", |said| if said.routed { "client_tls" } else { &said.code });
    assert_eq!(record["code"], wanted, "{name:?}\nrecord {record}\nsaid {said:#?}");
    said.is_some_and(|said| said.routed)
}

/// Two mesh gateways that carry what servers say to each other, with the names of `examples/wan-federation`.
#[test]
fn what_gateways_between_servers_did_with_a_name_is_what_each_place_says() {
    let folder = scratch("law-servers");
    let ports = [free_port(), free_port()];
    let mut held: Vec<Held> = Vec::new();
    for (n, own) in ["dc1", "dc2"].into_iter().enumerate() {
        let (toml, log) = (folder.path().join(format!("{own}.toml")), format!("{own}.log"));
        let (port, other) = (ports[n], ports[1 - n]);
        let text = format!(
            "trust_domain = \"{TRUST_DOMAIN}\"\n[[gateway]]\nkind = \"mesh\"\naddress = \"127.0.0.1:{port}\"\nexpose_servers = true\n\
             [[datacenter]]\nname = \"{own}\"\nown = true\n[[datacenter]]\nname = \"dc{}\"\ngateways = [\"127.0.0.1:{other}\"]\n\
             [[server]]\nnode = \"{own}-s1\"\naddress = \"{}\"\n",
            2 - n,
            backend("server"),
        );
        std::fs::write(&toml, text).expect("a file");
        let gateway = Gateway::start(&["run", "-c", &toml.display().to_string(), "--access-log", &log], folder.path());
        let places = Everywhere::of(&gateway, &toml);
        let (records, address) = (Records::in_file(&folder.path().join(log)), ([127, 0, 0, 1], port).into());
        held.push(Held { gateway, places, records, address });
    }
    let (mut passed_on, mut crossed) = (0, 0);
    for seed in seeds(120) {
        let mut random = Random::new(seed);
        let name = names::generate(&mut random, TRUST_DOMAIN);
        let first = random.below(2);
        let context = format!("seed {seed}: {name:?} to dc{}", first + 1);
        names::hello(held[first].address, name.as_deref());
        let record = held[first].records.next(&context);
        if names::hold(&held[first].places, name.as_deref(), &record) {
            passed_on += 1;
            // To a server that is here, or to the gateway there.
            let is_there = record["upstream_host"] == held[1 - first].address.to_string();
            if is_there {
                crossed += 1;
                let second = held[1 - first].records.next(&context);
                names::hold(&held[1 - first].places, name.as_deref(), &second);
            }
        }
    }
    for Held { gateway, records, .. } in held {
        assert_eq!(records.left(), Vec::<Value>::new());
        assert_eq!(gateway.end(), Some(0));
    }
    assert!(is_replayed() || crossed > 8 && passed_on > crossed, "{passed_on} passed on, {crossed} to the other datacenter");
}

#[test]
fn a_request_through_two_datacenters_is_what_each_gateway_on_its_way_says() {
    let mut example = TwoDatacenters::start("law-requests");
    let edge = example.one("dc1-edge").address;
    for seed in seeds(40) {
        let mut random = Random::new(seed);
        let method = random.pick(&["GET", "POST", "PUT", "DELETE"]);
        let target = random.pick(&["/", "/a/../b", "//a", "/x?y=1", "/%61", "/a%2fb"]);
        let host = random.pick(&["shop.test", "web", "SHOP.test", "10.0.0.10"]);
        let context = format!("seed {seed}: {method} {target} of {host}");
        curl(&format!("--path-as-is -X {method} -H 'host: {host}' 'http://{edge}{target}'"));
        let headers = vec![format!("host: {host}")];
        let url = format!("http://{edge}{target}");
        let question = RouteQuestion { method: method.to_owned(), url, headers, roll: None, source: None, sni: None, peer: None };
        let at_edge = example.one("dc1-edge");
        let record = at_edge.records.next(&context);
        assert!(at_edge.places.route(&inspect::written(&question, None, None), &record).forwards(), "{context}");
        let at_exit = example.one("dc2-exit");
        let record = at_exit.records.next(&context);
        let sni = record["requested_server_name"].as_str().map(str::to_owned);
        let url = format!("https://{}{target}", at_exit.address);
        let question = RouteQuestion { url, sni, ..question };
        assert!(at_exit.places.route(&inspect::written(&question, record["peer"].as_str(), None), &record).forwards(), "{context}");
    }
    // Connections are kept until the first of the gateways goes.
    let edge = example.held.remove("dc1-edge").expect("the first");
    assert_eq!(edge.gateway.end(), Some(0));
    let mut passed_on = Vec::new();
    for name in ["dc1-mesh", "dc2-mesh"] {
        let held = example.one(name);
        let first = held.records.next(name);
        for record in std::iter::once(first).chain(held.records.left()) {
            assert!(names::hold(&held.places, record["requested_server_name"].as_str(), &record), "{name}: {record}");
            passed_on.push(record["requested_server_name"].clone());
        }
    }
    assert!(passed_on.iter().all(|name| *name == format!("web.default.dc2.internal.{TRUST_DOMAIN}")), "{passed_on:?}");
}
