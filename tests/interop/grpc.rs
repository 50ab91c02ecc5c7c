//! gRPC's own client and server (its C core), by the cases of gRPC's interop tests.

use std::net::SocketAddr;

use serde_json::json;

use crate::harness::{Folder, Gateway, World};
use crate::peer::{Peer, cases, python};

/// Cases of client and service, with or without a gateway between them.
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
    "unimplemented_service",
    "compressed_unary",
    "every_status",
    "status_details",
    "messages_larger_than_every_window",
    "a_reader_that_waits_holds_up_nobody_else",
    "many_streams_at_once",
    "an_answer_before_the_upload_ends",
    GOODBYE,
];
const GOODBYE: &str = "a_server_that_says_goodbye_ends_its_streams_in_peace";

/// `web.test` is the service; `none.test` is one without instances.
fn world(service: SocketAddr) -> World {
    let hosts = json!([{"Name": "web", "Hosts": ["web.test"]}, {"Name": "none", "Hosts": ["none.test"]}]);
    let listener = json!({"Port": 0, "Protocol": "grpc", "Services": hosts});
    let edge = json!({"Kind": "ingress-gateway", "Name": "edge", "Listeners": [listener]});
    World::of("grpc").entry(edge).instance("web", service)
}

fn client(address: SocketAddr, ca: &str) -> std::process::Command {
    let mut command = python("grpc_client.py");
    command.args([&address.to_string(), ca]);
    command
}

fn plain() -> (Peer, Gateway) {
    let (service, address) = Peer::script("grpc_server.py");
    (service, world(address).start())
}

#[test]
fn the_cases_hold_without_a_gateway() {
    let (_service, address) = Peer::script("grpc_server.py");
    let mut of_the_library = CASES.to_vec();
    for case in &mut of_the_library {
        if *case == GOODBYE {
            *case = "a_server_that_says_goodbye_may_have_to_be_asked_again";
        }
    }
    cases(&mut client(address, "-"), &of_the_library);
}

#[test]
fn the_cases_hold_through_a_gateway() {
    let (_service, gateway) = plain();
    cases(&mut client(gateway.address, "-"), CASES);
}

#[test]
fn the_cases_hold_through_tls() {
    let folder = Folder::new("grpc");
    let (certificate, _) = folder.certificate("web.test");
    let ca = certificate.cert.display().to_string();
    let (_service, address) = Peer::script("grpc_server.py");
    let gateway = World::of("grpc").tls(vec![certificate]).instance("web", address).start();
    cases(&mut client(gateway.address, &ca), CASES);
}

#[test]
fn answers_of_gws_own_are_statuses() {
    let (_service, gateway) = plain();
    cases(&mut client(gateway.address, "-"), &["an_unknown_host_is_unimplemented", "a_service_without_instances_is_unavailable"]);
}

#[test]
fn a_service_that_is_gone_is_unavailable() {
    let (service, gateway) = plain();
    cases(&mut client(gateway.address, "-"), &["empty_unary"]);
    drop(service);
    cases(&mut client(gateway.address, "-"), &["a_service_that_is_gone_is_unavailable"]);
}

#[test]
fn a_stream_goes_on_through_a_drain() {
    let (_service, gateway) = plain();
    let mut client = Peer::start(client(gateway.address, "-").arg("a_stream_goes_on_through_a_drain"));
    assert_eq!(client.line(), "streaming");
    gateway.shutdown();
    client.tell("go on");
    assert_eq!(client.line(), "ok a_stream_goes_on_through_a_drain");
    let records = gateway.wait();
    assert!(records.iter().all(|record| record["code"] == "ok"), "{records:?}");
}
