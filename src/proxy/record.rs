//! Access records: what stands in them, and the queue to who writes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue};
use serde::Serialize;
use serde_json::Value;

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
    pub(super) fields: Fields,
}

/// What is known, by the keys of records. There are few: they are looked through.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    /// In place of what was there.
    pub(super) fn insert(&mut self, key: &'static str, value: Value) {
        match self.0.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = value,
            None => self.0.push((key, value)),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
    }
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
        Self { wall: SystemTime::now(), traced: None, tapped, answered: None, fields: Fields::default() }
    }

    pub(super) fn put(&mut self, key: &'static str, value: impl Into<String>) {
        self.fields.insert(key, Value::String(value.into()));
    }

    pub(super) fn header(&mut self, key: &'static str, headers: &HeaderMap, name: &str) {
        if let Some(value) = headers.get(name) {
            self.put(key, String::from_utf8_lossy(HeaderValue::as_bytes(value)));
        }
    }

    /// Every rule that led there, outermost first; `rule` is the one that decided.
    pub(super) fn rules<'a>(&mut self, rules: impl Iterator<Item = &'a RuleRef>) {
        self.fields.insert("rules", rules.map(ToString::to_string).collect());
    }

    /// One line.
    pub(super) fn line(self, format: RecordFormat, ended: Ended<'_>) -> String {
        match format {
            RecordFormat::Json => self.json(ended),
            RecordFormat::Text => self.text(ended),
        }
    }

    /// One line of JSON: the keys of Consul's default access log, in its order, then gw's own.
    // Written as it is said: a tree of it would cost more than the request.
    fn json(&self, ended: Ended<'_>) -> String {
        let Ended { code, status, took, ends, progress } = ended;
        let mut line = Line(Vec::with_capacity(1024));
        let known = |line: &mut Line, keys: &[&str]| keys.iter().for_each(|key| line.put(key, &self.fields.get(key)));
        line.put("start_time", &self.started());
        known(&mut line, &["route_name", "method", "path", "protocol"]);
        line.put("response_code", &status);
        line.put("response_flags", code.flags());
        known(&mut line, &["response_code_details"]);
        line.put("connection_termination_details", &());
        line.put("bytes_received", &progress.received.get());
        line.put("bytes_sent", &progress.sent.get());
        line.put("duration", &milliseconds(took));
        line.put("upstream_service_time", &self.answered.map(milliseconds));
        known(&mut line, &["x_forwarded_for", "user_agent", "request_id", "authority", "upstream_host", "upstream_cluster"]);
        line.put("upstream_local_address", &());
        line.put("downstream_local_address", &ends.local);
        line.put("downstream_remote_address", &ends.client);
        line.put("requested_server_name", &ends.sni);
        known(&mut line, &["upstream_transport_failure_reason"]);
        line.put("code", code.as_str());
        line.put("peer", &ends.peer.as_ref().map(|peer| peer.member.id.to_string()));
        known(&mut line, &["rule", "rules", "roll", "target", "instance"]);
        line.end()
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

/// A line of JSON that grows.
struct Line(Vec<u8>);

impl Line {
    /// `key` is written as it stands.
    fn put(&mut self, key: &str, value: &(impl Serialize + ?Sized)) {
        self.0.extend_from_slice(if self.0.is_empty() { b"{\"" } else { b",\"" });
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
        // Memory takes it, and texts and numbers are always JSON.
        let _ = serde_json::to_writer(&mut self.0, value);
    }

    fn end(mut self) -> String {
        self.0.push(b'}');
        String::from_utf8(self.0).unwrap_or_default()
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
