//! How connections end whose TLS is between others: halves, resets, who never reads, and what a change or the end of the gateway
//! means for them. The same code serves tcp listeners.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::harness::{Ca, Client, Gateway, LONG, Service, World, eventually, hello, sni};

/// A gateway that passes TLS on or bytes, and a service that hands over its connections.
fn handing_over(world: World, mesh: bool) -> (Gateway, Receiver<TcpStream>) {
    let (sender, connections) = channel();
    let service = Service::start(move |stream| drop(sender.send(stream)));
    let add = if mesh { World::mesh_instance } else { World::instance };
    (add(world, "web", service.address).start(), connections)
}

/// A connection through the gateway, both ends of it; the service has read the hello.
fn through(gateway: &Gateway, connections: &Receiver<TcpStream>) -> (TcpStream, TcpStream) {
    gw::tls::install();
    let hello = hello(&Ca::new().client(None), Some(&sni("web")));
    let mut client = Client::connect(gateway.address).stream;
    client.write_all(&hello).unwrap();
    let mut service = connections.recv_timeout(LONG).expect("a connection at the service");
    let mut read = vec![0; hello.len()];
    service.read_exact(&mut read).unwrap();
    assert!(read == hello);
    (client, service)
}

fn says(from: &mut TcpStream, to: &mut TcpStream, text: &str) {
    from.write_all(text.as_bytes()).unwrap();
    let mut read = vec![0; text.len()];
    to.read_exact(&mut read).unwrap();
    assert_eq!(read, text.as_bytes());
}

fn is_at_its_end(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0; 16]), Ok(0))
}

#[test]
fn each_side_ends_for_itself() {
    let (gateway, connections) = handing_over(World::between(), true);
    for client_first in [true, false] {
        let (client, service) = through(&gateway, &connections);
        let (mut first, mut other) = if client_first { (client, service) } else { (service, client) };
        first.shutdown(Shutdown::Write).unwrap();
        assert!(is_at_its_end(&mut other));
        says(&mut other, &mut first, "the answer comes later");
        drop(other);
        assert!(is_at_its_end(&mut first));
    }
    assert!(gateway.stop().iter().all(|record| record["code"] == "ok"));
}

#[test]
fn a_reset_of_one_side_is_the_end_for_the_other_after_the_last_words() {
    let (gateway, connections) = handing_over(World::between(), true);
    for (client_breaks, code) in [(true, "client_gone"), (false, "upstream_broken")] {
        let (client, service) = through(&gateway, &connections);
        let (mut broken, mut other) = if client_breaks { (client, service) } else { (service, client) };
        says(&mut broken, &mut other, "so far so good");
        broken.write_all(b"last words").unwrap();
        let mut words = [0; 10];
        other.read_exact(&mut words).unwrap();
        socket2::SockRef::from(&broken).set_linger(Some(Duration::ZERO)).unwrap();
        drop(broken);
        assert!(is_at_its_end(&mut other), "an end and no reset, as C+E has it");
        eventually(code, || gateway.recorded(code));
    }
}

#[test]
fn much_goes_both_ways_at_the_same_time_and_arrives_as_it_was_said() {
    let (gateway, connections) = handing_over(World::between(), true);
    let (client, service) = through(&gateway, &connections);
    let bytes =
        |seed: u32| -> Vec<u8> { (0..8_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 13) as u8).collect() };
    let talk = |mut stream: TcpStream, says: u32, hears: u32| {
        let mut reader = stream.try_clone().unwrap();
        let reads = std::thread::spawn(move || {
            let mut heard = Vec::new();
            reader.read_to_end(&mut heard).unwrap();
            heard
        });
        std::thread::spawn(move || {
            stream.write_all(&bytes(says)).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            reads.join().unwrap() == bytes(hears)
        })
    };
    let (up, down) = (talk(client, 1, 2), talk(service, 2, 1));
    assert!(up.join().unwrap() && down.join().unwrap());
}

#[test]
fn of_what_a_service_does_not_read_no_more_is_taken_than_sockets_hold_and_nothing_is_lost() {
    let (gateway, connections) = handing_over(World::between(), true);
    let (mut client, mut service) = through(&gateway, &connections);
    client.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let block: Vec<u8> = (0..100_000u32).map(|n| (n / 5) as u8).collect();
    let mut taken = Vec::new();
    loop {
        match client.write(&block[..]) {
            Ok(n) => taken.extend_from_slice(&block[..n]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
            Err(error) => panic!("{error}"),
        }
        assert!(taken.len() < 100_000_000, "it is read ahead of who takes it");
    }
    client.shutdown(Shutdown::Write).unwrap();
    let mut read = Vec::new();
    service.read_to_end(&mut read).unwrap();
    assert!(read == taken, "{} of {}", read.len(), taken.len());
}

#[test]
fn an_open_connection_goes_on_while_the_gateway_drains_and_is_cut_at_its_end() {
    for (world, mesh) in [(World::between(), true), (World::of("tcp"), false)] {
        let (gateway, connections) = handing_over(world.drain_time(Duration::from_secs(1)), mesh);
        let (mut client, mut service) = if mesh {
            through(&gateway, &connections)
        } else {
            (Client::connect(gateway.address).stream, connections.recv_timeout(LONG).unwrap())
        };
        says(&mut client, &mut service, "before");
        gateway.shutdown();
        eventually("a listener that takes nobody", || TcpStream::connect(gateway.address).is_err());
        says(&mut client, &mut service, "meanwhile");
        says(&mut service, &mut client, "in both directions");
        gateway.wait();
        assert!(is_at_its_end(&mut client) && is_at_its_end(&mut service));
    }
}

#[test]
fn on_a_tcp_listener_the_same_holds() {
    let (gateway, connections) = handing_over(World::of("tcp"), false);
    let mut client = Client::connect(gateway.address).stream;
    let mut service = connections.recv_timeout(LONG).unwrap();
    says(&mut service, &mut client, "a server may speak first");
    client.shutdown(Shutdown::Write).unwrap();
    assert!(is_at_its_end(&mut service));
    says(&mut service, &mut client, "and last");
}
