//! The law of one brain: for every recorded request, what the data path did with it on the wire is what `inspect` says of it.
//!
//! Each case runs as a gateway in this process, with services behind it; the access records say what was done, and the same
//! question with the same roll is put to `inspect`.

mod services;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gw::app::config::{AccessLogTo, RunConfig};
use gw::app::inspect::{self, ExplainedOutcome, Explanation, RouteQuestion, explain};
use gw::app::world::{Asked, OneGateway, Place, World as Asking};
use gw::decide::Snapshot;
use gw::decide::compile::compile;
use gw::decide::facts::{Facts, RequestHead};
use gw::id::ListenerName;
use gw::model::resources::Resources;
use http::Method;
use serde_json::Value;

use self::services::Services;
use crate::corpus::{Places, cases, filled, header_pairs, headers_at_router, listener_of, resources, text};
use crate::generate::{Random, Request, World};
use crate::seeds;

/// What the access log was told.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no writer panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What was compared, so that a test that compares nothing fails.
#[derive(Debug, Default)]
struct Tally {
    same: usize,
    /// Refused before a decision, or not a request at all: there is no question to ask.
    no_question: usize,
    differences: Vec<String>,
    /// Questions that were asked of what runs, of its dump, and of what it was started from, with one answer.
    from_each_place: usize,
}

#[test]
fn what_the_wire_did_is_what_inspect_says() {
    let mut tally = Tally::default();
    for case in cases() {
        play_case(&case, &mut tally);
    }
    let Tally { same, no_question, differences, from_each_place } = &tally;
    assert!(differences.is_empty(), "{} differ, {same} are the same:\n{}", differences.len(), differences.join("\n"));
    assert!(*same > 1400 && *no_question < 250, "{same} compared, {no_question} without a question");
    assert!(*from_each_place > 1000, "{from_each_place} asked from each place");
}

/// Piles of generated sets of entries, where the recorded ones end.
#[test]
fn what_the_wire_did_with_generated_entries_is_what_inspect_says() {
    let mut tally = Tally::default();
    for seed in seeds().into_iter().take(60) {
        let mut random = Random::new(seed);
        let mut world = World::generate(&mut random);
        let ids: Vec<String> = world.services.values().flatten().map(|i| i.id.clone()).collect();
        let services = Services::start(std::iter::once(1), ids.into_iter().map(|id| (id, false)));
        for instance in world.services.values_mut().flatten() {
            instance.address = services.address(&instance.id);
        }
        let requests: Vec<Value> = (0..15).map(|_| Request::generate(&mut random).to_json()).collect();
        let port = services.port(1);
        let resources = world.resources_on(port);
        let sent = requests.into_iter().map(|request| (request, port)).collect();
        play(&format!("seed {seed}"), resources, &services, sent, &mut tally);
    }
    let Tally { same, differences, from_each_place, .. } = &tally;
    assert!(differences.is_empty(), "{} differ, {same} are the same:\n{}", differences.len(), differences.join("\n"));
    assert!(*from_each_place > 500, "{from_each_place} asked from each place");
    assert!(*same > tally.no_question * 10, "{same} compared, {} without a question", tally.no_question);
}

fn play_case(case: &Value, tally: &mut Tally) {
    let services = Services::of_case(case);
    let places = Places { port: &|n| services.port(n), instance: &|id| services.address(id) };
    let exchanges = case["exchanges"].as_array().into_iter().flatten();
    let sent = exchanges.map(|e| (filled(&e["request"], &places), services.port(listener_of(case, e))));
    play(&text(&case["id"]), resources(case, &places), &services, sent.collect(), tally);
}

/// Runs a gateway, sends it requests one after the other, each to a port, and lays the records beside what inspect says.
fn play(name: &str, world: Resources, services: &Services, requests: Vec<(Value, u16)>, tally: &mut Tally) {
    let snapshot = compile(&world);
    let started_from = Asking::of(String::new(), world.clone(), vec![OneGateway::alone(world.clone(), 0)]);
    let written = Written::default();
    let mut config = RunConfig::new(vec![world]);
    config.workers = NonZeroUsize::new(1);
    config.access_log = Some(AccessLogTo::Writer(Box::new(written.clone())));
    config.drain_time = Duration::from_secs(5);
    config.admin = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
    let gateway = gw::app::start(config).unwrap_or_else(|e| panic!("{name}: {e}"));
    for (request, port) in &requests {
        services.send(request, ([127, 0, 0, 1], *port).into());
    }
    let running = Place::Running(gateway.admin[0]);
    let dumped = running.world().unwrap_or_else(|e| panic!("{name}: {e}"));
    let places = Everywhere { started_from, dumped, running };
    // The records come when the answers are there, and workers end; the admin listener is asked before.
    let asked: Vec<Option<Questioned>> = requests.iter().enumerate().map(|(n, (request, port))| places.ask(n, request, *port)).collect();
    gateway.stop().unwrap_or_else(|e| panic!("{name}: {e}"));
    let log = written.0.lock().expect("no writer panics");
    let mut records = String::from_utf8_lossy(&log)
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).expect("a record"))
        .collect::<Vec<_>>()
        .into_iter()
        .peekable();
    for ((request, port), asked) in requests.iter().zip(asked) {
        // What HTTP itself refuses has no record; what has one is recorded in the order it was sent.
        match records.next_if(|record: &Value| is_of(record, request, *port)) {
            Some(record) => {
                judge(name, &snapshot, request, *port, &record, tally);
                asked.into_iter().for_each(|asked| asked.judge(name, &record, tally));
            }
            None => tally.no_question += 1,
        }
    }
    assert_eq!(records.next(), None, "{name}: a record of no request");
}

/// What a gateway was started from, what it dumps, and itself.
struct Everywhere {
    started_from: Asking,
    dumped: Asking,
    running: Place,
}

/// A request as a question, and how it was answered by what the gateway was started from: at a roll that nobody has seen yet.
struct Questioned {
    started_from: Asking,
    asked: Vec<(&'static str, String)>,
}

impl Everywhere {
    /// Asks all of them; nothing where the request is no question that one can type.
    fn ask(&self, n: usize, request: &Value, port: u16) -> Option<Questioned> {
        let (method, path, authority) = (text(&request["method"]), text(&request["path"]), text(&request["authority"]));
        // What one types is a request of HTTP/1.1 with a Host.
        let typed = request.get("raw").is_none() && request["proto"] != "h2" && path.starts_with('/') && !authority.is_empty();
        if !typed {
            return None;
        }
        let length = request["body_len"].as_u64().filter(|_| request["chunked"] != true).map(|n| format!("content-length: {n}"));
        let headers = header_pairs(request).into_iter().map(|(name, value)| format!("{name}: {value}")).chain(length);
        let headers = headers.chain([format!("host: {authority}")]).collect();
        let url = format!("http://127.0.0.1:{port}{path}");
        let roll = Some((n as u32 * 1009) % 10_000);
        let question = RouteQuestion { method, url, headers, roll, source: None, sni: None, peer: None };
        let asked = inspect::written(&question, None, None);
        let of_start = self.started_from.ask(inspect::ROUTE, &Asked::of_pairs(&asked)).ok()?;
        assert_eq!(self.dumped.ask(inspect::ROUTE, &Asked::of_pairs(&asked)).ok(), Some(of_start.clone()), "the dump: {asked:?}");
        // Over HTTP some of them: each is a connection.
        if n.is_multiple_of(4) {
            assert_eq!(self.running.ask(inspect::ROUTE, &asked).ok(), Some(of_start), "what runs: {asked:?}");
        }
        Some(Questioned { started_from: self.started_from.clone(), asked })
    }
}

impl Questioned {
    /// At the roll that was recorded the answer is what was done.
    fn judge(mut self, name: &str, record: &Value, tally: &mut Tally) {
        let decided = !record["rules"].as_array().is_none_or(Vec::is_empty) || record["code"] == "no_host";
        if !decided {
            return;
        }
        self.asked.retain(|(name, _)| *name != "roll");
        self.asked.extend(record["roll"].as_u64().map(|roll| ("roll", roll.to_string())));
        let answer = self.started_from.ask(inspect::ROUTE, &Asked::of_pairs(&self.asked)).expect("it was asked before");
        let said: Explanation = serde_json::from_value(answer).expect("an explanation");
        let rules: Vec<String> = record["rules"].as_array().into_iter().flatten().map(text).collect();
        let same = match &said.outcome {
            ExplainedOutcome::Forward { rules: said, .. } => *said == rules,
            ExplainedOutcome::Refuse { code, rule, .. } => record["code"] == **code && rules.first() == rule.as_ref(),
        };
        if same {
            tally.from_each_place += 1;
        } else {
            tally.differences.push(format!("{name} asked: {:?}\n    record {record}\n    inspect {said:?}", self.asked));
        }
    }
}

/// Whether a record is of that request: by method and, where the target is a path, by the path.
fn is_of(record: &Value, request: &Value, port: u16) -> bool {
    if !text(&record["downstream_local_address"]).ends_with(&format!(":{port}")) {
        return false;
    }
    // Blanks at the end of a target are no part of it.
    let path = text(&request["path"]).trim_end().to_owned();
    request.get("raw").is_some()
        || record["method"].is_null()
        || (record["method"] == request["method"]
            && (!path.starts_with('/') || text(&record["path"]) == path.split('#').next().unwrap_or_default()))
}

fn judge(name: &str, snapshot: &Snapshot, request: &Value, port: u16, record: &Value, tally: &mut Tally) {
    let decided = !record["rules"].as_array().is_none_or(Vec::is_empty) || matches!(record["code"].as_str(), Some("no_host"));
    // The bytes of a malformed request are read by the HTTP library alone; what it made of them is in the record.
    let Some(headers) = headers_at_router(request).filter(|_| decided && request.get("raw").is_none()) else {
        tally.no_question += 1;
        return;
    };
    let listener = ListenerName::of("edge", port.into());
    let method = Method::from_bytes(text(&record["method"]).as_bytes()).unwrap_or_default();
    let (authority, target) = (text(&record["authority"]), text(&record["path"]));
    let scheme = headers["x-forwarded-proto"].to_str().unwrap_or("http").to_owned();
    let head = RequestHead { method: &method, authority: &authority, target: &target, scheme: &scheme, headers: &headers };
    let client: SocketAddr = ([127, 0, 0, 1], 1).into();
    let request_facts = (!record["method"].is_null()).then_some(head);
    let facts = Facts { listener: &listener, client, local: client, sni: None, peer: None, request: request_facts };
    let said = explain(snapshot, &facts, record["roll"].as_u64().unwrap_or(0) as u32);
    let difference = match &said.outcome {
        ExplainedOutcome::Forward { rules, target, instances, roll, .. } => {
            let strings = |v: &Value| v.as_array().into_iter().flatten().map(text).collect::<Vec<_>>();
            let instance_fits =
                record["instance"].as_str().is_none_or(|i| instances.iter().any(|known| known.starts_with(&format!("{i} at "))));
            let target_fits = record["target"].as_str().is_none_or(|t| t == target || instances.len() > 1);
            (strings(&record["rules"]) != *rules || !instance_fits || !target_fits || record["roll"].as_u64() != roll.map(u64::from))
                .then_some("forwarded otherwise")
        }
        ExplainedOutcome::Refuse { code, rule, roll, .. } => {
            let same_rule = record["rules"].as_array().and_then(|r| r.first()).map(text) == *rule;
            (record["code"] != **code || !same_rule || record["roll"].as_u64() != roll.map(u64::from)).then_some("refused otherwise")
        }
    };
    match difference {
        None => tally.same += 1,
        Some(what) => tally.differences.push(format!("{name} {what}: {request}\n    record {record}\n    inspect {said:?}")),
    }
}

/// Sends a request as it stands and reads until its answer is there.
fn exchange_http1(request: &Value, to: SocketAddr) {
    let mut stream = TcpStream::connect(to).expect("the gateway listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    let raw = request["raw"].as_str().map(|raw| raw.chars().map(|c| c as u8).collect::<Vec<u8>>());
    let is_raw = raw.is_some();
    let bytes = raw.unwrap_or_else(|| written_out(request));
    // Who is refused early may be cut off while it still writes.
    drop(stream.write_all(&bytes));
    if is_raw {
        drop(stream.shutdown(Shutdown::Write));
    }
    read_answer(&mut stream, request["method"] == "HEAD", is_raw);
}

fn written_out(request: &Value) -> Vec<u8> {
    let version = request["version"].as_str().unwrap_or("HTTP/1.1");
    let mut out = format!("{} {} {version}\r\n", text(&request["method"]), text(&request["path"])).into_bytes();
    if let Some(host) = request["authority"].as_str() {
        out.extend(format!("Host: {host}\r\n").bytes());
    }
    for (name, value) in header_pairs(request) {
        out.extend(format!("{name}: ").bytes());
        out.extend(value.chars().map(|c| c as u8));
        out.extend(b"\r\n");
    }
    let length = request["body_len"].as_u64().unwrap_or(0) as usize;
    if request["chunked"] == true {
        out.extend(b"Transfer-Encoding: chunked\r\n\r\n");
        if length > 0 {
            out.extend(format!("{length:x}\r\n{}\r\n", "x".repeat(length)).bytes());
        }
        out.extend(b"0\r\n\r\n");
    } else {
        if request["body_len"].is_u64() {
            out.extend(format!("Content-Length: {length}\r\n").bytes());
        }
        out.extend(b"\r\n");
        out.extend(std::iter::repeat_n(b'x', length));
    }
    out
}

/// Reads to the end of the answer: by its length, its last chunk, or the end of the connection.
fn read_answer(stream: &mut TcpStream, no_body: bool, to_the_end: bool) {
    let mut read = Vec::new();
    let mut buffer = [0; 16 * 1024];
    while to_the_end || !is_whole(&read, no_body) {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(n) => read.extend_from_slice(&buffer[..n]),
        }
    }
}

fn is_whole(read: &[u8], no_body: bool) -> bool {
    let text = String::from_utf8_lossy(read).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    if head.starts_with("http/1.1 100") {
        return is_whole(body.as_bytes(), no_body);
    }
    let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")).and_then(|n| n.parse::<usize>().ok());
    match length {
        _ if no_body || head.starts_with("http/1.1 204") || head.starts_with("http/1.1 304") => true,
        Some(length) => body.len() >= length,
        None => body.ends_with("0\r\n\r\n"),
    }
}
