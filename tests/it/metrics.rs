//! What is told at `/metrics`, read by a strict reader, beside what was done.

use std::net::SocketAddr;

use gw::app::metrics::METRICS;
use gw::app::metrics::counters::Counters;
use gw::app::top::Top;
use gw::model::check::{Check, Probe};
use gw::model::service::Health;
use serde_json::json;

use crate::harness::{Client, Folder, LONG, Scrape, Service, World, answer, eventually, get, request};

fn asked(address: SocketAddr, path: &str, headers: &str) -> (u16, String, String) {
    let answer = Client::connect(address).ask(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}connection: close\r\n\r\n"));
    (answer.status, answer.header("content-type").unwrap_or_default().to_owned(), String::from_utf8(answer.body).unwrap())
}

#[track_caller]
fn scrape(address: SocketAddr) -> Scrape {
    let (status, kind, text) = asked(address, "/metrics", "");
    assert_eq!((status, kind.as_str()), (200, "text/plain; version=0.0.4; charset=utf-8"));
    Scrape::read(&text)
}

#[test]
fn requests_are_counted_by_listener_service_and_code_with_their_bytes_and_times() {
    let service = Service::saying("four");
    let gateway = World::of("http").instance("web", service.address).start();
    let mut client = Client::connect(gateway.address);
    for _ in 0..3 {
        client.ask(&request("POST", "/a/path/that/is/no/label", "", "body!"));
    }
    client.ask(&request("BREW", "/", "", ""));
    let web = [("gateway", "edge"), ("listener", "edge:0"), ("service", "web"), ("datacenter", "dc1")];
    eventually("all requests are recorded", || scrape(gateway.admin).sum("gw_http_requests_active", &[]) == 0.0);
    let told = scrape(gateway.admin);
    assert_eq!(told.sum("gw_http_requests_total", &[&web[..], &[("code", "ok")]].concat()), 3.0);
    assert_eq!(told.sum("gw_http_requests_total", &[("listener", "edge:0"), ("code", "bad_request")]), 1.0);
    assert_eq!(told.sum("gw_http_requests_total", &[]), 4.0);
    assert_eq!(told.sum("gw_http_responses_total", &[("class", "2xx")]), 3.0);
    assert_eq!(told.sum("gw_http_responses_total", &[("class", "4xx")]), 1.0);
    assert_eq!((told.sum("gw_http_request_body_bytes_total", &web), told.sum("gw_http_response_body_bytes_total", &web)), (15.0, 12.0));
    assert_eq!(told.sum("gw_http_request_duration_seconds_count", &web), 3.0);
    assert_eq!(told.sum("gw_upstream_connections_total", &[&web[..], &[("result", "ok")]].concat()), 1.0);
    assert_eq!((told.sum("gw_connections_total", &[]), told.sum("gw_config_generation", &[("gateway", "edge")])), (1.0, 1.0));
    assert!(!asked(gateway.admin, "/metrics", "").2.contains("/a/path"), "no label has a path");
}

#[test]
fn every_metric_that_is_told_is_one_of_the_table_with_its_type_and_help() {
    let service = Service::saying("ok");
    let gateway = World::of("http").instance("web", service.address).start();
    get(gateway.address, "/");
    let told = scrape(gateway.admin);
    for (name, family) in &told.0 {
        let metric = METRICS.iter().find(|metric| metric.name == name).unwrap_or_else(|| panic!("{name} is not in the table"));
        assert_eq!((family.kind.as_str(), family.help.as_str()), (metric.kind.as_str(), metric.help), "{name}");
    }
    for name in ["gw_build_info", "process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total", "gw_workers"] {
        assert!(told.0.contains_key(name), "{name}");
    }
    // A minute may have passed since: what counts is that it is about now.
    let (started, now) = (told.sum("process_start_time_seconds", &[]), std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64());
    assert!((now - 3600.0..now + 5.0).contains(&started), "{started} {now}");
}

#[test]
fn tcp_connections_are_counted_with_what_was_dialed_in_vain() {
    let service = Service::saying("ok");
    let gateway = World::of("tcp").instance("web", Service::nowhere()).start();
    Client::connect(gateway.address).read_to_end();
    let there = World::of("tcp").instance("web", service.address).start();
    let mut client = Client::connect(there.address);
    client.ask(&request("GET", "/", "", ""));
    eventually("one is open", || scrape(there.admin).sum("gw_tcp_connections_active", &[("service", "web")]) == 1.0);
    drop(client);
    eventually("it has ended", || scrape(there.admin).sum("gw_tcp_connections_total", &[("service", "web"), ("code", "ok")]) == 1.0);
    let told = scrape(there.admin);
    assert!(told.sum("gw_tcp_sent_bytes_total", &[]) > 0.0 && told.sum("gw_tcp_received_bytes_total", &[]) > 0.0);
    assert_eq!((told.sum("gw_tcp_connection_duration_seconds_count", &[]), told.sum("gw_tcp_connections_active", &[])), (1.0, 0.0));
    let refused = |told: &Scrape| told.sum("gw_tcp_connections_total", &[("code", "connect_failed")]);
    eventually("the other has failed", || refused(&scrape(gateway.admin)) == 1.0);
    assert!(scrape(gateway.admin).sum("gw_upstream_connections_total", &[("result", "connect_failed")]) >= 1.0);
}

#[test]
fn what_is_sent_once_more_is_counted() {
    let service = Service::answering(|_| answer(503, "no"));
    let retries = json!({"NumRetries": 2, "RetryOnStatusCodes": [503]});
    let router = json!({"Kind": "service-router", "Name": "web", "Routes": [{"Destination": retries}]});
    let gateway = World::of("http").instance("web", service.address).entry(router).start();
    assert_eq!(get(gateway.address, "/").status, 503);
    eventually("two retries", || scrape(gateway.admin).sum("gw_http_retries_total", &[("service", "web")]) == 2.0);
}

#[test]
fn handshakes_and_certificates_are_told_of() {
    gw::tls::install();
    let folder = Folder::new("metrics-tls");
    let gateway = World::of("http").tls(vec![folder.certificate("shop.test").0]).start();
    let mut client = Client::connect(gateway.address);
    client.send("this is no ClientHello\r\n\r\n");
    assert!(client.is_closed() || !client.read_to_end().is_empty());
    eventually("the handshake has failed", || scrape(gateway.admin).sum("gw_tls_handshakes_total", &[("result", "failed")]) == 1.0);
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    let ends = scrape(gateway.admin).sum("gw_certificate_not_after_timestamp_seconds", &[("use", "listener"), ("name", "shop.test")]);
    assert!(ends > now, "{ends}");
}

#[test]
fn who_prefers_openmetrics_has_it_and_envoys_name_answers_too() {
    let gateway = World::of("http").start();
    let (status, kind, text) =
        asked(gateway.admin, "/stats/prometheus", "accept: application/openmetrics-text;version=1.0.0,*/*;q=0.1\r\n");
    assert_eq!((status, kind.as_str()), (200, "application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(text.ends_with("# EOF\n") && text.contains("# TYPE gw_config_reloads counter\n"), "{text}");
    assert!(text.contains("gw_config_reloads_total{result=\"changed\"} 0\n"), "{text}");
}

#[test]
fn where_metrics_are_told_alone_nothing_else_is_and_any_name_may_ask() {
    let gateway = World::of("http").metrics("0.0.0.0:0".parse().unwrap()).start();
    let port = gateway.metrics.unwrap().port();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let ask = |method: &str, path: &str| {
        Client::connect(address).ask(&format!("{method} {path} HTTP/1.1\r\nhost: gateway.test\r\nconnection: close\r\n\r\n"))
    };
    Scrape::read(ask("GET", "/metrics").text());
    for (method, path, status) in [
        ("GET", "/ready", 200),
        ("GET", "/v1/routes", 404),
        ("GET", "/certs", 404),
        ("POST", "/quitquitquit", 404),
        ("POST", "/metrics", 405),
    ] {
        assert_eq!(ask(method, path).status, status, "{method} {path}");
    }
    assert_eq!(asked(gateway.admin, "/ready", "").0, 200, "it runs");
}

#[test]
fn the_difference_of_two_readings_of_the_counters_is_what_was_done_between_them() {
    let (web, api) = (Service::saying("four"), Service::answering(|_| answer(503, "no")));
    let router = json!({"Kind": "service-router", "Name": "web", "Routes": [
        {"Match": {"HTTP": {"PathPrefix": "/api"}}, "Destination": {"Service": "api"}}]});
    let gateway = World::of("http").instance("web", web.address).instance("api", api.address).entry(router).start();
    let read = || {
        eventually("all have ended", || scrape(gateway.admin).sum("gw_http_requests_active", &[]) == 0.0);
        serde_json::from_value::<Counters>(gw::admin::client::get_blocking(gateway.admin, "/v1/counters").unwrap()).unwrap()
    };
    let mut client = Client::connect(gateway.address);
    client.ask(&request("GET", "/", "", ""));
    let before = read();
    (0..7).for_each(|_| drop(client.ask(&request("POST", "/", "", "body!"))));
    (0..3).for_each(|_| drop(client.ask(&request("GET", "/api", "", ""))));
    client.ask(&request("BREW", "/", "", ""));
    let now = read();
    let top = Top::between(&before, &now);
    let row = |service: &str| top.rows.iter().find(|row| row.service == service).unwrap_or_else(|| panic!("{service}: {top:?}"));
    // Rates are of a second: times the seconds they are numbers.
    let number = |rate: f64| (rate * top.seconds).round() as u64;
    let [web, api, none] = ["web", "api", ""].map(row);
    assert_eq!([web, api, none].map(|row| (number(row.rate), number(row.errors))), [(7, 0), (3, 3), (1, 0)]);
    assert_eq!((number(web.received), number(web.sent), number(top.total.rate), number(top.total.errors)), (35, 28, 11, 3));
    assert_eq!(none.codes.keys().collect::<Vec<_>>(), ["bad_request"]);
    assert!(web.p50.is_some_and(|p50| p50 > 0.0) && web.p99 >= web.p50, "{web:?}");
    let told = scrape(gateway.admin);
    assert_eq!(told.sum("gw_http_requests_total", &[]), 12.0, "the same counters");
}

#[test]
fn instances_are_counted_by_how_they_are() {
    let service = Service::saying("ok");
    let probe = Probe::Tcp { at: None };
    let critical = Check { probe, interval: LONG, timeout: LONG, success_before_passing: 1, failures_before_critical: 1 };
    let gateway = World::of("http").instance("web", service.address).instance("web", service.address);
    let gateway = gateway.checked("web", Service::nowhere(), Health::Critical, critical).start();
    let told = scrape(gateway.admin);
    let count = |health: &str| told.sum("gw_service_instances", &[("service", "web"), ("health", health)]);
    assert_eq!(["passing", "warning", "critical"].map(count), [2.0, 0.0, 1.0]);
}
