//! What passes, as it is watched live: what is told, to whom, and what never is.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Client, Exit, LONG, Scrape, Service, World, eventually, request};

/// One who watches.
struct Tap {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Tap {
    /// In effect when this returns.
    #[track_caller]
    fn open(admin: SocketAddr, query: &str) -> Self {
        let mut tap = Self::ask(admin, query, "");
        assert_eq!(tap.next().expect("a first line")["event"], "begins", "{query}");
        tap
    }

    fn ask(admin: SocketAddr, query: &str, headers: &str) -> Self {
        let mut stream = TcpStream::connect(admin).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        write!(stream, "GET /v1/tap?{query} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n").unwrap();
        Self { reader: BufReader::new(stream.try_clone().unwrap()), stream }
    }

    /// The next line; `None`: there is none any more.
    fn next(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line).unwrap_or(0) == 0 || line == "0\r\n" {
                return None;
            }
            // What else there is frames the chunks.
            if line.starts_with('{') {
                return Some(serde_json::from_str(&line).expect("a line of JSON"));
            }
        }
    }

    /// All lines that are left, the last of which says why it is over.
    fn rest(mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.next()).collect()
    }
}

/// `GET` of the admin listener wants another Host than that of services.
fn scrape(admin: SocketAddr) -> Scrape {
    let answer = Client::connect(admin).ask("GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    Scrape::read(answer.text())
}

#[test]
fn a_request_is_told_with_where_it_went_and_how_it_ended() {
    let service = Service::saying("four");
    let gateway = World::of("http").unrecorded().instance("web", service.address).start();
    let mut tap = Tap::open(gateway.admin, "");
    Client::connect(gateway.address).ask(&request("POST", "/a/b", "", "body!"));
    let told = tap.next().unwrap();
    for (key, value) in [
        ("schema", json!("gw.tap/v1")),
        ("event", json!("ended")),
        ("kind", json!("request")),
        ("listener", json!("edge:0")),
        ("method", json!("POST")),
        ("host", json!("h.test")),
        ("path", json!("/a/b")),
        ("protocol", json!("HTTP/1.1")),
        ("service", json!("web")),
        ("target", json!("web.default.default.dc1")),
        ("instance", json!("web-1")),
        ("address", json!(service.address.to_string())),
        ("rule", json!("ingress-gateway/edge Listeners[0].Services[0]")),
        ("status", json!(200)),
        ("code", json!("ok")),
        ("bytes_received", json!(5)),
        ("bytes_sent", json!(4)),
    ] {
        assert_eq!(told[key], value, "{key}: {told}");
    }
    assert!(told["duration"].as_f64().is_some_and(|time| time > 0.0) && told["time"].is_string(), "{told}");
}

#[test]
fn no_secret_of_a_header_a_cookie_or_a_query_is_told() {
    let service = Service::saying("ok");
    let gateway = World::of("http").unrecorded().instance("web", service.address).start();
    let mut plain = Tap::open(gateway.admin, "");
    let mut more = Tap::open(gateway.admin, "query=true&header=X-Version&header=absent");
    let headers = "authorization: Bearer hunter2\r\ncookie: id=hunter2\r\nx-api-key: hunter2\r\nuser-agent: hunter2\r\nx-version: v2\r\n";
    Client::connect(gateway.address).ask(&request("GET", "/a?token=hunter2&hunter2", headers, ""));
    Client::connect(gateway.address).ask(&request("GET", "/a?token=hunter2", headers, ""));
    for _ in 0..2 {
        let (plain, more) = (plain.next().unwrap(), more.next().unwrap());
        assert!(!plain.to_string().contains("hunter2") && plain["path"] == "/a" && plain["headers"].is_null(), "{plain}");
        assert!(more["path"].as_str().unwrap().starts_with("/a?token=hunter2"), "it was asked for: {more}");
        assert_eq!(more["headers"], json!({"x-version": "v2"}));
        assert!(!more.to_string().contains("Bearer") && !more.to_string().contains("id="), "{more}");
    }
    for name in ["authorization", "Cookie", "set-cookie", "x-api-key"] {
        let answer = Client::connect(gateway.admin).ask(&format!("GET /v1/tap?header={name} HTTP/1.1\r\nhost: localhost\r\n\r\n"));
        assert!(answer.status == 400 && answer.text().contains("has a secret in it"), "{name}: {}", answer.text());
    }
}

#[test]
fn what_does_not_pass_the_filter_is_not_told() {
    let (web, api) = (Service::saying("web"), Service::answering(|_| crate::harness::answer(503, "no")));
    let router = json!({"Kind": "service-router", "Name": "web", "Routes": [
        {"Match": {"HTTP": {"PathPrefix": "/api"}}, "Destination": {"Service": "api"}}]});
    let gateway = World::of("http").unrecorded().instance("web", web.address).instance("api", api.address).entry(router).start();
    let queries = [
        ("service=api", 2),
        ("service=web", 3),
        ("status=5xx", 2),
        ("status=200", 3),
        ("code=bad_request", 1),
        ("code=bad_request&code=ok", 6),
        ("path_prefix=/api/a", 1),
        ("host=shop.test", 1),
        ("host=*.test", 6),
        ("source=127.0.0.1", 6),
        ("source=10.0.0.1", 0),
        ("listener=0", 6),
        ("listener=8080", 0),
        ("gateway=edge&status=503&path_prefix=/api/b", 1),
        ("gateway=other", 0),
    ];
    // No more at once than there may be.
    for some in queries.chunks(4) {
        eventually("the taps before are gone", || scrape(gateway.admin).sum("gw_taps_active", &[]) == 0.0);
        let taps: Vec<_> =
            some.iter().map(|(query, wanted)| (query, wanted, Tap::open(gateway.admin, &format!("{query}&limit=6&for=20s")))).collect();
        let mut client = Client::connect(gateway.address);
        for path in ["/", "/x?/api", "/api/a", "/api/b"] {
            client.ask(&request("GET", path, "", ""));
        }
        client.ask("GET / HTTP/1.1\r\nhost: shop.test\r\n\r\n");
        client.ask(&request("BREW", "/", "", ""));
        eventually("all have ended", || scrape(gateway.admin).sum("gw_http_requests_active", &[]) == 0.0);
        for (query, wanted, mut tap) in taps {
            // What everybody is told, after which nothing of before is still to come: from a tap of the same, each worker tells in order.
            let told: Vec<Value> = (0..*wanted).map(|_| tap.next().expect("a line")).collect();
            assert!(told.iter().all(|line| line["event"] == "ended"), "{query}: {told:?}");
            tap.stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            let more = tap.next().filter(|line| line["event"] != "over");
            assert_eq!(more, None, "{query}");
        }
    }
}

#[test]
fn a_tcp_connection_is_told_when_it_stands_and_when_it_has_ended() {
    let service = Service::saying("ok");
    let gateway = World::of("tcp").unrecorded().instance("web", service.address).start();
    let mut all = Tap::open(gateway.admin, "service=web");
    let mut ends = Tap::open(gateway.admin, "code=ok");
    let requests = Tap::open(gateway.admin, "path_prefix=/&for=2s");
    let mut client = Client::connect(gateway.address);
    client.ask(&request("GET", "/", "", ""));
    let opened = all.next().unwrap();
    assert_eq!((&opened["event"], &opened["kind"], &opened["code"]), (&json!("opened"), &json!("connection"), &Value::Null));
    assert_eq!((&opened["instance"], &opened["method"], &opened["path"]), (&json!("web-1"), &Value::Null, &Value::Null));
    drop(client);
    for told in [all.next().unwrap(), ends.next().unwrap()] {
        assert_eq!((&told["event"], &told["code"], &told["status"]), (&json!("ended"), &json!("ok"), &Value::Null));
        assert!(told["bytes_sent"].as_u64().is_some_and(|n| n > 0), "{told}");
    }
    let [over] = &requests.rest()[..] else { panic!("a connection has no path") };
    assert_eq!((&over["event"], &over["why"]), (&json!("over"), &json!("time")));
}

#[test]
fn who_connects_by_the_mesh_is_told_and_asked_for_by_the_service_of_its_certificate() {
    let service = Service::saying("ok");
    let exit = Exit::of("tap", "http").instance("web", service.address, "").intention("shop", json!("allow")).start();
    let mut shop = Tap::open(exit.run.admin(), "source=shop");
    let mut denied = Tap::open(exit.run.admin(), "code=denied");
    assert_eq!(exit.get("shop", "/a").0, 200);
    assert_eq!(exit.get("thief", "/b").0, 403);
    let told = shop.next().unwrap();
    assert!(told["source"].as_str().is_some_and(|id| id.ends_with("/svc/shop")) && told["path"] == "/a" && told["code"] == "ok", "{told}");
    let told = denied.next().unwrap();
    assert!(
        told["source"].as_str().is_some_and(|id| id.ends_with("/svc/thief")) && told["path"] == "/b" && told["status"] == 403,
        "{told}"
    );
}

#[test]
fn it_is_over_at_the_limit_and_no_more_than_a_few_watch_at_once() {
    let service = Service::saying("ok");
    let gateway = World::of("http").unrecorded().instance("web", service.address).start();
    let tap = Tap::open(gateway.admin, "limit=2");
    let mut client = Client::connect(gateway.address);
    (0..3).for_each(|_| drop(client.ask(&request("GET", "/", "", ""))));
    let told = tap.rest();
    assert_eq!(told.iter().map(|line| line["event"].as_str().unwrap()).collect::<Vec<_>>(), ["ended", "ended", "over"]);
    assert_eq!((&told[2]["why"], &told[2]["told"], &told[2]["dropped"]), (&json!("limit"), &json!(2), &json!(0)));
    eventually("its place is free", || scrape(gateway.admin).sum("gw_taps_active", &[]) == 0.0);
    let four: Vec<Tap> = (0..4).map(|_| Tap::open(gateway.admin, "")).collect();
    let answer = Client::connect(gateway.admin).ask("GET /v1/tap HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    assert!(answer.status == 429 && answer.text().contains("4 taps are open"), "{} {}", answer.status, answer.text());
    drop(four);
    eventually("all have gone", || scrape(gateway.admin).sum("gw_taps_active", &[]) == 0.0);
    Tap::open(gateway.admin, "");
}

#[test]
fn one_who_reads_too_slowly_loses_lines_that_are_counted_and_holds_nobody_up() {
    let service = Service::saying("ok");
    let gateway = World::of("http").unrecorded().instance("web", service.address).start();
    let mut tap = Tap::open(gateway.admin, "query=true");
    let mut client = Client::connect(gateway.address);
    // Each line is of 2 KiB, until what the sockets take and the queue are full.
    let path = format!("/?{}", "x".repeat(4000));
    let mut asked = 0_u64;
    let dropped = || scrape(gateway.admin).sum("gw_tap_dropped_total", &[]);
    eventually("lines are lost", || {
        (0..500).for_each(|_| assert_eq!(client.ask(&request("GET", &path, "", "")).status, 200));
        asked += 500;
        dropped() > 0.0
    });
    let (mut told, mut lost) = (0, 0);
    while told + lost < asked {
        let line = tap.next().expect("it goes on");
        match line["event"].as_str() {
            Some("ended") => {
                assert!(line["path"].as_str().is_some_and(|path| path.len() < 2100 && path.ends_with("..")), "{line}");
                told += 1;
            }
            Some("dropped") => lost += line["dropped"].as_u64().unwrap(),
            _ => panic!("{line}"),
        }
    }
    assert_eq!((told + lost, lost as f64), (asked, dropped()));
}

#[test]
fn one_of_so_many_is_told() {
    let service = Service::saying("ok");
    let gateway = World::of("http").unrecorded().instance("web", service.address).start();
    let tap = Tap::open(gateway.admin, "sample=1/10&limit=5");
    let mut client = Client::connect(gateway.address);
    let mut asked = 0;
    tap.stream.set_nonblocking(true).unwrap();
    let mut byte = [0; 1 << 16];
    // 5 of 10 would be one of some 10^3 runs; of fewer none.
    eventually("five are told", || {
        client.ask(&request("GET", "/", "", ""));
        asked += 1;
        let n = tap.stream.peek(&mut byte).unwrap_or(0);
        String::from_utf8_lossy(&byte[..n]).contains("\"over\"")
    });
    assert!(asked >= 8, "{asked}");
}

#[test]
fn only_who_may_ask_watches() {
    let gateway = World::of("http").token("0123456789abcdef").metrics("127.0.0.1:0".parse().unwrap()).start();
    let ask = |at: SocketAddr, method: &str, headers: &str| {
        let request = format!("{method} /v1/tap?limit=1 HTTP/1.1\r\n{headers}connection: close\r\n\r\n");
        Client::connect(at).ask(&request).status
    };
    let token = "authorization: Bearer 0123456789abcdef\r\n";
    assert_eq!(ask(gateway.admin, "GET", "host: localhost\r\n"), 401);
    assert_eq!(ask(gateway.admin, "GET", &format!("host: evil.test\r\n{token}")), 403);
    assert_eq!(ask(gateway.admin, "GET", &format!("host: localhost\r\nsec-fetch-site: cross-site\r\n{token}")), 403);
    assert_eq!(ask(gateway.admin, "POST", &format!("host: localhost\r\n{token}")), 405);
    assert_eq!(ask(gateway.metrics.unwrap(), "GET", "host: localhost\r\n"), 404);
    let mut tap = Tap::ask(gateway.admin, "", token);
    assert_eq!(tap.next().unwrap()["event"], "begins");
}

#[test]
fn a_gateway_ends_though_somebody_watches() {
    let gateway = World::of("http").unrecorded().start();
    let tap = Tap::open(gateway.admin, "");
    gateway.stop();
    let rest = tap.rest();
    assert!(rest.iter().all(|line| line["event"] != "over" || line["why"] == "end"), "{rest:?}");
}
