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
