//! From one datacenter to another through a mesh gateway of each: bytes, and gateways that go and come back.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::mpsc::channel;

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, ServerConnection, StreamOwned};

use crate::elsewhere::{id, name};
use crate::harness::{Ca, Client, Gateway, Service, Taped, World, eventually, hello};

/// A mesh gateway of dc2 in front of `web`.
fn there(web: &Service, address: SocketAddr) -> Gateway {
    World::between().mesh_instance("web", web.address).elsewhere("dc2").on(address).start()
}

/// What `web` in dc2 answers through a gateway, or how the connection ends without an answer.
fn ask(gateway: SocketAddr, said: &[u8]) -> Result<Vec<u8>, ErrorKind> {
    let mut client = Client::connect(gateway);
    client.stream.write_all(said).unwrap();
    let mut answer = Vec::new();
    client.stream.read_to_end(&mut answer).map_err(|error| error.kind())?;
    Ok(answer)
}

#[test]
fn one_of_two_gateways_there_may_die_both_are_missed_at_once_and_one_that_is_back_is_used() {
    gw::tls::install();
    let said = hello(&Ca::new().client(None), Some(&name("web")));
    let web = Service::start(|mut stream| {
        stream.write_all(b"web").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let addresses = [Service::nowhere(), Service::nowhere()];
    let [first, second] = addresses.map(|address| there(&web, address));
    let here = World::between().mesh_gateways("dc2", &addresses).start();
    let answered = || (0..16).all(|_| ask(here.address, &said) == Ok(b"web".to_vec()));
    assert!(answered());
    let used = first.stop().len();
    assert!((1..16).contains(&used), "both have their turn: {used} of 16");
    assert!(answered(), "not one connection fails when a gateway is gone");
    drop(second);
    for _ in 0..4 {
        let answer = ask(here.address, &said);
        assert!(matches!(answer, Ok(ref nothing) if nothing.is_empty()) || answer == Err(ErrorKind::ConnectionReset), "{answer:?}");
    }
    let _second = there(&web, addresses[1]);
    eventually("the gateway that is back to be used", || ask(here.address, &said) == Ok(b"web".to_vec()));
    assert!(answered(), "and then no connection fails");
    let records = here.stop();
    let refused = records.iter().filter(|record| record["code"] == "connect_failed").count();
    assert!(refused >= 4, "who finds no gateway there is closed with the reason: {records:?}");
}

#[test]
fn through_the_gateways_of_both_datacenters_every_byte_of_tls_arrives_as_it_was_said() {
    gw::tls::install();
    let ca = Ca::new();
    let (server, (told, tapes)) = (ca.sidecar(&[id("web")]), channel());
    let web = Service::start(move |stream| {
        let (stream, tape) = Taped::new(stream);
        let mut tls = StreamOwned::new(ServerConnection::new(server.clone()).unwrap(), stream);
        let mut said = vec![0; 100_000];
        tls.read_exact(&mut said).unwrap();
        tls.write_all(&said).unwrap();
        tls.conn.send_close_notify();
        tls.flush().unwrap();
        let _ = tls.sock.read_to_end(&mut Vec::new());
        told.send(tape).unwrap();
    });
    let far = World::between().mesh_instance("web", web.address).elsewhere("dc2").start();
    let near = World::between().mesh_gateways("dc2", &[far.address]).start();
    let (stream, here) = Taped::connect(near.address);
    let name = ServerName::try_from(name("web")).unwrap();
    let mut tls = StreamOwned::new(ClientConnection::new(ca.client(Some("api")), name).unwrap(), stream);
    let said: Vec<u8> = (0..100_000u32).map(|n| (n / 7) as u8).collect();
    tls.write_all(&said).unwrap();
    let mut answer = Vec::new();
    tls.read_to_end(&mut answer).unwrap();
    assert!(answer == said);
    drop(tls);
    let there = tapes.recv().unwrap();
    assert!(*here.written.lock().unwrap() == *there.read.lock().unwrap(), "what the client said");
    assert!(*here.read.lock().unwrap() == *there.written.lock().unwrap(), "what the service said");
}
