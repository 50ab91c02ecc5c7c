//! The way out of the mesh: who gets through a terminating gateway, and who does not.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Ca, Exit, Exits, Folder, Seen, Service, Tls, answer, eventually, sni};

/// Says everything back, and counts every byte that reaches it.
fn echo() -> (Service, Arc<AtomicUsize>) {
    let counted = Arc::new(AtomicUsize::new(0));
    let count = counted.clone();
    let service = Service::start(move |mut stream| {
        let mut bytes = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut bytes) {
            count.fetch_add(n, Ordering::SeqCst);
            if stream.write_all(&bytes[..n]).is_err() {
                return;
            }
        }
    });
    (service, counted)
}

/// Answers with what it was asked.
fn telling() -> Service {
    Service::answering(|seen: &Seen| {
        let header = |name: &str| seen.header(name).unwrap_or("-").to_owned();
        answer(200, &format!("{} host={} xfcc={}", seen.line, header("host"), header("x-forwarded-client-cert")))
    })
}

#[test]
fn who_is_allowed_gets_through_and_sees_the_leaf_of_the_service() {
    let (service, _) = echo();
    let exit = Exit::of("term-allowed", "tcp").intention("api", json!("allow")).instance("web", service.address, "").start();
    let mut client = exit.connect("api");
    assert!(client.echoes("hello"));
    let shown = client.0.conn.peer_certificates().unwrap()[0].clone();
    let leaf = std::fs::read_to_string(exit.exit().folder.at("certs/web.pem")).unwrap();
    let leaf = <rustls::pki_types::CertificateDer as rustls::pki_types::pem::PemObject>::from_pem_slice(leaf.as_bytes()).unwrap();
    assert_eq!(shown, leaf);
    assert!(client.0.conn.alpn_protocol().is_none());
    client.ends();
    let record = exit.recorded("ok");
    assert_eq!(record["peer"], Ca::id("api"));
    assert_eq!(record["rule"], "terminating-gateway/exit Services[0]");
    assert_eq!(record["requested_server_name"], sni("web"));
}

#[test]
fn of_who_is_not_allowed_no_byte_reaches_the_service() {
    let (service, counted) = echo();
    let exit = Exit::of("term-denied", "tcp").intention("api", json!("allow")).instance("web", service.address, "").start();
    let (address, ca, other) = (exit.run.address(), &exit.exit().ca, Ca::new());
    // TLS 1.3 ends for the client before the gateway has looked at its certificate: the word is in what follows.
    let said = |config, name: &str| {
        let mut client = Tls::connect(address, config, name);
        client.send("GET / HTTP/1.1\r\n\r\n");
        client.read()
    };
    assert_eq!(said(ca.client(Some("other")), &sni("web")), "", "not allowed");
    let denied = exit.recorded("denied");
    assert_eq!(denied["response_code_details"], format!("{} to web, by default", Ca::id("other")));
    assert_eq!(said(ca.client(None), &sni("web")), "", "no certificate");
    let record = exit.recorded("client_tls");
    assert!(record["response_code_details"].as_str().unwrap().contains("peer sent no certificates"), "{record}");
    assert_eq!(said(ca.client_of(&other, "api"), &sni("web")), "", "of another mesh");
    assert_eq!((service.connections(), counted.load(Ordering::SeqCst)), (0, 0));
    assert!(exit.connect("api").echoes("x"));
    assert_eq!((service.connections(), counted.load(Ordering::SeqCst)), (1, 1));
}

#[test]
pub(crate) fn a_server_name_that_is_none_of_its_services_is_closed_before_a_byte_is_said() {
    let (service, _) = echo();
    let exit = Exit::of("term-sni", "tcp").intention("*", json!("allow")).instance("web", service.address, "").start();
    let (address, ca) = (exit.run.address(), &exit.exit().ca);
    for name in ["local_agent", "web", &sni("api"), &sni("web").replace(".dc1.", ".dc2."), &sni("v1.web"), "127.0.0.1"] {
        let mut client = Tls::connect(address, ca.client(Some("api")), name);
        assert!(!client.shakes_hands(), "{name}");
        assert!(client.0.conn.peer_certificates().is_none(), "{name}");
        let record = exit.recorded("no_sni");
        assert_eq!(record["peer"], json!(null));
    }
    let mut client = Tls::connect(address, ca.client(Some("api")), &sni("WEB").to_uppercase());
    assert!(client.echoes("in any case"));
    assert_eq!(service.connections(), 1);
}

#[test]
fn requests_are_judged_one_by_one_by_path_and_method() {
    let service = telling();
    let permissions = json!([
        {"Action": "deny", "HTTP": {"PathPrefix": "/admin"}},
        {"Action": "allow", "HTTP": {"PathPrefix": "/", "Methods": ["GET"]}},
    ]);
    let exit = Exit::of("term-l7", "http").intention("api", permissions).instance("web", service.address, "").start();
    let mut client = exit.connect("api");
    assert_eq!(client.get("/shop").0, 200);
    let (status, text) = client.get("/admin/x");
    assert_eq!(status, 403);
    assert!(text.contains("x-gw-code: denied") && text.contains("RBAC: access denied"), "{text}");
    assert_eq!(client.ask("POST /shop HTTP/1.1\r\nhost: web\r\ncontent-length: 0\r\n\r\n").0, 403);
    assert_eq!(client.get("/shop").0, 200, "the connection goes on");
    let record = exit.recorded("denied");
    assert_eq!(record["rule"], "service-intentions/web Sources[0]");
}

#[test]
pub(crate) fn a_path_in_disguise_is_judged_and_sent_on_as_what_it_is() {
    let service = telling();
    let permissions = json!([{"Action": "allow", "HTTP": {"PathPrefix": "/public"}}]);
    let exit = Exit::of("term-disguise", "http").intention("api", permissions).instance("web", service.address, "").start();
    let mut client = exit.connect("api");
    for path in ["/public/../admin", "/public/%2e%2e/admin", "/public/./../admin", "/public\\..\\admin", "/%61dmin"] {
        assert_eq!(client.get(path).0, 403, "{path}");
    }
    let (status, text) = client.get("/x/../%70ublic/a?q=%61/../b");
    assert_eq!(status, 200);
    assert!(text.contains("GET /public/a?q=%61/../b HTTP/1.1"), "{text}");
}

#[test]
fn a_denied_call_of_grpc_is_answered_as_grpc() {
    let service = telling();
    let exit = Exit::of("term-grpc", "grpc").instance("web", service.address, "").start();
    let request = "POST /shop.Cart/Get HTTP/1.1\r\nhost: web\r\ncontent-type: application/grpc\r\ncontent-length: 0\r\n\r\n";
    let (status, text) = exit.connect("api").ask(request);
    assert_eq!(status, 200);
    assert!(text.contains("grpc-status: 7") && text.contains("grpc-message: RBAC: access denied"), "{text}");
}

#[test]
pub(crate) fn a_deny_ends_what_it_forbids_within_a_second_and_nothing_else() {
    let (service, _) = echo();
    let both = json!({"Kind": "service-intentions", "Name": "web", "Sources": [{"Name": "api", "Action": "allow"}, {"Name": "cron", "Action": "allow"}]});
    let one = json!({"Kind": "service-intentions", "Name": "web", "Sources": [{"Name": "api", "Action": "deny"}, {"Name": "cron", "Action": "allow"}]});
    let mut exit = Exit::of("term-cut", "tcp").entry(both).instance("web", service.address, "").start();
    let mut connections: Vec<(Tls, Tls)> = (0..4).map(|_| (exit.connect("api"), exit.connect("cron"))).collect();
    for (api, cron) in &mut connections {
        assert!(api.echoes("a") && cron.echoes("b"));
    }
    exit.change(|exit| exit.entry(one));
    let start = Instant::now();
    for (api, _) in &mut connections {
        assert_eq!(api.read(), "", "it is closed");
    }
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    for (_, cron) in &mut connections {
        assert!(cron.echoes("goes on"));
    }
    assert_eq!(exit.connect("api").read(), "");
    // Those that were cut are recorded as denied too, by the rule that had let them in.
    let refused = |record: &Value| record["code"] == "denied" && record["rule"] == "service-intentions/web Sources[0]";
    eventually("the last one's record", || exit.records().iter().any(refused));
}

#[test]
fn a_deny_ends_what_is_connected_by_a_listener_that_is_gone_too() {
    let (service, _) = echo();
    let exit = Exit::of("term-cut-left", "tcp").intention("api", json!("allow")).instance("web", service.address, "").start();
    let mut client = exit.connect("api");
    assert!(client.echoes("a"));
    let elsewhere = format!("127.0.0.1:{}", Service::nowhere().port());
    let files = &exit.exit().folder;
    let read = |file: &str| std::fs::read_to_string(files.at(file)).unwrap();
    files.write("gw.toml", &read("gw.toml").replace("127.0.0.1:0", &elsewhere));
    assert_eq!(exit.run.changed().added.len(), 1);
    assert!(client.echoes("drains"));
    let mut entries: Vec<Value> = serde_json::from_str(&read("gw.d/entries.json")).unwrap();
    entries.retain(|entry| entry["Kind"] != "service-intentions");
    files.write("gw.d/entries.json", &json!(entries).to_string());
    exit.run.changed();
    assert_eq!(client.read(), "");
    // At the end of the drain time it would be cut as well, and recorded as something else.
    exit.recorded("denied");
}

#[test]
fn with_the_switch_a_deny_concerns_new_connections_alone() {
    let (service, _) = echo();
    let exit = Exit::of("term-uncut", "tcp").intention("api", json!("allow")).line("deny_cuts = false");
    let mut exit = exit.instance("web", service.address, "").start();
    let mut client = exit.connect("api");
    assert!(client.echoes("a"));
    exit.change(|exit| exit.intention("api", json!("deny")));
    let mut new = exit.connect("api");
    new.send("x");
    assert_eq!(new.read(), "");
    assert!(client.echoes("still here"));
}

#[test]
pub(crate) fn a_renewed_leaf_is_shown_to_new_connections_and_touches_no_open_one() {
    let (service, _) = echo();
    let mut exit = Exit::of("term-leaf", "tcp").intention("api", json!("allow")).instance("web", service.address, "").start();
    let mut client = exit.connect("api");
    assert!(client.echoes("a"));
    let first = client.0.conn.peer_certificates().unwrap()[0].clone();
    exit.change(|exit| exit.leaf("web"));
    let mut new = exit.connect("api");
    assert!(new.echoes("b"));
    assert_ne!(new.0.conn.peer_certificates().unwrap()[0], first);
    assert!(client.echoes("still here"));
}

#[test]
fn a_service_without_a_leaf_is_not_offered_until_it_has_one() {
    let (service, _) = echo();
    let exit = Exit::of("term-leafless", "tcp").linked(json!([{"Name": "web"}, {"Name": "billing"}]));
    let exit = exit.entry(json!({"Kind": "service-intentions", "Name": "*", "Sources": [{"Name": "*", "Action": "allow"}]}));
    let mut exit = exit.instance("web", service.address, "").instance("billing", service.address, "").start();
    let connect = |exit: &Exits, name: &str| Tls::connect(exit.run.address(), exit.exit().ca.client(Some("api")), name);
    assert!(!connect(&exit, &sni("billing")).shakes_hands());
    assert!(exit.recorded("no_sni")["response_code_details"].as_str().unwrap().ends_with("there is no leaf to show"));
    assert!(connect(&exit, &sni("web")).echoes("others are not held up"));
    exit.change(|exit| exit.leaf("billing"));
    assert!(connect(&exit, &sni("billing")).echoes("now it is"));
    // One that is broken later leaves what there was before.
    exit.change(|exit| {
        exit.folder.write("certs/billing.pem", "nonsense");
        exit
    });
    assert!(connect(&exit, &sni("billing")).echoes("as before"));
}

#[test]
fn a_resumed_session_is_judged_anew() {
    let (service, _) = echo();
    let mut exit = Exit::of("term-resumed", "tcp").intention("api", json!("allow")).instance("web", service.address, "").start();
    let (address, config) = (exit.run.address(), exit.exit().ca.client(Some("api")));
    let connect = || Tls::connect(address, config.clone(), &sni("web"));
    assert!(connect().echoes("a"));
    let mut resumed = connect();
    assert!(resumed.echoes("b"));
    assert_eq!(resumed.0.conn.handshake_kind(), Some(rustls::HandshakeKind::Resumed));
    exit.change(|exit| exit.intention("api", json!("deny")));
    let mut denied = connect();
    denied.send("x");
    assert_eq!(denied.read(), "");
}

#[test]
fn subsets_have_names_of_their_own_and_the_plain_name_means_the_default_one() {
    let (one, two) = (Service::saying("one"), Service::saying("two"));
    let subsets = json!({"v1": {"Filter": "Service.Meta.version == v1"}, "v2": {"Filter": "Service.Meta.version == v2"}});
    let resolver = json!({"Kind": "service-resolver", "Name": "web", "DefaultSubset": "v2", "Subsets": subsets});
    let exit = Exit::of("term-subsets", "http").intention("api", json!("allow")).entry(resolver);
    let exit = exit.instance("web", one.address, "meta = { version = \"v1\" }").instance("web", two.address, "meta = { version = \"v2\" }");
    let mut exit = exit.start();
    let ask = |exit: &Exits, name: &str| Tls::connect(exit.run.address(), exit.exit().ca.client(Some("api")), name).get("/").1;
    for _ in 0..4 {
        assert!(ask(&exit, &sni("v1.web")).ends_with("one"));
        assert!(ask(&exit, &sni("v2.web")).ends_with("two"));
        assert!(ask(&exit, &sni("web")).ends_with("two"));
    }
    exit.change(|exit| exit.entry(json!({"Kind": "service-resolver", "Name": "web"})));
    assert!(!Tls::connect(exit.run.address(), exit.exit().ca.client(Some("api")), &sni("v1.web")).shakes_hands());
    let mut both = std::collections::BTreeSet::new();
    eventually("every instance", || {
        both.insert(ask(&exit, &sni("web")).ends_with("one"));
        both.len() == 2
    });
}

#[test]
fn the_wildcard_links_all_but_consul_and_a_line_of_its_own_overrides_it() {
    let (web, api) = (telling(), telling());
    let linked = json!([{"Name": "*", "DisableAutoHostRewrite": true}, {"Name": "web"}]);
    let exit = Exit::of("term-wildcard", "http").linked(linked).leaf("api").leaf("consul");
    let exit = exit.entry(json!({"Kind": "service-intentions", "Name": "*", "Sources": [{"Name": "*", "Action": "allow"}]}));
    let exit = exit.instance("web", format!("localhost:{}", web.address.port()), "");
    let exit = exit.instance("api", format!("localhost:{}", api.address.port()), "").instance("consul", api.address, "").start();
    let ask = |name: &str| Tls::connect(exit.run.address(), exit.exit().ca.client(Some("cron")), name).get("/");
    let (_, text) = ask(&sni("web"));
    assert!(text.contains("host=localhost xfcc"), "rewritten to the host name: {text}");
    let (_, text) = ask(&sni("api"));
    assert!(text.contains("host=web xfcc"), "left as it came: {text}");
    assert!(!Tls::connect(exit.run.address(), exit.exit().ca.client(Some("cron")), &sni("consul")).shakes_hands());
}

#[test]
fn services_are_told_who_connected_unless_the_mesh_sanitizes() {
    let service = telling();
    let mut exit = Exit::of("term-xfcc", "http").intention("api", json!("allow")).instance("web", service.address, "").start();
    let request = "GET / HTTP/1.1\r\nhost: web\r\nx-forwarded-client-cert: URI=spiffe://forged\r\n\r\n";
    let (_, text) = exit.connect("api").ask(request);
    let told = text.split("xfcc=").nth(1).unwrap();
    assert!(told.starts_with(&format!("URI=spiffe://forged,By={};Hash=", Ca::id("web"))), "{told}");
    assert!(told.ends_with(&format!(";Subject=\"\";URI={}", Ca::id("api"))), "{told}");
    exit.change(|exit| exit.entry(json!({"Kind": "mesh", "HTTP": {"SanitizeXForwardedClientCert": true}})));
    let (_, text) = exit.connect("api").ask(request);
    assert!(text.ends_with("xfcc=-"), "{text}");
}

#[test]
pub(crate) fn critical_instances_are_used_when_there_is_no_better_one() {
    let (well, ill) = (Service::saying("well"), Service::saying("ill"));
    let exit = Exit::of("term-panic", "http").intention("api", json!("allow"));
    let exit = exit.instance("web", ill.address, "health = \"critical\"").instance("web", ill.address, "health = \"critical\"");
    let mut exit = exit.start();
    assert!(exit.get("api", "/").1.ends_with("ill"));
    exit.change(|exit| exit.instance("web", well.address, ""));
    for _ in 0..6 {
        assert!(exit.get("api", "/").1.ends_with("well"));
    }
}

#[test]
fn an_instance_that_refuses_gives_way_to_the_next() {
    let (service, _) = echo();
    let exit = Exit::of("term-next", "tcp").intention("api", json!("allow"));
    let exit = exit.instance("web", Service::nowhere(), "").instance("web", service.address, "").start();
    for _ in 0..4 {
        assert!(exit.connect("api").echoes("x"));
    }
}

#[test]
fn an_answer_that_goes_on_and_on_is_cut_when_nothing_may_be_asked_for_any_more() {
    let service = Service::start(|mut stream| {
        let mut bytes = [0; 4096];
        if !matches!(stream.read(&mut bytes), Ok(1..)) {
            return;
        }
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: first\n\n");
        // Until the gateway goes.
        let _ = stream.read(&mut bytes);
    });
    let permissions = |path: &str| json!([{"Action": "allow", "HTTP": {"PathPrefix": path}}]);
    let exit = Exit::of("term-stream", "http").intention("api", permissions("/")).instance("web", service.address, "");
    let mut exit = exit.start();
    let mut client = exit.connect("api");
    assert!(client.send("GET /events HTTP/1.1\r\nhost: web\r\n\r\n"));
    let mut heard = String::new();
    while !heard.contains("data: first") {
        heard += &client.read();
    }
    exit.change(|exit| exit.intention("api", permissions("/other")));
    let mut other = exit.connect("api");
    assert!(other.send("GET /events HTTP/1.1\r\nhost: web\r\n\r\n"));
    assert!(other.read().starts_with("HTTP/1.1 403"), "a new request is judged");
    exit.change(|exit| exit.intention("api", json!("deny")));
    assert_eq!(client.read(), "", "closed, for there is nothing left to ask for");
    assert_eq!(exit.recorded("denied")["path"], "/events");
}

#[test]
fn a_websocket_that_is_no_longer_allowed_is_cut_too() {
    let service = Service::start(|mut stream| {
        let mut bytes = [0; 4096];
        if !matches!(stream.read(&mut bytes), Ok(1..)) {
            return;
        }
        let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
        while let Ok(n @ 1..) = stream.read(&mut bytes) {
            let _ = stream.write_all(&bytes[..n]);
        }
    });
    let permissions = |path: &str| json!([{"Action": "allow", "HTTP": {"PathPrefix": path}}]);
    let exit = Exit::of("term-websocket", "http").intention("api", permissions("/")).instance("web", service.address, "");
    let mut exit = exit.start();
    let open = |path: &str| {
        let mut client = exit.connect("api");
        assert!(client.send(&format!("GET {path} HTTP/1.1\r\nhost: web\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")));
        assert!(client.read().starts_with("HTTP/1.1 101"), "{path}");
        assert!(client.echoes("hello"));
        client
    };
    let (mut kept, mut cut) = (open("/kept"), open("/cut"));
    exit.change(|exit| exit.intention("api", permissions("/kept")));
    assert_eq!(cut.read(), "");
    assert!(kept.echoes("goes on"));
}

#[test]
fn a_websocket_that_is_forbidden_while_its_service_still_thinks_is_not_opened() {
    let (asked, answers) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (count, may) = (asked.clone(), answers.clone());
    let service = Service::start(move |mut stream| {
        let mut bytes = [0; 4096];
        if !matches!(stream.read(&mut bytes), Ok(1..)) {
            return;
        }
        count.fetch_add(1, Ordering::SeqCst);
        eventually("it may answer", || may.load(Ordering::SeqCst) > 0);
        let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
        while let Ok(n @ 1..) = stream.read(&mut bytes) {
            let _ = stream.write_all(&bytes[..n]);
        }
    });
    // Of what the gateway itself adds nothing is judged, neither at first nor later.
    let permissions = |path: &str| {
        let header = json!([{"Name": "x-forwarded-for", "Present": true}]);
        json!([{"Action": "deny", "HTTP": {"Header": header}}, {"Action": "allow", "HTTP": {"PathPrefix": path}}])
    };
    let exit = Exit::of("term-websocket-late", "http").intention("api", permissions("/")).instance("web", service.address, "");
    let mut exit = exit.start();
    let ask = |path: &str| {
        let mut client = exit.connect("api");
        assert!(client.send(&format!("GET {path} HTTP/1.1\r\nhost: web\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")));
        client
    };
    let (mut kept, mut cut) = (ask("/kept"), ask("/cut"));
    eventually("both wait for the service", || asked.load(Ordering::SeqCst) == 2);
    exit.change(|exit| exit.intention("api", permissions("/kept")));
    assert!(cut.read().starts_with("HTTP/1.1 403"));
    answers.store(1, Ordering::SeqCst);
    assert!(kept.read().starts_with("HTTP/1.1 101") && kept.echoes("goes on"));
}

#[test]
pub(crate) fn an_intention_for_the_service_goes_before_one_for_all_services() {
    let (service, _) = echo();
    let all = json!({"Kind": "service-intentions", "Name": "*", "Sources": [{"Name": "api", "Action": "allow"}]});
    let exit = Exit::of("term-precedence", "tcp").intention("*", json!("deny")).entry(all).instance("web", service.address, "").start();
    let mut client = exit.connect("api");
    client.send("x");
    assert_eq!(client.read(), "");
    assert_eq!(exit.recorded("denied")["rule"], "service-intentions/web Sources[0]");
}

#[test]
pub(crate) fn who_is_of_another_trust_domain_passes_nowhere_whatever_the_default_is() {
    let (service, counted) = echo();
    let exit = Exit::of("term-foreign", "tcp").top("default_intention = \"allow\"").instance("web", service.address, "").start();
    assert!(exit.connect("api").echoes("x"), "the default");
    let foreign = exit.exit().ca.client_called(&Ca::id("api").replace("11111111", "99999999"));
    let mut client = Tls::connect(exit.run.address(), foreign, &sni("web"));
    client.send("y");
    assert_eq!(client.read(), "");
    assert_eq!(counted.load(Ordering::SeqCst), 1);
}

#[test]
pub(crate) fn a_permission_whose_regex_is_none_allows_nothing() {
    let service = telling();
    let permissions = json!([{"Action": "allow", "HTTP": {"PathRegex": "/(shop"}}, {"Action": "allow", "HTTP": {"PathExact": "/"}}]);
    let exit = Exit::of("term-regex", "http").intention("api", permissions).instance("web", service.address, "").start();
    assert_eq!((exit.get("api", "/shop").0, exit.get("api", "/").0), (403, 200));
}

#[test]
pub(crate) fn an_instance_with_a_sidecar_is_not_outside_the_mesh() {
    let service = telling();
    let exit = Exit::of("term-sidecar", "http").intention("api", json!("allow")).instance("web", service.address, "mesh = true").start();
    let (status, text) = exit.get("api", "/");
    assert!(status == 503 && text.contains("x-gw-code: no_healthy_endpoint"), "{text}");
    assert_eq!(service.connections(), 0);
}

#[test]
fn a_root_that_is_added_lets_its_services_in_and_touches_no_open_connection() {
    let (service, _) = echo();
    let (mut exit, new) = (Exit::of("term-roots", "tcp").intention("api", json!("allow")), Ca::new());
    exit = exit.instance("web", service.address, "");
    let mut exit = exit.start();
    let mut open = exit.connect("api");
    assert!(open.echoes("a"));
    let by_new = |exit: &Exits| {
        let mut client = Tls::connect(exit.run.address(), exit.exit().ca.client_of(&new, "api"), &sni("web"));
        client.send("b");
        client.read()
    };
    assert_eq!(by_new(&exit), "");
    exit.change(|exit| {
        let roots = std::fs::read_to_string(exit.folder.at("certs/ca.pem")).unwrap();
        exit.folder.write("certs/ca.pem", &(roots + new.pem()));
        exit
    });
    assert_eq!(by_new(&exit), "b");
    assert!(open.echoes("still here") && exit.connect("api").echoes("c"));
}

#[test]
fn a_leaf_that_breaks_keeps_the_one_before_also_when_the_roots_change() {
    let (service, _) = echo();
    let new = Ca::new();
    let mut exit = Exit::of("term-roots-leaf", "tcp").intention("api", json!("allow")).instance("web", service.address, "").start();
    exit.change(|exit| {
        exit.folder.write("certs/web.pem", "nonsense");
        exit
    });
    let old = std::fs::read_to_string(exit.exit().folder.at("certs/ca.pem")).unwrap();
    let roots = |roots: &str| exit.exit().folder.write("certs/ca.pem", roots);
    let by_new = || {
        let mut client = Tls::connect(exit.run.address(), exit.exit().ca.client_of(&new, "api"), &sni("web"));
        client.send("b");
        client.read() == "b"
    };
    roots(&(old + new.pem()));
    eventually("the leaf is shown to who is of the new root", by_new);
    // No root vouches for it any more.
    roots(new.pem());
    eventually("it is shown no more", || !by_new());
    assert!(exit.recorded("no_sni")["response_code_details"].as_str().unwrap().ends_with("there is no leaf to show"));
}

#[test]
fn a_deny_is_not_held_up_by_the_leaf_of_another_gateway_of_the_process() {
    let (service, _) = echo();
    let port = Service::nowhere().port();
    let exit = Exit::of("term-other-leaf", "tcp").intention("api", json!("allow")).instance("web", service.address, "").leaf("edge");
    let exit = exit.line("[[gateway]]\nkind = \"ingress\"\nname = \"edge\"");
    let listener = json!({"Port": port, "Protocol": "tcp", "Services": [{"Name": "web"}]});
    let mut exit = exit.entry(json!({"Kind": "ingress-gateway", "Name": "edge", "Listeners": [listener]})).start();
    let mut open = exit.connect("api");
    assert!(open.echoes("a"));
    exit.exit().ca.identity_of_the_past(&Folder::within(exit.exit().folder.at("certs")), "edge");
    exit.change(|exit| exit.intention("api", json!("deny")));
    eventually("what is denied ends", || !open.echoes("b"));
    // And so at the next change.
    exit.change(|exit| exit.intention("api", json!("allow")));
    eventually("what is allowed again gets through", || exit.connect("api").echoes("c"));
}

#[test]
fn a_leaf_of_another_datacenter_is_not_shown() {
    let (service, _) = echo();
    let mut exit = Exit::of("term-other-dc", "tcp").intention("api", json!("allow")).instance("web", service.address, "").start();
    assert!(exit.connect("api").echoes("a"));
    exit.change(|exit| exit.top("datacenter = \"dc2\""));
    let name = sni("web").replace(".dc1.", ".dc2.");
    assert!(!Tls::connect(exit.run.address(), exit.exit().ca.client(Some("api")), &name).shakes_hands());
    assert!(exit.recorded("no_sni")["response_code_details"].as_str().unwrap().ends_with("there is no leaf to show"));
}

#[test]
pub(crate) fn a_destination_of_transparent_proxies_is_not_offered_and_that_is_told_with_what_to_do() {
    let named = |name: &str| {
        let destination = json!({"Addresses": ["10.0.0.1"], "Port": 443});
        json!({"Kind": "service-defaults", "Name": name, "Protocol": "tcp", "Destination": destination})
    };
    let exit = Exit::of("term-destination", "tcp").linked(json!([{"Name": "far"}, {"Name": "*"}]));
    let exit = exit.entry(named("far")).entry(named("wide")).entry(named("Web")).instance("web", "127.0.0.1:1", "");
    exit.write();
    let loaded = gw::app::load::load(&exit.folder.at("gw.toml"), &[]).unwrap();
    let help: Vec<&String> = loaded.notes.iter().filter(|n| n.code == "GW0506").flat_map(|n| &n.help).collect();
    assert!(matches!(help.as_slice(), [one] if one.contains("its Destination is for transparent proxies alone")), "{help:?}");
    let rejected = gw::decide::compile::compile(&loaded.gateway(None).unwrap()).rejected;
    let told: Vec<&str> = rejected.iter().filter_map(|r| r.why.split(" has a Destination, which only").next()).collect();
    assert_eq!(told, ["Services[0]: far", "Services[1]: wide"]);
}
