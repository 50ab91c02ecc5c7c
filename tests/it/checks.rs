//! Active checks of instances.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::time::Duration;

use gw::model::check::{Check, Probe};
use gw::model::service::{Address, Health};
use serde_json::{Value, json};

use crate::harness::{Gateway, LONG, Seen, Service, World, answer, eventually, get, read_request};

fn every(probe: Probe) -> Check {
    Check {
        probe,
        interval: Duration::from_millis(100),
        timeout: Duration::from_secs(5),
        success_before_passing: 1,
        failures_before_critical: 1,
    }
}

fn http(path: &str) -> Check {
    every(Probe::Http { at: None, path: path.to_owned(), method: "GET".to_owned(), headers: vec![("x-probe".to_owned(), "1".to_owned())] })
}

fn tcp() -> Check {
    every(Probe::Tcp { at: None })
}

/// A service that says `text`, and at `/health` the status.
fn service(text: &'static str, health: &Arc<AtomicU16>) -> Service {
    let health = health.clone();
    Service::answering(move |seen: &Seen| match seen.line.split(' ').nth(1) {
        Some("/health") if seen.header("x-probe") == Some("1") => answer(health.load(Ordering::SeqCst), ""),
        _ => answer(200, text),
    })
}

/// `web` with a backup.
fn with_backup(world: World, backup: SocketAddr) -> World {
    let resolver = json!({"Kind": "service-resolver", "Name": "web", "Failover": {"*": {"Service": "backup"}}});
    world.instance("backup", backup).entry(resolver)
}

fn target(gateway: &Gateway) -> Value {
    let listed = gw::admin::client::get_blocking(gateway.admin, "/v1/routes").unwrap();
    listed["gateways"][0]["listeners"][0]["services"][0]["routes"][0]["destinations"][0]["targets"][0].clone()
}

#[test]
fn an_instance_that_fails_its_check_goes_out_so_that_failover_takes_over_and_comes_back_when_it_passes() {
    let health = Arc::new(AtomicU16::new(200));
    let (web, backup) = (service("web", &health), Service::saying("backup"));
    let world = World::of("http").checked("web", web.address, Health::Passing, http("/health"));
    let gateway = with_backup(world, backup.address).start();
    assert_eq!(get(gateway.address, "/").text(), "web");
    health.store(503, Ordering::SeqCst);
    eventually("the backup serves", || get(gateway.address, "/").text() == "backup");
    let listed = target(&gateway);
    assert_eq!(listed["unused"][0], json!({"id": "web-1", "address": web.address.to_string(), "why": "critical"}));
    assert_eq!(listed["endpoints"], json!([]));
    health.store(200, Ordering::SeqCst);
    eventually("the service is back", || get(gateway.address, "/").text() == "web");
    assert_eq!(target(&gateway)["endpoints"][0]["health"], "passing");
}

#[test]
fn too_many_requests_is_a_warning_with_which_an_instance_is_used() {
    let health = Arc::new(AtomicU16::new(429));
    let web = service("web", &health);
    let gateway = World::of("http").checked("web", web.address, Health::Critical, http("/health")).start();
    eventually("it warns", || target(&gateway)["endpoints"][0]["health"] == "warning");
    assert_eq!(get(gateway.address, "/").text(), "web");
}

#[test]
pub(crate) fn an_instance_counts_as_it_was_configured_until_its_check_has_answered() {
    let silent = Service::start(|stream| drop(std::io::copy(&mut &stream, &mut std::io::sink())));
    let web = Service::saying("web");
    let at = |service: &Service| Check {
        timeout: LONG,
        ..every(Probe::Http {
            at: Some(Address::Socket(service.address)),
            path: "/".to_owned(),
            method: "GET".to_owned(),
            headers: Vec::new(),
        })
    };
    for (health, status) in [(Health::Passing, 200), (Health::Critical, 503)] {
        let gateway = World::of("http").checked("web", web.address, health, at(&silent)).start();
        assert_eq!(get(gateway.address, "/").status, status, "{health:?}");
    }
}

#[test]
pub(crate) fn a_check_that_is_sent_elsewhere_has_failed() {
    let elsewhere = Service::saying("elsewhere");
    let to = format!("http://{}/", elsewhere.address);
    let web = Service::answering(move |_| format!("HTTP/1.1 302 X\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n"));
    let gateway = World::of("http").checked("web", web.address, Health::Passing, http("/health")).start();
    eventually("it is out", || get(gateway.address, "/").status == 503);
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn an_instance_that_counts_as_critical_is_used_when_its_check_has_passed() {
    let passes = Arc::new(AtomicBool::new(false));
    let allowed = passes.clone();
    let web = Service::answering(move |_| if allowed.load(Ordering::SeqCst) { answer(200, "web") } else { answer(500, "") });
    let gateway = World::of("http").checked("web", web.address, Health::Critical, http("/health")).start();
    let refused = get(gateway.address, "/");
    assert_eq!((refused.status, refused.header("x-gw-code")), (503, Some("no_healthy_endpoint")));
    passes.store(true, Ordering::SeqCst);
    eventually("it is in use", || get(gateway.address, "/").status == 200);
}

#[test]
fn a_service_that_takes_the_connection_and_never_answers_fails_its_check() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let hanging = Service::start(move |stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while let Some(seen) = read_request(&mut reader) {
            if seen.line.contains("/health") {
                counter.fetch_add(1, Ordering::SeqCst);
            } else {
                (&stream).write_all(answer(200, "web").as_bytes()).unwrap();
            }
        }
    });
    let backup = Service::saying("backup");
    let check = Check { timeout: Duration::from_millis(200), ..http("/health") };
    let gateway = with_backup(World::of("http").checked("web", hanging.address, Health::Passing, check), backup.address).start();
    eventually("the backup serves", || get(gateway.address, "/").text() == "backup");
    assert!(asked.load(Ordering::SeqCst) >= 1);
}

#[test]
fn it_takes_as_many_failures_in_a_row_as_the_check_says() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let web = Service::answering(move |seen: &Seen| {
        if seen.line.contains("/health") {
            counter.fetch_add(1, Ordering::SeqCst);
            return answer(500, "");
        }
        answer(200, "web")
    });
    let backup = Service::saying("backup");
    let check = Check { failures_before_critical: 3, ..http("/health") };
    let gateway = with_backup(World::of("http").checked("web", web.address, Health::Passing, check), backup.address).start();
    eventually("the backup serves", || get(gateway.address, "/").text() == "backup");
    assert!(asked.load(Ordering::SeqCst) >= 3);
}

#[test]
fn a_tcp_check_sees_whether_somebody_listens() {
    let backup = Service::saying("backup");
    let address = Service::nowhere();
    let gateway = with_backup(World::of("http").checked("web", address, Health::Passing, tcp()), backup.address).start();
    eventually("it is out", || target(&gateway)["unused"][0]["why"] == "critical");
    assert_eq!(get(gateway.address, "/").text(), "backup");
    let listener = TcpListener::bind(address).unwrap();
    eventually("it is back", || target(&gateway)["endpoints"][0]["id"] == "web-1");
    drop(listener);
    eventually("it is out again", || target(&gateway)["unused"][0]["why"] == "critical");
}

#[test]
fn a_kept_connection_is_not_used_for_an_instance_that_went_out() {
    let health = Arc::new(AtomicU16::new(200));
    let (one, two) = (service("one", &health), Service::saying("two"));
    let gateway = World::of("http").checked("web", one.address, Health::Passing, http("/health")).instance("web", two.address).start();
    eventually("both are in use", || get(gateway.address, "/").text() == "one");
    health.store(500, Ordering::SeqCst);
    eventually("it is out", || target(&gateway)["unused"][0]["id"] == "web-1");
    for _ in 0..10 {
        assert_eq!(get(gateway.address, "/").text(), "two");
    }
}
