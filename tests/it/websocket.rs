//! Upgrades.

use std::io::{BufReader, Read, Write};
use std::sync::Mutex;
use std::sync::mpsc::channel;

use crate::harness::{Client, Service, World, answer, read_request, request};

const UPGRADE: &str = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A service that takes a websocket, says hello and answers in capitals; any other request gets `ok`.
fn capitals() -> Service {
    Service::start(|stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        let seen = read_request(&mut reader).unwrap();
        if seen.header("upgrade").is_none() {
            stream.write_all(answer(200, "ok").as_bytes()).unwrap();
            return;
        }
        assert_eq!((seen.header("upgrade"), seen.header("connection")), (Some("websocket"), Some("Upgrade")));
        // The first bytes of the tunnel come with the answer.
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\nhello").unwrap();
        let mut buffer = [0; 64];
        while let Ok(n @ 1..) = reader.read(&mut buffer) {
            stream.write_all(buffer[..n].to_ascii_uppercase().as_slice()).unwrap();
        }
    })
}

#[test]
fn a_websocket_is_a_tunnel_after_the_101() {
    let service = capitals();
    let gateway = World::of("http").instance("web", service.address).start();
    let mut client = Client::connect(gateway.address);
    client.send(&request("GET", "/ws", UPGRADE, ""));
    let head = client.head().unwrap();
    assert_eq!((head.status, head.header("upgrade"), head.header("connection")), (101, Some("websocket"), Some("Upgrade")));
    assert_eq!(client.read_exact(5), b"hello");
    client.send("ping");
    assert_eq!(client.read_exact(4), b"PING");
    client.stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.read_to_end(), b"");
    let records = gateway.stop();
    assert_eq!((&records[0]["code"], &records[0]["response_code"], &records[0]["bytes_received"]), (&"ok".into(), &101.into(), &4.into()));
}

#[test]
fn what_a_client_sends_before_the_101_comes_first_in_the_tunnel() {
    // Less, and more than is kept until then.
    for length in [5, 1_000_000] {
        let (go, wait) = channel::<()>();
        let wait = Mutex::new(wait);
        let service = Service::start(move |mut stream| {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            read_request(&mut reader).unwrap();
            wait.lock().unwrap().recv().unwrap();
            stream.write_all(b"HTTP/1.1 101 X\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n").unwrap();
            let mut all = Vec::new();
            reader.read_to_end(&mut all).unwrap();
            let in_order = all.iter().enumerate().all(|(n, byte)| usize::from(*byte) == n % 251);
            stream.write_all(format!("{} {in_order}", all.len()).as_bytes()).unwrap();
        });
        let gateway = World::of("http").instance("web", service.address).start();
        let mut client = Client::connect(gateway.address);
        client.send(&request("GET", "/ws", UPGRADE, ""));
        let mut stream = client.stream.try_clone().unwrap();
        let early: Vec<u8> = (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let sending = std::thread::spawn(move || {
            stream.write_all(&early[..early.len().min(100_000)]).unwrap();
            go.send(()).unwrap();
            stream.write_all(&early[early.len().min(100_000)..]).unwrap();
        });
        assert_eq!(client.head().map(|head| head.status), Some(101));
        sending.join().unwrap();
        client.stream.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(String::from_utf8(client.read_to_end()).unwrap(), format!("{length} true"));
    }
}

#[test]
fn a_refused_websocket_is_an_answer_and_the_end_of_the_connection() {
    let service = Service::answering(|_| answer(400, "no"));
    let gateway = World::of("http").instance("web", service.address).start();
    let mut client = Client::connect(gateway.address);
    let answer = client.ask(&request("GET", "/ws", UPGRADE, ""));
    assert_eq!((answer.status, answer.text(), answer.header("connection")), (400, "no", Some("close")));
    assert!(client.is_closed());
}

#[test]
fn a_tunnel_is_an_open_connection_until_its_end() {
    let service = capitals();
    let gateway = World::of("http").instance("web", service.address).max_connections(1).start();
    let mut client = Client::connect(gateway.address);
    client.send(&request("GET", "/ws", UPGRADE, ""));
    assert_eq!(client.head().unwrap().status, 101);
    assert_eq!(client.read_exact(5), b"hello");
    let mut next = Client::connect(gateway.address);
    next.send(&request("GET", "/", "", ""));
    for _ in 0..100 {
        client.send("ping");
        assert_eq!(client.read_exact(4), b"PING");
    }
    next.stream.set_nonblocking(true).unwrap();
    assert!(next.stream.peek(&mut [0]).is_err(), "there is one connection already");
    next.stream.set_nonblocking(false).unwrap();
    drop(client);
    assert_eq!(next.answer().unwrap().text(), "ok");
}
