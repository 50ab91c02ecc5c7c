//! Instances that are given by host name.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

use serde_json::json;

use crate::harness::{Client, Dns, LONG, Service, World, answer, eventually, get, read_request, request};
use crate::support::free_port;

/// A service that says which address it was reached at, on one port of several addresses. Connections are not kept.
fn services(addresses: &[&str]) -> u16 {
    let port = free_port();
    for listener in addresses.iter().map(|a| TcpListener::bind((*a, port)).unwrap()) {
        std::thread::spawn(move || listener.incoming().map_while(Result::ok).for_each(say_where));
    }
    port
}

fn say_where(mut stream: TcpStream) {
    let here = stream.local_addr().unwrap().ip().to_string();
    if read_request(&mut BufReader::new(stream.try_clone().unwrap())).is_some() {
        let text = answer(200, &here).replace("content-length", "connection: close\r\ncontent-length");
        stream.write_all(text.as_bytes()).unwrap();
    }
}

#[test]
fn every_address_of_a_name_is_used_in_both_families() {
    let all = ["127.0.0.1", "127.0.0.2", "::1"];
    let (port, dns) = (services(&all), Dns::start());
    dns.has("web.test", 60, &all);
    let gateway = World::of("http").dns(dns.address).named("web", &format!("web.test:{port}")).start();
    let mut seen = Vec::new();
    eventually("every address has answered", || {
        let answer = get(gateway.address, "/");
        assert_eq!(answer.status, 200);
        seen.push(answer.text().to_owned());
        all.iter().all(|a| seen.iter().any(|s| s == a))
    });
}

#[test]
fn all_instances_are_used_whether_they_have_names_or_addresses() {
    let (port, dns) = (services(&["127.0.0.1", "127.0.0.2"]), Dns::start());
    dns.has("web.test", 60, &["127.0.0.1"]);
    let other = SocketAddr::from(([127, 0, 0, 2], port));
    let gateway = World::of("http").dns(dns.address).named("web", &format!("web.test:{port}")).instance("web", other).start();
    let mut seen = Vec::new();
    eventually("both instances have answered", || {
        seen.push(get(gateway.address, "/").text().to_owned());
        ["127.0.0.1", "127.0.0.2"].iter().all(|a| seen.iter().any(|s| s == a))
    });
}

#[test]
fn a_name_is_asked_for_when_it_is_published_and_not_by_each_request() {
    let (port, dns) = (services(&["127.0.0.1"]), Dns::start());
    dns.has("web.test", 3600, &["127.0.0.1"]);
    let gateway = World::of("http").dns(dns.address).named("web", &format!("web.test:{port}")).start();
    eventually("the name was asked for", || dns.asked("web.test") == 2);
    for _ in 0..20 {
        assert_eq!(get(gateway.address, "/").text(), "127.0.0.1");
    }
    assert_eq!(dns.asked("web.test"), 2);
}

#[test]
fn a_new_address_is_taken_up_when_the_ttl_is_over() {
    let (port, dns) = (services(&["127.0.0.1", "127.0.0.2"]), Dns::start());
    dns.has("web.test", 1, &["127.0.0.1"]);
    let gateway = World::of("http").dns(dns.address).named("web", &format!("web.test:{port}")).start();
    assert_eq!(get(gateway.address, "/").text(), "127.0.0.1");
    dns.has("web.test", 3600, &["127.0.0.2"]);
    eventually("the new address answers", || get(gateway.address, "/").text() == "127.0.0.2");
    assert_eq!(get(gateway.address, "/").text(), "127.0.0.2");
}

#[test]
fn while_dns_fails_the_last_addresses_stay_in_use() {
    let (port, dns) = (services(&["127.0.0.1"]), Dns::start());
    dns.has("web.test", 1, &["127.0.0.1"]);
    let gateway = World::of("http").dns(dns.address).named("web", &format!("web.test:{port}")).start();
    assert_eq!(get(gateway.address, "/").status, 200);
    dns.fails("web.test");
    let before = dns.asked("web.test");
    eventually("the name was asked for in vain, twice", || dns.asked("web.test") >= before + 4);
    assert_eq!(get(gateway.address, "/").status, 200);
}

#[test]
fn a_name_that_does_not_exist_is_a_failed_connection_until_it_does() {
    let (port, dns) = (services(&["127.0.0.1"]), Dns::start());
    let gateway = World::of("http").dns(dns.address).named("web", &format!("web.test:{port}")).start();
    let answer = get(gateway.address, "/");
    assert_eq!((answer.status, answer.header("x-gw-code")), (503, Some("connect_failed")));
    dns.has("web.test", 60, &["127.0.0.1"]);
    eventually("the name is taken up", || get(gateway.address, "/").status == 200);
}

#[test]
fn a_name_without_an_address_lets_the_next_instance_have_its_turn() {
    let (service, dns) = (Service::saying("ok"), Dns::start());
    let gateway = World::of("http").dns(dns.address).named("web", "gone.test:80").instance("web", service.address).start();
    for _ in 0..10 {
        assert_eq!(get(gateway.address, "/").text(), "ok");
    }
}

#[test]
fn an_address_that_is_silent_is_overtaken_by_one_of_the_other_family() {
    let (port, dns) = (services(&["127.0.0.1"]), Dns::start());
    let silent = Silent::at("::1", port);
    dns.has("web.test", 60, &["::1", "127.0.0.1"]);
    let gateway = World::of("http")
        .dns(dns.address)
        .named("web", &format!("web.test:{port}"))
        .entry(json!({"Kind": "service-resolver", "Name": "web", "ConnectTimeout": "20s"}))
        .start();
    // One of the two has its turn with the silent one.
    let start = Instant::now();
    for _ in 0..2 {
        assert_eq!(get(gateway.address, "/").text(), "127.0.0.1");
    }
    assert!(start.elapsed() < LONG, "the silent address was waited for");
    drop(silent);
}

#[test]
fn an_address_that_refuses_gives_way_to_the_others_of_its_name() {
    let (port, dns) = (services(&["127.0.0.2"]), Dns::start());
    dns.has("web.test", 60, &["127.0.0.1", "127.0.0.2", "::1"]);
    let gateway = World::of("http").dns(dns.address).named("web", &format!("web.test:{port}")).start();
    for _ in 0..10 {
        assert_eq!(get(gateway.address, "/").text(), "127.0.0.2");
    }
}

#[test]
fn localhost_is_both_loopbacks_and_is_not_asked_for() {
    let (four, six, dns) = (services(&["127.0.0.1"]), services(&["::1"]), Dns::start());
    for (port, here) in [(four, "127.0.0.1"), (six, "::1")] {
        let gateway = World::of("http").dns(dns.address).named("web", &format!("localhost:{port}")).start();
        for _ in 0..4 {
            assert_eq!(get(gateway.address, "/").text(), here);
        }
    }
    assert_eq!(dns.asked("localhost"), 0);
}

#[test]
fn tcp_listeners_reach_names_too() {
    let (service, dns) = (Service::start(|mut stream| stream.write_all(b"hello").unwrap()), Dns::start());
    dns.has("web.test", 60, &["127.0.0.1"]);
    let gateway = World::of("tcp").dns(dns.address).named("web", &format!("web.test:{}", service.address.port())).start();
    assert_eq!(Client::connect(gateway.address).read_to_end(), b"hello");
    let nowhere = free_port();
    let gateway = World::of("tcp").dns(dns.address).named("web", &format!("web.test:{nowhere}")).start();
    let mut client = Client::connect(gateway.address);
    client.send(&request("GET", "/", "", ""));
    eventually("a closed connection", || client.is_closed());
    assert_eq!(gateway.stop()[0]["code"], "connect_failed");
}

/// An address that takes no connection and refuses none: its queue is full.
struct Silent {
    _listener: socket2::Socket,
    _queued: Vec<socket2::Socket>,
}

impl Silent {
    fn at(address: &str, port: u16) -> Self {
        let address: SocketAddr = (address.parse::<std::net::IpAddr>().unwrap(), port).into();
        let listener = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None).unwrap();
        listener.bind(&address.into()).unwrap();
        listener.listen(0).unwrap();
        let queued = (0..4).map(|_| {
            let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            // Under way; the first ones fill the queue, the others wait as gw's will.
            drop(socket.connect(&address.into()));
            socket
        });
        Self { _queued: queued.collect(), _listener: listener }
    }
}
