//! How much a gateway asks of its agent: connections, and leaves.

use std::path::PathBuf;

use gw::model::gateway::{GatewayConfig, GatewayKind};
use gw::source::consul::client::MOST_CONNECTIONS;
use serde_json::{Value, json};

use crate::agent::Consul;
use crate::gateway::Gateway;
use crate::harness::{Service, eventually};
use crate::proxy::Spoiler;
use crate::support::free_ports;
use crate::terminating::Caller;

#[test]
fn a_gateway_has_twelve_connections_to_its_agent_at_most_however_many_services_there_are() {
    const { assert!(MOST_CONNECTIONS <= 12) };
    let consul = Consul::start("sockets");
    consul.write(&json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}}));
    for n in 0..300 {
        let sidecar = json!({"Port": 9, "Checks": [{"TTL": "1h", "Status": "passing"}]});
        consul.register(&json!({"ID": format!("s{n}"), "Name": format!("s{n}"), "Port": 9, "Connect": {"SidecarService": sidecar}}));
    }
    let [port] = free_ports();
    let listener = json!({"Port": port, "Protocol": "http", "Services": [{"Name": "*"}]});
    consul.write(&json!({"Kind": "ingress-gateway", "Name": "edge", "Listeners": [listener]}));
    consul.write(&json!({"Kind": "terminating-gateway", "Name": "exit", "Services": [{"Name": "*"}]}));
    let of = |(kind, name): (GatewayKind, &str)| {
        let exposes_servers = kind == GatewayKind::Mesh;
        GatewayConfig { port: Some(free_ports::<1>()[0]), exposes_servers, ..GatewayConfig::of(kind, name) }
    };
    let each = [(GatewayKind::Ingress, "edge"), (GatewayKind::Terminating, "exit"), (GatewayKind::Mesh, "mesh-gateway")];
    // Each alone, then all of them in one process.
    for gateways in each.iter().map(std::slice::from_ref).chain([&each[..]]) {
        let spoiler = Spoiler::before(consul.address);
        let gateway = Gateway::all_registered(spoiler.address, "", gateways.iter().copied().map(of).collect(), None);
        eventually("they are registered", || {
            let there = consul.get("/v1/agent/services");
            gateways.iter().all(|(_, name)| there.get(name).is_some())
        });
        assert!(spoiler.asked("/v1/health/") >= 300, "every service was asked for");
        let asked = spoiler.asked("/v1/config/mesh") + spoiler.asked("/v1/agent/connect/ca/roots");
        eventually("they rest", || spoiler.asked("/v1/config/mesh") + spoiler.asked("/v1/agent/connect/ca/roots") >= asked + 6);
        let (open, most) = spoiler.connections();
        assert!(open <= MOST_CONNECTIONS && most <= MOST_CONNECTIONS, "{gateways:?}: {open} connections, and {most} at the most");
        gateway.stop();
    }
}

/// A terminating gateway before three services; none of them was named by a client yet.
fn exit(name: &str) -> (Consul, Spoiler, PathBuf) {
    let consul = Consul::start(name);
    consul.write(&json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}}));
    for name in ["one", "two", "Three"] {
        let port = Service::saying("hi").address.port();
        consul.register(&json!({"ID": name, "Name": name, "Address": "127.0.0.1", "Port": port}));
    }
    consul.write(&json!({"Kind": "terminating-gateway", "Name": "exit", "Services": [{"Name": "*"}]}));
    let spoiler = Spoiler::before(consul.address);
    let state = std::env::temp_dir().join(format!("gw-leaves-{}-{name}", std::process::id()));
    (consul, spoiler, state)
}

const LEAF: &str = "/v1/agent/connect/ca/leaf/";

#[test]
fn a_leaf_is_asked_for_when_a_client_names_its_service_and_is_still_there_after_a_restart() {
    let (mut consul, spoiler, state) = exit("leaves");
    let start = || Gateway::registered(spoiler.address, "", (GatewayKind::Terminating, "exit"), Some(state.clone()));
    let gateway = start();
    let (at, caller) = (crate::gateway::at(gateway.port), Caller::of(&consul, "web"));
    assert_eq!(caller.get(at, "unknown", "/"), "");
    assert_eq!(spoiler.asked(LEAF), 0, "nobody named a service that there is");
    assert_eq!(caller.get(at, "one", "/"), "hi", "the first one waits for the leaf");
    assert_eq!(caller.get(at, "three", "/"), "hi");
    assert_eq!(caller.get(at, "one", "/"), "hi");
    assert_eq!(spoiler.asked(LEAF), 2);
    eventually("both are kept", || kept(&state) == 2);
    gateway.stop();

    let gateway = start();
    let at = crate::gateway::at(gateway.port);
    assert_eq!((caller.get(at, "one", "/").as_str(), spoiler.asked(LEAF)), ("hi", 2), "what was kept is shown");
    gateway.stop();

    consul.end();
    let gateway = start();
    let at = crate::gateway::at(gateway.port);
    assert_eq!(caller.get(at, "three", "/"), "hi", "without Consul as well");
    gateway.stop();
    std::fs::remove_dir_all(&state).unwrap();
}

/// How many leaves are kept.
fn kept(state: &PathBuf) -> usize {
    let folders = std::fs::read_dir(state).into_iter().flatten().flatten();
    let answers = folders.flat_map(|folder| std::fs::read_dir(folder.path().join("answers")).into_iter().flatten().flatten());
    answers.filter(|file| file.file_name().to_string_lossy().starts_with("leaf")).count()
}

#[test]
fn many_who_name_many_services_at_once_are_all_served_and_each_leaf_is_asked_for_once() {
    let (consul, spoiler, _) = exit("crowd");
    let gateway = Gateway::registered(spoiler.address, "", (GatewayKind::Terminating, "exit"), None);
    let (at, caller) = (crate::gateway::at(gateway.port), Caller::of(&consul, "web"));
    std::thread::scope(|scope| {
        let ask = |n: usize| ["one", "two", "three"][n % 3];
        let clients: Vec<_> = (0..12)
            .map(|n| {
                scope.spawn({
                    let caller = &caller;
                    move || caller.get(at, ask(n), "/")
                })
            })
            .collect();
        clients.into_iter().for_each(|client| assert_eq!(client.join().unwrap(), "hi"));
    });
    assert_eq!(spoiler.asked(LEAF), 3);
    let known: Value = consul.get("/v1/agent/services");
    assert!(known.get("exit").is_some());
    gateway.stop();
}
