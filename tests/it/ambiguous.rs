//! Bytes that two readers could take for different requests: never do two requests come out of one.

use serde_json::json;

use crate::harness::{Client, Service, World, request};

const CHUNKED: &str = "POST /first HTTP/1.1\r\nhost: h.test\r\ntransfer-encoding: chunked\r\n\r\n";
const WEBSOCKET: &str = "connection: Upgrade\r\nupgrade: websocket\r\n";
/// None of them may reach a service, wherever it stands.
const SMUGGLED: [&str; 3] = [
    "GET /smuggled HTTP/1.1\nhost: h.test\n\n",
    "POST /smuggled HTTP/1.1\r\nhost: h.test\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET /smuggled#x HTTP/1.1\r\nhost: h.test\r\n\r\n",
];

/// Sends, and reads answers until the connection ends or none is left: their statuses, and whether it ended.
fn statuses(client: &mut Client) -> Vec<u16> {
    std::iter::from_fn(|| client.answer()).map(|a| a.status).collect()
}

#[test]
fn after_a_body_that_is_none_nothing_more_is_read() {
    let (service, lines) = Service::remembering();
    let gateway = World::of("http").instance("web", service.address).start();
    for body in [
        "zz\r\n\r\n",
        "00000000000000003\r\nabc\r\n0\r\n\r\n",
        "0\r\n\nx: y\r\n\r\n",
        "0\r\nx: y\n\r\n",
        "0\r\nx: y\n\r\n\r\n",
        "0\r\nx: y\r\r\n\r\n",
        "3;x\nabc\r\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
    ] {
        for smuggled in SMUGGLED {
            for whole in [true, false] {
                let mut client = Client::connect(gateway.address);
                if whole {
                    client.send(&format!("{CHUNKED}{body}{smuggled}"));
                } else {
                    client.send(CHUNKED);
                    client.send(body);
                    // The gateway may have closed already.
                    drop(std::io::Write::write_all(&mut client.stream, smuggled.as_bytes()));
                }
                let statuses = statuses(&mut client);
                // Closing while bytes come may take the answer with it.
                assert!(statuses.iter().all(|s| *s == 400) && statuses.len() <= 1, "{body:?} {smuggled:?}: {statuses:?}");
            }
        }
    }
    let lines = lines.lock().unwrap();
    assert!(lines.iter().all(|line| line.starts_with("POST /first")), "{lines:?}");
}

#[test]
fn after_a_body_that_is_one_the_next_head_is_looked_at() {
    let (service, lines) = Service::remembering();
    let gateway = World::of("http").instance("web", service.address).start();
    for body in ["0\r\n\r\n", "3;x\r\nabc\r\n0\r\nx: y\r\n\r\n", "0000000000000003\r\nabc\r\n0\r\n\r\n"] {
        for smuggled in SMUGGLED {
            let mut client = Client::connect(gateway.address);
            client.send(&format!("{CHUNKED}{body}{smuggled}"));
            assert_eq!(statuses(&mut client), [200, 400], "{body:?} {smuggled:?}");
        }
    }
    assert!(lines.lock().unwrap().iter().all(|line| line.starts_with("POST /first")));
}

#[test]
fn a_tunnel_that_is_asked_for_but_not_granted_ends_the_connection() {
    let (service, lines) = Service::remembering();
    let router = json!({"Kind": "service-router", "Name": "web", "Routes": [
        {"Match": {"HTTP": {"PathPrefix": "/gone"}}, "Destination": {"Service": "refusing"}},
        {"Match": {"HTTP": {"PathPrefix": "/none"}}, "Destination": {"Service": "none"}},
    ]});
    let gateway = World::of("http").instance("web", service.address).instance("refusing", Service::nowhere()).entry(router).start();
    for (path, status) in [("/gone", 503), ("/none", 503), ("*", 400), ("/ok", 200)] {
        for smuggled in SMUGGLED {
            for body in ["", "abc"] {
                let mut client = Client::connect(gateway.address);
                let answer = client.ask(&request("GET", path, WEBSOCKET, body));
                assert_eq!((answer.status, answer.header("connection")), (status, Some("close")), "{path}");
                drop(std::io::Write::write_all(&mut client.stream, smuggled.as_bytes()));
                assert!(client.answer().is_none(), "{path} {smuggled:?}");
            }
        }
    }
    assert!(lines.lock().unwrap().iter().all(|line| line.starts_with("GET /ok")));
}

#[test]
fn only_what_asks_for_a_websocket_alone_waits_for_a_tunnel() {
    let (service, lines) = Service::remembering();
    let gateway = World::of("http").instance("web", service.address).start();
    for smuggled in SMUGGLED {
        let mut client = Client::connect(gateway.address);
        client.send(&request("GET", "/first", "connection: Upgrade\r\nupgrade: h2c\r\n", ""));
        client.send(smuggled);
        assert_eq!(statuses(&mut client), [200, 400], "{smuggled:?}");
        let mut client = Client::connect(gateway.address);
        client.send(&request("GET", "/two", "connection: Upgrade\r\nupgrade: websocket\r\nupgrade: h2c\r\n", ""));
        drop(std::io::Write::write_all(&mut client.stream, smuggled.as_bytes()));
        assert_eq!(statuses(&mut client), [403], "{smuggled:?}");
    }
    assert!(lines.lock().unwrap().iter().all(|line| line.starts_with("GET /first")));
}

#[test]
fn a_head_that_never_ends_is_refused() {
    let (service, lines) = Service::remembering();
    let gateway = World::of("http").instance("web", service.address).start();
    let mut client = Client::connect(gateway.address);
    client.send(&format!("GET / HTTP/1.1\r\nhost: h.test\r\nx: {}", "x".repeat(62_000)));
    assert_eq!(client.answer().map(|a| a.status), Some(431));
    assert!(lines.lock().unwrap().is_empty());
}
