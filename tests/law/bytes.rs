//! Connections whose bytes nobody reads: the tcp example, generated listeners that lead wherever resolvers do, and services outside the
//! mesh that intentions keep callers from.

use std::collections::BTreeSet;
use std::io::Read;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use gw::app::authz::{AuthzAnswer, AuthzQuestion, PAIR, written};
use gw::app::inspect::{self, RouteQuestion};
use gw::app::sni::{SNI, SniAnswer};
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use crate::asked::Everywhere;
use crate::records::Records;
use crate::support::{Example, Gateway, Scratch, TRUST_DOMAIN, backend, free_port, gw, scratch};
use crate::{Random, is_replayed, seeds};

/// The examples of which this is so.
pub(crate) const EXAMPLES: [&str; 1] = ["tcp"];

/// Connects, says that there will be nothing, and waits until the other side ends.
fn connect(port: u16) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the gateway listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    drop(stream.shutdown(Shutdown::Write));
    drop(stream.read_to_end(&mut Vec::new()));
}

/// As one asks about a URL.
fn asked(url: String, peer: Option<&str>) -> Vec<(&'static str, String)> {
    let question = RouteQuestion { method: "GET".to_owned(), url, headers: Vec::new(), roll: None, source: None, sni: None, peer: None };
    inspect::written(&question, peer, None)
}

#[test]
fn a_connection_to_the_tcp_example_goes_where_each_place_says() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(EXAMPLES[0]).with_extension("toml");
    let Example { folder, path, ports, .. } = Example::copy(&example, "law");
    let gateway = Gateway::start(&["run", "-c", &path.display().to_string(), "--access-log", "access.log"], folder.path());
    let places = Everywhere::of(&gateway, &path);
    let mut records = Records::in_file(&folder.path().join("access.log"));
    for port in ports.values().copied() {
        connect(port);
        let record = records.next("tcp");
        assert!(places.route(&asked(format!("http://127.0.0.1:{port}/"), None), &record).forwards(), "{record}");
    }
    assert_eq!(gateway.end(), Some(0));
}

/// Services of generated entries; of the last one nothing is known.
const SERVICES: [&str; 4] = ["db", "cache", "mail", "none"];

/// A folder of generated files, and what has to live as long as they are used.
struct Generated {
    folder: Scratch,
    refusing: Socket,
    answering: SocketAddr,
}

impl Generated {
    fn new(test: &str) -> Self {
        let refusing = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        // Bound, and nobody listens: who connects is refused, and nobody else gets the port.
        refusing.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
        Self { folder: scratch(test), refusing, answering: backend("one") }
    }

    /// Services of a `gw.toml`, with instances of which some refuse, are not well, or have no weight.
    fn services(&self, random: &mut Random) -> String {
        let refusing = self.refusing.local_addr().expect("an address").as_socket().expect("an IP address");
        let mut toml = String::new();
        for service in &SERVICES[..3] {
            let instance = |random: &mut Random| {
                let address = if random.chance(35) { refusing } else { self.answering };
                let (health, weight) = (random.pick(&["passing", "passing", "warning", "critical"]), random.below(3));
                let version = random.pick(&["v1", "v2"]);
                format!("{{ address = \"{address}\", health = \"{health}\", weight = {weight}, meta = {{ version = \"{version}\" }} }}")
            };
            let instances: Vec<String> = (0..random.below(4)).map(|_| instance(random)).collect();
            toml += &format!("[[service]]\nname = \"{service}\"\ninstance = [{}]\n", instances.join(", "));
        }
        toml
    }

    /// Writes the files and runs them.
    fn run(&self, toml: &str, entries: &[Value]) -> (Gateway, Everywhere, Records) {
        let (file, log) = (self.folder.path().join("gw.toml"), self.folder.path().join("access.log"));
        std::fs::write(&file, toml).expect("a file");
        std::fs::write(self.folder.path().join("entries.json"), json!(entries).to_string()).expect("a file");
        std::fs::write(&log, "").expect("a file");
        let gateway = Gateway::start(&["run", "-c", &file.display().to_string(), "--access-log", "access.log"], self.folder.path());
        let places = Everywhere::of(&gateway, &file);
        (gateway, places, Records::in_file(&log))
    }
}

/// Where a service is resolved to: never back to one before it.
fn resolver(random: &mut Random, number: usize) -> Option<Value> {
    let service = SERVICES[number];
    let later = SERVICES[random.below(SERVICES.len() - number - 1) + number + 1];
    let subsets = json!({
        "v1": {"Filter": "Service.Meta.version == v1"},
        "v2": {"Filter": "Service.Meta.version == v2", "OnlyPassing": random.chance(50)},
    });
    let more = match random.below(5) {
        0 => return None,
        1 => json!({"Redirect": {"Service": later}}),
        2 => json!({"Subsets": subsets, "DefaultSubset": random.pick(&["v1", "v2"])}),
        3 => json!({"Failover": {"*": {"Service": later}}}),
        _ => {
            json!({"Subsets": subsets, "DefaultSubset": "v1", "Failover": {"v1": {"Targets": [{"ServiceSubset": "v2"}, {"Service": later}]}}})
        }
    };
    let mut entry = json!({"Kind": "service-resolver", "Name": service});
    entry.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    Some(entry)
}

#[test]
fn connections_to_generated_tcp_listeners_go_where_each_place_says() {
    let generated = Generated::new("law-tcp");
    let mut codes = BTreeSet::new();
    for seed in seeds(30) {
        let mut random = Random::new(seed);
        let listeners = [(); 4].map(|()| (free_port(), random.pick(&SERVICES)));
        let of_bytes = listeners.iter().map(|(port, service)| json!({"Port": port, "Protocol": "tcp", "Services": [{"Name": service}]}));
        let of_requests = json!({"Port": free_port(), "Protocol": "http", "Services": [{"Name": "web", "Hosts": ["*"]}]});
        let edge = json!({"Kind": "ingress-gateway", "Name": "edge", "Listeners": of_bytes.chain([of_requests]).collect::<Vec<_>>()});
        let web = json!({"Kind": "service-defaults", "Name": "web", "Protocol": "http"});
        let resolvers = (0..3).filter_map(|number| resolver(&mut random, number)).collect::<Vec<_>>();
        let head = "entries = [\"entries.json\"]\n[[gateway]]\nkind = \"ingress\"\nname = \"edge\"\n";
        let toml = format!("{head}{}", generated.services(&mut random));
        let (gateway, places, mut records) = generated.run(&toml, &[&[edge, web], &resolvers[..]].concat());
        for (port, service) in listeners {
            connect(port);
            let record = records.next(&format!("seed {seed}: {service} at {port}"));
            let said = places.route(&asked(format!("http://127.0.0.1:{port}/"), None), &record);
            assert_eq!(said.facts.listener, format!("edge:{port}"));
            codes.insert(record["code"].as_str().expect("a code").to_owned());
        }
        assert_eq!(records.left(), Vec::<Value>::new(), "seed {seed}");
        assert_eq!(gateway.end(), Some(0));
    }
    all_came(&codes, &["connect_failed", "no_healthy_endpoint", "ok"]);
}

/// What is generated is worth it: each of these happened.
fn all_came(codes: &BTreeSet<String>, wanted: &[&str]) {
    assert!(is_replayed() || wanted.iter().all(|code| codes.contains(*code)), "{codes:?}");
}

/// Who calls, each with a leaf of its own.
const CALLERS: [&str; 3] = ["web", "api", "cron"];

#[test]
fn connections_between_services_are_allowed_and_denied_as_each_place_says() {
    let generated = Generated::new("law-intentions");
    let folder = generated.folder.path();
    let certs = |args: &[&str]| assert!(gw(&["certs"]).args(args).current_dir(folder).output().expect("gw runs").status.success());
    certs(&["init", "--trust-domain", TRUST_DOMAIN]);
    CALLERS.iter().for_each(|caller| certs(&["issue", caller]));
    let mut codes = BTreeSet::new();
    for seed in seeds(8) {
        let mut random = Random::new(seed);
        let port = free_port();
        let default = random.pick(&["allow", "deny"]);
        let head = format!(
            "entries = [\"entries.json\"]\ndefault_intention = \"{default}\"\n[certs]\ndir = \"certs\"\n\
             [[gateway]]\nkind = \"terminating\"\nname = \"exit\"\naddress = \"127.0.0.1:{port}\"\n"
        );
        let linked: Vec<&str> = SERVICES.into_iter().filter(|_| random.chance(80)).collect();
        let links: Vec<Value> = linked.iter().map(|name| json!({"Name": name})).collect();
        let mut entries = vec![json!({"Kind": "terminating-gateway", "Name": "exit", "Services": links})];
        let protocol = random.pick(&["tcp", "http"]);
        entries.push(json!({"Kind": "service-defaults", "Name": "cache", "Protocol": protocol}));
        entries.extend(["db", "cache", "*"].into_iter().filter_map(|to| intentions(&mut random, to)));
        let toml = head + &generated.services(&mut random);
        let (gateway, places, mut records) = generated.run(&toml, &entries);
        for _ in 0..12 {
            let (caller, service) = (random.pick(&CALLERS), random.pick(&SERVICES));
            call(caller, service, port, folder);
            let record = records.next(&format!("seed {seed}: {caller} calls {service}"));
            codes.insert(record["code"].as_str().expect("a code").to_owned());
            hold_pair(&places, caller, service, &record);
        }
        assert_eq!(records.left(), Vec::<Value>::new(), "seed {seed}");
        assert_eq!(gateway.end(), Some(0));
    }
    all_came(&codes, &["denied", "no_sni", "ok"]);
}

/// Intentions for a destination that look at no request.
fn intentions(random: &mut Random, destination: &str) -> Option<Value> {
    let sources: Vec<&str> = ["web", "api", "*"].into_iter().filter(|_| random.chance(45)).collect();
    let one = |random: &mut Random, name: &str| json!({"Name": name, "Action": random.pick(&["allow", "deny"])});
    let sources: Vec<Value> = sources.into_iter().map(|name| one(random, name)).collect();
    (!sources.is_empty()).then(|| json!({"Kind": "service-intentions", "Name": destination, "Sources": sources}))
}

/// Calls a service, whatever comes of it.
fn call(caller: &str, service: &str, port: u16, folder: &Path) {
    let name = format!("{service}.default.dc1.internal.{TRUST_DOMAIN}");
    let certs = folder.join("certs");
    let mut curl = Command::new("curl");
    curl.args(["-sk", "--http1.1", "--noproxy", "*", "--max-time", "20", "--connect-to", &format!("{name}:{port}:127.0.0.1:{port}")]);
    curl.arg("--cert").arg(certs.join(format!("{caller}.pem"))).arg("--key").arg(certs.join(format!("{caller}-key.pem")));
    let status = curl.arg(format!("https://{name}:{port}/")).stdout(Stdio::null()).status().expect("curl runs");
    assert_ne!(status.code(), Some(28), "curl waits for nothing");
}

fn hold_pair(places: &Everywhere, caller: &str, service: &str, record: &Value) {
    let said = places.route(&asked(format!("https://{service}/"), Some(caller)), record);
    let named: SniAnswer = places.ask(SNI, &[("name", said.facts.sni.clone().unwrap_or_default())]).expect("a question");
    assert_eq!(named.routed, record["code"] != "no_sni", "{record}\n{named:#?}");
    if !named.routed {
        return;
    }
    let question = AuthzQuestion { source: caller.to_owned(), destination: service.to_owned(), request: None };
    let may: AuthzAnswer = places.ask(PAIR, &written(&question)).expect("a question");
    assert_eq!(may.allowed, record["code"] != "denied", "{record}\n{may:#?}");
    if !may.allowed {
        assert_eq!(record["rule"].as_str(), may.rule.as_deref(), "{record}\n{may:#?}");
    }
}
