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

/// The status of a request with these headers, and whether it says that it must not be kept.
fn status(address: std::net::SocketAddr, line: &str, headers: &str) -> u16 {
    let answer = Client::connect(address).ask(&format!("{line} HTTP/1.1\r\n{headers}connection: close\r\n\r\n"));
    assert_eq!((answer.header("cache-control"), answer.header("x-content-type-options")), (Some("no-store"), Some("nosniff")));
    answer.status
}

#[test]
fn a_page_of_another_site_cannot_ask() {
    let gateway = World::of("http").start();
    assert_eq!(page(gateway.admin, "GET", "/v1/routes", "evil.test").0, 403);
    let own = format!("host: {0}\r\norigin: http://{0}\r\nsec-fetch-site: same-origin\r\n", gateway.admin);
    assert_eq!(status(gateway.admin, "GET /v1/routes", &own), 200);
    for headers in ["origin: http://evil.test\r\n", "sec-fetch-site: cross-site\r\n", "origin: null\r\n"] {
        let headers = format!("host: {}\r\n{headers}", gateway.admin);
        for line in ["GET /v1/routes", "GET /metrics", "POST /quitquitquit", "POST /v1/reload"] {
            assert_eq!(status(gateway.admin, line, &headers), 403, "{line} {headers}");
        }
    }
    assert_eq!(page(gateway.admin, "GET", "/ready", "localhost").0, 200, "it was not told to end");
}

#[test]
fn what_reads_is_asked_for_by_get_and_what_changes_by_post() {
    let gateway = World::of("http").start();
    for (path, method, allowed) in [
        ("/v1/routes", "POST", "GET, HEAD"),
        ("/metrics", "PUT", "GET, HEAD"),
        ("/quitquitquit", "GET", "POST"),
        ("/v1/log", "PUT", "POST"),
    ] {
        let answer =
            Client::connect(gateway.admin).ask(&format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"));
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{method} {path}");
    }
    let (status, names) = page(gateway.admin, "GET", "/nothing", "localhost");
    assert_eq!(status, 404);
    for known in ["/ready", "/metrics", "/stats/prometheus", "/certs", "/clusters", "/config_dump", "/drain_listeners", "/v1/reload"] {
        assert!(names.contains(known), "{names}");
    }
}

#[test]
fn where_a_token_is_asked_for_who_does_not_show_it_learns_only_that_the_gateway_is_ready() {
    let gateway = World::of("http").token("0123456789abcdef").start();
    let own = "host: gateway.test\r\n".replace("gateway.test", "localhost");
    for (line, shown, expected) in [
        ("GET /ready", "", 200),
        ("GET /v1/routes", "", 401),
        ("GET /metrics", "authorization: Bearer 0123456789abcdeX\r\n", 401),
        ("POST /v1/stop", "authorization: Basic 0123456789abcdef\r\n", 401),
        ("GET /metrics", "authorization: Bearer 0123456789abcdef\r\n", 200),
    ] {
        assert_eq!(status(gateway.admin, line, &format!("{own}{shown}")), expected, "{line} {shown}");
    }
    assert_eq!(page(gateway.admin, "GET", "/ready", "localhost").0, 200, "it was not told to stop");
}

#[test]
fn envoys_pages_tell_certificates_and_clusters_in_envoys_shape_and_no_key() {
    gw::tls::install();
    let folder = crate::harness::Folder::new("admin-envoy");
    let (certificate, _) = folder.certificate("shop.test");
    let key = std::fs::read_to_string(&certificate.key).unwrap();
    let service = Service::saying("ok");
    let gateway = World::of("http").tls(vec![certificate]).instance("web", service.address).start();
    let json = |path: &str| serde_json::from_str::<Value>(&page(gateway.admin, "GET", path, "localhost").1).unwrap();
    let certs = json("/certs");
    let leaf = &certs["certificates"][0]["cert_chain"][0];
    assert_eq!(leaf["subject_alt_names"][0]["dns"], "shop.test");
    assert!(leaf["days_until_expiration"].as_str().unwrap().parse::<u64>().unwrap() > 0, "{leaf}");
    let clusters = json("/clusters?format=json");
    let cluster = &clusters["cluster_statuses"][0];
    assert_eq!(cluster["name"], "web.default.dc1.internal.11111111-2222-3333-4444-555555555555.consul");
    let socket = &cluster["host_statuses"][0]["address"]["socket_address"];
    assert_eq!((&socket["address"], &socket["port_value"]), (&"127.0.0.1".into(), &service.address.port().into()));
    let dump = json("/config_dump");
    assert_eq!((&dump["routes"]["schema"], &dump["dump"]["schema"]), (&"gw.routes/v1".into(), &"gw.dump/v1".into()));
    let kinds: Vec<&str> = dump["configs"].as_array().unwrap().iter().map(|config| config["@type"].as_str().unwrap()).collect();
    assert!(kinds.iter().all(|kind| kind.starts_with("type.googleapis.com/envoy.admin.v3.")), "{kinds:?}");
    assert!(
        dump["configs"][0]["dynamic_listeners"][0]["active_state"]["listener"]["address"]["socket_address"]["port_value"].is_u64(),
        "{dump}"
    );
    assert!(dump["configs"][1]["dynamic_active_clusters"][0]["cluster"]["name"].is_string(), "{dump}");
    let secret = key.lines().nth(1).unwrap();
    for path in ["/certs", "/clusters", "/config_dump", "/v1/status", "/metrics"] {
        assert!(!page(gateway.admin, "GET", path, "localhost").1.contains(secret), "{path}");
    }
}

#[test]
fn a_drain_that_is_asked_for_lets_requests_finish_and_one_with_a_time_cuts_them() {
    for (path, least, finished) in [("/drain_listeners?graceful", 1, true), ("/v1/drain?timeout=50ms", 0, false)] {
        let (begin, begun) = std::sync::mpsc::channel::<()>();
        let begun = std::sync::Mutex::new(begun);
        let slow = Service::answering(move |_| {
            let _ = begun.lock().unwrap().recv();
            crate::harness::answer(200, "late")
        });
        let gateway = World::of("http").instance("web", slow.address).start();
        let mut client = Client::connect(gateway.address);
        client.send("GET / HTTP/1.1\r\nhost: h.test\r\n\r\n");
        crate::harness::eventually("the request is at the service", || slow.connections() == 1);
        assert_eq!(page(gateway.admin, "POST", path, "localhost").0, 200);
        assert_eq!(page(gateway.admin, "GET", "/ready", "localhost").0, 503);
        if finished {
            begin.send(()).unwrap();
        }
        assert_eq!(client.answer().is_some(), finished, "{path}");
        drop(begin);
        let records = gateway.wait();
        assert!(records.iter().filter(|record| record["code"] == "ok").count() >= least, "{records:?}");
    }
}

#[test]
fn who_is_told_to_stop_cuts_what_is_open_also_in_the_middle_of_a_drain() {
    for draining in [false, true] {
        let silent = Service::start(|stream| drop(std::io::copy(&mut &stream, &mut std::io::sink())));
        let gateway = World::of("http").instance("web", silent.address).drain_time(std::time::Duration::from_secs(600)).start();
        let mut client = Client::connect(gateway.address);
        client.send("GET / HTTP/1.1\r\nhost: h.test\r\n\r\n");
        crate::harness::eventually("the request is at the service", || silent.connections() == 1);
        if draining {
            gateway.shutdown();
            crate::harness::eventually("it drains", || page(gateway.admin, "GET", "/ready", "localhost").0 == 503);
        }
        let start = std::time::Instant::now();
        assert_eq!(page(gateway.admin, "POST", "/quitquitquit", "localhost"), (200, "OK\n".to_owned()));
        gateway.wait();
        assert!(start.elapsed() < crate::harness::LONG, "draining: {draining}");
        assert!(client.answer().is_none());
    }
}

#[test]
fn a_reload_that_is_asked_for_tells_what_came_of_it() {
    let service = Service::saying("outside");
    let (exit, _) = judging("admin-reload", &service);
    let reload = || {
        let (status, text) = page(exit.run.admin(), "POST", "/v1/reload", "localhost");
        (status, serde_json::from_str::<Value>(&text).unwrap())
    };
    let (status, same) = reload();
    assert_eq!((status, &same["schema"], &same["result"]), (200, &"gw.reload/v1".into(), &"same".into()));
    exit.exit().folder.write("gw.d/wrong.json", "{");
    let (status, refused) = reload();
    assert_eq!((status, &refused["result"], &refused["generation"]), (422, &"refused".into(), &same["generation"]));
    assert!(refused["why"].as_str().unwrap().contains("wrong.json"), "{refused}");
    let none = World::of("http").start();
    let (status, text) = page(none.admin, "POST", "/v1/reload", "localhost");
    assert_eq!((status, serde_json::from_str::<Value>(&text).unwrap()["result"].clone()), (200, "nothing".into()));
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
