//! The admin listener.

use serde_json::Value;

use crate::harness::{Client, Service, World};

fn page(address: std::net::SocketAddr, method: &str, path: &str, host: &str) -> (u16, String) {
    let answer = Client::connect(address).ask(&format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"));
    (answer.status, String::from_utf8(answer.body).unwrap())
}

#[test]
fn ready_is_live_until_the_drain() {
    let silent = Service::start(|stream| drop(std::io::copy(&mut &stream, &mut std::io::sink())));
    let gateway = World::of("http").instance("web", silent.address).drain_time(std::time::Duration::from_secs(2)).start();
    assert_eq!(page(gateway.admin, "GET", "/ready", "localhost"), (200, "LIVE\n".to_owned()));
    assert_eq!(page(gateway.admin, "GET", "/livez", "127.0.0.1:1").0, 200);
    let mut client = Client::connect(gateway.address);
    client.send("GET / HTTP/1.1\r\nhost: h.test\r\n\r\n");
    crate::harness::eventually("the request is at the service", || silent.connections() == 1);
    gateway.shutdown();
    assert_eq!(page(gateway.admin, "GET", "/ready", "localhost"), (503, "DRAINING\n".to_owned()));
    gateway.wait();
}

#[test]
fn routes_are_listed_down_to_the_instances() {
    let service = Service::saying("ok");
    let gateway = World::of("http").instance("web", service.address).start();
    let listed = gw::admin::client::get_blocking(gateway.admin, "/v1/routes").unwrap();
    assert_eq!(listed["schema"], "gw.routes/v1");
    let listener: &Value = &listed["gateways"][0]["listeners"][0];
    assert_eq!(listener["listener"], "edge:0");
    let endpoint = &listener["services"][0]["routes"][0]["destinations"][0]["targets"][0]["endpoints"][0];
    assert_eq!((&endpoint["id"], &endpoint["address"]), (&"web-1".into(), &service.address.to_string().into()));
}

#[test]
fn a_page_of_another_site_cannot_ask() {
    let gateway = World::of("http").start();
    assert_eq!(page(gateway.admin, "GET", "/v1/routes", "evil.test").0, 403);
    assert_eq!(page(gateway.admin, "POST", "/v1/routes", "localhost").0, 405);
    assert_eq!(page(gateway.admin, "GET", "/nothing", "localhost").0, 404);
}

#[test]
fn nobody_there_is_said_plainly() {
    gw::tls::install();
    let error = gw::admin::client::get_blocking(Service::nowhere(), "/v1/routes").unwrap_err();
    assert!(error.to_string().starts_with("no gateway answers at 127.0.0.1:"), "{error}");
}
