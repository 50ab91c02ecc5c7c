//! Rules of the wire beyond the recorded exchanges (wire 2 to 6), as Envoy was seen to follow them.

use std::io::{BufReader, Read, Write};

use gw::decide::code::Code;
use serde_json::json;

use crate::harness::{Client, Seen, Service, World, answer, read_request, request};

/// A gateway before a service that says what it saw.
fn mirror() -> crate::harness::Gateway {
    let service = Service::answering(|seen: &Seen| answer(200, &format!("{} {:?}", seen.line, seen.headers)));
    World::of("http").instance("web", service.address).start()
}

#[test]
fn headers_of_which_one_is_kept_are_joined_towards_the_service() {
    let gateway = mirror();
    for (lines, wanted) in [
        ("accept: a\r\naccept: b\r\n", r#"("accept", "a,b")"#),
        ("authorization: a\r\nauthorization: b\r\n", r#"("authorization", "a,b")"#),
        ("x-forwarded-proto: http\r\nx-forwarded-proto: https\r\n", r#"("x-forwarded-proto", "http,https")"#),
        ("x-request-id: a\r\nx-request-id:\r\n", r#"("x-request-id", "a")"#),
        ("x-request-id:\r\nx-request-id: a\r\nx-request-id: b\r\n", r#"("x-request-id", "a,b")"#),
        ("expect: 100-continue\r\nexpect: x\r\n", r#"("expect", "100-continue,x")"#),
        ("x-own: a\r\nx-own: b\r\n", r#"("x-own", "a"), ("x-own", "b")"#),
        ("cookie: a\r\ncookie: b\r\n", r#"("cookie", "a"), ("cookie", "b")"#),
        ("te:\r\n", r#"("te", "")"#),
    ] {
        let seen = Client::connect(gateway.address).ask(&request("GET", "/", lines, ""));
        assert!(seen.text().contains(wanted), "{lines:?}: {}", seen.text());
    }
    let seen = Client::connect(gateway.address).ask(&request("GET", "/", "te: TRAILERS\r\n", ""));
    assert!(!seen.text().contains("\"te\""), "{}", seen.text());
}

#[test]
fn headers_of_which_one_is_kept_are_joined_towards_the_client() {
    let lines = "vary: a\r\nvary: b\r\nset-cookie: a\r\nset-cookie: b\r\nx-own: a\r\nx-own: b\r\n";
    let service = Service::answering(move |_| format!("HTTP/1.1 200 OK\r\n{lines}content-length: 0\r\n\r\n"));
    let gateway = World::of("http").instance("web", service.address).start();
    let answer = Client::connect(gateway.address).ask(&request("GET", "/", "", ""));
    let values = |name: &str| answer.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v.clone()).collect::<Vec<_>>();
    assert_eq!(
        (values("vary"), values("set-cookie"), values("x-own")),
        (vec!["a,b".to_owned()], vec!["a".to_owned(), "b".to_owned()], vec!["a".to_owned(), "b".to_owned()])
    );
}

#[test]
fn requests_that_envoy_refuses_are_refused_with_its_status() {
    let gateway = mirror();
    for (head, status) in [
        ("M-SEARCH / HTTP/1.1\r\nhost: h.test\r\n\r\n", 400),
        ("GET http://a@b@h.test/ HTTP/1.1\r\nhost: h.test\r\n\r\n", 400),
        ("GET http://h.test:/ HTTP/1.1\r\nhost: h.test\r\n\r\n", 400),
        ("GET http://h.test:99999/ HTTP/1.1\r\nhost: h.test\r\n\r\n", 400),
        ("GET http://h.test:80/ HTTP/1.1\r\nhost: h.test\r\n\r\n", 200),
        ("GET http://[::1]/ HTTP/1.1\r\nhost: h.test\r\n\r\n", 200),
        ("GET / HTTP/1.1\r\nhost: h.test\r\nconnection: upgrade\r\nupgrade: websocket\r\nupgrade: h2c\r\n\r\n", 403),
        ("GET / HTTP/1.1\r\nhost: h.test\r\nconnection: upgrade\r\nupgrade: h2c\r\nupgrade: websocket\r\n\r\n", 403),
        ("GET / HTTP/1.1\r\nhost: h.test\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n", 200),
    ] {
        assert_eq!(Client::connect(gateway.address).ask(head).status, status, "{head:?}");
    }
}

#[test]
fn proxy_connection_close_ends_the_connection_after_the_answer() {
    let gateway = mirror();
    let mut client = Client::connect(gateway.address);
    let answer = client.ask(&request("GET", "/", "proxy-connection: Close\r\n", ""));
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert!(!answer.text().contains("proxy-connection") && client.is_closed());
    let mut client = Client::connect(gateway.address);
    assert_eq!(client.ask(&request("GET", "/", "proxy-connection: keep-alive\r\n", "")).header("connection"), None);
    assert_eq!(client.ask(&request("GET", "/", "", "")).status, 200);
}

#[test]
fn a_304_keeps_its_length_and_the_connection_goes_on() {
    let service = Service::answering(|_| "HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\ncontent-length: 5\r\n\r\n".to_owned());
    let gateway = World::of("http").instance("web", service.address).start();
    let mut client = Client::connect(gateway.address);
    for method in ["GET", "HEAD", "GET"] {
        client.send(&request(method, "/", "", ""));
        let head = client.head().expect("an answer");
        assert_eq!((head.status, head.header("content-length"), head.header("transfer-encoding")), (304, Some("5"), None), "{method}");
    }
    assert_eq!(service.connections(), 1);
}

#[test]
fn a_websocket_with_an_odd_target_is_a_tunnel_too() {
    let service = Service::start(|stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let seen = read_request(&mut reader).unwrap();
        assert_eq!(seen.line, "GET /<ws>?\"` HTTP/1.1");
        let mut stream = stream;
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n").unwrap();
        let mut buffer = [0; 16];
        while let Ok(n @ 1..) = reader.read(&mut buffer) {
            stream.write_all(&buffer[..n]).unwrap();
        }
    });
    let gateway = World::of("http").instance("web", service.address).start();
    let mut client = Client::connect(gateway.address);
    client.send(&request("GET", "/<ws>?\"`", "connection: Upgrade\r\nupgrade: websocket\r\n", ""));
    assert_eq!(client.head().unwrap().status, 101);
    client.send("ping");
    assert_eq!(client.read_exact(4), b"ping");
}

#[test]
fn odd_bytes_are_what_routes_and_rewrites_see_and_their_connections_are_not_kept() {
    let service = Service::answering(|seen: &Seen| answer(200, &seen.line));
    let gateway = World::of("http")
        .instance("web", service.address)
        .instance("odd", service.address)
        .entry(json!({"Kind": "service-router", "Name": "web", "Routes": [
            {"Match": {"HTTP": {"PathPrefix": "/<a>/"}}, "Destination": {"Service": "odd", "PrefixRewrite": "/b/"}},
            {"Match": {"HTTP": {"QueryParam": [{"Name": "q", "Exact": "\"<\""}]}}, "Destination": {"Service": "odd"}},
        ]}))
        .start();
    let mut client = Client::connect(gateway.address);
    for (sent, seen) in [("/<a>/x?<", "/b/x?<"), ("/?q=\"<\"", "/?q=\"<\""), ("/plain", "/plain"), ("/<a>/`", "/b/`"), ("/plain", "/plain")]
    {
        assert_eq!(client.ask(&request("GET", sent, "", "")).text(), format!("GET {seen} HTTP/1.1"));
    }
    let records = gateway.stop();
    let targets: Vec<&str> = records.iter().map(|r| r["target"].as_str().unwrap().split('.').next().unwrap()).collect();
    assert_eq!(targets, ["odd", "odd", "web", "odd", "web"]);
    // One for each odd request, and one for both of the others.
    assert_eq!(service.connections(), 4);
}

#[test]
fn every_answer_of_gws_own_to_grpc_has_a_status_and_no_body() {
    let silent = Service::start(|stream| drop(std::io::copy(&mut &stream, &mut std::io::sink())));
    let closing = Service::start(drop);
    let gateway = World::of("http")
        .instance("silent", silent.address)
        .instance("closing", closing.address)
        .instance("refusing", Service::nowhere())
        .entry(json!({"Kind": "service-router", "Name": "web", "Routes": [
            {"Match": {"HTTP": {"PathPrefix": "/slow"}}, "Destination": {"Service": "silent", "RequestTimeout": "200ms"}},
            {"Match": {"HTTP": {"PathPrefix": "/idle"}}, "Destination": {"Service": "silent", "IdleTimeout": "200ms"}},
            {"Match": {"HTTP": {"PathPrefix": "/close"}}, "Destination": {"Service": "closing"}},
            {"Match": {"HTTP": {"PathPrefix": "/refuse"}}, "Destination": {"Service": "refusing"}},
        ]}))
        .entry(json!({"Kind": "ingress-gateway", "Name": "edge", "Listeners": [
            {"Port": 0, "Protocol": "http", "Services": [{"Name": "web", "Hosts": ["h.test"]}]}
        ]}))
        .start();
    for (path, host, more, code, status, message) in [
        ("/", "none.test", "", Code::NoHost, "12", None),
        ("/", "h.test", "", Code::NoHealthyEndpoint, "14", Some("no healthy upstream")),
        ("/slow", "h.test", "", Code::RequestTimeout, "14", Some("upstream request timeout")),
        ("/idle", "h.test", "", Code::IdleTimeout, "14", Some("stream timeout")),
        ("/close", "h.test", "", Code::UpstreamReset, "14", None),
        ("/refuse", "h.test", "", Code::ConnectFailed, "14", None),
        ("/", "h.test", "x-forwarded-proto:\r\n", Code::NoRoute, "12", None),
        ("/", "h.test", "connection: upgrade\r\nupgrade: x\r\n", Code::UpgradeRefused, "7", None),
        ("*", "h.test", "", Code::BadRequest, "13", None),
    ] {
        let head = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/grpc+proto\r\n{more}\r\n");
        let answer = Client::connect(gateway.address).ask(&head);
        assert_eq!((answer.status, answer.header("grpc-status"), answer.text()), (200, Some(status), ""), "{code}");
        assert_eq!(answer.header("x-gw-code"), Some(code.as_str()));
        assert!(message.is_none_or(|m| answer.header("grpc-message") == Some(m)), "{code}: {:?}", answer.headers);
    }
    for content_type in ["application/grpc-web", "application/grpcx", "application/json"] {
        let head = format!("GET / HTTP/1.1\r\nhost: none.test\r\ncontent-type: {content_type}\r\n\r\n");
        assert_eq!(Client::connect(gateway.address).ask(&head).status, 404, "{content_type}");
    }
}
