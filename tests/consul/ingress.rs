//! `gw ingress` with a real Consul, to sidecars run by `consul connect proxy`.

use gw::model::gateway::GatewayKind;
use serde_json::json;

use crate::agent::Consul;
use crate::gateway::{Gateway, get};
use crate::harness::{Service, eventually};
use crate::support::free_ports;

/// web in two versions and api, each with a sidecar; all speak http.
fn mesh(name: &str) -> Consul {
    let mut consul = Consul::start(name);
    consul.write(&json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}}));
    consul.in_the_mesh("web-1", "web", Service::saying("web v1").address, &json!({"version": "v1"}));
    consul.in_the_mesh("web-2", "web", Service::saying("web v2").address, &json!({"version": "v2"}));
    consul.in_the_mesh("api-1", "api", Service::saying("api").address, &json!({}));
    consul
}

#[test]
fn hosts_routers_splitters_resolvers_and_intentions_of_consul_are_obeyed_and_changes_followed() {
    let mut consul = mesh("edge");
    consul.in_the_mesh("pay-1", "pay", Service::saying("pay").address, &json!({}));
    let [one, all, late] = free_ports();
    let listener = |port: u16, services: serde_json::Value| json!({"Port": port, "Protocol": "http", "Services": services});
    let edge = |listeners: Vec<serde_json::Value>| json!({"Kind": "ingress-gateway", "Name": "edge", "Listeners": listeners});
    let first = listener(one, json!([{"Name": "web", "Hosts": ["shop.test"]}, {"Name": "api", "Hosts": ["api.test"]}]));
    let every = listener(all, json!([{"Name": "*"}]));
    consul.write(&edge(vec![first.clone(), every.clone()]));
    let gateway = Gateway::start(&consul, GatewayKind::Ingress, "edge");

    gateway.listens(one);
    let answer = get(one, "shop.test", "/");
    assert!(answer.starts_with("web v"), "{answer:?}");
    assert_eq!(get(one, "api.test", "/"), "api");
    assert_eq!(get(one, "other.test", "/"), "404 no_host");
    assert_eq!(get(all, "api.ingress.consul", "/"), "api");

    let subsets = json!({"v1": {"Filter": "Service.Meta.version == v1"}, "v2": {"Filter": "Service.Meta.version == v2"}});
    consul.write(&json!({"Kind": "service-resolver", "Name": "web", "DefaultSubset": "v2", "Subsets": subsets}));
    eventually("the default subset is in effect", || (0..6).all(|_| get(one, "shop.test", "/") == "web v2"));
    let legs = json!([{"Weight": 50, "ServiceSubset": "v1"}, {"Weight": 50, "ServiceSubset": "v2"}]);
    consul.write(&json!({"Kind": "service-splitter", "Name": "web", "Splits": legs}));
    eventually("both legs of the splitter are used", || {
        let answers: Vec<String> = (0..20).map(|_| get(one, "shop.test", "/")).collect();
        answers.contains(&"web v1".to_owned()) && answers.contains(&"web v2".to_owned())
    });
    let route = json!([{"Match": {"HTTP": {"PathPrefix": "/api"}}, "Destination": {"Service": "api"}}]);
    consul.write(&json!({"Kind": "service-router", "Name": "web", "Routes": route}));
    eventually("the router is in effect", || get(one, "shop.test", "/api/x") == "api");
    consul.delete("service-router", "web");
    eventually("it is gone", || get(one, "shop.test", "/api/x").starts_with("web"));

    // The sidecar decides, and ends the handshake; connections that it has accepted it asks nothing any more.
    consul.intention("edge", "pay", "deny");
    assert_eq!(get(all, "pay.ingress.consul", "/"), "503 upstream_tls");

    consul.write(&edge(vec![first, every, listener(late, json!([{"Name": "web", "Hosts": ["*"]}]))]));
    eventually("a new listener is opened", || get(late, "x.test", "/").starts_with("web"));
    gateway.stop();
}

#[test]
fn failover_goes_where_an_instance_is_well_and_comes_back() {
    let consul = mesh("failover");
    let [port] = free_ports();
    let listener = json!({"Port": port, "Protocol": "http", "Services": [{"Name": "web", "Hosts": ["*"]}]});
    consul.write(&json!({"Kind": "ingress-gateway", "Name": "edge", "Listeners": [listener]}));
    consul.write(&json!({"Kind": "service-resolver", "Name": "web", "Failover": {"*": {"Service": "api"}}}));
    let gateway = Gateway::start(&consul, GatewayKind::Ingress, "edge");
    gateway.listens(port);
    let first = get(port, "x.test", "/");
    assert!(first.starts_with("web"), "{first:?}");
    let maintenance = |on: bool| {
        for id in ["web-1-sidecar-proxy", "web-2-sidecar-proxy"] {
            consul.put(&format!("/v1/agent/service/maintenance/{id}?enable={on}"), "");
        }
    };
    maintenance(true);
    eventually("the failover is used", || get(port, "x.test", "/") == "api");
    maintenance(false);
    eventually("the service is used again", || get(port, "x.test", "/").starts_with("web"));
}

#[test]
fn a_gateway_goes_on_while_its_agent_is_away_and_starts_without_it_from_what_it_kept() {
    // Sidecars of Consul's own ask the agent at each connection; a terminating gateway of gw does not.
    let mut consul = Consul::start("kept");
    consul.write(&json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}}));
    consul.register(&json!({"ID": "old", "Name": "old", "Address": "127.0.0.1", "Port": Service::saying("old").address.port()}));
    consul.register(&json!({"ID": "new", "Name": "new", "Address": "127.0.0.1", "Port": Service::saying("new").address.port()}));
    consul.write(&json!({"Kind": "terminating-gateway", "Name": "exit", "Services": [{"Name": "old"}, {"Name": "new"}]}));
    let exit = Gateway::start(&consul, GatewayKind::Terminating, "exit");
    consul.register(&json!({"Kind": "terminating-gateway", "Name": "exit", "Address": "127.0.0.1", "Port": exit.port}));
    let [port] = free_ports();
    let listener = json!({"Port": port, "Protocol": "http", "Services": [{"Name": "old", "Hosts": ["*"]}]});
    consul.write(&json!({"Kind": "ingress-gateway", "Name": "edge", "Listeners": [listener]}));
    let state = std::env::temp_dir().join(format!("gw-state-{}", std::process::id()));
    let gateway = Gateway::keeping(&consul, GatewayKind::Ingress, "edge", Some(state.clone()));
    eventually("the service is reached by both gateways", || get(port, "x.test", "/") == "old");
    consul.end();
    assert!((0..5).all(|_| get(port, "x.test", "/") == "old"), "without its agent");
    gateway.stop();
    let gateway = Gateway::keeping(&consul, GatewayKind::Ingress, "edge", Some(state.clone()));
    gateway.listens(port);
    assert_eq!(get(port, "x.test", "/"), "old", "from what it kept");
    consul.run();
    consul.leads();
    consul.write(&json!({"Kind": "service-router", "Name": "old", "Routes": [
        {"Match": {"HTTP": {"PathPrefix": "/new"}}, "Destination": {"Service": "new"}}]}));
    eventually("changes are followed again", || get(port, "x.test", "/new") == "new");
    drop(gateway);
    std::fs::remove_dir_all(state).unwrap();
}
