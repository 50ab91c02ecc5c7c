//! Services of other datacenters, which mesh gateways lead to. A server with the service's certificate stands for a gateway and all
//! behind it: whoever passes the bytes on shows nothing of its own.

use std::io::Read;
use std::net::SocketAddr;

use gw::id::DEFAULT_NAMESPACE;
use serde_json::{Value, json};

use crate::differences::validate_of_edge;
use crate::harness::{Ca, Folder, Service, TRUST_DOMAIN, World, get};
use crate::mesh::sidecar;

/// The id of a service in dc2.
pub(crate) fn id(service: &str) -> String {
    Ca::id(service).replace("/dc/dc1/", "/dc/dc2/")
}

pub(crate) fn name(service: &str) -> String {
    format!("{service}.{DEFAULT_NAMESPACE}.dc2.internal.{TRUST_DOMAIN}")
}

/// `web` is in dc2, and reached there by a mode.
fn by(mode: &str) -> World {
    let redirect = json!({"Kind": "service-resolver", "Name": "web", "Redirect": {"Datacenter": "dc2"}});
    World::of("http").entry(redirect).entry(mode_of("web", mode))
}

fn mode_of(service: &str, mode: &str) -> Value {
    json!({"Kind": "service-defaults", "Name": service, "Protocol": "http", "MeshGateway": {"Mode": mode}})
}

#[test]
fn the_service_there_is_named_and_shown_the_gateways_certificate_through_either_datacenters_mesh_gateway() {
    gw::tls::install();
    let (folder, ca) = (Folder::new("elsewhere-seen"), Ca::new());
    for (mode, datacenter) in [("remote", "dc2"), ("local", "dc1")] {
        let (there, shown) = sidecar(ca.sidecar(&[id("web")]), "of dc2");
        let world = by(mode).mesh_gateways(datacenter, &[there.address]).identity(ca.identity(&folder, "edge"));
        let gateway = world.start();
        assert_eq!(get(gateway.address, "/").text(), "of dc2", "{mode}");
        let shown = shown.lock().unwrap();
        assert_eq!(shown[0].0, Some(name("web")), "{mode}");
        assert!(!shown[0].1.is_empty());
    }
}

#[test]
fn who_is_that_service_in_another_datacenter_gets_no_request() {
    gw::tls::install();
    let (folder, ca) = (Folder::new("elsewhere-wrong"), Ca::new());
    let (wrong, _) = sidecar(ca.sidecar(&[Ca::id("web")]), "must not answer");
    let gateway = by("remote").mesh_gateways("dc2", &[wrong.address]).identity(ca.identity(&folder, "edge")).start();
    let answer = get(gateway.address, "/");
    assert_eq!((answer.status, answer.header("x-gw-code")), (503, Some("upstream_tls")));
}

#[test]
fn a_gateway_that_is_gone_or_does_not_know_the_name_gives_way_to_the_next() {
    gw::tls::install();
    let (folder, ca) = (Folder::new("elsewhere-next"), Ca::new());
    // As a mesh gateway does that cannot go on from a name: it ends the connection once it has read it.
    let unknowing = Service::start(|mut stream| drop(stream.read(&mut [0; 4096])));
    let (there, _) = sidecar(ca.sidecar(&[id("web")]), "of dc2");
    let gateways = [Service::nowhere(), unknowing.address, there.address];
    let gateway = by("remote").mesh_gateways("dc2", &gateways).identity(ca.identity(&folder, "edge")).start();
    for _ in 0..6 {
        assert_eq!(get(gateway.address, "/").text(), "of dc2");
    }
}

#[test]
fn a_failover_leg_behind_a_gateway_stands_in_and_what_follows_it_too() {
    gw::tls::install();
    let (folder, ca) = (Folder::new("elsewhere-failover"), Ca::new());
    let legs = json!([{"Service": "api", "Datacenter": "dc2"}, {"Service": "last"}]);
    let failover = json!({"Kind": "service-resolver", "Name": "web", "Failover": {"*": {"Targets": legs}}});
    let world = || {
        let world = World::of("http").entry(failover.clone()).entry(mode_of("api", "remote")).identity(ca.identity(&folder, "edge"));
        world.instance("web", Service::nowhere()).instance("last", Service::saying("last").address)
    };
    let (there, shown) = sidecar(ca.sidecar(&[id("api")]), "of dc2");
    assert_eq!(get(world().mesh_gateways("dc2", &[there.address]).start().address, "/").text(), "of dc2");
    assert_eq!(shown.lock().unwrap()[0].0, Some(name("api")));
    assert_eq!(get(world().mesh_gateways("dc2", &[Service::nowhere()]).start().address, "/").text(), "last");
    assert_eq!(get(world().start().address, "/").text(), "last");
}

#[test]
fn two_services_through_one_gateway_share_no_connection() {
    gw::tls::install();
    let (folder, ca) = (Folder::new("elsewhere-shared"), Ca::new());
    let (there, _) = sidecar(ca.sidecar(&[id("web")]), "web alone");
    let api = json!({"Match": {"HTTP": {"PathPrefix": "/api"}}, "Destination": {"Service": "api"}});
    let router = json!({"Kind": "service-router", "Name": "web", "Routes": [api]});
    let redirect = json!({"Kind": "service-resolver", "Name": "api", "Redirect": {"Datacenter": "dc2"}});
    let world = by("remote").entry(router).entry(redirect).entry(mode_of("api", "remote"));
    let gateway = world.mesh_gateways("dc2", &[there.address]).identity(ca.identity(&folder, "edge")).start();
    for _ in 0..8 {
        assert_eq!(get(gateway.address, "/").text(), "web alone");
        assert_eq!(get(gateway.address, "/api").header("x-gw-code"), Some("upstream_tls"));
    }
}

#[test]
pub(crate) fn a_critical_gateway_is_used_where_none_is_better() {
    gw::tls::install();
    let (folder, ca) = (Folder::new("elsewhere-critical"), Ca::new());
    let (ill, _) = sidecar(ca.sidecar(&[id("web")]), "by the critical one");
    let (well, _) = sidecar(ca.sidecar(&[id("web")]), "by the other");
    let by = |gateways: &[SocketAddr]| {
        let world = by("remote").mesh_gateways("dc2", gateways).critical_gateway("dc2", ill.address);
        world.identity(ca.identity(&folder, "edge")).start()
    };
    let (both, alone) = (by(&[ill.address, well.address]), by(&[ill.address]));
    for _ in 0..4 {
        assert_eq!(get(both.address, "/").text(), "by the other");
        assert_eq!(get(alone.address, "/").text(), "by the critical one");
    }
}

#[test]
pub(crate) fn what_the_gateways_own_defaults_say_of_the_mode_goes_before_what_the_services_say() {
    gw::tls::install();
    let (folder, ca) = (Folder::new("elsewhere-mode"), Ca::new());
    let (remote, _) = sidecar(ca.sidecar(&[id("web")]), "remote");
    let (local, _) = sidecar(ca.sidecar(&[id("web")]), "local");
    let mode = |mode: &str| json!({"MeshGateway": {"Mode": mode}});
    let of_web = |mode: &str| json!([{"Name": "web", "MeshGateway": {"Mode": mode}}]);
    for (upstream, wanted) in [
        (json!({}), "remote"),
        (json!({"Defaults": mode("local")}), "local"),
        (json!({"Defaults": mode("local"), "Overrides": of_web("remote")}), "remote"),
        (json!({"Defaults": mode("remote"), "Overrides": of_web("local")}), "local"),
    ] {
        let own = json!({"Kind": "service-defaults", "Name": "edge", "Protocol": "http", "UpstreamConfig": upstream});
        let world = by("remote").entry(own).mesh_gateways("dc1", &[local.address]).mesh_gateways("dc2", &[remote.address]);
        let gateway = world.identity(ca.identity(&folder, "edge")).start();
        assert_eq!(get(gateway.address, "/").text(), wanted, "{upstream}");
    }
}

#[test]
pub(crate) fn a_target_that_no_gateway_leads_to_is_503_or_gives_way_and_what_to_write_is_told() {
    let answer = get(by("remote").start().address, "/");
    assert_eq!((answer.status, answer.header("x-gw-code")), (503, Some("no_healthy_endpoint")));
    let failover =
        json!({"Kind": "service-resolver", "Name": "web", "Failover": {"*": {"Targets": [{"Datacenter": "dc2"}, {"Service": "last"}]}}});
    let last = Service::saying("last");
    let gateway = World::of("http").entry(failover.clone()).entry(mode_of("web", "remote")).instance("last", last.address).start();
    assert_eq!(get(gateway.address, "/").text(), "last");
    let (code, said) = told("no-way", failover, Some("remote"));
    assert!(code == 0 && said.contains("no mesh gateway of dc2 is known; add [[datacenter]] with name = \"dc2\""), "{code} {said}");
}

#[test]
pub(crate) fn a_target_at_a_peer_is_passed_over_and_that_is_told() {
    let failover =
        json!({"Kind": "service-resolver", "Name": "web", "Failover": {"*": {"Targets": [{"Peer": "east"}, {"Service": "last"}]}}});
    let last = Service::saying("last");
    let gateway = World::of("http").entry(failover.clone()).instance("last", last.address).start();
    assert_eq!(get(gateway.address, "/").text(), "last");
    let (code, said) = told("peers", failover, None);
    assert!(code == 0 && said.contains("it is a service of the peer east, and this version of gw reaches none of a peer"), "{code} {said}");
}

/// What is told of a resolver where an ingress gateway is to serve it.
fn told(name: &str, resolver: Value, mode: Option<&str>) -> (i32, String) {
    let listener = json!({"Port": 8080, "Protocol": "http", "Services": [{"Name": "web", "Hosts": ["*"]}]});
    let edge = json!({"Kind": "ingress-gateway", "Name": "edge", "Listeners": [listener]});
    validate_of_edge(name, &[resolver, edge, mode_of("web", mode.unwrap_or_default()), mode_of("last", "")])
}
