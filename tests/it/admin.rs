//! The admin listener.

use gw::app::authz::{self, AskedRequest, AuthzQuestion, Which};
use gw::app::inspect::{self, RouteQuestion};
use gw::app::world::{Asked, Place};
use gw::model::check::{Check, Probe};
use gw::model::service::Health;
use serde_json::{Value, json};

use crate::harness::{Client, Dns, Exit, Exits, Service, World};

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

/// A gateway that lets `api` at public paths of `web` with a header, and whom to ask about it: files, and what runs.
fn judging(name: &str, service: &Service) -> (Exits, [Place; 2]) {
    let header = json!([{"Name": "x-team", "Exact": "a & b"}]);
    let permission = json!([{"Action": "allow", "HTTP": {"PathPrefix": "/public", "Header": header}}]);
    let exit = Exit::of(name, "http").intention("api", permission).instance("web", service.address, "").start();
    let of = [Place::Files(exit.exit().folder.at("gw.toml")), Place::Running(exit.run.admin())];
    (exit, of)
}

fn question(path: Option<&str>, team: &str) -> AuthzQuestion {
    let headers = inspect::parse_headers(&[format!("x-team: {team}")], "https").unwrap();
    let request = path.map(|path| AskedRequest::new(http::Method::GET, "web", path, headers));
    AuthzQuestion { source: "api".to_owned(), destination: "web".to_owned(), request }
}

#[test]
fn a_gateway_that_runs_says_whether_a_service_may_as_its_files_do_and_by_what_it_serves() {
    let service = Service::saying("outside");
    let (mut exit, [files, running]) = judging("admin-authz", &service);
    for (path, team, allowed) in [
        (None, "", false),
        (Some("/public/x?y=%2F&z"), "a & b", true),
        (Some("/public/../admin"), "a & b", false),
        (Some("/public"), "a", false),
    ] {
        let asked = authz::written(&question(path, team));
        let [of_files, of_running] = [&files, &running].map(|place| place.ask(authz::PAIR, &asked).unwrap());
        assert!(of_files["place"].is_string() || of_files["rule"].is_null());
        assert_eq!((&of_running["allowed"], &of_running), (&json!(allowed), &of_files), "{path:?} {team}");
    }
    exit.change(|exit| exit.intention("api", json!("allow")));
    assert_eq!(running.ask(authz::PAIR, &authz::written(&question(None, ""))).unwrap()["allowed"], true);
}

#[test]
fn a_gateway_that_runs_says_who_may_reach_whom_as_its_files_do() {
    let service = Service::saying("outside");
    let (_exit, [files, running]) = judging("admin-pairs", &service);
    for which in [Which::Every, Which::WhoCan("web".to_owned()), Which::Reach("api".to_owned())] {
        let [of_files, of_running] = [&files, &running].map(|place| place.ask(authz::PAIRS, &authz::written_pairs(&which)).unwrap());
        assert!(of_files["pairs"].as_array().is_some_and(|pairs| !pairs.is_empty()));
        assert_eq!(of_running, of_files, "{which:?}");
    }
}

#[test]
fn a_gateway_that_runs_says_where_a_request_goes_as_its_files_do() {
    let service = Service::saying("outside");
    let (_exit, [files, running]) = judging("admin-route", &service);
    for (path, forwards) in [("/public/x?y=%2F&z", true), ("/admin", false)] {
        let headers = vec!["x-team: a & b".to_owned()];
        let (method, url) = ("GET".to_owned(), format!("https://web{path}"));
        let asked = RouteQuestion { method, url, headers, roll: Some(7), source: None, sni: Some("web".to_owned()), peer: None };
        let asked = inspect::written(&asked, Some("api"), Some("exit"));
        let [of_files, of_running] = [&files, &running].map(|place| place.ask(inspect::ROUTE, &asked).unwrap());
        assert_eq!((of_running["outcome"]["code"] == "ok", of_running), (forwards, of_files), "{path}");
    }
}

#[test]
fn a_question_that_is_none_is_told_what_is_wrong_with_it() {
    let service = Service::saying("outside");
    let (exit, _) = judging("admin-wrong", &service);
    for (path, why) in [
        ("/v1/authz", "source= is missing: a service"),
        ("/v1/authz?source=a&destination=b&method=%20", "\" \" is not a method"),
        ("/v1/authz?source=a&destination=b&header=x", "\"x\" is not a header such as 'x-version: v2'"),
        ("/v1/authz/pairs?who-can=a&reach=b", "who-can and reach are two questions"),
        ("/v1/route?method=GET", "url= is missing"),
        ("/v1/route?method=GET&url=http://a/&roll=x", "roll=x is no number"),
        ("/v1/route?method=GET&url=http://a/&service=b", "no gateway is called \"b\"; there are exit"),
    ] {
        assert_eq!(page(exit.run.admin(), "GET", path, "localhost"), (400, format!("{why}\n")));
    }
}

#[test]
fn a_name_without_an_address_is_a_problem_of_a_gateway_that_runs_and_of_its_dump() {
    let dns = Dns::start();
    let gateway = World::of("http").dns(dns.address).named("web", "nowhere.test:80").start();
    let running = Place::Running(gateway.admin);
    let told = |answer: &Value| {
        let problems = answer["problems"].as_array().into_iter().flatten();
        problems.filter(|problem| problem["code"] == "unresolved").map(|p| p["what"].to_string()).collect::<Vec<_>>()
    };
    let answer = || running.ask(inspect::problems::PROBLEMS, &[]).unwrap();
    crate::harness::eventually("the name is told", || told(&answer()).iter().any(|what| what.contains("nowhere.test has no address")));
    let dumped = running.world().unwrap().ask(inspect::problems::PROBLEMS, &Asked::default()).unwrap();
    assert_eq!(told(&dumped), told(&answer()));
}

#[test]
fn what_checks_have_found_is_in_what_a_gateway_answers_and_dumps() {
    let second = std::time::Duration::from_millis(50);
    let probe = Probe::Tcp { at: None };
    let check = Check { probe, interval: second, timeout: second * 20, success_before_passing: 1, failures_before_critical: 1 };
    let gateway = World::of("http").checked("web", Service::nowhere(), Health::Passing, check).start();
    let running = Place::Running(gateway.admin);
    let services = || running.ask(inspect::services::SERVICES, &[]).unwrap();
    crate::harness::eventually("the check has found it", || services()["services"][0]["critical"] == 1);
    let world = running.world().unwrap();
    assert_eq!(world.ask(inspect::services::SERVICES, &Asked::default()).unwrap(), services());
    let (method, url) = ("GET".to_owned(), "http://h.test/".to_owned());
    let asked = RouteQuestion { method, url, headers: Vec::new(), roll: None, source: None, sni: None, peer: None };
    let asked = inspect::written(&asked, None, None);
    let dumped = world.ask(inspect::ROUTE, &Asked::of_pairs(&asked)).unwrap();
    assert_eq!(dumped["outcome"]["code"], "no_healthy_endpoint", "{dumped:#}");
    assert_eq!(running.ask(inspect::ROUTE, &asked).unwrap(), dumped);
}
