//! Access records: what stands in them, and the queue to who writes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value, json};

use super::outcome::Ends;
use super::progress::Progress;
use super::tap::Tapped;
use super::trace::{Span, Traced};
use crate::decide::code::Code;
use crate::model::entry::RuleRef;
use crate::model::gateway::RecordFormat;

/// Where access records go: a bounded queue. A full one drops records and counts them, for no request waits for a disk.
#[derive(Clone, Debug)]
pub struct AccessLog {
    queue: SyncSender<String>,
    format: RecordFormat,
    dropped: Arc<AtomicU64>,
}

impl AccessLog {
    /// Records go there; those that find no place are counted.
    pub const fn new(queue: SyncSender<String>, format: RecordFormat, dropped: Arc<AtomicU64>) -> Self {
        Self { queue, format, dropped }
    }

    /// How records are written.
    pub(super) const fn format(&self) -> RecordFormat {
        self.format
    }

    /// Without waiting.
    pub fn write(&self, record: String) {
        if self.queue.try_send(record).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What is to be said of a request or connection, as far as it is known.
#[derive(Debug)]
pub(super) struct Record {
    wall: SystemTime,
    /// Its place in a trace, if that is recorded.
    pub(super) traced: Option<Box<Traced>>,
    /// Who watches live, and may want it.
    pub(super) tapped: Option<Box<Tapped>>,
    /// When the status was known.
    pub(super) answered: Option<Duration>,
    pub(super) fields: Map<String, Value>,
}

/// How a request or connection ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended<'o> {
    pub(super) code: Code,
    pub(super) status: u16,
    pub(super) took: Duration,
    pub(super) ends: &'o Ends,
    pub(super) progress: &'o Progress,
}

impl Record {
    /// Nothing is known yet but who watches.
    pub(super) fn of(tapped: Option<Box<Tapped>>) -> Self {
        Self { wall: SystemTime::now(), traced: None, tapped, answered: None, fields: Map::new() }
    }

    pub(super) fn put(&mut self, key: &str, value: impl Into<String>) {
        self.fields.insert(key.to_owned(), Value::String(value.into()));
    }

    pub(super) fn header(&mut self, key: &str, headers: &HeaderMap, name: &str) {
        if let Some(value) = headers.get(name) {
            self.put(key, String::from_utf8_lossy(HeaderValue::as_bytes(value)));
        }
    }

    /// Every rule that led there, outermost first; `rule` is the one that decided.
    pub(super) fn rules<'a>(&mut self, rules: impl Iterator<Item = &'a RuleRef>) {
        self.fields.insert("rules".to_owned(), rules.map(ToString::to_string).collect());
    }

    /// One line.
    pub(super) fn line(self, format: RecordFormat, ended: Ended<'_>) -> String {
        match format {
            RecordFormat::Json => self.json(ended),
            RecordFormat::Text => self.text(ended),
        }
    }

    /// One line of JSON: the keys of Consul's default access log, in its order, then gw's own.
    fn json(mut self, ended: Ended<'_>) -> String {
        let Ended { code, status, took, ends, progress } = ended;
        let mut out = Map::new();
        out.insert("start_time".to_owned(), json!(self.started()));
        for key in ["route_name", "method", "path", "protocol"] {
            out.insert(key.to_owned(), self.fields.remove(key).unwrap_or_default());
        }
        out.insert("response_code".to_owned(), json!(status));
        out.insert("response_flags".to_owned(), json!(code.flags()));
        out.insert("response_code_details".to_owned(), self.fields.remove("response_code_details").unwrap_or_default());
        out.insert("connection_termination_details".to_owned(), Value::Null);
        out.insert("bytes_received".to_owned(), json!(progress.received.get()));
        out.insert("bytes_sent".to_owned(), json!(progress.sent.get()));
        out.insert("duration".to_owned(), json!(milliseconds(took)));
        out.insert("upstream_service_time".to_owned(), self.answered.map_or(Value::Null, |t| json!(milliseconds(t))));
        for key in ["x_forwarded_for", "user_agent", "request_id", "authority", "upstream_host", "upstream_cluster"] {
            out.insert(key.to_owned(), self.fields.remove(key).unwrap_or_default());
        }
        out.insert("upstream_local_address".to_owned(), Value::Null);
        out.insert("downstream_local_address".to_owned(), json!(ends.local.to_string()));
        out.insert("downstream_remote_address".to_owned(), json!(ends.client.to_string()));
        out.insert("requested_server_name".to_owned(), json!(ends.sni));
        let transport = "upstream_transport_failure_reason";
        out.insert(transport.to_owned(), self.fields.remove(transport).unwrap_or_default());
        out.insert("code".to_owned(), json!(code.as_str()));
        out.insert("peer".to_owned(), ends.peer.as_ref().map_or(Value::Null, |peer| json!(peer.member.id.to_string())));
        for key in ["rule", "rules", "roll", "target", "instance"] {
            out.insert(key.to_owned(), self.fields.remove(key).unwrap_or_default());
        }
        Value::Object(out).to_string()
    }

    /// One line as Envoy's default format has it, then gw's code and rule.
    fn text(&self, ended: Ended<'_>) -> String {
        let Ended { code, status, took, progress, .. } = ended;
        let value = |key: &str| self.fields.get(key).and_then(Value::as_str).map_or_else(|| "-".to_owned(), escaped);
        let answered = self.answered.map_or_else(|| "-".to_owned(), |time| milliseconds(time).to_string());
        format!(
            "[{}] \"{} {} {}\" {status} {} {} {} {} {answered} \"{}\" \"{}\" \"{}\" \"{}\" \"{}\" {code} \"{}\"",
            self.started(),
            value("method"),
            value("path"),
            value("protocol"),
            code.flags(),
            progress.received.get(),
            progress.sent.get(),
            milliseconds(took),
            value("x_forwarded_for"),
            value("user_agent"),
            value("request_id"),
            value("authority"),
            value("upstream_host"),
            value("rule"),
        )
    }

    /// The span of a request, with OpenTelemetry's names for what is known of it.
    pub(super) fn span(&self, traced: Traced, code: Code, status: u16, took: Duration) -> Span {
        const NAMES: [(&str, &str); 9] = [
            ("method", "http.request.method"),
            ("authority", "server.address"),
            ("user_agent", "user_agent.original"),
            ("request_id", "http.request.header.x-request-id"),
            ("upstream_host", "network.peer.address"),
            ("rule", "gw.rule"),
            ("target", "gw.target"),
            ("instance", "gw.instance"),
            ("upstream_transport_failure_reason", "gw.transport_failure"),
        ];
        let field = |key: &str| self.fields.get(key).and_then(Value::as_str);
        let known = NAMES.iter().filter_map(|(key, name)| Some((*name, Value::from(field(key)?))));
        let mut attributes: Vec<_> = known.collect();
        // What stands in a query may be a secret.
        let path = field("path").map(|path| path.split('?').next().unwrap_or_default());
        attributes.extend(path.map(|path| ("url.path", path.into())));
        let version = field("protocol").and_then(|protocol| protocol.strip_prefix("HTTP/"));
        attributes.extend(version.map(|version| ("network.protocol.version", version.into())));
        attributes.push(("gw.code", code.as_str().into()));
        if status > 0 {
            attributes.push(("http.response.status_code", status.into()));
        }
        let failed = status >= 500 || status == 0;
        if failed {
            attributes.push(("error.type", if code == Code::Ok { status.to_string() } else { code.to_string() }.into()));
        }
        let words = [field("method").unwrap_or("HTTP"), field("target").unwrap_or_default()];
        Span { traced, name: words.join(" ").trim_end().to_owned(), start: self.wall, took, attributes, failed }
    }

    /// When it began (RFC 3339).
    pub(super) fn started(&self) -> String {
        time::OffsetDateTime::from(self.wall).format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
    }
}

/// What a client wrote, so that it ends neither its quotes nor its line.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_wrote_ends_neither_its_quotes_nor_its_line() {
        assert_eq!(escaped("a\"b\\c\nd\u{7f}é"), "a\\\"b\\\\c\\nd\\u{7f}é");
    }
}
