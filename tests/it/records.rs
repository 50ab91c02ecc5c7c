//! Access records.

use crate::harness::{Client, Service, World, get, request};

#[test]
fn each_request_has_one_record_that_says_what_happened_and_why() {
    let service = Service::saying("ok");
    let gateway = World::of("http").instance("web", service.address).start();
    let mut client = Client::connect(gateway.address);
    client.ask(&request("POST", "/a?b", "user-agent: me\r\nx-request-id: mine\r\n", "body"));
    client.ask(&request("GET", "/c", "", ""));
    client.ask(&request("BREW", "/", "", ""));
    get(gateway.address, "/d");
    let records = gateway.stop();
    assert_eq!(records.len(), 4);
    let first = &records[0];
    for (key, value) in [
        ("method", "POST"),
        ("path", "/a?b"),
        ("protocol", "HTTP/1.1"),
        ("authority", "h.test"),
        ("user_agent", "me"),
        ("request_id", "mine"),
        ("code", "ok"),
        ("rule", "ingress-gateway/edge Listeners[0].Services[0]"),
        ("target", "web.default.default.dc1"),
        ("instance", "web-1"),
    ] {
        assert_eq!(first[key], value, "{key}");
    }
    assert_eq!((&first["bytes_received"], &first["bytes_sent"], &first["response_code"]), (&4.into(), &2.into(), &200.into()));
    assert_eq!(records[2]["code"], "bad_request");
}

#[test]
fn what_gw_answers_itself_is_recorded_with_its_bytes_and_what_was_asked() {
    let gateway = World::of("http").start();
    let none = get(gateway.address, "/a");
    Client::connect(gateway.address).ask("CONNECT a.test:1 HTTP/1.1\r\nhost: b.test\r\n\r\n");
    Client::connect(gateway.address).ask("OPTIONS * HTTP/1.1\r\nhost: h.test\r\n\r\n");
    let mut records = gateway.stop();
    records.sort_by_key(|r| r["method"].as_str().map(str::to_owned));
    let asked = |n: usize| ["method", "path", "authority", "protocol"].map(|key| records[n][key].as_str().unwrap_or("-").to_owned());
    assert_eq!(asked(0), ["CONNECT", "*", "a.test:1", "HTTP/1.1"]);
    assert_eq!(asked(1), ["GET", "/a", "h.test", "HTTP/1.1"]);
    assert_eq!(asked(2), ["OPTIONS", "*", "h.test", "HTTP/1.1"]);
    assert_eq!(records[1]["bytes_sent"], none.body.len());
}
