//! Spans to a collector, by OTLP over HTTP in JSON (OpenTelemetry Protocol 1.x): a thread that no request waits for.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, UNIX_EPOCH};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Url};
use serde_json::{Value, json};

use crate::proxy::trace::{Kind, Span, Spans, Tracing, hex};
use crate::rt::log::with_causes;

/// Spans that may wait.
const QUEUE: usize = 4096;
/// How many are sent at once.
const BATCH: usize = 512;
/// How long a span may wait for company.
const LINGER: Duration = Duration::from_secs(1);
/// Within which a collector takes them.
const TIME: Duration = Duration::from_secs(10);

/// Headers of each request, as OpenTelemetry's own exporters read them: `name=value,name=value`.
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
/// What the gateway is called there.
const SERVICE: &str = "OTEL_SERVICE_NAME";

/// Where spans go.
#[derive(Clone, Debug)]
pub struct TracesTo {
    /// The collector: `http://127.0.0.1:4318`.
    pub endpoint: String,
    /// Which part of the traces that begin here is recorded, 0 to 1.
    pub ratio: f64,
    /// What the gateway is called, unless `OTEL_SERVICE_NAME` says otherwise.
    pub service: String,
}

/// Why spans cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// The collector is not named by a URL. It may hold a password, and is not said again.
    #[error("the OTLP endpoint is no URL such as http://127.0.0.1:4318")]
    Endpoint,
    /// The headers cannot be read. They may hold secrets, and are not said again.
    #[error("OTEL_EXPORTER_OTLP_HEADERS is not name=value,name=value")]
    Headers,
    /// There is no client.
    #[error("cannot send spans")]
    Client(#[from] reqwest::Error),
    /// There is no thread.
    #[error("cannot start the thread that sends spans")]
    Thread(#[from] std::io::Error),
}

/// The thread.
#[derive(Debug)]
pub(super) struct Exporter {
    pub(super) thread: JoinHandle<()>,
    pub(super) counted: Arc<Spans>,
}

/// Starts the thread. It ends when the last sender is dropped and everything is sent, or was tried to.
pub(super) fn start(to: TracesTo) -> Result<(Tracing, Exporter), TracesError> {
    let url = Url::parse(&format!("{}/v1/traces", to.endpoint.trim_end_matches('/'))).map_err(|_| TracesError::Endpoint)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(TracesError::Endpoint);
    }
    let headers = std::env::var(HEADERS).ok().map_or_else(|| Some(HeaderMap::new()), |said| headers(&said));
    let headers = headers.ok_or(TracesError::Headers)?;
    let client = Client::builder().timeout(TIME).default_headers(headers).redirect(reqwest::redirect::Policy::none()).build()?;
    let service = std::env::var(SERVICE).ok().filter(|name| !name.is_empty()).unwrap_or(to.service);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (sender, spans) = sync_channel(QUEUE);
    let counted = Arc::<Spans>::default();
    let collector = Collector { url, client, service, counted: counted.clone(), runtime, trouble: false };
    let thread = std::thread::Builder::new().name("traces".to_owned()).spawn(move || collector.run(&spans))?;
    Ok((Tracing::new(sender, counted.clone(), to.ratio), Exporter { thread, counted }))
}

/// Values are percent-coded, as in a query.
fn headers(said: &str) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for pair in said.split(',').filter(|pair| !pair.trim().is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let value = percent(value.trim())?;
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        headers.insert(HeaderName::try_from(name.trim()).ok()?, value);
    }
    Some(headers)
}

fn percent(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

struct Collector {
    url: Url,
    client: Client,
    service: String,
    counted: Arc<Spans>,
    runtime: tokio::runtime::Runtime,
    /// The last ones were not taken, and that was said.
    trouble: bool,
}

impl Collector {
    fn run(mut self, spans: &Receiver<Span>) {
        let (mut batch, mut since) = (Vec::new(), Instant::now());
        loop {
            match spans.recv_timeout(LINGER.saturating_sub(since.elapsed())) {
                Ok(span) => {
                    if batch.is_empty() {
                        since = Instant::now();
                    }
                    batch.push(span);
                    if batch.len() < BATCH && since.elapsed() < LINGER {
                        continue;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.send(&batch),
            }
            self.send(&batch);
            batch.clear();
            since = Instant::now();
        }
    }

    fn send(&mut self, batch: &[Span]) {
        if batch.is_empty() {
            return;
        }
        let request = self.client.post(self.url.clone()).json(&message(&self.service, batch));
        let sent = self.runtime.block_on(async { request.send().await.and_then(reqwest::Response::error_for_status) });
        let (count, n) = (&self.counted, batch.len() as u64);
        match sent {
            Ok(_) => {
                count.sent.fetch_add(n, Ordering::Relaxed);
                if std::mem::take(&mut self.trouble) {
                    tracing::info!("the collector takes spans again");
                }
            }
            Err(error) => {
                count.dropped.fetch_add(n, Ordering::Relaxed);
                if !std::mem::replace(&mut self.trouble, true) {
                    tracing::warn!("spans are dropped until the collector takes them: {}", with_causes(&error.without_url()));
                }
            }
        }
    }
}

/// `ExportTraceServiceRequest`
fn message(service: &str, batch: &[Span]) -> Value {
    let resource = attributes(&[("service.name", service.into()), ("service.version", env!("CARGO_PKG_VERSION").into())]);
    json!({"resourceSpans": [{
        "resource": {"attributes": resource},
        "scopeSpans": [{
            "scope": {"name": "gw", "version": env!("CARGO_PKG_VERSION")},
            "spans": batch.iter().map(span).collect::<Vec<_>>(),
        }],
    }]})
}

fn span(span: &Span) -> Value {
    const ERROR: u8 = 2;
    let start = span.start.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut told = json!({
        "traceId": hex(&span.traced.trace),
        "spanId": hex(&span.traced.span),
        "traceState": span.traced.state,
        "name": span.name,
        "kind": match span.kind {
            Kind::Server => 2,
            Kind::Client => 3,
        },
        "startTimeUnixNano": start.as_nanos().to_string(),
        "endTimeUnixNano": (start + span.took).as_nanos().to_string(),
        "attributes": attributes(&span.attributes),
        "status": if span.failed { json!({"code": ERROR}) } else { json!({}) },
    });
    if let Some(parent) = span.traced.parent {
        told["parentSpanId"] = hex(&parent).into();
    }
    told
}

/// Whole numbers are texts there, for they may have 64 bits.
fn attributes(known: &[(&str, Value)]) -> Vec<Value> {
    let value = |value: &Value| match value.as_u64() {
        Some(n) => json!({"intValue": n.to_string()}),
        None => json!({"stringValue": value.as_str().unwrap_or_default()}),
    };
    known.iter().map(|(key, of)| json!({"key": key, "value": value(of)})).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_other_exporters_read_them() {
        let read = headers("api-key=a%20b, x=1,").unwrap();
        assert_eq!((&read["api-key"], &read["x"]), (&HeaderValue::from_static("a b"), &HeaderValue::from_static("1")));
        assert!(read["api-key"].is_sensitive());
        for wrong in ["x", "x=%2", "a b=1", "x=%0a"] {
            assert!(headers(wrong).is_none(), "{wrong}");
        }
    }
}
