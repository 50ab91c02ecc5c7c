//! Traces: what a service is told, and what a collector has.

use std::sync::{Arc, Mutex};

use serde_json::Value;

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
}

fn attribute(of: &Value, name: &str) -> String {
    let found = of["attributes"].as_array().unwrap().iter().find(|attribute| attribute["key"] == name);
    let value = found.map(|attribute| attribute["value"].as_object().unwrap().values().next().unwrap().clone());
    value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

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
    eventually("the collector has it", || !collector.spans().is_empty());
    let span = &collector.spans()[0];
    assert_eq!((&span["traceId"], &span["parentSpanId"], &span["traceState"]), (&TRACE.into(), &"b7ad6b7169203331".into(), &"a=1".into()));
    assert_eq!(said, format!("00-{TRACE}-{}-01 a=1", span["spanId"].as_str().unwrap()));
    assert_eq!((&span["name"], &span["kind"], &span["status"]), (&"GET web.default.default.dc1".into(), &2.into(), &serde_json::json!({})));
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
    let nanoseconds = |key: &str| span[key].as_str().unwrap().parse::<u128>().unwrap();
    assert!(nanoseconds("startTimeUnixNano") < nanoseconds("endTimeUnixNano"));
    assert!(!span.to_string().contains("secret"), "{span}");
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
    let spans = collector.spans();
    let [span] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!(
        (&span["status"]["code"], attribute(span, "error.type").as_str(), span.get("parentSpanId")),
        (&2.into(), "connect_failed", None)
    );
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
    eventually("one was not taken", || scrape() == (1.0, 0.0));
    assert!(ask(&gateway, "").starts_with("00-"));
    eventually("one was", || scrape() == (1.0, 1.0));
    assert_eq!(collector.spans().len(), 1);
}
