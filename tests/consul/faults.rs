//! What happens to Consul while requests flow through both gateways, and none of them fails.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use gw::model::gateway::GatewayKind;
use serde_json::{Value, json};

use crate::agent::{Consul, free_ports};
use crate::gateway::{Gateway, get};
use crate::harness::{Service, eventually};

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
    load.more(300);
    consul.signal("CONT");
    load.more(100);
    consul.end();
    load.more(300);
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
