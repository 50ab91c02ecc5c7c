//! The end of a gateway.

use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Client, Exit, LONG, Service, World, answer, eventually, request};

#[test]
fn a_drain_under_load_loses_nothing() {
    let service = Service::saying("ok");
    let gateway = World::of("http").instance("web", service.address).start();
    let address = gateway.address;
    let answered = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let answered = answered.clone();
            let mut client = Client::connect(address);
            std::thread::spawn(move || {
                loop {
                    client.send(&request("GET", "/", "", ""));
                    let answer = client.answer().expect("a request that was sent is answered");
                    assert_eq!(answer.status, 200);
                    answered.fetch_add(1, Ordering::SeqCst);
                    if answer.header("connection") == Some("close") {
                        return;
                    }
                }
            })
        })
        .collect();
    eventually("load", || answered.load(Ordering::SeqCst) > 200);
    gateway.shutdown();
    for client in clients {
        client.join().expect("no client lost anything");
    }
    let total = answered.load(Ordering::SeqCst);
    let records = gateway.wait();
    assert_eq!((records.len(), records.iter().filter(|r| r["code"] == "ok").count()), (total, total));
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_request_under_way_is_answered_and_its_connection_then_closed() {
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let service = Service::answering(move |_| {
        wait.lock().unwrap().recv().unwrap();
        answer(200, "late")
    });
    let gateway = World::of("http").instance("web", service.address).start();
    let mut client = Client::connect(gateway.address);
    client.send(&request("GET", "/", "", ""));
    eventually("the request is at the service", || service.connections() == 1);
    gateway.shutdown();
    // The listener is gone, so the drain has begun.
    eventually("the listener is closed", || TcpStream::connect(gateway.address).is_err());
    go.send(()).unwrap();
    let answer = client.answer().expect("an answer");
    assert_eq!((answer.text(), client.is_closed()), ("late", true));
    gateway.wait();
}

#[test]
fn what_is_not_done_at_the_end_of_the_drain_time_is_cut() {
    let service = Service::start(|stream| drop(std::io::copy(&mut &stream, &mut std::io::sink())));
    let gateway = World::of("http").instance("web", service.address).drain_time(Duration::from_millis(300)).start();
    let mut client = Client::connect(gateway.address);
    client.send(&request("GET", "/", "", ""));
    eventually("the request is at the service", || service.connections() == 1);
    let start = Instant::now();
    let records = gateway.stop();
    assert!(start.elapsed() < LONG / 2);
    assert!(client.answer().is_none());
    assert_eq!(records[0]["code"], "client_gone");
}

#[test]
fn an_idle_connection_does_not_hold_up_the_end() {
    let service = Service::saying("ok");
    let gateway = World::of("http").instance("web", service.address).start();
    let mut client = Client::connect(gateway.address);
    assert_eq!(client.ask(&request("GET", "/", "", "")).status, 200);
    let silent = Client::connect(gateway.address);
    let start = Instant::now();
    gateway.stop();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(client.is_closed());
    drop(silent);
}

#[test]
fn a_connection_that_is_new_when_the_drain_begins_still_brings_its_request() {
    let service = Service::saying("ok");
    let gateway = World::of("http").instance("web", service.address).start();
    let mut client = Client::connect(gateway.address);
    // Accepted, for a later one on each worker was served.
    for _ in 0..16 {
        assert_eq!(Client::connect(gateway.address).ask(&request("GET", "/", "", "")).status, 200);
    }
    gateway.shutdown();
    eventually("the listener is closed", || TcpStream::connect(gateway.address).is_err());
    std::thread::sleep(Duration::from_millis(100));
    let answer = client.ask(&request("GET", "/", "", ""));
    assert_eq!((answer.status, answer.header("connection"), client.is_closed()), (200, Some("close"), true));
    gateway.wait();
}

#[test]
fn who_is_forbidden_in_the_drain_is_cut_and_no_listener_is_opened() {
    let service = Service::start(|stream| drop(std::io::copy(&mut &stream, &mut &stream)));
    let exit = Exit::of("drain-deny", "tcp").intention("api", json!("allow")).instance("web", service.address, "").start();
    let mut client = exit.connect("api");
    assert!(client.echoes("a"));
    exit.run.shutdown();
    eventually("the listener is closed", || TcpStream::connect(exit.run.address()).is_err());
    assert!(client.echoes("drains"));
    let (files, elsewhere) = (&exit.exit().folder, Service::nowhere());
    let moved = std::fs::read_to_string(files.at("gw.toml")).unwrap().replace("127.0.0.1:0", &elsewhere.to_string());
    files.write("gw.toml", &moved);
    let entries = std::fs::read_to_string(files.at("gw.d/entries.json")).unwrap();
    files.write("gw.d/entries.json", &entries.replace("\"allow\"", "\"deny\""));
    assert_eq!(client.read(), "");
    // At the end of the drain time it would be cut as well, and recorded as something else.
    exit.recorded("denied");
    assert!(TcpStream::connect(elsewhere).is_err());
}
