//! Access records.

use std::net::{Shutdown, SocketAddr};

use serde_json::json;

use crate::harness::{Client, Exit, Service, World, get, request};

#[test]
fn each_request_has_one_record_that_says_what_happened_and_why() {
    let service = Service::saying("ok");
    let gateway = World::of("http").instance("web", service.address).start();
    let mut client = Client::connect(gateway.address);
    client.ask(&request("POST", "/a?b", "user-agent: me\r\nx-request-id: mine\r\n", "body"));
    client.ask(&request("GET", "/c", "", ""));
    client.ask(&request("BREW", "/", "", ""));
    get(gateway.address, "/d");
    let records = gateway.stop();
    assert_eq!(records.len(), 4);
    let first = &records[0];
    for (key, value) in [
        ("method", "POST"),
        ("path", "/a?b"),
        ("protocol", "HTTP/1.1"),
        ("authority", "h.test"),
        ("user_agent", "me"),
        ("request_id", "mine"),
        ("code", "ok"),
        ("rule", "ingress-gateway/edge Listeners[0].Services[0]"),
        ("target", "web.default.default.dc1"),
        ("instance", "web-1"),
    ] {
        assert_eq!(first[key], value, "{key}");
    }
    assert_eq!((&first["bytes_received"], &first["bytes_sent"], &first["response_code"]), (&4.into(), &2.into(), &200.into()));
    assert_eq!(records[2]["code"], "bad_request");
}

#[test]
fn what_gw_answers_itself_is_recorded_with_its_bytes_and_what_was_asked() {
    let gateway = World::of("http").start();
    let none = get(gateway.address, "/a");
    Client::connect(gateway.address).ask("CONNECT a.test:1 HTTP/1.1\r\nhost: b.test\r\n\r\n");
    Client::connect(gateway.address).ask("OPTIONS * HTTP/1.1\r\nhost: h.test\r\n\r\n");
    let mut records = gateway.stop();
    records.sort_by_key(|r| r["method"].as_str().map(str::to_owned));
    let asked = |n: usize| ["method", "path", "authority", "protocol"].map(|key| records[n][key].as_str().unwrap_or("-").to_owned());
    assert_eq!(asked(0), ["CONNECT", "*", "a.test:1", "HTTP/1.1"]);
    assert_eq!(asked(1), ["GET", "/a", "h.test", "HTTP/1.1"]);
    assert_eq!(asked(2), ["OPTIONS", "*", "h.test", "HTTP/1.1"]);
    assert_eq!(records[1]["bytes_sent"], none.body.len());
}

#[test]
fn what_the_http_library_would_refuse_is_answered_and_recorded_by_gw() {
    let service = Service::saying("ok");
    let gateway = World::of("http").instance("web", service.address).start();
    let large = |line: &str, length: usize| {
        let head = format!("{line}\r\nhost: h.test\r\nx: ");
        format!("{head}{}\r\n\r\n", "x".repeat(length - head.len() - 4))
    };
    let odd = format!("GET /{} HTTP/1.1", "<".repeat(1000));
    let heads = [
        (large("GET / HTTP/1.1", 60 * 1024), 200, "ok"),
        (large("GET / HTTP/1.1", 60 * 1024 + 1), 431, "headers_too_large"),
        (large("GET / HTTP/1.1", 61_500), 431, "headers_too_large"),
        // Odd bytes count twice on their way through the library.
        (large(&odd, 60 * 1024 - 500), 431, "headers_too_large"),
        ("GET http://[::1/ HTTP/1.1\r\nhost: h.test\r\n\r\n".to_owned(), 400, "bad_request"),
        ("GET http:///x HTTP/1.1\r\nhost: h.test\r\n\r\n".to_owned(), 400, "bad_request"),
        ("GET a/b HTTP/1.1\r\nhost: h.test\r\n\r\n".to_owned(), 400, "bad_request"),
        ("CONNECT a:b:c HTTP/1.1\r\nhost: h.test\r\n\r\n".to_owned(), 400, "bad_request"),
    ];
    for (head, status, code) in &heads {
        let answer = Client::connect(gateway.address).ask(head);
        assert_eq!((answer.status, answer.header("x-gw-code").unwrap_or("ok")), (*status, *code), "{}", &head[..40]);
    }
    let records = gateway.stop();
    let mut codes: Vec<&str> = records.iter().map(|r| r["code"].as_str().unwrap()).collect();
    let mut wanted = heads.map(|(_, _, code)| code);
    codes.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(codes, wanted);
}

/// Connects and says nothing, as an agent's check does; all is over when it returns.
fn look(at: SocketAddr) {
    let mut client = Client::connect(at);
    client.stream.shutdown(Shutdown::Write).unwrap();
    assert!(client.read_to_end().is_empty());
}

#[test]
fn who_connects_and_closes_without_a_byte_leaves_no_record_on_any_listener_but_of_tcp() {
    let service = Service::saying("ok");
    let http = World::of("http").instance("web", service.address).start();
    look(http.address);
    assert!(http.stop().is_empty(), "http");
    let between = World::between().mesh_instance("web", service.address).start();
    look(between.address);
    assert!(between.stop().is_empty(), "TLS of others");
    let exit = Exit::of("empty", "http").instance("web", service.address, "").start();
    look(exit.run.address());
    // A word is another matter, and its record comes after those before it.
    let mut spoilt = Client::connect(exit.run.address());
    spoilt.send("x");
    spoilt.read_to_end();
    exit.recorded("client_tls");
    assert_eq!(exit.records().len(), 1, "mTLS of the mesh: {:?}", exit.records());
}

#[test]
fn records_in_text_are_lines_as_envoy_writes_them_and_what_a_client_says_stays_between_its_quotes() {
    let service = Service::saying("ok");
    let gateway = World::of("http").in_text().instance("web", service.address).start();
    let agent = "user-agent: a\\b \" 200 OK\r\nx-request-id: mine\r\n";
    get(gateway.address, "/a?b");
    Client::connect(gateway.address).ask(&request("POST", "/c", agent, "body"));
    let address = service.address;
    let text = gateway.stop_for_text();
    let [_, second] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
    let (start, line) = second.split_once("] ").unwrap();
    assert!(time::OffsetDateTime::parse(&start[1..], &time::format_description::well_known::Rfc3339).is_ok(), "{start}");
    let words = "\"POST /c HTTP/1.1\" 200 - 4 2 ";
    assert!(line.starts_with(words), "{line}");
    let rest =
        format!(" \"-\" \"a\\\\b \\\" 200 OK\" \"mine\" \"h.test\" \"{address}\" ok \"ingress-gateway/edge Listeners[0].Services[0]\"");
    let times = line.strip_prefix(words).and_then(|l| l.strip_suffix(rest.as_str())).unwrap_or_else(|| panic!("{line}\n{rest}"));
    assert!(times.split(' ').all(|time| time.parse::<u64>().is_ok()), "{times}");
}

#[test]
fn a_tcp_connection_has_a_record_of_either_kind_with_envoys_flags() {
    let gateway = World::of("tcp").in_text().instance("web", Service::nowhere()).start();
    Client::connect(gateway.address).read_to_end();
    let text = gateway.stop_for_text();
    assert!(text.contains("\"- - -\" 0 UF 0 0 ") && text.trim_end().contains("connect_failed \""), "{text}");
    let gateway = World::of("tcp").instance("web", Service::nowhere()).start();
    Client::connect(gateway.address).read_to_end();
    let records = gateway.stop();
    assert_eq!((&records[0]["response_flags"], &records[0]["code"]), (&"UF".into(), &"connect_failed".into()));
}

/// A record as it is written, with words for what is another one each time.
fn told(line: &str, known: &[(SocketAddr, &str)]) -> String {
    let mut line = known.iter().fold(line.to_owned(), |line, (address, word)| line.replace(&address.to_string(), word));
    for key in ["\"start_time\":\"", "\"duration\":", "\"upstream_service_time\":", "\"roll\":"] {
        let start = line.find(key).expect("every key is there") + key.len();
        let length = line[start..].find([',', '"']).expect("more follows");
        if &line[start..start + length] != "null" {
            line.replace_range(start..start + length, "NOW");
        }
    }
    line
}

#[test]
fn a_record_of_json_is_this_line_to_the_letter() {
    let (service, nowhere) = (Service::saying("ok"), Service::nowhere());
    let router = json!({"Kind": "service-router", "Name": "web", "Routes": [
        {"Match": {"HTTP": {"PathPrefix": "/cart"}}, "Destination": {"Service": "cart"}},
        {"Match": {"HTTP": {"PathPrefix": "/none"}}, "Destination": {"Service": "gone"}}]});
    let splitter = json!({"Kind": "service-splitter", "Name": "web", "Splits": [{"Weight": 100}]});
    let world = World::of("http").instance("web", service.address).instance("cart", nowhere);
    let gateway = world.entry(splitter).entry(router).start();
    let mut client = Client::connect(gateway.address);
    let here = client.stream.local_addr().unwrap();
    let known = [(service.address, "SERVICE"), (nowhere, "NOWHERE"), (gateway.address, "GATEWAY"), (here, "CLIENT")];
    let odd = "user-agent: a\\\"b\tc\u{e9}\r\nx-request-id: mine\r\nx-forwarded-for: 9.9.9.9\r\n";
    client.ask(&request("PUT", "/a?b=\"c\"&d", odd, "body"));
    client.ask(&request("GET", "/cart", "x-request-id: 2\r\n", ""));
    client.ask(&request("GET", "/none", "x-request-id: 3\r\n", ""));
    client.ask("OPTIONS * HTTP/1.1\r\nhost: h.test\r\n\r\n");
    let text = gateway.stop_for_text();
    let lines: Vec<String> = text.lines().map(|line| told(line, &known)).collect();
    assert_eq!(lines, WRITTEN);
}

const WRITTEN: [&str; 4] = [
    r##"{"start_time":"NOW","route_name":"service-router/web","method":"PUT","path":"/a?b=\"c\"&d","protocol":"HTTP/1.1","response_code":200,"response_flags":"-","response_code_details":null,"connection_termination_details":null,"bytes_received":4,"bytes_sent":2,"duration":NOW,"upstream_service_time":NOW,"x_forwarded_for":"9.9.9.9","user_agent":"a\\\"b\tcé","request_id":"mine","authority":"h.test","upstream_host":"SERVICE","upstream_cluster":"web.default.dc1.internal.11111111-2222-3333-4444-555555555555.consul","upstream_local_address":null,"downstream_local_address":"GATEWAY","downstream_remote_address":"CLIENT","requested_server_name":null,"upstream_transport_failure_reason":null,"code":"ok","peer":null,"rule":"service-router/web","rules":["ingress-gateway/edge Listeners[0].Services[0]","service-router/web","service-splitter/web Splits[0]"],"roll":NOW,"target":"web.default.default.dc1","instance":"web-1"}"##,
    r##"{"start_time":"NOW","route_name":"service-router/web Routes[0]","method":"GET","path":"/cart","protocol":"HTTP/1.1","response_code":503,"response_flags":"UF","response_code_details":null,"connection_termination_details":null,"bytes_received":0,"bytes_sent":101,"duration":NOW,"upstream_service_time":NOW,"x_forwarded_for":null,"user_agent":null,"request_id":"2","authority":"h.test","upstream_host":null,"upstream_cluster":null,"upstream_local_address":null,"downstream_local_address":"GATEWAY","downstream_remote_address":"CLIENT","requested_server_name":null,"upstream_transport_failure_reason":null,"code":"connect_failed","peer":null,"rule":"service-router/web Routes[0]","rules":["ingress-gateway/edge Listeners[0].Services[0]","service-router/web Routes[0]"],"roll":null,"target":null,"instance":null}"##,
    r##"{"start_time":"NOW","route_name":null,"method":"GET","path":"/none","protocol":"HTTP/1.1","response_code":503,"response_flags":"UH","response_code_details":"gone.default.default.dc1","connection_termination_details":null,"bytes_received":0,"bytes_sent":97,"duration":NOW,"upstream_service_time":NOW,"x_forwarded_for":null,"user_agent":null,"request_id":"3","authority":"h.test","upstream_host":null,"upstream_cluster":null,"upstream_local_address":null,"downstream_local_address":"GATEWAY","downstream_remote_address":"CLIENT","requested_server_name":null,"upstream_transport_failure_reason":null,"code":"no_healthy_endpoint","peer":null,"rule":"service-router/web Routes[1]","rules":["service-router/web Routes[1]"],"roll":null,"target":null,"instance":null}"##,
    r##"{"start_time":"NOW","route_name":null,"method":"OPTIONS","path":"*","protocol":"HTTP/1.1","response_code":404,"response_flags":"NR","response_code_details":null,"connection_termination_details":null,"bytes_received":0,"bytes_sent":81,"duration":NOW,"upstream_service_time":NOW,"x_forwarded_for":null,"user_agent":null,"request_id":null,"authority":"h.test","upstream_host":null,"upstream_cluster":null,"upstream_local_address":null,"downstream_local_address":"GATEWAY","downstream_remote_address":"CLIENT","requested_server_name":null,"upstream_transport_failure_reason":null,"code":"no_route","peer":null,"rule":null,"rules":null,"roll":null,"target":null,"instance":null}"##,
];
