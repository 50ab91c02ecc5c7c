//! Two datacenters of a real Consul: an ingress gateway of one, a service of the other, mesh gateways between them.

use gw::model::gateway::GatewayKind;
use serde_json::json;

use crate::agent::{Consul, Like};
use crate::gateway::{Gateway, get};
use crate::harness::{Service, eventually};
use crate::support::free_ports;

/// A mesh gateway, and its agent told of it.
fn mesh_gateway(consul: &Consul) -> Gateway {
    let gateway = Gateway::start(consul, GatewayKind::Mesh, "mesh-gateway");
    let at = json!({"Address": "127.0.0.1", "Port": gateway.port});
    consul.register(&json!({"Kind": "mesh-gateway", "Name": "mesh-gateway", "Address": "127.0.0.1", "Port": gateway.port,
        "TaggedAddresses": {"lan": at, "wan": at}}));
    gateway
}

#[test]
fn a_service_of_another_datacenter_is_reached_through_both_gateways_and_through_its_own_alone() {
    let one = Consul::like("dc1", Like { joins: Some(0), ..Like::default() });
    let mut two = Consul::like("dc2", Like { datacenter: "dc2", joins: Some(one.wan), ..Like::default() });
    eventually("the datacenters know each other", || one.get("/v1/catalog/datacenters").as_array().is_some_and(|all| all.len() == 2));
    one.write(&json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}, "MeshGateway": {"Mode": "local"}}));
    eventually("entries are replicated", || two.ask("GET", "/v1/config/proxy-defaults/global", "").is_some_and(|a| a.status == 200));
    two.in_the_mesh("pay-1", "pay", Service::saying("pay in dc2").address, &json!({}));
    let (near, far) = (mesh_gateway(&one), mesh_gateway(&two));
    eventually("the gateways of dc2 are known in dc1", || {
        one.get("/v1/internal/federation-states/mesh-gateways")["dc2"].as_array().is_some_and(|all| !all.is_empty())
    });

    one.write(&json!({"Kind": "service-resolver", "Name": "pay", "Redirect": {"Service": "pay", "Datacenter": "dc2"}}));
    let [port] = free_ports();
    let listener = json!({"Port": port, "Protocol": "http", "Services": [{"Name": "pay", "Hosts": ["*"]}]});
    one.write(&json!({"Kind": "ingress-gateway", "Name": "edge", "Listeners": [listener]}));
    let edge = Gateway::start(&one, GatewayKind::Ingress, "edge");
    eventually("it is reached through both gateways", || get(port, "x.test", "/") == "pay in dc2");

    one.write(&json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}, "MeshGateway": {"Mode": "remote"}}));
    near.stop();
    // What was kept of the first way is gone with its gateway.
    eventually("it is reached through its own gateway alone", || get(port, "x.test", "/") == "pay in dc2");
    far.stop();
    eventually("without a gateway it is not reached", || get(port, "x.test", "/").starts_with("503"));
    drop(edge);
}
