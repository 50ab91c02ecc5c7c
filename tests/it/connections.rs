//! Which tcp connections are open.

use std::io::{Read, Write};

use serde_json::Value;

use crate::harness::{Ca, Client, Gateway, Service, World, eventually, hello, sni};

fn listed(gateway: &Gateway, query: &str) -> Value {
    gw::admin::client::get_blocking(gateway.admin, &format!("/v1/connections{query}")).expect("a listing")
}

fn all(gateway: &Gateway) -> usize {
    listed(gateway, "")["total"].as_u64().expect("a number") as usize
}

fn echo() -> Service {
    Service::start(|mut stream| drop(std::io::copy(&mut stream.try_clone().unwrap(), &mut stream)))
}

#[test]
fn open_connections_are_listed_with_where_they_go_and_how_much_went_there() {
    gw::tls::install();
    let service = echo();
    let gateway = World::between().mesh_instance("web", service.address).start();
    let said = hello(&Ca::new().client(None), Some(&sni("web")));
    let mut open: Vec<Client> = Vec::new();
    for more in [0, 50_000, 7] {
        let said = [said.clone(), vec![b'x'; more]].concat();
        let mut client = Client::connect(gateway.address);
        client.stream.write_all(&said).unwrap();
        client.stream.read_exact(&mut vec![0; said.len()]).unwrap();
        open.push(client);
    }
    let by_bytes = listed(&gateway, "?sort=bytes&limit=2");
    assert_eq!((&by_bytes["schema"], &by_bytes["total"], &by_bytes["unanswered"]), (&"gw.connections/v1".into(), &3.into(), &0.into()));
    let (rows, client) = (by_bytes["connections"].as_array().unwrap(), |n: usize| open[n].stream.local_addr().unwrap().to_string());
    assert_eq!(rows.iter().map(|row| row["client"].as_str().unwrap()).collect::<Vec<_>>(), [client(1), client(2)]);
    let most = &rows[0];
    assert_eq!((&most["listener"], &most["sni"]), (&"edge:0".into(), &sni("web").into()));
    assert_eq!((&most["target"], &most["instance"]), (&"web.default.default.dc1".into(), &"web-1".into()));
    assert_eq!(most["address"], service.address.to_string());
    assert_eq!((&most["bytes_received"], &most["bytes_sent"]), (&(said.len() + 50_000).into(), &(said.len() + 50_000).into()));
    assert!(most["age_ms"].is_u64() && most["silent_ms"].as_u64() <= most["age_ms"].as_u64());
    let by_age = listed(&gateway, "");
    // Two that came within a millisecond are as old as each other.
    let ages: Vec<u64> = by_age["connections"].as_array().unwrap().iter().map(|row| row["age_ms"].as_u64().unwrap()).collect();
    assert!(ages.len() == 3 && ages.is_sorted_by(|older, younger| older >= younger), "{ages:?}");
    drop(open);
    eventually("none is open", || all(&gateway) == 0);
}

#[test]
fn connections_of_a_tcp_listener_are_listed_too_and_what_is_asked_wrongly_is_said() {
    let service = echo();
    let gateway = World::of("tcp").instance("web", service.address).start();
    let mut client = Client::connect(gateway.address);
    client.send("hello");
    client.read_exact(5);
    assert_eq!(listed(&gateway, "?limit=1")["connections"][0]["sni"], Value::Null);
    for query in ["?sort=name", "?limit=all", "?max=3"] {
        assert!(gw::admin::client::get_blocking(gateway.admin, &format!("/v1/connections{query}")).is_err(), "{query}");
    }
}
