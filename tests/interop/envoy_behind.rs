//! Envoy as the sidecar of a service behind `gw ingress`, and as a service with TLS behind `gw terminating`.

use std::net::SocketAddr;

use gw::app::certs::{self, Folder as Certs, Kind, Order};
use gw::model::gateway::Identity;
use serde_json::json;

use crate::envoy::{Carries, Envoy, Tls, VERSIONS, exit, mesh};
use crate::harness::{Ca, Client, Folder, Gateway, Seen, Service, World, answer, get, request, sni};
use crate::peer::{Peer, cases, python};

/// A folder with a CA, and leaves of the gateway and of two services.
fn ca() -> (Folder, Certs) {
    let folder = Folder::new("envoy-behind");
    let ca = mesh(folder.0.clone(), &["edge", "web", "api"]);
    (folder, ca)
}

/// An ingress gateway before an Envoy that shows one leaf and expects one client.
fn ingress(ca: &Certs, service: SocketAddr, protocol: &str, carries: Carries, tls: (&str, &str, &str)) -> (Gateway, Envoy) {
    let (shows, expects, version) = tls;
    let tls = Tls { certs: ca.path(), shows, expects: Some(expects), version };
    let envoy = Envoy::behind(service, &sni("web"), &tls, carries);
    let identity = Identity::in_folder(ca.path(), "edge");
    (World::of(protocol).mesh_instance("web", envoy.address).identity(identity).start(), envoy)
}

#[test]
fn requests_and_bytes_reach_a_sidecar_that_knows_the_gateway_by_its_id() {
    let service = Service::answering(|seen: &Seen| answer(200, &format!("{} {}", seen.line, seen.body.len())));
    let (_folder, ca) = ca();
    for (version, counted_as) in VERSIONS {
        for (protocol, carries) in [("http", Carries::Http), ("tcp", Carries::Tcp)] {
            let (gateway, envoy) = ingress(&ca, service.address, protocol, carries, ("web", "edge", version));
            let mut client = Client::connect(gateway.address);
            for n in 0..50 {
                let body = "x".repeat(n * 1000);
                let answer = client.ask(&request("POST", &format!("/{n}"), "", &body));
                assert_eq!(answer.text(), format!("POST /{n} HTTP/1.1 {}", body.len()), "{version} {protocol}");
            }
            assert!(envoy.counted(&format!("listener.127.0.0.1_{}.ssl.versions.{counted_as}", envoy.address.port())) > 0);
            drop(client);
            assert!(gateway.stop().iter().all(|record| record["code"] == "ok"));
        }
    }
}

#[test]
fn grpc_reaches_a_sidecar_over_http2() {
    let (_service, address) = Peer::script("grpc_server.py");
    let (_folder, ca) = ca();
    let all = ["empty_unary", "large_unary", "ping_pong", "cancel_after_first_response", "custom_metadata", "special_status_message"];
    for (version, _) in VERSIONS {
        let (gateway, _envoy) = ingress(&ca, address, "grpc", Carries::Http2, ("web", "edge", version));
        cases(python("grpc_client.py").args([&gateway.address.to_string(), "-"]), &all);
    }
}

#[test]
fn a_sidecar_of_another_service_gets_no_request_and_the_record_says_who_it_is() {
    let service = Service::saying("must not answer");
    let (_folder, ca) = ca();
    for (version, _) in VERSIONS {
        let (gateway, _envoy) = ingress(&ca, service.address, "http", Carries::Http, ("api", "edge", version));
        let answer = get(gateway.address, "/");
        assert_eq!((answer.status, answer.header("x-gw-code")), (503, Some("upstream_tls")));
        assert!(!answer.text().contains("spiffe"), "{}", answer.text());
        let record = gateway.stop().remove(0);
        let why = record["upstream_transport_failure_reason"].as_str().unwrap();
        assert!(why.contains(&Ca::id("api")) && why.contains(&Ca::id("web")), "{why}");
    }
    assert_eq!(service.connections(), 0);
}

#[test]
fn a_sidecar_that_expects_another_client_refuses_the_gateway() {
    let service = Service::saying("must not answer");
    let (_folder, ca) = ca();
    for (version, _) in VERSIONS {
        for (protocol, carries) in [("http", Carries::Http), ("http2", Carries::Http2)] {
            let (gateway, envoy) = ingress(&ca, service.address, protocol, carries, ("web", "api", version));
            let answer = get(gateway.address, "/");
            let failed = envoy.counted(&format!("listener.127.0.0.1_{}.ssl.fail_verify_san", envoy.address.port()));
            let record = gateway.stop().remove(0);
            assert_eq!(answer.status, 503, "{protocol} {version}: {record}");
            assert!(failed > 0, "{protocol} {version}: {record}");
            // In TLS 1.3 the alert may come while an HTTP/1 request is being written, which then fails first.
            if (protocol, version) == ("http", "TLSv1_3") && record["code"] == "upstream_reset" {
                continue;
            }
            assert_eq!(answer.header("x-gw-code"), Some("upstream_tls"), "{protocol} {version}: {record}");
            assert!(record["upstream_transport_failure_reason"].as_str().unwrap().contains("alert"), "{protocol} {version}: {record}");
        }
    }
    assert_eq!(service.connections(), 0);
}

#[test]
fn a_service_outside_is_known_by_its_name_and_knows_the_gateway() {
    let service = Service::saying("outside");
    for (version, _) in VERSIONS {
        for mutual in [false, true] {
            let (exit, ca) = exit("envoy-outside", "http", &["api", "partner"]);
            certs::issue(&ca, &Order { kind: Kind::Dns, ..Order::service("shop.test") }).unwrap();
            let tls = Tls { certs: ca.path(), shows: "shop.test", expects: mutual.then_some("partner"), version };
            let envoy = Envoy::behind(service.address, "shop.test", &tls, Carries::Http);
            let mut linked = json!([{"Name": "web", "CAFile": ca.file("ca.pem"), "SNI": "shop.test"}]);
            if mutual {
                linked[0]["CertFile"] = json!(ca.file("partner.pem"));
                linked[0]["KeyFile"] = json!(ca.file("partner-key.pem"));
            }
            let exit = exit.intention("api", json!("allow")).linked(linked).instance("web", envoy.address, "").start();
            let tls = Tls { certs: ca.path(), shows: "api", expects: Some("web"), version };
            let caller = Envoy::calling(exit.run.address(), &sni("web"), &tls, Carries::Http);
            let answer = get(caller.address, "/");
            assert_eq!((answer.status, answer.text()), (200, "outside"), "{version} {mutual}");
        }
    }
}
