//! A WebSocket client and service (Python's `websockets`).

use std::process::Command;

use crate::harness::{Folder, World};
use crate::peer::{Peer, cases, python};

const CASES: &[&str] = &[
    "text_and_binary",
    "frames_of_every_length",
    "large_messages",
    "fragments",
    "pings_and_pongs",
    "close_codes_of_the_service",
    "close_codes_of_the_client",
    "both_directions_at_once",
    "subprotocols_and_extensions_are_agreed_on",
    "a_refusal_is_an_answer",
    "a_service_that_breaks_off_is_seen_to",
    "many_at_once",
];

fn client(url: &str, ca: &str) -> Command {
    let mut command = python("websocket_client.py");
    command.args([url, ca]);
    command
}

#[test]
fn the_cases_hold_without_a_gateway() {
    let (_service, address) = Peer::script("websocket_server.py");
    cases(&mut client(&format!("ws://{address}"), "-"), CASES);
}

#[test]
fn the_cases_hold_through_a_gateway() {
    let (_service, address) = Peer::script("websocket_server.py");
    let gateway = World::of("http").instance("web", address).start();
    cases(&mut client(&format!("ws://{}", gateway.address), "-"), CASES);
}

#[test]
fn the_cases_hold_through_tls() {
    let folder = Folder::new("websocket");
    let (certificate, _) = folder.certificate("localhost");
    let ca = certificate.cert.display().to_string();
    let (_service, address) = Peer::script("websocket_server.py");
    let gateway = World::of("http").tls(vec![certificate]).instance("web", address).start();
    cases(&mut client(&format!("wss://localhost:{}", gateway.address.port()), &ca), CASES);
}

#[test]
fn the_cases_hold_through_a_tcp_listener() {
    let (_service, address) = Peer::script("websocket_server.py");
    let gateway = World::of("tcp").instance("web", address).start();
    cases(&mut client(&format!("ws://{}", gateway.address), "-"), CASES);
}

#[test]
fn a_tunnel_goes_on_through_a_drain() {
    let (_service, address) = Peer::script("websocket_server.py");
    let gateway = World::of("http").instance("web", address).start();
    let mut client = Peer::start(client(&format!("ws://{}", gateway.address), "-").arg("a_tunnel_goes_on_through_a_drain"));
    assert_eq!(client.line(), "streaming");
    gateway.shutdown();
    client.tell("go on");
    assert_eq!(client.line(), "ok a_tunnel_goes_on_through_a_drain");
    let records = gateway.wait();
    assert_eq!((records.len(), &records[0]["code"]), (1, &"ok".into()));
}
