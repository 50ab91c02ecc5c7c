//! Envoy as the sidecar of a service that calls out of the mesh, through `gw terminating`.

use std::io::{Read, Write};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::envoy::{Carries, Envoy, Tls, VERSIONS, exit};
use crate::harness::{Ca, Client, Exits, Seen, Service, answer, request, sni};
use crate::peer::{Peer, cases, output, python};

/// Envoy beside `api`, which takes the gateway for `web`.
fn api<'a>(exit: &'a Exits, certs: &'a std::path::Path, version: &'a str) -> (std::net::SocketAddr, Tls<'a>) {
    (exit.run.address(), Tls { certs, shows: "api", expects: Some("web"), version })
}

/// Says everything back, and counts the bytes.
fn echo() -> (Service, Arc<AtomicUsize>) {
    let counted = Arc::new(AtomicUsize::new(0));
    let count = counted.clone();
    let service = Service::start(move |mut stream| {
        let mut bytes = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut bytes) {
            count.fetch_add(n, Ordering::SeqCst);
            if stream.write_all(&bytes[..n]).is_err() {
                return;
            }
        }
    });
    (service, counted)
}

fn echoes(client: &mut Client, text: &str) -> bool {
    client.send(text);
    client.read_exact(text.len()) == text.as_bytes()
}

#[test]
fn bytes_pass_and_a_resumed_session_is_judged_by_the_intention_there_is_then() {
    for (version, counted_as) in VERSIONS {
        let (service, counted) = echo();
        let (exit, ca) = exit("envoy-tcp", "tcp", &["api"]);
        let mut exit = exit.intention("api", json!("allow")).instance("web", service.address, "").start();
        let (gateway, tls) = api(&exit, ca.path(), version);
        let envoy = Envoy::calling(gateway, &sni("web"), &tls, Carries::Tcp);
        let mut first = Client::connect(envoy.address);
        assert!(echoes(&mut first, "hello"), "{version}");
        assert_eq!(envoy.counted(&format!("cluster.out.ssl.versions.{counted_as}")), envoy.counted("cluster.out.ssl.handshake"));
        // The ticket of the first has come with its answer.
        let resumed = envoy.counted("cluster.out.ssl.session_reused");
        assert!(echoes(&mut Client::connect(envoy.address), "again"));
        assert_eq!(envoy.counted("cluster.out.ssl.session_reused"), resumed + 1, "{version}");
        let record = exit.recorded("ok");
        assert_eq!((&record["peer"], &record["requested_server_name"]), (&json!(Ca::id("api")), &json!(sni("web"))));
        exit.change(|exit| exit.intention("api", json!("deny")));
        assert!(first.is_closed(), "what is open ends");
        let before = (service.connections(), counted.load(Ordering::SeqCst));
        let mut denied = Client::connect(envoy.address);
        denied.send("not a byte of this");
        assert!(denied.is_closed());
        assert_eq!(exit.recorded("denied")["peer"], json!(Ca::id("api")));
        assert_eq!(envoy.counted("cluster.out.ssl.session_reused"), resumed + 2, "that one is resumed too: {version}");
        assert_eq!((service.connections(), counted.load(Ordering::SeqCst)), before, "{version}");
    }
}

#[test]
fn a_denied_request_is_answered_with_403_and_the_connection_goes_on() {
    let permissions = json!([
        {"Action": "deny", "HTTP": {"PathPrefix": "/admin"}},
        {"Action": "allow", "HTTP": {"PathPrefix": "/", "Methods": ["GET"]}},
    ]);
    for (version, _) in VERSIONS {
        let service = Service::answering(|seen: &Seen| answer(200, &format!("{} {:?}", seen.line, seen.header("x-forwarded-client-cert"))));
        let (exit, ca) = exit("envoy-http", "http", &["api"]);
        let exit = exit.intention("api", permissions.clone()).instance("web", service.address, "").start();
        let (gateway, tls) = api(&exit, ca.path(), version);
        let envoy = Envoy::calling(gateway, &sni("web"), &tls, Carries::Http);
        let mut client = Client::connect(envoy.address);
        let shop = client.ask(&request("GET", "/shop", "", ""));
        assert_eq!(shop.status, 200, "{version}: {}", shop.text());
        assert!(shop.text().starts_with("GET /shop ") && shop.text().contains(&format!("URI={}", Ca::id("api"))), "{}", shop.text());
        for (method, path) in [("GET", "/admin/x"), ("POST", "/shop"), ("GET", "/shop/%2e%2e/admin")] {
            let denied = client.ask(&request(method, path, "", ""));
            assert_eq!((denied.status, denied.header("x-gw-code")), (403, Some("denied")), "{path}");
            assert!(denied.text().contains("RBAC: access denied"), "{path}: {}", denied.text());
        }
        assert_eq!(client.ask(&request("GET", "/shop", "", "")).status, 200);
        assert_eq!((envoy.counted("cluster.out.upstream_cx_total"), service.connections()), (1, 1), "{version}");
    }
}

#[test]
fn http2_by_its_preface_carries_grpc_and_its_denials() {
    let (_service, address) = Peer::script("grpc_server.py");
    for (protocol, version) in [("grpc", "TLSv1_2"), ("http2", "TLSv1_3")] {
        let (exit, ca) = exit("envoy-grpc", protocol, &["api", "cron"]);
        let exit = exit.intention("api", json!("allow")).instance("web", address, "").start();
        let (gateway, mut tls) = api(&exit, ca.path(), version);
        let envoy = Envoy::calling(gateway, &sni("web"), &tls, Carries::Http2);
        cases(python("grpc_client.py").args([&envoy.address.to_string(), "-"]), CASES);
        assert_eq!(exit.recorded("ok")["protocol"], "HTTP/2");
        tls.shows = "cron";
        let denied = Envoy::calling(gateway, &sni("web"), &tls, Carries::Http2);
        let url = format!("http://{}/shop.Cart/Get", denied.address);
        let curl = ["-sSi", "--noproxy", "*", "--http2-prior-knowledge", "-X", "POST", "-H", "content-type: application/grpc", &url];
        let said = String::from_utf8(output(Command::new("curl").args(curl))).unwrap();
        assert!(said.contains("grpc-status: 7") && said.contains("grpc-message: RBAC: access denied"), "{protocol}: {said}");
    }
}

/// Of gRPC's interop cases those that two proxies in a row leave as they are.
const CASES: &[&str] = &[
    "empty_unary",
    "large_unary",
    "client_streaming",
    "server_streaming",
    "ping_pong",
    "empty_stream",
    "timeout_on_sleeping_server",
    "cancel_after_begin",
    "cancel_after_first_response",
    "custom_metadata",
    "status_code_and_message",
    "special_status_message",
    "unimplemented_method",
];

#[test]
fn who_expects_another_service_takes_no_leaf_of_the_gateway() {
    let service = Service::saying("must not answer");
    for (version, _) in VERSIONS {
        let (exit, ca) = exit("envoy-expects", "http", &["api"]);
        let exit = exit.intention("api", json!("allow")).instance("web", service.address, "").start();
        let (gateway, mut tls) = api(&exit, ca.path(), version);
        tls.expects = Some("billing");
        let envoy = Envoy::calling(gateway, &sni("web"), &tls, Carries::Http);
        assert_eq!(crate::harness::get(envoy.address, "/").status, 503);
        assert!(envoy.counted("cluster.out.ssl.fail_verify_san") > 0, "{version}");
        let record = exit.recorded("client_tls");
        assert_eq!(record["requested_server_name"], sni("web"), "{record}");
    }
    assert_eq!(service.connections(), 0);
}
