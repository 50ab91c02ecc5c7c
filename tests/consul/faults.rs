//! What happens to Consul while requests flow through both gateways, and none of them fails.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gw::model::gateway::GatewayKind;
use serde_json::{Value, json};

use crate::agent::{Consul, Like};
use crate::follow::{Followed, client};
use crate::gateway::{Gateway, get};
use crate::harness::{Service, eventually};
use crate::program::at_least;
use crate::proxy::{Spoil, Spoiler};
use crate::support::free_ports;

/// Requests that flow until they are counted.
struct Load {
    ends: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    failed: Arc<Mutex<Vec<String>>>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    fn begin(port: u16) -> Self {
        let (ends, done, failed): (Arc<AtomicBool>, Arc<AtomicUsize>, Arc<Mutex<Vec<String>>>) = Default::default();
        let client = |_| {
            let (ends, done, failed) = (ends.clone(), done.clone(), failed.clone());
            std::thread::spawn(move || {
                while !ends.load(Ordering::SeqCst) {
                    let answer = get(port, "x.test", "/");
                    if answer != "old" {
                        failed.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
                    }
                    done.fetch_add(1, Ordering::SeqCst);
                }
            })
        };
        let clients = (0..4).map(client).collect();
        Self { ends, done, failed, clients }
    }

    /// Waits until so many more have been answered.
    fn more(&self, n: usize) {
        let until = self.done.load(Ordering::SeqCst) + n;
        eventually("requests flow", || self.done.load(Ordering::SeqCst) >= until);
    }

    /// The same for as long as an agent is to be away: `GW_AWAY` in seconds, by hand.
    fn while_away(&self, n: usize) {
        let away = std::env::var("GW_AWAY").map_or(0, |seconds| seconds.parse().expect("GW_AWAY in seconds"));
        let start = Instant::now();
        self.more(n);
        while start.elapsed() < Duration::from_secs(away) {
            self.more(n);
        }
    }

    #[track_caller]
    fn none_failed(self, when: &str) {
        self.more(100);
        self.ends.store(true, Ordering::SeqCst);
        self.clients.into_iter().for_each(|client| client.join().unwrap());
        let failed = self.failed.lock().unwrap();
        assert!(failed.is_empty(), "{when}: {} of {} failed: {:?}", failed.len(), self.done.load(Ordering::SeqCst), failed.first());
    }
}

/// An ingress gateway before a terminating gateway before a service; the port of the listener.
fn world(name: &str) -> (Consul, Gateway, Gateway, u16) {
    let consul = Consul::start(name);
    consul.write(&json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}}));
    consul.register(&json!({"ID": "old", "Name": "old", "Address": "127.0.0.1", "Port": Service::saying("old").address.port()}));
    consul.write(&json!({"Kind": "terminating-gateway", "Name": "exit", "Services": [{"Name": "old"}]}));
    let exit = Gateway::start(&consul, GatewayKind::Terminating, "exit");
    consul.register(&json!({"Kind": "terminating-gateway", "Name": "exit", "Address": "127.0.0.1", "Port": exit.port}));
    let [port] = free_ports();
    let listener = json!({"Port": port, "Protocol": "http", "Services": [{"Name": "old", "Hosts": ["*"]}]});
    consul.write(&json!({"Kind": "ingress-gateway", "Name": "edge", "Listeners": [listener]}));
    let edge = Gateway::start(&consul, GatewayKind::Ingress, "edge");
    eventually("the service is reached by both gateways", || get(port, "x.test", "/") == "old");
    (consul, exit, edge, port)
}

/// A change that both gateways must have heard of to answer so.
fn is_followed(consul: &Consul, port: u16) {
    let path = |to: &str| json!([{"Match": {"HTTP": {"PathPrefix": "/x"}}, "Destination": {"PrefixRewrite": to}}]);
    consul.write(&json!({"Kind": "service-router", "Name": "old", "Routes": path("/y")}));
    let [late] = free_ports();
    let listener = |port: u16| json!({"Port": port, "Protocol": "http", "Services": [{"Name": "old", "Hosts": ["*"]}]});
    consul.write(&json!({"Kind": "ingress-gateway", "Name": "edge", "Listeners": [listener(port), listener(late)]}));
    eventually("a change is followed", || get(late, "x.test", "/") == "old");
}

#[test]
fn an_agent_that_stands_still_and_one_that_is_restarted_fail_no_request() {
    let (mut consul, _exit, _edge, port) = world("restart");
    let load = Load::begin(port);
    consul.signal("STOP");
    load.while_away(300);
    consul.signal("CONT");
    load.more(100);
    consul.end();
    load.while_away(300);
    consul.run();
    consul.leads();
    load.more(300);
    is_followed(&consul, port);
    load.none_failed("paused and restarted");
}

#[test]
fn a_snapshot_that_is_restored_fails_no_request_and_what_it_says_is_followed() {
    let (consul, _exit, _edge, port) = world("snapshot");
    let load = Load::begin(port);
    let file = std::env::temp_dir().join(format!("gw-snapshot-{}", std::process::id()));
    let curl = |args: &[&str]| {
        let url = format!("http://{}/v1/snapshot", consul.address);
        assert!(Command::new("curl").args(["-fsS", "--noproxy", "*"]).args(args).arg(url).status().unwrap().success());
    };
    let name = file.to_str().unwrap();
    curl(&["-o", name]);
    for n in 0..50 {
        consul.write(&json!({"Kind": "service-resolver", "Name": format!("other-{n}"), "ConnectTimeout": "3s"}));
    }
    load.more(100);
    curl(&["-X", "PUT", "--data-binary", &format!("@{name}")]);
    load.more(300);
    std::fs::remove_file(&file).unwrap();
    is_followed(&consul, port);
    load.none_failed("a snapshot was restored");
}

#[test]
fn a_ca_that_is_rotated_fails_no_request() {
    let (consul, _exit, _edge, port) = world("rotated");
    let load = Load::begin(port);
    let before = consul.get("/v1/agent/connect/ca/roots")["ActiveRootID"].clone();
    let key = Command::new("openssl").args(["ecparam", "-name", "prime256v1", "-genkey", "-noout"]).output().unwrap().stdout;
    let config: Value = json!({"Provider": "consul", "Config": {"PrivateKey": String::from_utf8(key).unwrap(), "LeafCertTTL": "72h"}});
    consul.put("/v1/connect/ca/configuration", &config.to_string());
    eventually("another root signs", || consul.get("/v1/agent/connect/ca/roots")["ActiveRootID"] != before);
    load.more(2000);
    is_followed(&consul, port);
    load.none_failed("the CA was rotated");
}

/// The same world, which both gateways see through something that can spoil it; both are registered.
fn seen_through(name: &str, like: Like) -> (Consul, Spoiler, Gateway, Gateway, u16) {
    let consul = Consul::like(name, like);
    consul.write(&json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}}));
    consul.register(&json!({"ID": "old", "Name": "old", "Address": "127.0.0.1", "Port": Service::saying("old").address.port()}));
    consul.write(&json!({"Kind": "terminating-gateway", "Name": "exit", "Services": [{"Name": "old"}]}));
    if like.acl {
        consul.intention("*", "*", "allow");
    }
    let spoiler = Spoiler::before(consul.address);
    let token = if like.acl { consul.token_like_the_first() } else { String::new() };
    let exit = Gateway::registered(spoiler.address, &token, (GatewayKind::Terminating, "exit"), None);
    let [port] = free_ports();
    let listener = json!({"Port": port, "Protocol": "http", "Services": [{"Name": "old", "Hosts": ["*"]}]});
    consul.write(&json!({"Kind": "ingress-gateway", "Name": "edge", "Listeners": [listener]}));
    let edge = Gateway::registered(spoiler.address, &token, (GatewayKind::Ingress, "edge"), None);
    eventually("the service is reached by both gateways", || get(port, "x.test", "/") == "old");
    (consul, spoiler, exit, edge, port)
}

/// Whatever waits at the agent is answered.
fn wake(consul: &Consul, n: usize) {
    let name = format!("other-{n}");
    consul.write(&json!({"Kind": "service-resolver", "Name": name, "ConnectTimeout": format!("{}s", n + 1)}));
    consul.write(&json!({"Kind": "service-defaults", "Name": name, "Protocol": "http"}));
    consul.register(
        &json!({"ID": "other", "Name": "other", "Port": 9, "Check": {"TTL": "1h", "Status": "critical", "Notes": n.to_string()}}),
    );
    consul.register(&json!({"ID": format!("other-{n}"), "Name": "other", "Port": 9}));
}

#[test]
fn answers_that_are_none_fail_no_request_and_what_they_hid_is_followed() {
    let (consul, spoiler, _exit, _edge, port) = seen_through("spoilt", Like::default());
    let load = Load::begin(port);
    let spoils = [
        Spoil::Status(500, "No cluster leader"),
        Spoil::Status(403, "Permission denied"),
        Spoil::Status(429, "Your IP is issuing too many concurrent connections"),
        Spoil::Cut,
        Spoil::Garbage,
        Spoil::Slow(Duration::from_millis(1500)),
    ];
    for (n, how) in spoils.iter().enumerate() {
        let before = spoiler.spoilt();
        spoiler.spoil("/v1/", how);
        wake(&consul, n);
        eventually(&format!("{how:?} is met"), || spoiler.spoilt() >= before + 10);
        load.more(200);
        spoiler.heal();
        is_followed(&consul, port);
    }
    load.none_failed("spoilt");
}

#[test]
fn instances_that_an_agent_cannot_tell_stay_in_use_and_others_are_followed_meanwhile() {
    let (consul, spoiler, _exit, _edge, port) = seen_through("one-path", Like::default());
    let load = Load::begin(port);
    consul.register(&json!({"ID": "other", "Name": "other", "Port": 9}));
    for how in [Spoil::Cut, Spoil::Garbage, Spoil::Status(500, "rpc error making call: EOF")] {
        let before = spoiler.spoilt();
        spoiler.spoil("/v1/health/", &how);
        consul.put("/v1/agent/service/deregister/other", "");
        wake(&consul, 1);
        eventually(&format!("{how:?} is met"), || spoiler.spoilt() > before);
        is_followed(&consul, port);
        load.more(200);
        spoiler.heal();
    }
    load.none_failed("what instances there are could not be told");
}

#[test]
fn a_token_that_is_revoked_fails_no_request_and_is_told_once() {
    let (consul, _spoiler, _exit, _edge, port) = seen_through("revoked", Like { acl: true, ..Like::default() });
    let load = Load::begin(port);
    let token = consul.token_like_the_first();
    let followed = Followed::begin_with(client(&consul, &token), GatewayKind::Ingress, "edge");
    followed.complete();
    consul.revoke_all_but_the_first();
    wake(&consul, 1);
    let troubles = || followed.following.watches().into_iter().filter_map(|watch| watch.trouble).collect::<Vec<_>>();
    eventually("it is told", || troubles().iter().any(|trouble| trouble.contains("Consul knows no such token")));
    assert!(!troubles().iter().any(|trouble| trouble.contains(&token)), "a token is nobody's to read");
    load.more(2000);
    load.none_failed("the token was revoked");
}

#[test]
fn an_agent_that_comes_back_and_calls_its_instances_critical_fails_no_request() {
    let (mut consul, exit, _edge, port) = world("critical");
    // Until it looks for itself, a newer agent calls critical what has no other state of its own.
    let check = json!({"TCP": format!("127.0.0.1:{}", exit.port), "Interval": "4s"});
    consul.register(&json!({"Kind": "terminating-gateway", "Name": "exit", "Address": "127.0.0.1", "Port": exit.port, "Check": check}));
    let instances = |consul: &Consul| {
        let answer = consul.ask("GET", "/v1/health/connect/old?passing", "").filter(|answer| answer.status == 200)?;
        Some(serde_json::from_slice::<Value>(&answer.body).unwrap().as_array().unwrap().len())
    };
    let has_looked = |consul: &Consul| {
        let answer = consul.ask("GET", "/v1/agent/checks", "").filter(|answer| answer.status == 200);
        answer.is_some_and(|answer| serde_json::from_slice::<Value>(&answer.body).unwrap()["service:exit"]["Status"] == "passing")
    };
    eventually("the gateway is called passing, and that is heard", || instances(&consul) == Some(1) && get(port, "x.test", "/") == "old");
    let load = Load::begin(port);
    // It looks first at any moment of the interval: mostly after there is a leader whom it can tell what it thinks until then.
    let was_called_critical = (0..10).any(|_| {
        consul.end();
        load.more(1500);
        consul.run();
        let mut seen = false;
        eventually("the gateway is called passing again", || {
            let count = instances(&consul);
            seen |= count == Some(0);
            count == Some(1) && has_looked(&consul)
        });
        seen || !at_least(1, 21)
    });
    assert!(was_called_critical);
    consul.leads();
    load.more(500);
    is_followed(&consul, port);
    load.none_failed("its instances were critical for a while");
}
