//! `gw wan-fed test` and `status` beside a real federation: nothing is found where nothing is wrong, and each fault that is put there is named.

use std::net::SocketAddr;
use std::process::Output;
use std::time::Duration;

use gw::app::certs::ready;
use gw::tls::{Authority as Signer, Moment, Wanted, pem};
use serde_json::Value;

use crate::authority::{Authority, Certificate};
use crate::eventually_within;
use crate::federation::{Federation, Like};
use crate::network::{lan, wan};

/// How long a fault may need until everybody knows of it who has to.
const KNOWN: Duration = Duration::from_secs(100);

impl Federation {
    /// A command of `gw wan-fed` in a namespace, which both agents answer.
    fn wan_fed(&self, from: &str, more: &str) -> Output {
        let own = &self.authority.server("dc1", "probe");
        let agents = format!("--http-addr {} --http-addr {}", self.api(0).address(), self.api(1).address());
        let keys = format!("--ca {} --cert {} --key {}", self.authority.ca().display(), own.cert.display(), own.key.display());
        let keys = if more.starts_with("test") { keys } else { String::new() };
        let line = format!("env -u CONSUL_HTTP_ADDR NO_COLOR=1 {} wan-fed {more} {agents} {keys}", env!("CARGO_BIN_EXE_gw"));
        self.network.exec(from, &line)
    }

    /// What a trial finds, and all that it says.
    fn trial(&self, from: &str) -> (Vec<(String, String)>, String) {
        let output = self.wan_fed(from, "test -o json");
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let trial: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}"));
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let found: Vec<(String, String)> =
            trial["findings"].as_array().expect("findings").iter().map(|f| (text(&f["fault"]), text(&f["hop"]))).collect();
        let failed = trial["checks"].as_array().expect("checks").iter().any(|check| check["result"] == "failed");
        let code = if found.is_empty() && !failed { 0 } else { 1 };
        assert_eq!(output.status.code(), Some(code), "{said}");
        (found, said)
    }

    /// Waits until a trial finds that fault in that way.
    #[track_caller]
    fn finds(&self, from: &str, fault: &str, hop: &str) {
        let mut last = String::new();
        let mut finds = || {
            let (found, said) = self.trial(from);
            last = said;
            found.contains(&(fault.to_owned(), hop.to_owned()))
        };
        let start = std::time::Instant::now();
        while !finds() {
            assert!(start.elapsed() < KNOWN, "{fault} in {hop:?} is not found from {from}: {last}");
            std::thread::sleep(Duration::from_millis(200));
        }
        // What it is, and what to do, is there for whoever reads.
        let output = self.wan_fed(from, "test");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.code() == Some(1) && said.contains(&format!("{fault} {hop}: ")) && said.contains("\n  => "), "{said}");
    }

    /// Waits until nothing is wrong, seen from the gateways of both.
    #[track_caller]
    fn is_well(&self) {
        for from in ["dc1-gw1", "dc2-gw1"] {
            let mut last = String::new();
            eventually_within(KNOWN * 2, "nothing is found", || {
                let (found, said) = self.trial(from);
                last = said;
                found.is_empty() || {
                    println!("{from} finds {found:?}");
                    false
                }
            });
            assert!(last.contains("\"what\": \"speak\""), "servers were spoken to: {last}");
        }
    }

    /// The server of dc2 with another certificate, until it leads again.
    fn restart_with(&mut self, certificate: &Certificate) {
        let server = &mut self.datacenters[1].servers[0];
        server.kill();
        server.show(&self.authority, certificate);
        self.start_servers(1);
    }

    /// In one direction: what a gateway's machine sends on as an answer goes on.
    fn nobody_connects(&self, from: &str, to: &SocketAddr) {
        let (ip, port) = (to.ip(), to.port());
        self.network.ip(from, &format!("rule add to {ip} ipproto tcp dport {port} prohibit priority 50"));
    }

    /// The gateway of dc2 with other arguments, until it listens. Those that it had.
    fn gateway_with(&mut self, change: impl FnOnce(&mut Vec<String>)) -> Vec<String> {
        let gateway = &mut self.datacenters[1].gateways[0];
        let before = gateway.arguments.clone();
        gateway.stop();
        change(&mut gateway.arguments);
        self.up(1);
        before
    }
}

/// A certificate of the same names that was made at another time.
fn made_at(authority: &Authority, file: &str, moment: Moment, life: Duration) -> Certificate {
    ready();
    let folder = authority.ca().parent().expect("a folder").to_owned();
    let chain = pem::chain(&authority.ca()).expect("the CA");
    let signer = Signer::of(chain[0].clone(), &pem::key(&folder.join("ca-key.pem")).expect("its key")).expect("a CA");
    let dns = ["server.dc2.consul", "dc2-s1.server.dc2.consul", "localhost"].map(str::to_owned).to_vec();
    let wanted = Wanted { common_name: None, uris: Vec::new(), dns, ips: Vec::new(), for_servers: true, for_clients: true, life };
    let issued = signer.issue(&wanted, &[], moment).expect("a certificate");
    let certificate = Certificate { cert: folder.join(format!("{file}.pem")), key: folder.join(format!("{file}-key.pem")) };
    std::fs::write(&certificate.cert, pem::text_of(&issued.chain)).expect("a file");
    std::fs::write(&certificate.key, issued.key.expect("a key")).expect("a file");
    certificate
}

#[test]
fn nothing_is_found_in_a_healthy_federation_and_each_fault_of_gateways_and_networks_is_named() {
    let mut federation = Federation::start("trial", Like::default());
    federation.is_well();
    let status = federation.wan_fed("dc1-gw1", "status");
    let said = String::from_utf8_lossy(&status.stdout).into_owned();
    assert_eq!(status.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&status.stderr));
    assert!(said.contains(&wan(2, 1).to_string()) && said.contains("same") && said.contains("fresh"), "{said}");

    let before = federation.gateway_with(|arguments| arguments.retain(|argument| argument != "--expose-servers"));
    federation.finds("dc1-gw1", "meta-missing", "dc2");
    federation.gateway_with(|arguments| *arguments = before);

    let before = federation.gateway_with(|arguments| {
        let address = wan(2, 1).to_string();
        arguments.iter_mut().filter(|argument| **argument == address).for_each(|argument| *argument = "198.18.0.99:8443".to_owned());
    });
    federation.finds("dc1-gw1", "wan-address", "dc1 -> dc2");
    federation.gateway_with(|arguments| *arguments = before);

    // One that dies before it was registered is none.
    eventually_within(KNOWN, "it is registered", || {
        let gateways = federation.api(1).get("/v1/catalog/service/mesh-gateway").unwrap_or_default();
        gateways.as_array().is_some_and(|gateways| !gateways.is_empty())
    });
    federation.datacenters[1].gateways[0].kill();
    federation.finds("dc1-gw1", "gateway-port-closed", "dc1 -> dc2");
    federation.up(1);

    federation.nobody_connects("dc1-gw1", &wan(2, 1));
    federation.finds("dc1-gw1", "blocked-direction", "dc1 -> dc2");
}

#[test]
fn what_does_not_come_to_the_primary_is_named_as_a_state_that_is_stale() {
    let federation = Federation::start("trial-stale", Like::default());
    federation.nobody_connects("dc2-gw1", &wan(1, 1));
    let second = format!(
        "{{\"Kind\": \"mesh-gateway\", \"ID\": \"second\", \"Name\": \"mesh-gateway\", \"Address\": \"{ip}\", \"Port\": 8443, \
          \"Meta\": {{\"consul-wan-federation\": \"1\"}}, \"TaggedAddresses\": {{\"wan\": {{\"Address\": \"{wan}\", \"Port\": 8443}}}}}}",
        ip = lan(2, 1).ip(),
        wan = wan(2, 1).ip(),
    );
    federation.api(1).put("/v1/agent/service/register", &second).expect("registered");
    federation.finds("dc1-gw1", "stale-federation-state", "dc1 -> dc2");
}

#[test]
fn each_fault_of_a_servers_certificate_is_named() {
    let mut federation = Federation::start("trial-certs", Like::default());
    let day = 24 * 3600;
    let now = Moment::now().0;
    let hour = Duration::from_secs(3600);
    let other = Authority::begin(&federation.folder.path().join("other-ca"));
    let wrong = [
        ("missing-san", federation.authority.certificate("any", &["server.dc2.consul", "localhost"], "-days 10")),
        ("wrong-datacenter", federation.authority.server("dc3", "dc2-s1")),
        ("other-ca", other.server("dc2", "dc2-s1")),
        ("expired-certificate", made_at(&federation.authority, "old", Moment(now), Duration::from_secs(2))),
        ("clock-skew", made_at(&federation.authority, "early", Moment(now + day), hour)),
    ];
    for (fault, certificate) in wrong {
        federation.restart_with(&certificate);
        federation.finds("dc1-gw1", fault, "dc1 -> dc2");
    }
}
