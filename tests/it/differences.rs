//! Each row of `docs/differences.md` that is due, as gw's side of it on the wire or at the prompt; and that no row is without.

use std::collections::BTreeSet;
use std::io::{BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use bytes::Bytes;
use gw::model::gateway::{Alpn, Forwarded, Switches};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};

use crate::harness::{Client, Folder, LONG, Seen, Service, World, answer, eventually, get, read_request, request};
use crate::http2::run;
use crate::support::{gw, scratch_with};
use crate::tls::ask;

/// The rows and their tests.
const ROWS: &[(&str, fn())] = &[
    ("host-port", the_port_in_host_is_ignored_unless_an_entry_names_one_or_the_switch_says_so),
    ("x-forwarded-for", the_clients_address_is_appended_and_the_host_told_unless_they_are_kept),
    ("x-envoy", no_client_steers_the_gateway_and_none_is_told_of_an_envoy),
    ("server", the_services_server_stays),
    ("x-gw-code", each_answer_of_gws_own_has_a_code_unless_it_is_switched_off),
    ("local-body", the_body_of_gws_own_answer_is_one_line_and_none_for_grpc),
    ("try-next", a_refused_connection_gives_way_to_the_next_instance_and_the_refuser_rests),
    ("stale-pool", an_idempotent_request_outlives_a_pooled_connection_that_was_just_closed),
    ("http10", http_1_0_is_served_without_chunks_and_without_a_host),
    ("trailers", trailers_are_passed_when_they_are_announced_and_dropped_when_not),
    ("stricter", what_two_readers_could_take_for_different_requests_is_refused_and_closed),
    ("h2-forms", an_odd_byte_of_a_target_is_passed_and_percent_encoded_for_http_2_services),
    ("refusal", an_http_2_request_without_an_answer_ends_its_stream),
    ("empty-length", a_request_without_a_body_may_have_no_length),
    ("continue", only_an_http_1_request_with_a_body_is_told_to_continue),
    ("broken-answers", an_answer_that_breaks_http_is_passed_where_its_end_is_clear),
    ("http2-tls", a_tls_listener_offers_http_2_unless_the_switch_says_http_1),
    ("hostnames", an_instance_with_a_host_name_serves_beside_one_with_an_address),
    ("check-status", crate::checks::an_instance_counts_as_it_was_configured_until_its_check_has_answered),
    ("check-redirects", crate::checks::a_check_that_is_sent_elsewhere_has_failed),
    ("tls13-up", crate::mesh::a_sidecar_may_speak_either_version_of_tls),
    ("mesh-tls", crate::spoken::who_connects_is_spoken_to_as_incoming_says_and_never_as_it_does_not),
    ("destinations", crate::terminating::a_destination_of_transparent_proxies_is_not_offered_and_that_is_told_with_what_to_do),
    ("listener-changes", crate::reload::connections_live_on_where_routes_change_and_end_where_their_listener_becomes_another),
    ("drain", a_drain_time_of_zero_cuts_at_once),
    ("split-99.99", folded_splits_are_printed_as_consul_prints_them_and_miss_nobody),
    ("crash-entries", entries_that_kill_a_server_are_refused_with_the_reason),
    ("one-case", a_name_is_found_in_any_case_and_another_spelling_is_a_warning),
    ("intention-traps", intentions_that_do_not_do_what_they_seem_to_say_are_told),
    ("jwt", intentions_that_ask_for_a_token_are_taken_and_let_nobody_in),
    ("kinds", kinds_that_no_gateway_acts_on_are_judged_and_that_is_said_once_a_kind),
    ("inline-keys", a_key_that_is_too_short_or_does_not_fit_its_certificate_is_refused),
    ("two-files", two_entries_of_one_kind_and_name_in_files_are_an_error),
    ("hash-policies", a_policy_that_picks_by_hash_is_among_the_problems),
    ("limits", limits_of_an_entry_hold_nobody_back),
    ("uri-constraints", crate::mesh::a_ca_that_is_held_to_some_uris_is_refused_whatever_they_are),
    ("strict-peer", crate::mesh::who_is_another_service_or_several_or_of_another_mesh_gets_no_request),
    ("normalize-terminating", crate::terminating::a_path_in_disguise_is_judged_and_sent_on_as_what_it_is),
    ("precedence", crate::terminating::an_intention_for_the_service_goes_before_one_for_all_services),
    ("foreign-ids", crate::terminating::who_is_of_another_trust_domain_passes_nowhere_whatever_the_default_is),
    ("unjudgeable", crate::terminating::a_permission_whose_regex_is_none_allows_nothing),
    ("sni-names", crate::terminating::a_server_name_that_is_none_of_its_services_is_closed_before_a_byte_is_said),
    ("deny-cuts", crate::terminating::a_deny_ends_what_it_forbids_within_a_second_and_nothing_else),
    ("leaf-keeps", crate::terminating::a_renewed_leaf_is_shown_to_new_connections_and_touches_no_open_one),
    ("gateway-mode", crate::elsewhere::what_the_gateways_own_defaults_say_of_the_mode_goes_before_what_the_services_say),
    ("no-way", crate::elsewhere::a_target_that_no_gateway_leads_to_is_503_or_gives_way_and_what_to_write_is_told),
    ("gateway-health", crate::elsewhere::a_critical_gateway_is_used_where_none_is_better),
    ("peers", crate::elsewhere::a_target_at_a_peer_is_passed_over_and_that_is_told),
    ("panic", crate::terminating::critical_instances_are_used_when_there_is_no_better_one),
    ("upstream-name", crate::terminating_tls::a_service_known_by_name_is_asked_for_by_it_and_must_be_it),
    ("system-roots", crate::terminating_tls::the_roots_of_the_machine_are_trusted_by_name),
    ("mesh-instances", crate::terminating::an_instance_with_a_sidecar_is_not_outside_the_mesh),
    ("nanoseconds", a_bare_number_for_a_duration_is_a_warning),
];

/// Rows whose test is elsewhere, beside a real Consul or in the brain: in which file, and what it is called there.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("registered-passing", REGISTER, "who_was_gone_for_so_long_that_its_check_failed_is_well_at_once_when_it_is_back"),
    ("registered-passing", REGISTER, "a_gateway_is_in_the_catalog_as_it_wants_to_be_known_until_it_ends"),
    (
        "unfederated",
        include_str!("../wan_federation/joins.rs"),
        "a_secondary_that_is_there_before_any_gateway_joins_and_its_gateway_learns_the_trust_domain_later",
    ),
    (
        "gone-gateways",
        include_str!("../../src/source/consul/gateways.rs"),
        "the_last_gateway_of_a_datacenter_is_kept_for_a_while_when_it_is_not_told_of_any_more",
    ),
    ("hidden-gateways", include_str!("../brain/servers.rs"), "servers_are_not_sent_to_gateways_that_do_not_expose_them_where_others_do"),
    ("config-writes", include_str!("../consul/entries.rs"), "what_is_in_the_way_is_set_aside_for_a_moment_and_comes_back"),
    ("enterprise-names", SETTINGS, "what_belongs_together_must_be_there_and_what_is_of_enterprise_must_not"),
    ("agent-name", SETTINGS, "an_ip_address_is_no_name_for_a_certificate"),
    ("agent-redirects", include_str!("../consul_api/ask.rs"), "a_question_that_is_sent_elsewhere_takes_no_token_there"),
    ("newer-intentions", KNOWN, "intentions_that_cannot_be_read_let_nobody_through"),
    (
        "registered-check",
        include_str!("../../src/source/consul/register.rs"),
        "what_is_sent_is_what_consul_connect_envoy_sends_but_for_the_check",
    ),
    ("registered-kept", REGISTER, "what_somebody_else_did_to_a_registration_is_made_good"),
    ("agent-restart", KNOWN, "instances_that_turned_critical_are_spared_where_no_better_one_is_left"),
];
const SETTINGS: &str = include_str!("../../src/source/consul/settings/tests.rs");
const KNOWN: &str = include_str!("../../src/source/consul/known.rs");
const REGISTER: &str = include_str!("../consul/register.rs");

#[test]
fn every_row_that_is_due_has_a_test_of_its_own() {
    let page = include_str!("../../docs/differences.md");
    let today = page.split("## Today").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("a part called Today");
    let rows: BTreeSet<&str> =
        today.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next()).filter(|row| *row != "name").collect();
    for (row, file, test) in ELSEWHERE {
        assert!(file.contains(&format!("fn {test}() {{")), "{row}: there is no {test}");
    }
    let tested: BTreeSet<&str> = ROWS.iter().map(|(row, _)| *row).chain(ELSEWHERE.iter().map(|(row, ..)| *row)).collect();
    assert_eq!(rows, tested, "rows of docs/differences.md, and those that have a test");
}

/// A listener with one host, and a service that says what it saw.
fn world() -> World {
    let service = Service::answering(|seen: &Seen| answer(200, &format!("{} {:?}", seen.line, seen.headers)));
    World::of("http").instance("web", service.address).entry(edge("http"))
}

fn edge(protocol: &str) -> Value {
    json!({"Kind": "ingress-gateway", "Name": "edge", "Listeners": [
        {"Port": 0, "Protocol": protocol, "Services": [{"Name": "web", "Hosts": ["h.test"]}, {"Name": "ported", "Hosts": ["p.test:9"]}]}
    ]})
}

fn status_of(gateway: &crate::harness::Gateway, host: &str) -> u16 {
    Client::connect(gateway.address).ask(&format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n")).status
}

#[test]
fn the_port_in_host_is_ignored_unless_an_entry_names_one_or_the_switch_says_so() {
    let gateway = world().start();
    let own = format!("h.test:{}", gateway.address.port());
    for (host, status) in [("h.test", 200), ("h.test:1", 200), (own.as_str(), 200), ("p.test", 404), ("p.test:8", 404), ("p.test:9", 503)] {
        assert_eq!(status_of(&gateway, host), status, "{host}");
    }
    // The port is known when it is compiled, as it always is from files.
    let mut entry = edge("http");
    entry["Listeners"][0]["Port"] = json!(Service::nowhere().port());
    let strict = world().entry(entry).switches(Switches { strict_host_port: true, ..Switches::default() }).start();
    let own = format!("h.test:{}", strict.address.port());
    for (host, status) in [("h.test", 200), ("h.test:1", 404), (own.as_str(), 200)] {
        assert_eq!(status_of(&strict, host), status, "strict: {host}");
    }
}

#[test]
fn the_clients_address_is_appended_and_the_host_told_unless_they_are_kept() {
    let sent = request("GET", "/", "x-forwarded-for: 1.1.1.1\r\n", "");
    let gateway = world().start();
    let seen = Client::connect(gateway.address).ask(&sent);
    assert!(seen.text().contains(r#"("x-forwarded-for", "1.1.1.1, 127.0.0.1")"#), "{}", seen.text());
    assert!(seen.text().contains(r#"("x-forwarded-host", "h.test")"#), "{}", seen.text());
    let theirs = Client::connect(gateway.address).ask(&request("GET", "/", "x-forwarded-host: o.test\r\n", ""));
    assert!(theirs.text().contains(r#"("x-forwarded-host", "o.test")"#) && theirs.text().contains(r#"("x-forwarded-for", "127.0.0.1")"#));
    let keeping = world().switches(Switches { forwarded: Forwarded::Keep, ..Switches::default() }).start();
    let seen = Client::connect(keeping.address).ask(&sent);
    assert!(seen.text().contains(r#"("x-forwarded-for", "1.1.1.1")"#) && !seen.text().contains("x-forwarded-host"), "{}", seen.text());
}

#[test]
fn no_client_steers_the_gateway_and_none_is_told_of_an_envoy() {
    let gateway = world().start();
    let control = [
        "upstream-rq-timeout-ms",
        "upstream-rq-per-try-timeout-ms",
        "upstream-stream-duration-ms",
        "retry-on",
        "max-retries",
        "hedge-on-per-try-timeout",
    ];
    let lines: String = control.iter().map(|name| format!("x-envoy-{name}: 1\r\n")).collect();
    let seen = Client::connect(gateway.address).ask(&request("GET", "/", &format!("{lines}x-envoy-external-address: 9\r\n"), ""));
    assert!(control.iter().all(|name| !seen.text().contains(&format!("x-envoy-{name}"))), "{}", seen.text());
    assert!(!seen.text().contains("expected-rq-timeout") && seen.text().contains("x-envoy-external-address"), "{}", seen.text());
    assert!(!seen.headers.iter().any(|(name, _)| name.starts_with("x-envoy-")), "{:?}", seen.headers);
}

#[test]
fn the_services_server_stays() {
    let service = Service::answering(|_| "HTTP/1.1 200 OK\r\nserver: mine\r\ncontent-length: 0\r\n\r\n".to_owned());
    let gateway = World::of("http").instance("web", service.address).start();
    assert_eq!(get(gateway.address, "/").header("server"), Some("mine"));
    let bare = World::of("http").instance("web", Service::saying("ok").address).start();
    assert_eq!(get(bare.address, "/").header("server"), None);
}

#[test]
fn each_answer_of_gws_own_has_a_code_unless_it_is_switched_off() {
    let gateway = World::of("http").start();
    assert_eq!(get(gateway.address, "/").header("x-gw-code"), Some("no_healthy_endpoint"));
    let quiet = World::of("http").switches(Switches { code_header: false, ..Switches::default() }).start();
    let answer = get(quiet.address, "/");
    assert_eq!((answer.status, answer.header("x-gw-code")), (503, None));
    let page = include_str!("../../docs/codes.md");
    assert!(page.contains("no_healthy_endpoint"), "the code is explained");
}

#[test]
fn the_body_of_gws_own_answer_is_one_line_and_none_for_grpc() {
    let gateway = World::of("http").start();
    let answer = get(gateway.address, "/");
    assert_eq!(answer.text(), "no_healthy_endpoint: no healthy instance of the service (gw inspect explain no_healthy_endpoint)\n");
    let grpc = Client::connect(gateway.address).ask(&request("POST", "/", "content-type: application/grpc\r\n", "x"));
    assert_eq!((grpc.status, grpc.header("grpc-status"), grpc.text()), (200, Some("14"), ""));
}

#[test]
fn a_refused_connection_gives_way_to_the_next_instance_and_the_refuser_rests() {
    let service = Service::saying("ok");
    let gateway = World::of("http").instance("web", Service::nowhere()).instance("web", service.address).start();
    for _ in 0..10 {
        assert_eq!(get(gateway.address, "/").status, 200);
    }
    let failing = World::of("http")
        .instance("web", Service::nowhere())
        .instance("other", service.address)
        .entry(json!({"Kind": "service-resolver", "Name": "web", "Failover": {"*": {"Service": "other"}}}))
        .start();
    assert_eq!(get(failing.address, "/").status, 200);
}

#[test]
fn an_idempotent_request_outlives_a_pooled_connection_that_was_just_closed() {
    let (close, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    // Answers once a connection, and ends it when it is told to.
    let service = Service::start(move |stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        if read_request(&mut reader).is_some() {
            (&stream).write_all(answer(200, "ok").as_bytes()).unwrap();
            let _ = wait.lock().unwrap().recv();
            // What comes now is read, so that the end is an end and no reset.
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let _ = std::io::copy(&mut reader, &mut std::io::sink());
        }
    });
    let gateway = World::of("http").instance("web", service.address).start();
    let mut client = Client::connect(gateway.address);
    for _ in 0..5 {
        assert_eq!(client.ask(&request("GET", "/", "", "")).status, 200);
        close.send(()).unwrap();
    }
}

#[test]
fn http_1_0_is_served_without_chunks_and_without_a_host() {
    let service = Service::answering(|_| "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n".to_owned());
    let gateway = World::of("http").instance("web", service.address).start();
    for head in ["GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\nhost: h.test\r\n\r\n"] {
        let mut client = Client::connect(gateway.address);
        let answer = client.ask(head);
        assert_eq!((answer.status, answer.header("transfer-encoding"), answer.text()), (200, None, "ok"));
        assert!(client.is_closed());
    }
}

#[test]
fn trailers_are_passed_when_they_are_announced_and_dropped_when_not() {
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    let service = Service::answering(move |seen: &Seen| {
        tell.lock().unwrap().send(seen.trailers.clone()).unwrap();
        let announced = if seen.line.contains("/quiet") { "" } else { "trailer: x-down\r\n" };
        format!("HTTP/1.1 200 OK\r\n{announced}transfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-down: 2\r\n\r\n")
    });
    let gateway = World::of("http").instance("web", service.address).start();
    let one = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    for (path, announced, up, down) in
        [("/loud", "trailer: x-up\r\n", one("x-up", "1"), one("x-down", "2")), ("/quiet", "", Vec::new(), Vec::new())]
    {
        let head = format!("POST {path} HTTP/1.1\r\nhost: h.test\r\nte: trailers\r\n{announced}transfer-encoding: chunked\r\n\r\n");
        let answer = Client::connect(gateway.address).ask(&format!("{head}1\r\na\r\n0\r\nx-up: 1\r\n\r\n"));
        assert_eq!((told.recv().unwrap(), answer.trailers), (up, down), "{path}");
    }
}

#[test]
fn what_two_readers_could_take_for_different_requests_is_refused_and_closed() {
    let service = Service::saying("ok");
    let gateway = World::of("http").instance("web", service.address).start();
    let chunked = "POST / HTTP/1.1\r\nhost: h.test\r\ntransfer-encoding: chunked\r\n\r\n";
    for bytes in [
        "GET / HTTP/1.1\nhost: h.test\n\n".to_owned(),
        request("GET", "/", "x-a: 1\r\n folded\r\n", ""),
        request("GET", "/", "x-a: a\rb\r\n", ""),
        request("GET", "/", "host: other.test\r\n", ""),
        request("OPTIONS", "**", "", ""),
        request("OPTIONS", "*/x", "", ""),
        format!("{chunked}zz\r\n\r\n"),
        format!("{chunked}3\r\nabcd\r\n0\r\n\r\n"),
    ] {
        let mut client = Client::connect(gateway.address);
        assert_eq!(client.ask(&bytes).status, 400, "{bytes:?}");
        assert!(client.answer().is_none(), "{bytes:?}");
    }
    for edits in [json!({"Set": {"Host": "x"}}), json!({"Remove": ["content-length"]}), json!({"Set": {"x-a": "50%"}})] {
        let mut entry = edge("http");
        entry["Listeners"][0]["Services"][0]["RequestHeaders"] = edits.clone();
        let (code, said) = validate("stricter", &[defaults(), entry.clone()]);
        assert!(code == 0 && said.contains("finding[GW0306]"), "{edits}: {code} {said}");
        let accepted = gw::app::batch::answer(&json!({"validate": {"existing": [defaults()], "write": entry}}).to_string());
        assert_eq!(accepted["accepted"], true, "{edits}");
        // Left out alone: the service is served.
        let gateway = world().entry(entry).start();
        assert_eq!(status_of(&gateway, "h.test"), 200, "{edits}");
    }
}

#[test]
fn an_odd_byte_of_a_target_is_passed_and_percent_encoded_for_http_2_services() {
    const TARGET: &str = "/a<b>\"{}|^`c?d<e>\"`";
    let gateway = world().start();
    let answer = Client::connect(gateway.address).ask(&request("GET", TARGET, "", ""));
    assert!(answer.text().starts_with(&format!("GET {TARGET} HTTP/1.1")), "{}", answer.text());
    assert_eq!(gateway.stop()[0]["path"], TARGET);
    let (service, _runtime) = http2_service();
    let gateway = World::of("http2").instance("web", service).start();
    let answer = Client::connect(gateway.address).ask(&request("GET", TARGET, "", ""));
    assert_eq!(answer.text(), "/a%3Cb%3E\"{}|^%60c?d%3Ce%3E%22`");
    // Over HTTP/2 a fragment is cut off.
    let path = run(ask_http2(gateway.address, Request::get("http://h.test/a").body(Full::default()).unwrap()));
    assert_eq!(path.as_deref(), Some("/a"));
}

#[test]
fn an_http_2_request_without_an_answer_ends_its_stream() {
    let gateway = world().start();
    for head in [Request::get("http://u@h.test/"), Request::connect("h.test:80")] {
        assert_eq!(run(ask_http2(gateway.address, head.body(Full::default()).unwrap())), None);
    }
    assert!(run(ask_http2(gateway.address, Request::get("http://h.test/").body(Full::default()).unwrap())).is_some());
}

#[test]
fn a_request_without_a_body_may_have_no_length() {
    let gateway = world().start();
    let seen = Client::connect(gateway.address).ask(&request("POST", "/", "", ""));
    assert!(seen.status == 200 && !seen.text().contains("content-length"), "{}", seen.text());
}

#[test]
fn only_an_http_1_request_with_a_body_is_told_to_continue() {
    let gateway = world().start();
    let mut client = Client::connect(gateway.address);
    client.send("POST / HTTP/1.1\r\nhost: h.test\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n");
    assert_eq!(client.head().unwrap().status, 100);
    client.send("ok");
    let answer = client.answer().unwrap();
    assert!(answer.status == 200 && !answer.text().contains("expect"), "{}", answer.text());
    let answer = client.ask(&request("GET", "/", "expect: 100-continue\r\n", ""));
    assert_eq!(answer.status, 200);
}

#[test]
fn an_answer_that_breaks_http_is_passed_where_its_end_is_clear() {
    let service = Service::answering(|seen: &Seen| match &seen.line {
        line if line.contains("/empty") => "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n".to_owned(),
        line if line.contains("/two") => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok".to_owned(),
        line if line.contains("/both") => {
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n".to_owned()
        }
        _ => "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\n".to_owned(),
    });
    let gateway = World::of("http").instance("web", service.address).start();
    let empty = get(gateway.address, "/empty");
    assert_eq!((empty.status, empty.header("content-length")), (204, None));
    let two = get(gateway.address, "/two");
    assert_eq!((two.status, two.text()), (200, "ok"));
    assert_eq!(get(gateway.address, "/both").text(), "ok");
    let mut client = Client::connect(gateway.address);
    client.send(&request("HEAD", "/head", "", ""));
    let head = client.head().expect("an answer");
    assert_eq!((head.status, head.headers.iter().filter(|(n, _)| n == "content-length").count()), (200, 1));
}

#[test]
fn a_tls_listener_offers_http_2_unless_the_switch_says_http_1() {
    gw::tls::install();
    let folder = Folder::new("alpn");
    let (one, der) = folder.certificate("one.test");
    let service = Service::saying("ok");
    let (h2, h1): (&[u8], &[u8]) = (b"h2", b"http/1.1");
    for (alpn, agreed) in [(Alpn::Http2, h2), (Alpn::Http1, h1)] {
        let world = World::of("http").instance("web", service.address).tls(vec![one.clone()]);
        let gateway = world.switches(Switches { alpn, ..Switches::default() }).start();
        run(async { assert_eq!(ask(&gateway, &der, "one.test", &[h2, h1]).await, (Some(agreed.to_vec()), "ok".to_owned())) });
    }
}

#[test]
fn an_instance_with_a_host_name_serves_beside_one_with_an_address() {
    let (named, plain) = (Service::saying("named"), Service::saying("plain"));
    let world = World::of("http").named("web", &format!("localhost:{}", named.address.port())).instance("web", plain.address);
    let gateway = world.start();
    let mut texts = BTreeSet::new();
    eventually("both have answered", || {
        texts.insert(get(gateway.address, "/").text().to_owned());
        texts.len() == 2
    });
}

#[test]
fn a_drain_time_of_zero_cuts_at_once() {
    let service = Service::start(|stream| drop(std::io::copy(&mut &stream, &mut std::io::sink())));
    let gateway = World::of("http").instance("web", service.address).drain_time(Duration::ZERO).start();
    let mut client = Client::connect(gateway.address);
    client.send(&request("GET", "/", "", ""));
    eventually("the request is at the service", || service.connections() == 1);
    let start = std::time::Instant::now();
    gateway.stop();
    assert!(client.answer().is_none() && start.elapsed() < LONG / 2);
}

#[test]
fn folded_splits_are_printed_as_consul_prints_them_and_miss_nobody() {
    let thirds = |name: &str, to: [&str; 3]| {
        let split = |n: usize| json!({"Weight": if n == 2 { 33.34 } else { 33.33 }, "Service": to[n]});
        json!({"Kind": "service-splitter", "Name": name, "Splits": [split(0), split(1), split(2)]})
    };
    let (outer, inner) = (thirds("web", ["b", "c", "d"]), thirds("b", ["x", "y", "z"]));
    let question = json!({"chain": {"entries": [defaults(), outer, inner], "service": "web", "datacenter": "dc1"}});
    let chain = gw::app::batch::answer(&question.to_string());
    let text = chain.to_string();
    let weights = text.split("\"Weight\":").skip(1).filter_map(|rest| rest.split([',', '}']).next()?.parse::<f64>().ok());
    let weights: Vec<f64> = weights.collect();
    // As Consul: three folded legs of 11.11 and two of the outer ones.
    assert_eq!(weights.iter().filter(|w| **w == 11.11).count(), 3, "{text}");
    let service = Service::saying("ok");
    let mut world = World::of("http").entry(outer).entry(inner);
    for name in ["c", "d", "x", "y", "z"] {
        world = world.instance(name, service.address);
    }
    let gateway = world.start();
    let mut client = Client::connect(gateway.address);
    for _ in 0..300 {
        assert_eq!(client.ask(&request("GET", "/", "", "")).status, 200);
    }
}

#[test]
fn entries_that_kill_a_server_are_refused_with_the_reason() {
    let splitter = |name: &str, to: &str, edits: Value| json!({"Kind": "service-splitter", "Name": name, "Splits": [{"Weight": 100, "Service": to, "RequestHeaders": edits}]});
    let nested = [defaults(), splitter("a", "b", json!({"Set": {"x": "1"}})), splitter("b", "c", json!({"Add": {"x": "1"}}))];
    let (code, said) = validate("nested", &nested);
    assert!(code == 3 && said.contains("kill a Consul 1.21 server"), "{code} {said}");
    let (code, said) = validate("null", &[json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"x": [null]}})]);
    assert!(code == 3 && said.contains("a Consul server ends when it takes this"), "{code} {said}");
}

#[test]
fn a_name_is_found_in_any_case_and_another_spelling_is_a_warning() {
    let service = Service::saying("ok");
    let router = json!({"Kind": "service-router", "Name": "WEB", "Routes": [{"Match": {"HTTP": {"PathPrefix": "/"}}, "Destination": {"Service": "Other"}}]});
    let gateway = World::of("http").instance("OTHER", service.address).entry(router.clone()).start();
    assert_eq!(get(gateway.address, "/").status, 200);
    let (code, said) = validate("one-case", &[defaults(), router, json!({"Kind": "service-resolver", "Name": "other"})]);
    assert!(code == 0 && said.contains("warning[GW0413]"), "{code} {said}");
}

#[test]
fn intentions_that_do_not_do_what_they_seem_to_say_are_told() {
    let http = json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}});
    let api = json!({"Name": "api", "Permissions": [{"Action": "deny", "HTTP": {"PathPrefix": "/admin"}}]});
    let everyone = json!({"Name": "*", "Action": "allow"});
    let web = json!({"Kind": "service-intentions", "Name": "web", "Sources": [api, everyone]});
    let every = json!({"Kind": "service-intentions", "Name": "*", "Sources": [{"Name": "cart", "Action": "deny"}]});
    let (code, said) = validate("intention-traps", &[http, web, every]);
    assert!(code == 0 && said.contains("[GW0417]") && said.contains("* -> web (allow) has no say"), "{code} {said}");
    assert!(said.contains("[GW0420]") && said.contains("service-intentions/* says of cart"), "{code} {said}");
}

#[test]
fn intentions_that_ask_for_a_token_are_taken_and_let_nobody_in() {
    let provider = json!({"Kind": "jwt-provider", "Name": "okta", "JSONWebKeySet": {"Local": {"Filename": "/etc/keys.json"}}});
    let jwt = json!({"Providers": [{"Name": "okta"}]});
    let web = json!({"Kind": "service-intentions", "Name": "web", "JWT": jwt, "Sources": [{"Name": "api", "Action": "allow"}]});
    let (code, said) = validate("jwt", &[provider, web.clone()]);
    assert!(matches!(code, 0 | 1) && said.contains("[GW0310]"), "{code} {said}");
    let (code, said) = validate("jwt-without-provider", &[web]);
    assert!(said.contains("[GW0415]"), "{code} {said}");
}

#[test]
fn kinds_that_no_gateway_acts_on_are_judged_and_that_is_said_once_a_kind() {
    let parent = json!([{"Kind": "api-gateway", "Name": "front"}]);
    let route = |kind: &str, name: &str| json!({"Kind": kind, "Name": name, "Parents": parent, "Services": [{"Name": "web"}]});
    let of = |kind: &str, name: &str, more: Value| {
        let mut entry = json!({"Kind": kind, "Name": name});
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        entry
    };
    let (certificate, key) = pair("ec -pkeyopt ec_paramgen_curve:P-256");
    let all = [
        of("exported-services", "default", json!({"Services": [{"Name": "web", "Consumers": [{"Peer": "east"}]}]})),
        of("api-gateway", "front", json!({"Listeners": [{"Name": "l", "Port": 80, "Protocol": "tcp"}]})),
        of("http-route", "h", json!({"Parents": parent, "Rules": [{"Services": [{"Name": "web"}]}]})),
        route("tcp-route", "one"),
        route("tcp-route", "other"),
        of("inline-certificate", "i", json!({"Certificate": certificate, "PrivateKey": key})),
        of("file-system-certificate", "f", json!({"Certificate": "/c.pem", "PrivateKey": "/k.pem"})),
        of("jwt-provider", "okta", json!({"JSONWebKeySet": {"Local": {"Filename": "/etc/keys.json"}}})),
    ];
    let (code, said) = validate("kinds", &all);
    assert_eq!(code, 0, "{said}");
    for entry in &all {
        let kind = entry["Kind"].as_str().unwrap();
        assert_eq!(said.matches(&format!("does not act on {kind} entries")).count(), 1, "{kind}: {said}");
        let mut wrong = entry.clone();
        wrong["Wrong"] = json!(1);
        let (code, said) = validate("kinds-wrong", &[wrong]);
        assert!(code == 3 && said.contains("unknown field \"Wrong\""), "{kind}: {code} {said}");
    }
}

#[test]
fn a_key_that_is_too_short_or_does_not_fit_its_certificate_is_refused() {
    let said = |(certificate, key): (String, String)| {
        validate("inline-keys", &[json!({"Kind": "inline-certificate", "Name": "i", "Certificate": certificate, "PrivateKey": key})])
    };
    for good in
        ["rsa -pkeyopt rsa_keygen_bits:2048", "ec -pkeyopt ec_paramgen_curve:P-256", "ec -pkeyopt ec_paramgen_curve:P-521", "ed25519"]
    {
        let (code, said) = said(pair(good));
        assert_eq!(code, 0, "{good}: {said}");
    }
    let (code, of_short) = said(pair("rsa -pkeyopt rsa_keygen_bits:1024"));
    assert!(code == 3 && of_short.contains("it must be RSA of 2048 bits and more, EC or Ed25519"), "{code} {of_short}");
    let (certificate, key) = pair("ed25519");
    let (code, unread) = said((format!("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n{certificate}"), key));
    assert!(code == 3 && unread.contains("error"), "{code} {unread}");
}

/// A certificate and its key in PKCS #8, by openssl, which makes what no library here makes.
fn pair(algorithm: &str) -> (String, String) {
    let folder = scratch_with(&format!("pair-{}", algorithm.replace([' ', ':'], "")), &[]);
    let words = format!("req -x509 -nodes -subj /CN=a.test -days 2 -keyout key.pem -out cert.pem -newkey {algorithm}");
    let made = Command::new("openssl").args(words.split(' ')).current_dir(folder.path()).output().expect("openssl is there");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let read = |file: &str| std::fs::read_to_string(folder.path().join(file)).unwrap();
    (read("cert.pem"), read("key.pem"))
}

#[test]
fn two_entries_of_one_kind_and_name_in_files_are_an_error() {
    let (code, said) =
        validate("two-files", &[json!({"Kind": "service-resolver", "Name": "web"}), json!({"Kind": "service-resolver", "Name": "Web"})]);
    assert!(code == 3 && said.contains("error[GW0501]"), "{code} {said}");
}

#[test]
fn a_policy_that_picks_by_hash_is_among_the_problems() {
    let service = Service::saying("ok");
    let policy = json!({"Policy": "ring_hash", "HashPolicies": [{"Field": "cookie", "FieldValue": "id", "CookieConfig": {"TTL": "60s"}}]});
    let resolver = json!({"Kind": "service-resolver", "Name": "web", "LoadBalancer": policy});
    let gateway = World::of("http").instance("web", service.address).entry(resolver.clone()).start();
    let answer = get(gateway.address, "/");
    assert_eq!((answer.status, answer.header("set-cookie")), (200, None));
    let mut edge = edge("http");
    edge["Listeners"][0]["Port"] = json!(8080);
    let (_, said) = validate_of_edge("hash", &[defaults(), resolver, edge]);
    assert!(said.contains("service-resolver/web"), "{said}");
}

#[test]
fn limits_of_an_entry_hold_nobody_back() {
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let service = Service::answering(move |seen: &Seen| {
        if seen.line.contains("/slow") {
            wait.lock().unwrap().recv().unwrap();
        }
        answer(200, "ok")
    });
    let mut entry = edge("http");
    entry["Listeners"][0]["Services"][0]["MaxConcurrentRequests"] = json!(1);
    entry["Listeners"][0]["Services"][0]["MaxConnections"] = json!(1);
    let gateway = World::of("http").instance("web", service.address).entry(entry).start();
    let mut slow = Client::connect(gateway.address);
    slow.send(&request("GET", "/slow", "", ""));
    eventually("the slow one is at the service", || service.connections() == 1);
    assert_eq!(get(gateway.address, "/").status, 200);
    go.send(()).unwrap();
    assert_eq!(slow.answer().unwrap().status, 200);
}

#[test]
fn a_bare_number_for_a_duration_is_a_warning() {
    let (code, said) = validate("nanoseconds", &[json!({"Kind": "service-resolver", "Name": "web", "ConnectTimeout": 5})]);
    assert!(code == 0 && said.contains("5 nanoseconds"), "{code} {said}");
}

fn defaults() -> Value {
    json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}})
}

/// What `gw config validate` says of these entries, a file each, and its exit code.
fn validate(name: &str, entries: &[Value]) -> (i32, String) {
    validate_files(name, entries, &[])
}

/// The same where an ingress gateway `edge` is to serve them.
pub(crate) fn validate_of_edge(name: &str, entries: &[Value]) -> (i32, String) {
    let toml = "entries = [\"gw.d\"]\n[[gateway]]\nkind = \"ingress\"\nname = \"edge\"\n";
    validate_files(name, entries, &[("gw.toml", toml)])
}

fn validate_files(name: &str, entries: &[Value], more: &[(&str, &str)]) -> (i32, String) {
    let files: Vec<(String, String)> = entries.iter().enumerate().map(|(n, e)| (format!("gw.d/{n}.json"), e.to_string())).collect();
    let files = files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let folder = scratch_with(name, &files.chain(more.iter().copied()).collect::<Vec<_>>());
    let output = gw(&["config", "validate", "--error-format", "short"]).current_dir(folder.path()).stderr(Stdio::piped()).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// One request over HTTP/2: the path that the service saw, or nothing if the stream ended without an answer.
async fn ask_http2(address: std::net::SocketAddr, request: Request<Full<Bytes>>) -> Option<String> {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let response = sender.send_request(request).await.ok()?;
    Some(String::from_utf8_lossy(&response.into_body().collect().await.ok()?.to_bytes()).into_owned())
}

/// A service that speaks HTTP/2 and answers with the target; it runs as long as what comes beside it.
fn http2_service() -> (std::net::SocketAddr, tokio::runtime::Runtime) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let serve = hyper::service::service_fn(|request: Request<hyper::body::Incoming>| async move {
                let target = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
                Ok::<_, std::convert::Infallible>(http::Response::new(Full::new(Bytes::from(target))))
            });
            tokio::spawn(hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), serve));
        }
    });
    (address, runtime)
}
