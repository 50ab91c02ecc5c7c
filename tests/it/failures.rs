//! What happens when services do not do what they should.

use std::io::{BufReader, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::harness::{Client, Seen, Service, World, answer, get, read_request, request};

#[test]
fn a_refused_connection_tries_the_next_instance() {
    let service = Service::saying("ok");
    let gateway = World::of("http").instance("web", Service::nowhere()).instance("web", service.address).start();
    for _ in 0..20 {
        assert_eq!(get(gateway.address, "/").status, 200);
    }
}

#[test]
fn a_refused_connection_tries_the_failover_target() {
    let service = Service::saying("from the other");
    let gateway = World::of("http")
        .instance("web", Service::nowhere())
        .instance("other", service.address)
        .entry(json!({"Kind": "service-resolver", "Name": "web", "Failover": {"*": {"Service": "other"}}}))
        .start();
    assert_eq!(get(gateway.address, "/").text(), "from the other");
}

#[test]
fn each_answer_of_gws_own_has_its_code() {
    let silent = Service::start(|stream| {
        // Until the gateway gives up.
        drop(std::io::copy(&mut &stream, &mut std::io::sink()));
    });
    let closing = Service::start(drop);
    let babbling = Service::start(|mut stream| {
        read_request(&mut BufReader::new(stream.try_clone().unwrap()));
        stream.write_all(b"SSH-2.0-not_http\r\n\r\n").unwrap();
    });
    let router = json!({"Kind": "service-router", "Name": "web", "Routes": [
        {"Match": {"HTTP": {"PathPrefix": "/slow"}}, "Destination": {"Service": "silent", "RequestTimeout": "200ms"}},
        {"Match": {"HTTP": {"PathPrefix": "/idle"}}, "Destination": {"Service": "silent", "IdleTimeout": "200ms"}},
        {"Match": {"HTTP": {"PathPrefix": "/close"}}, "Destination": {"Service": "closing"}},
        {"Match": {"HTTP": {"PathPrefix": "/babble"}}, "Destination": {"Service": "babbling"}},
        {"Match": {"HTTP": {"PathPrefix": "/refuse"}}, "Destination": {"Service": "refusing"}},
    ]});
    let gateway = World::of("http")
        .instance("silent", silent.address)
        .instance("babbling", babbling.address)
        .instance("closing", closing.address)
        .instance("refusing", Service::nowhere())
        .entry(router)
        .start();
    for (path, status, code) in [
        ("/slow", 504, "request_timeout"),
        ("/idle", 504, "idle_timeout"),
        ("/close", 503, "upstream_reset"),
        ("/babble", 502, "upstream_malformed"),
        ("/refuse", 503, "connect_failed"),
        ("/", 503, "no_healthy_endpoint"),
    ] {
        let answer = get(gateway.address, path);
        assert_eq!((answer.status, answer.header("x-gw-code")), (status, Some(code)), "{path}");
        assert!(answer.text().starts_with(&format!("{code}: ")) && answer.text().lines().count() == 1, "{}", answer.text());
    }
}

#[test]
fn an_answer_may_have_a_hundred_headers_and_no_more() {
    for (count, status) in [(100, 200), (101, 502)] {
        // Beside the length.
        let headers: String = (1..count).map(|n| format!("x-{n}: {n}\r\n")).collect();
        let service = Service::start(move |mut stream| {
            read_request(&mut BufReader::new(stream.try_clone().unwrap()));
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{headers}\r\n").unwrap();
        });
        let gateway = World::of("http").instance("web", service.address).start();
        let answer = get(gateway.address, "/");
        let code = (status == 502).then_some("upstream_malformed");
        assert_eq!((answer.status, answer.header("x-gw-code")), (status, code), "{count}: {answer:?}");
    }
}

#[test]
fn an_unknown_host_is_404_and_a_bad_request_is_400() {
    let service = Service::saying("ok");
    let gateway = World::of("http")
        .entry(json!({"Kind": "ingress-gateway", "Name": "edge", "Listeners": [
            {"Port": 0, "Protocol": "http", "Services": [{"Name": "web", "Hosts": ["h.test"]}]}
        ]}))
        .instance("web", service.address)
        .start();
    assert_eq!(get(gateway.address, "/").status, 200);
    for (raw, status, code) in [
        ("GET / HTTP/1.1\r\nhost: else.test\r\n\r\n", 404, "no_host"),
        ("GET / HTTP/1.1\r\n\r\n", 400, "bad_request"),
        ("GET / HTTP/1.1\r\nhost: h.test\r\nhost: h.test\r\n\r\n", 400, "bad_request"),
        ("BREW / HTTP/1.1\r\nhost: h.test\r\n\r\n", 400, "bad_request"),
        ("GET / HTTP/1.1\r\nhost: h.test\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n", 403, "upgrade_refused"),
        ("GET /a#b HTTP/1.1\r\nhost: h.test\r\n\r\n", 400, "bad_request"),
        ("GET / HTTP/1.1\nhost: h.test\n\n", 400, "bad_request"),
        ("POST / HTTP/1.1\r\nhost: h.test\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400, "bad_request"),
        ("POST / HTTP/1.1\r\nhost: h.test\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, "unsupported_coding"),
        ("POST / HTTP/1.1\r\nhost: h.test\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n\r\n", 400, "bad_request"),
    ] {
        let answer = Client::connect(gateway.address).ask(raw);
        assert_eq!((answer.status, answer.header("x-gw-code")), (status, Some(code)), "{raw}");
    }
}

#[test]
fn grpc_requests_get_grpc_answers() {
    let gateway = World::of("http").start();
    let answer = Client::connect(gateway.address).ask(&request("POST", "/pkg.Svc/Do", "content-type: application/grpc+proto\r\n", "hello"));
    assert_eq!(
        (answer.status, answer.header("grpc-status"), answer.header("grpc-message")),
        (200, Some("14"), Some("no healthy upstream"))
    );
    assert_eq!(answer.header("content-type"), Some("application/grpc"));
}

#[test]
fn a_request_is_tried_again_with_its_body_as_the_route_says() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counter = tries.clone();
    let service = Service::answering(move |seen: &Seen| match counter.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => answer(503, "not yet"),
        _ => answer(200, &format!("{} bytes", seen.body.len())),
    });
    let gateway = World::of("http")
        .instance("web", service.address)
        .entry(json!({"Kind": "service-router", "Name": "web", "Routes": [
            {"Match": {"HTTP": {"PathPrefix": "/"}}, "Destination": {"NumRetries": 2, "RetryOn": ["5xx"]}},
        ]}))
        .start();
    let mut client = Client::connect(gateway.address);
    let answer = client.ask(&request("POST", "/", "", &"x".repeat(60_000)));
    assert_eq!((answer.status, answer.text(), tries.load(Ordering::SeqCst)), (200, "60000 bytes", 3));
}

#[test]
fn an_answer_that_breaks_off_breaks_off_for_the_client() {
    let service = Service::start(|stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        read_request(&mut reader);
        let mut stream = stream;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").unwrap();
    });
    let gateway = World::of("http").instance("web", service.address).start();
    let mut client = Client::connect(gateway.address);
    client.send(&request("GET", "/", "", ""));
    assert_eq!(client.head().unwrap().status, 200);
    assert_eq!(client.read_to_end(), b"half");
    let records = gateway.stop();
    assert_eq!(records[0]["code"], "upstream_broken");
}

#[test]
fn an_address_that_another_gateway_listens_on_is_taken() {
    let first = World::of("http").start();
    let second = World::of("http").on(first.address);
    let error = second.try_start().err().expect("the address is taken");
    assert_eq!(error.to_string(), format!("cannot listen on {} for edge:{}", first.address, first.address.port()));
}

#[test]
fn a_timeout_while_a_body_still_comes_ends_the_connection() {
    let silent = Service::start(|stream| drop(std::io::copy(&mut &stream, &mut std::io::sink())));
    let gateway = World::of("http")
        .instance("web", silent.address)
        .entry(json!({"Kind": "service-router", "Name": "web", "Routes": [
            {"Match": {"HTTP": {"PathPrefix": "/"}}, "Destination": {"IdleTimeout": "200ms"}},
        ]}))
        .start();
    let mut client = Client::connect(gateway.address);
    client.send("POST / HTTP/1.1\r\nhost: h.test\r\ncontent-length: 200000\r\n\r\nsome");
    let head = client.head().expect("an answer");
    assert_eq!((head.status, head.header("connection")), (504, Some("close")));
    client.send(&"x".repeat(200_000 - 4));
    client.read_to_end();
}
