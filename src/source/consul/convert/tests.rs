//! Rows of Consul, and what the model makes of them.

use serde_json::{Value, json};

use super::*;
use crate::id::TrustDomain;
use crate::model::service::{Health, Instance};
use crate::source::consul::call::Side;
use crate::source::consul::wire::{HealthRow, LeafAnswer};
use crate::tls::{Authority, CertificateDer, Moment, Wanted, pem};

fn row(service: Value, node: Value, checks: &[&str]) -> HealthRow {
    let checks: Vec<Value> = checks.iter().map(|status| json!({"CheckID": "c", "Status": status})).collect();
    serde_json::from_value(json!({"Node": node, "Service": service, "Checks": checks})).expect("a row")
}

fn node() -> Value {
    json!({"Node": "n1", "Address": "10.0.0.9", "Datacenter": "dc1", "TaggedAddresses": {"wan": "198.51.100.9"}})
}

fn far() -> Value {
    json!({"Node": "n2", "Address": "10.2.0.9", "Datacenter": "dc2", "TaggedAddresses": {"wan": "198.51.100.2", "wan_ipv4": "10.2.0.9"}})
}

fn one(row: &HealthRow, side: Side) -> Result<Instance, String> {
    let mut left_out = Vec::new();
    let service = service("web", side, std::slice::from_ref(row), "dc1", &mut left_out);
    service.instances.into_iter().next().ok_or_else(|| left_out.remove(0).to_string())
}

#[test]
fn an_instance_is_where_its_datacenter_reaches_it_and_elsewhere_where_it_is_tagged() {
    let tagged = json!({"wan": {"Address": "198.51.100.7", "Port": 443}, "wan_ipv4": {"Address": "10.0.0.7", "Port": 80},
        "consul-virtual": {"Address": "240.0.0.1", "Port": 80}});
    let without_wan = json!({"wan_ipv4": {"Address": "9.9.9.9", "Port": 80}, "consul-virtual": {"Address": "240.0.0.1", "Port": 80}});
    let cases = [
        (json!({"Address": "10.0.0.7", "Port": 80, "TaggedAddresses": tagged.clone()}), node(), "10.0.0.7:80"),
        (json!({"Address": "", "Port": 80}), node(), "10.0.0.9:80"),
        (json!({"Address": "::1", "Port": 80}), node(), "[::1]:80"),
        (json!({"Address": "web.example", "Port": 80}), node(), "web.example:80"),
        (json!({"Address": "10.0.0.7", "Port": 80, "TaggedAddresses": tagged}), far(), "198.51.100.7:443"),
        (json!({"Address": "", "Port": 80, "TaggedAddresses": without_wan.clone()}), far(), "198.51.100.2:80"),
        (json!({"Address": "10.2.0.7", "Port": 80, "TaggedAddresses": without_wan}), far(), "10.2.0.7:80"),
    ];
    for (service, node, expected) in cases {
        let found = one(&row(service.clone(), node, &[]), Side::Plain).expect("an instance");
        assert_eq!(found.address.to_string(), expected, "{service}");
    }
}

#[test]
fn what_nobody_can_connect_to_is_left_out_and_its_field_is_named() {
    let cases = [
        (json!({"ID": "web-1", "Port": 0}), "Node.Address"),
        (json!({"ID": "web-1", "Address": "10.0.0.7", "Port": 65536}), "Service.Address"),
        (json!({"ID": "web-1", "Address": "10.0.0.7", "Port": -1}), "Service.Address"),
        (json!({"ID": "web-1", "Address": "not a host", "Port": 80}), "Service.Address"),
        (json!({"ID": "web-1", "SocketPath": "/run/web.sock"}), "Service.SocketPath"),
    ];
    for (service, field) in cases {
        let why = one(&row(service.clone(), node(), &[]), Side::Plain).expect_err("nobody can");
        assert!(why.starts_with("service web, instance n1/web-1 is left out: ") && why.contains(field), "{service}: {why}");
    }
}

#[test]
fn health_is_the_worst_of_all_checks_and_a_word_that_is_not_known_is_not_usable() {
    let weights = json!({"Port": 80, "Weights": {"Passing": 10, "Warning": 3}});
    let cases: [(&[&str], _, _); 6] = [
        (&[], Health::Passing, 10),
        (&["passing", "passing"], Health::Passing, 10),
        (&["warning", "passing"], Health::Warning, 3),
        (&["passing", "warning", "critical"], Health::Critical, 10),
        (&["maintenance"], Health::Critical, 10),
        (&["passing", ""], Health::Critical, 10),
    ];
    for (checks, health, weight) in cases {
        let found = one(&row(weights.clone(), node(), checks), Side::Plain).expect("an instance");
        assert_eq!((found.health, found.weight), (health, weight), "{checks:?}");
    }
    let weight = |weights: Value| one(&row(json!({"Port": 80, "Weights": weights}), node(), &[]), Side::Plain).map(|i| i.weight);
    assert_eq!(weight(Value::Null), Ok(1));
    assert_eq!(weight(json!({"Passing": -3})), Ok(0));
}

#[test]
fn who_speaks_for_a_service_of_the_mesh_is_a_sidecar_a_native_service_or_a_terminating_gateway() {
    let mesh = |kind: &str, native: bool| {
        let service = json!({"Kind": kind, "ID": "x", "Port": 80, "Connect": {"Native": native}});
        one(&row(service, node(), &[]), Side::Mesh).map(|i| i.mesh)
    };
    assert_eq!(mesh("connect-proxy", false), Ok(true));
    assert_eq!(mesh("terminating-gateway", false), Ok(true));
    assert_eq!(mesh("", true), Ok(true));
    let why = mesh("ingress-gateway", false).expect_err("it does not");
    assert!(why.contains("Service.Kind is \"ingress-gateway\""), "{why}");
    assert!(mesh("", false).is_err());
}

#[test]
fn a_chain_has_each_certificate_once_in_order_and_no_key_is_printed() {
    let (mesh, now) = (TrustDomain::new("td.consul"), Moment::now());
    let root = Authority::root(&mesh, now).expect("a root");
    let sec = root.intermediate(&mesh, now).expect("an intermediate");
    let uris = vec!["spiffe://td.consul/ns/default/dc/dc2/svc/web".to_owned()];
    let (for_servers, for_clients, life) = (true, true, std::time::Duration::from_hours(1));
    let wanted = Wanted { common_name: None, uris, dns: Vec::new(), ips: Vec::new(), for_servers, for_clients, life };
    let made = sec.issue(&wanted, &[], now).expect("a leaf").chain;
    let text = |cert: &CertificateDer<'static>| pem::text_of(std::slice::from_ref(cert));
    let (web, sec, root) = (text(&made[0]), text(sec.certificate()), text(root.certificate()));
    let answer = LeafAnswer {
        cert_pem: [web.as_str(), &root, &sec, &sec].join("\n"),
        private_key_pem: "-----BEGIN EC PRIVATE KEY-----\ns3cr3t\n-----END EC PRIVATE KEY-----\n".to_owned(),
        service_uri: "spiffe://td.consul/ns/default/dc/dc2/svc/web".to_owned(),
        ..LeafAnswer::default()
    };
    let found = leaf(&answer).expect("a leaf");
    assert_eq!(found.chain, web + &sec + &root);
    assert!(!format!("{answer:?} {found:?}").contains("s3cr3t"));
    let of = |uri: &str| leaf(&LeafAnswer { service_uri: uri.to_owned(), ..answer.clone() });
    assert_eq!(of("spiffe://td.consul/gateway/mesh/dc/dc2").expect("a leaf").id.to_string(), "spiffe://td.consul/gateway/mesh/dc/dc2");
    let why = of("spiffe://td.consul/agent/server/dc/dc2").map_err(|e| e.to_string());
    assert_eq!(why, Err("ServiceURI is not the id of a service or a mesh gateway".to_owned()));
}
