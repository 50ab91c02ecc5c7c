//! Traces: what a service is told, and what a collector has.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::harness::{Client, Scrape, Seen, Service, World, answer, eventually, request};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A collector of OTLP in JSON.
struct Collector {
    service: Service,
    spans: Arc<Mutex<Vec<Value>>>,
}

impl Collector {
    /// Answers so many requests with 503 before it takes any.
    fn busy(mut refuses: usize) -> Self {
        let spans = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::new(Mutex::new((spans.clone(), move || {
            let refused = refuses > 0;
            refuses = refuses.saturating_sub(1);
            refused
        })));
        let service = Service::answering(move |seen: &Seen| {
            assert!(seen.line.starts_with("POST /v1/traces "), "{}", seen.line);
            assert_eq!(seen.header("content-type"), Some("application/json"));
            let (spans, refuses) = &mut *taken.lock().unwrap();
            if refuses() {
                return answer(503, "");
            }
            let message: Value = serde_json::from_slice(&seen.body).unwrap();
            let resource = &message["resourceSpans"][0];
            assert_eq!(attribute(&resource["resource"], "service.name"), "edge");
            spans.lock().unwrap().extend(resource["scopeSpans"][0]["spans"].as_array().unwrap().clone());
            answer(200, "{}")
        });
        Self { service, spans }
    }

    fn spans(&self) -> Vec<Value> {
        self.spans.lock().unwrap().clone()
    }

    /// Those of requests of clients, or those of what was sent for them, in order.
    fn of_kind(&self, kind: u64) -> Vec<Value> {
        self.spans().into_iter().filter(|span| span["kind"] == kind).collect()
    }
}

fn attribute(of: &Value, name: &str) -> String {
    let found = of["attributes"].as_array().unwrap().iter().find(|attribute| attribute["key"] == name);
    let value = found.map(|attribute| attribute["value"].as_object().unwrap().values().next().unwrap().clone());
    value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Spans of requests of clients.
const SERVER: u64 = 2;
/// Spans of what was sent to instances.
const CLIENT: u64 = 3;

/// A service that says what it was told of the trace.
fn told() -> Service {
    Service::answering(|seen: &Seen| {
        let header = |name| seen.header(name).unwrap_or("-").to_owned();
        answer(200, &[header("traceparent"), header("tracestate")].join(" "))
    })
}

fn ask(gateway: &crate::harness::Gateway, headers: &str) -> String {
    Client::connect(gateway.address).ask(&request("GET", "/cart?secret=1", headers, "")).text().to_owned()
}

#[test]
fn without_a_collector_the_headers_of_a_trace_pass_as_they_came() {
    let service = told();
    let gateway = World::of("http").instance("web", service.address).start();
    assert_eq!(ask(&gateway, "traceparent: what\r\ntracestate: a=1\r\n"), "what a=1");
    assert_eq!(ask(&gateway, ""), "- -");
}

#[test]
fn a_sampled_request_has_a_span_below_its_client_and_above_its_service() {
    let (service, collector) = (told(), Collector::busy(0));
    let gateway = World::of("http").unrecorded().traces(collector.service.address, 0.0).instance("web", service.address).start();
    let said = ask(&gateway, &format!("traceparent: 00-{TRACE}-b7ad6b7169203331-01\r\ntracestate: a=1\r\n"));
    eventually("the collector has both", || collector.spans().len() == 2);
    let (span, sent) = (&collector.of_kind(SERVER)[0], &collector.of_kind(CLIENT)[0]);
    assert_eq!((&span["traceId"], &span["parentSpanId"], &span["traceState"]), (&TRACE.into(), &"b7ad6b7169203331".into(), &"a=1".into()));
    assert_eq!((&sent["traceId"], &sent["parentSpanId"], &sent["traceState"]), (&TRACE.into(), &span["spanId"], &"a=1".into()));
    assert_eq!(said, format!("00-{TRACE}-{}-01 a=1", sent["spanId"].as_str().unwrap()), "the service is below what was sent to it");
    for of in [span, sent] {
        assert_eq!((&of["name"], &of["status"]), (&"GET web.default.default.dc1".into(), &json!({})));
    }
    for (name, value) in [
        ("http.request.method", "GET"),
        ("url.path", "/cart"),
        ("server.address", "h.test"),
        ("http.response.status_code", "200"),
        ("network.protocol.version", "1.1"),
        ("gw.code", "ok"),
        ("gw.rule", "ingress-gateway/edge Listeners[0].Services[0]"),
        ("gw.instance", "web-1"),
    ] {
        assert_eq!(attribute(span, name), value, "{name}");
    }
    let url = format!("http://{}/cart", service.address);
    for (name, value) in [
        ("http.request.method", "GET"),
        ("url.full", url.as_str()),
        ("server.address", "127.0.0.1"),
        ("server.port", &service.address.port().to_string()),
        ("http.response.status_code", "200"),
        ("network.protocol.version", "1.1"),
        ("gw.target", "web.default.default.dc1"),
        ("gw.instance", "web-1"),
        ("http.request.resend_count", ""),
        ("error.type", ""),
    ] {
        assert_eq!(attribute(sent, name), value, "{name}");
    }
    let nanoseconds = |span: &Value, key: &str| span[key].as_str().unwrap().parse::<u128>().unwrap();
    for of in [span, sent] {
        assert!(nanoseconds(of, "startTimeUnixNano") < nanoseconds(of, "endTimeUnixNano"));
        assert!(!of.to_string().contains("secret"), "{of}");
    }
    assert!(nanoseconds(span, "startTimeUnixNano") <= nanoseconds(sent, "startTimeUnixNano"));
}

#[test]
fn who_does_not_record_is_left_alone_and_what_begins_here_is_recorded_by_the_ratio() {
    let (service, collector) = (told(), Collector::busy(0));
    let none = World::of("http").traces(collector.service.address, 0.0).instance("web", service.address).start();
    let unsampled = format!("00-{TRACE}-b7ad6b7169203331-00");
    assert_eq!(ask(&none, &format!("traceparent: {unsampled}\r\n")), format!("{unsampled} -"));
    let begun = ask(&none, "traceparent: broken\r\ntracestate: left=over\r\n");
    assert!(begun.starts_with("00-") && begun.ends_with("-00 -"), "{begun}");
    none.stop();
    assert_eq!(collector.spans(), Vec::<Value>::new());
    let all = World::of("http").traces(collector.service.address, 1.0).instance("web", Service::nowhere()).start();
    assert!(ask(&all, "").starts_with("connect_failed"));
    // The end of the process sends what is left.
    all.stop();
    let (spans, attempts) = (collector.of_kind(SERVER), collector.of_kind(CLIENT));
    let ([span], [attempt]) = (&spans[..], &attempts[..]) else { panic!("{spans:?} {attempts:?}") };
    assert_eq!(span.get("parentSpanId"), None);
    assert_eq!(attempt["parentSpanId"], span["spanId"]);
    for of in [span, attempt] {
        assert_eq!((&of["status"]["code"], attribute(of, "error.type").as_str()), (&2.into(), "connect_failed"));
    }
}

#[test]
fn each_hop_has_a_span_of_its_own_and_its_service_is_below_that_one() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let parents = asked.clone();
    let service = Service::answering(move |seen: &Seen| {
        let mut parents = parents.lock().unwrap();
        parents.push(seen.header("traceparent").unwrap().to_owned());
        if parents.len() < 3 { answer(503, "not yet") } else { answer(200, "now") }
    });
    let collector = Collector::busy(0);
    let retries = json!({"NumRetries": 2, "RetryOnStatusCodes": [503]});
    let router = json!({"Kind": "service-router", "Name": "web", "Routes": [{"Destination": retries}]});
    let gateway = World::of("http").traces(collector.service.address, 1.0).instance("web", service.address).entry(router).start();
    assert_eq!(ask(&gateway, ""), "now");
    gateway.stop();
    let (server, attempts) = (&collector.of_kind(SERVER)[0], collector.of_kind(CLIENT));
    let told = |span: &Value| format!("00-{}-{}-01", span["traceId"].as_str().unwrap(), span["spanId"].as_str().unwrap());
    assert_eq!(*asked.lock().unwrap(), attempts.iter().map(told).collect::<Vec<_>>());
    let of = |name: &str| attempts.iter().map(|span| attribute(span, name)).collect::<Vec<_>>();
    assert_eq!(of("http.request.resend_count"), ["", "1", "2"]);
    assert_eq!(of("http.response.status_code"), ["503", "503", "200"]);
    assert_eq!(of("error.type"), ["503", "503", ""]);
    assert!(attempts.iter().all(|attempt| attempt["parentSpanId"] == server["spanId"]), "{attempts:?}");
}

#[test]
fn a_hop_that_nobody_waits_for_any_more_has_a_span_too() {
    let service = Service::answering(|_: &Seen| {
        std::thread::park_timeout(crate::harness::LONG);
        answer(200, "")
    });
    let collector = Collector::busy(0);
    let router = json!({"Kind": "service-router", "Name": "web", "Routes": [{"Destination": {"RequestTimeout": "50ms"}}]});
    let gateway = World::of("http").traces(collector.service.address, 1.0).instance("web", service.address).entry(router).start();
    assert!(ask(&gateway, "").starts_with("request_timeout"));
    eventually("the collector has both", || collector.spans().len() == 2);
    assert_eq!(attribute(&collector.of_kind(CLIENT)[0], "error.type"), "cancelled");
}

#[test]
fn a_traceparent_of_an_entry_is_told_as_the_entry_says() {
    let (service, collector) = (told(), Collector::busy(0));
    let router = json!({"Kind": "service-router", "Name": "web", "Routes": [
        {"Destination": {"RequestHeaders": {"Set": {"traceparent": "of-the-entry"}}}}]});
    let gateway = World::of("http").traces(collector.service.address, 1.0).instance("web", service.address).entry(router).start();
    assert_eq!(ask(&gateway, ""), "of-the-entry -");
}

#[test]
fn spans_that_a_collector_does_not_take_are_counted_and_no_request_waits_for_it() {
    let (service, collector) = (told(), Collector::busy(1));
    let gateway = World::of("http").traces(collector.service.address, 1.0).instance("web", service.address).start();
    let scrape = || {
        let answer = Client::connect(gateway.admin).ask("GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let told = Scrape::read(answer.text());
        (told.sum("gw_trace_spans_dropped_total", &[]), told.sum("gw_trace_spans_total", &[]))
    };
    assert!(ask(&gateway, "").starts_with("00-"));
    let all = |n: f64| move |(dropped, sent): (f64, f64)| dropped >= 1.0 && dropped + sent == n;
    eventually("some were not taken", || all(2.0)(scrape()));
    assert!(ask(&gateway, "").starts_with("00-"));
    eventually("the others were", || all(4.0)(scrape()));
    assert_eq!(collector.spans().len() as f64, scrape().1);
    assert!(scrape().1 >= 2.0);
}
