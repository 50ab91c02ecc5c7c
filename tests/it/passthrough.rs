//! TLS between others: who is meant by a name, and that not a byte is changed.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::channel;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ServerConnection, StreamOwned};

use crate::harness::{Ca, Client, Service, Taped, World, eventually, hello, sni};

fn anybody() -> Arc<ClientConfig> {
    gw::tls::install();
    Ca::new().client(None)
}

/// A gateway with a service `web` that answers the end of what it is said with what it was said.
fn echoing() -> (crate::harness::Gateway, Service) {
    let service = Service::start(|mut stream| {
        let mut said = Vec::new();
        stream.read_to_end(&mut said).unwrap();
        stream.write_all(&said).unwrap();
    });
    (World::between().mesh_instance("web", service.address).start(), service)
}

/// Says that, and no more. All that is answered.
fn exchange(gateway: SocketAddr, said: &[u8]) -> Vec<u8> {
    let mut client = Client::connect(gateway);
    client.stream.write_all(said).unwrap();
    client.stream.shutdown(Shutdown::Write).unwrap();
    client.read_to_end()
}

#[test]
fn client_and_service_speak_tls_with_each_other_and_every_byte_arrives_as_it_was_said() {
    gw::tls::install();
    let ca = Ca::new();
    let (server, (told, tapes)) = (ca.sidecar(&[Ca::id("web")]), channel());
    let service = Service::start(move |stream| {
        let (stream, tape) = Taped::new(stream);
        let mut tls = StreamOwned::new(ServerConnection::new(server.clone()).unwrap(), stream);
        let mut said = vec![0; 300_000];
        tls.read_exact(&mut said).unwrap();
        said.reverse();
        tls.write_all(&said).unwrap();
        tls.conn.send_close_notify();
        tls.flush().unwrap();
        // Until the client's last bytes are on the tape too.
        let _ = tls.sock.read_to_end(&mut Vec::new());
        told.send(tape).unwrap();
    });
    let gateway = World::between().mesh_instance("web", service.address).start();
    let (stream, here) = Taped::connect(gateway.address);
    let name = ServerName::try_from(sni("web")).unwrap();
    let mut tls = StreamOwned::new(ClientConnection::new(ca.client(Some("api")), name).unwrap(), stream);
    let said: Vec<u8> = (0..300_000u32).map(|n| (n / 7) as u8).collect();
    tls.write_all(&said).unwrap();
    let mut answer = Vec::new();
    tls.read_to_end(&mut answer).unwrap();
    answer.reverse();
    assert!(answer == said);
    let shown = tls.conn.peer_certificates().expect("the service has shown its certificate");
    let of_web = Ca::id("web");
    assert!(shown[0].windows(of_web.len()).any(|part| part == of_web.as_bytes()), "it is the service's own");
    drop(tls);
    let there = tapes.recv().unwrap();
    assert!(*here.written.lock().unwrap() == *there.read.lock().unwrap(), "what the client said");
    assert!(*here.read.lock().unwrap() == *there.written.lock().unwrap(), "what the service said");
    let records = gateway.stop();
    assert_eq!((&records[0]["code"], &records[0]["requested_server_name"]), (&"ok".into(), &sni("web").into()));
    assert_eq!(records[0]["target"], "web.default.default.dc1");
    assert_eq!(records[0]["bytes_received"], here.written.lock().unwrap().len());
    assert_eq!(records[0]["bytes_sent"], here.read.lock().unwrap().len());
}

#[test]
fn a_hello_may_come_byte_by_byte_and_its_name_in_capitals() {
    let (gateway, _service) = echoing();
    let mut said = hello(&anybody(), Some(&sni("web")));
    let (name, length) = (sni("web"), said.len());
    let at = said.windows(name.len()).position(|part| part == name.as_bytes()).expect("the name is there");
    said[at..at + name.len()].make_ascii_uppercase();
    let mut client = Client::connect(gateway.address);
    for byte in &said {
        client.stream.write_all(std::slice::from_ref(byte)).unwrap();
    }
    client.stream.shutdown(Shutdown::Write).unwrap();
    assert!(client.read_to_end() == said);
    assert_eq!(gateway.stop()[0]["bytes_received"], length);
}

#[test]
fn what_follows_a_hello_in_the_same_segment_follows_it_and_so_does_the_end() {
    let (gateway, _service) = echoing();
    for more in [0, 1, 40_000, 3_000_000usize] {
        let said = [hello(&anybody(), Some(&sni("web"))), (0..more).map(|n| (n / 3) as u8).collect()].concat();
        let address = gateway.address;
        let answer = exchange(address, &said);
        assert!(answer == said, "{more} bytes more: {} of {}", answer.len(), said.len());
    }
}

#[test]
fn who_names_no_service_of_the_mesh_is_reset_at_once_and_no_service_hears_of_it() {
    let (gateway, service) = echoing();
    let some = hello(&anybody(), Some(&sni("web")));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("no_sni", hello(&anybody(), Some("web.example.test"))),
        ("no_sni", hello(&anybody(), Some(&sni("api")))),
        ("no_sni", hello(&anybody(), Some("local_agent.test"))),
        ("servers_not_exposed", hello(&anybody(), Some("server.dc1.consul"))),
        ("servers_not_exposed", hello(&anybody(), Some("dc1-s1.server.dc1.consul"))),
        ("sni_absent", hello(&anybody(), None)),
        ("client_tls", b"GET / HTTP/1.1\r\nhost: web\r\n\r\n".to_vec()),
        ("client_tls", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
        ("client_tls", [&b"\x16\x03\x01\x40\x00\x01\x00\xff\xff"[..], &[0; 30_000]].concat()),
    ];
    for (_, said) in &cases {
        let mut client = Client::connect(gateway.address);
        // It may be reset in the middle of saying it.
        let _ = client.stream.write_all(said);
        let read = client.stream.read(&mut [0; 64]).map_err(|error| error.kind());
        assert_eq!(read, Err(ErrorKind::ConnectionReset), "{}", String::from_utf8_lossy(said));
    }
    let mut client = Client::connect(gateway.address);
    client.stream.write_all(&some[..some.len() - 1]).unwrap();
    client.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.stream.read(&mut [0; 64]).unwrap_err().kind(), ErrorKind::ConnectionReset, "a part of a hello, and the end");
    assert_eq!(service.connections(), 0);
    let records = gateway.stop();
    let codes: Vec<&str> = records.iter().map(|record| record["code"].as_str().unwrap()).collect();
    let expected: Vec<&str> = cases.iter().map(|(code, _)| *code).chain(["client_gone"]).collect();
    let sorted = |mut codes: Vec<&'static str>| {
        codes.sort_unstable();
        codes
    };
    let codes = codes.into_iter().map(|code| *expected.iter().find(|e| **e == code).unwrap_or(&"another")).collect();
    assert_eq!(sorted(codes), sorted(expected));
}

#[test]
fn an_instance_that_refuses_is_passed_over_and_where_all_refuse_the_client_is_reset() {
    let service = Service::start(|mut stream| stream.write_all(b"hello").unwrap());
    let world = World::between().mesh_instance("web", Service::nowhere()).mesh_instance("web", service.address);
    let gateway = world.mesh_instance("api", Service::nowhere()).start();
    for _ in 0..10 {
        assert_eq!(exchange(gateway.address, &hello(&anybody(), Some(&sni("web")))), b"hello");
    }
    let mut client = Client::connect(gateway.address);
    client.stream.write_all(&hello(&anybody(), Some(&sni("api")))).unwrap();
    assert_eq!(client.stream.read(&mut [0; 64]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    let records = gateway.stop();
    assert_eq!(records.iter().filter(|record| record["code"] == "connect_failed").count(), 1);
}

#[test]
fn any_server_of_a_datacenter_is_one_that_is_there_and_a_node_is_its_own_whatever_others_are() {
    let servers = ["s1", "s2"].map(|name| Service::start(move |mut stream| stream.write_all(name.as_bytes()).unwrap()));
    let world = World::between().server("s1", servers[0].address).server("s2", servers[1].address).server("s3", Service::nowhere());
    let gateway = world.start();
    let mut answered = std::collections::BTreeMap::<String, u32>::new();
    for _ in 0..12 {
        let answer = exchange(gateway.address, &hello(&anybody(), Some("server.dc1.consul")));
        *answered.entry(String::from_utf8(answer).unwrap()).or_default() += 1;
    }
    assert_eq!(answered.keys().collect::<Vec<_>>(), ["s1", "s2"], "in turn, and never the one that is not there: {answered:?}");
    for _ in 0..4 {
        assert_eq!(exchange(gateway.address, &hello(&anybody(), Some("S2.server.dc1.consul"))), b"s2");
    }
    let mut client = Client::connect(gateway.address);
    client.stream.write_all(&hello(&anybody(), Some("s3.server.dc1.consul"))).unwrap();
    assert_eq!(client.stream.read(&mut [0; 64]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    let records = gateway.stop();
    assert_eq!(records.last().unwrap()["code"], "connect_failed");
    assert_eq!(records.last().unwrap()["target"], "s3.consul.default.default.dc1");
}

#[test]
fn two_thousand_clients_that_stall_after_a_byte_keep_nobody_waiting() {
    let (gateway, _service) = echoing();
    let stalled: Vec<TcpStream> = (0..2000)
        .map(|_| {
            let mut stream = TcpStream::connect(gateway.address).unwrap();
            stream.write_all(b"\x16").unwrap();
            stream
        })
        .collect();
    let said = hello(&anybody(), Some(&sni("web")));
    for _ in 0..20 {
        assert!(exchange(gateway.address, &said) == said);
    }
    drop(stalled);
}

#[test]
fn when_half_of_all_connections_stall_whoever_stalls_the_longest_makes_room() {
    let service = Service::start(|mut stream| drop(std::io::copy(&mut stream.try_clone().unwrap(), &mut stream)));
    let gateway = World::between().mesh_instance("web", service.address).max_connections(20).start();
    let mut stalled: Vec<Client> = Vec::new();
    for _ in 0..30 {
        let mut client = Client::connect(gateway.address);
        client.stream.write_all(b"\x16").unwrap();
        stalled.push(client);
    }
    eventually("the first of them to be closed", || stalled[..20].iter_mut().all(Client::is_closed));
    let said = hello(&anybody(), Some(&sni("web")));
    assert!(exchange(gateway.address, &said) == said);
    let records = gateway.stop();
    assert!(records.iter().filter(|record| record["code"] == "overloaded").count() >= 20);
}
