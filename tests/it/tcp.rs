//! Listeners whose bytes are the service's.

use std::io::{Read, Write};
use std::net::Shutdown;

use crate::harness::{Client, Service, World, eventually};

#[test]
fn bytes_go_through_and_half_closes_too() {
    let service = Service::start(|mut stream| {
        let mut question = Vec::new();
        stream.read_to_end(&mut question).unwrap();
        question.reverse();
        stream.write_all(&question).unwrap();
    });
    let gateway = World::of("tcp").instance("web", service.address).start();
    let mut client = Client::connect(gateway.address);
    let question: Vec<u8> = (0..3_000_000u32).map(|n| n as u8).collect();
    client.stream.write_all(&question).unwrap();
    client.stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = client.read_to_end();
    answer.reverse();
    assert!(answer == question);
    let records = gateway.stop();
    assert_eq!(
        (&records[0]["code"], &records[0]["bytes_received"], &records[0]["bytes_sent"]),
        (&"ok".into(), &3_000_000.into(), &3_000_000.into())
    );
}

#[test]
fn a_refused_connection_tries_the_next_instance() {
    let service = Service::start(|mut stream| stream.write_all(b"hello").unwrap());
    let gateway = World::of("tcp").instance("web", Service::nowhere()).instance("web", service.address).start();
    for _ in 0..10 {
        assert_eq!(Client::connect(gateway.address).read_to_end(), b"hello");
    }
}

#[test]
fn without_an_instance_the_connection_is_closed() {
    let gateway = World::of("tcp").start();
    let mut client = Client::connect(gateway.address);
    eventually("a closed connection", || client.is_closed());
    assert_eq!(gateway.stop()[0]["code"], "no_healthy_endpoint");
}
