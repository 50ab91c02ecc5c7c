//! What is said of a request or connection when it has ended: its access record, and its span.

mod json;

use std::borrow::Cow;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::USER_AGENT;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Version};
use serde_json::Value;

use super::clock::{self, Clock};
use super::head::{Head, X_FORWARDED_FOR, X_REQUEST_ID};
use super::outcome::{Ends, protocol};
use super::tap::Tapped;
use super::trace::{Kind, Span, Traced};
use crate::decide::code::Code;
use crate::decide::plan::{Plan, Refusal};
use crate::decide::snapshot::{Endpoint, Leg, Named, Route};
use crate::model::entry::RuleRef;
use crate::model::gateway::RecordFormat;

/// What is to be said of a request or connection, as far as it is known. Nothing of it is a text yet that is one elsewhere.
#[derive(Debug)]
pub(super) struct Record {
    wall: SystemTime,
    /// Its place in a trace, if that is recorded.
    pub(super) traced: Option<Box<Traced>>,
    /// Who watches live, and may want it.
    pub(super) tapped: Option<Box<Tapped>>,
    /// When the status was known.
    pub(super) answered: Option<Duration>,
    /// What was asked for, by a request.
    pub(super) asked: Option<Asked>,
    /// What was decided.
    pub(super) led: Led,
    /// Who answered.
    pub(super) by: Option<By>,
    /// What was wrong with the connection to who should have.
    pub(super) failure: Option<String>,
}

/// Who answers: a target, and the instance of it.
pub(super) type By = (Arc<Named>, Arc<Endpoint>);

/// What a head asks for, as it came. It is a copy: the head would keep all that was read of the connection with it.
#[derive(Debug)]
pub(super) struct Asked {
    method: Method,
    version: Version,
    /// Its parts, one after the other.
    text: Box<[u8]>,
    /// Where each ends, and whether it is there.
    ends: [(u32, bool); PARTS],
}

const PARTS: usize = 5;

/// A part of what was asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Path,
    Authority,
    ForwardedFor,
    UserAgent,
    RequestId,
}

impl Asked {
    /// By a head that may pass.
    pub(super) fn of(head: &Head) -> Self {
        let header = |name| head.headers.get(name).map(HeaderValue::as_bytes);
        let (path, authority) = (head.target().as_bytes(), head.authority().as_bytes());
        let parts = [Some(path), Some(authority), header(X_FORWARDED_FOR), header(USER_AGENT), header(X_REQUEST_ID)];
        Self::with(&head.method, head.version, parts)
    }

    /// By one that may not; `host`: its Host header.
    pub(super) fn in_vain(parts: &Parts, host: Option<&HeaderValue>) -> Self {
        let path = parts.uri.path_and_query().map_or("*", PathAndQuery::as_str).as_bytes();
        let authority = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
        let parts_of = [Some(path), authority.or_else(|| host.map(HeaderValue::as_bytes)), None, None, None];
        Self::with(&parts.method, parts.version, parts_of)
    }

    fn with(method: &Method, version: Version, parts: [Option<&[u8]>; PARTS]) -> Self {
        let mut text = Vec::with_capacity(parts.iter().flatten().map(|part| part.len()).sum());
        let ends = parts.map(|part| {
            text.extend_from_slice(part.unwrap_or_default());
            // A head has no more.
            (u32::try_from(text.len()).unwrap_or(u32::MAX), part.is_some())
        });
        Self { method: method.clone(), version, text: text.into_boxed_slice(), ends }
    }

    fn part(&self, part: Part) -> Option<&[u8]> {
        let n = part as usize;
        let (end, is_there) = self.ends[n];
        let start = n.checked_sub(1).map_or(0, |before| self.ends[before].0);
        self.text.get(start as usize..end as usize).filter(|_| is_there)
    }

    /// A part as text.
    pub(super) fn said(&self, part: Part) -> Option<Cow<'_, str>> {
        self.part(part).map(String::from_utf8_lossy)
    }

    /// The method.
    pub(super) fn method(&self) -> &str {
        self.method.as_str()
    }

    /// Path and query.
    pub(super) fn path(&self) -> Cow<'_, str> {
        self.said(Part::Path).unwrap_or_default()
    }

    /// The path without what stands behind a `?`: that may be a secret.
    pub(super) fn bare_path(&self) -> String {
        self.path().split('?').next().unwrap_or_default().to_owned()
    }

    /// `HTTP/1.1`
    pub(super) const fn protocol(&self) -> &'static str {
        protocol(self.version)
    }
}

/// What was decided.
#[derive(Debug)]
pub(super) enum Led {
    /// Nothing yet.
    Nowhere,
    /// To a service.
    To(Way),
    /// Not to be served.
    Refused(Box<Refused>),
}

/// The rules of a plan.
#[derive(Debug)]
pub(super) struct Way {
    route: Arc<Route>,
    leg: Option<Arc<Leg>>,
    /// Of the resolver, and of its failover.
    resolved: Arc<[RuleRef]>,
    failover: Option<RuleRef>,
    roll: Option<u32>,
}

/// Why nothing was done.
#[derive(Debug)]
pub(super) struct Refused {
    rule: Option<RuleRef>,
    roll: Option<u32>,
    subject: String,
}

impl Led {
    pub(super) fn by(plan: &Plan) -> Self {
        let Plan { route, leg, upstream, target, roll, .. } = plan;
        let failover = if *target > 0 { upstream.failover_rule.clone() } else { None };
        Self::To(Way { route: route.clone(), leg: leg.clone(), resolved: upstream.rules.clone(), failover, roll: *roll })
    }

    pub(super) fn refused_by(refusal: &Refusal) -> Self {
        let Refusal { rule, roll, subject, .. } = refusal;
        Self::Refused(Box::new(Refused { rule: rule.clone(), roll: *roll, subject: subject.clone() }))
    }

    const fn way(&self) -> Option<&Way> {
        if let Self::To(way) = self { Some(way) } else { None }
    }

    fn refused(&self) -> Option<&Refused> {
        if let Self::Refused(refused) = self { Some(refused) } else { None }
    }

    /// The rule that decided.
    pub(super) fn rule(&self) -> Option<&RuleRef> {
        self.way().map(|way| &way.route.rule).or_else(|| self.refused()?.rule.as_ref())
    }

    /// What the dice showed.
    pub(super) fn roll(&self) -> Option<u32> {
        self.way().map_or_else(|| self.refused()?.roll, |way| way.roll)
    }
}

/// How a request or connection ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: Code,
    pub(super) status: u16,
    pub(super) took: Duration,
    pub(super) ends: Arc<Ends>,
    /// Bytes of the request's body, or from the client.
    pub(super) received: u64,
    /// Bytes of the answer's body, or to the client.
    pub(super) sent: u64,
}

impl Record {
    /// Nothing is known yet but when it began, and who watches.
    pub(super) fn of(wall: SystemTime, tapped: Option<Box<Tapped>>) -> Self {
        Self { wall, traced: None, tapped, answered: None, asked: None, led: Led::Nowhere, by: None, failure: None }
    }

    /// One line, without its end.
    pub(super) fn line(&self, format: RecordFormat, ended: &Ended, clock: &mut Clock, out: &mut Vec<u8>) {
        match format {
            RecordFormat::Json => json::write(self, ended, clock, out),
            RecordFormat::Text => self.text(ended, clock, out),
        }
    }

    /// One line as Envoy's default format has it, then gw's code and rule.
    fn text(&self, ended: &Ended, clock: &mut Clock, out: &mut Vec<u8>) {
        let Ended { code, status, took, received, sent, .. } = ended;
        let asked = self.asked.as_ref();
        let (method, path, protocol) = asked.map_or_else(|| ("-", none(), "-"), |a| (a.method(), escaped(&a.path()), a.protocol()));
        let header = |part| asked.and_then(|a| a.said(part)).map_or_else(none, |v| escaped(&v));
        let answered = self.answered.map_or_else(none, |time| milliseconds(time).to_string());
        let host = self.by.as_ref().map_or_else(none, |(_, endpoint)| endpoint.address.to_string());
        out.push(b'[');
        clock.write(self.wall, out);
        // Memory takes it.
        let _ = write!(
            out,
            "] \"{} {path} {protocol}\" {status} {} {} {} {} {answered} \"{}\" \"{}\" \"{}\" \"{}\" \"{host}\" {code} \"{}\"",
            escaped(method),
            code.flags(),
            received,
            sent,
            milliseconds(*took),
            header(Part::ForwardedFor),
            header(Part::UserAgent),
            header(Part::RequestId),
            header(Part::Authority),
            self.led.rule().map_or_else(none, |rule| escaped(&rule.to_string())),
        );
    }

    /// The span of a request, with OpenTelemetry's names for what is known of it.
    pub(super) fn span(&self, traced: Traced, code: Code, status: u16, took: Duration) -> Span {
        let mut attributes: Vec<(&'static str, Value)> = Vec::new();
        let mut add = |name, value: Option<String>| attributes.extend(value.map(|value| (name, value.into())));
        let asked = self.asked.as_ref();
        let header = |part| Some(asked?.said(part)?.into_owned());
        let (target, endpoint) = self.by.as_ref().map(|(target, endpoint)| (&target.id, endpoint)).unzip();
        add("http.request.method", asked.map(|asked| asked.method().to_owned()));
        add("server.address", header(Part::Authority));
        add("user_agent.original", header(Part::UserAgent));
        add("http.request.header.x-request-id", header(Part::RequestId));
        add("network.peer.address", endpoint.map(|endpoint| endpoint.address.to_string()));
        add("gw.rule", self.led.rule().map(ToString::to_string));
        add("gw.target", target.cloned());
        add("gw.instance", endpoint.map(|endpoint| endpoint.id.clone()));
        add("gw.transport_failure", self.failure.clone());
        add("url.path", asked.map(Asked::bare_path));
        let version = asked.and_then(|asked| asked.protocol().strip_prefix("HTTP/"));
        add("network.protocol.version", version.map(str::to_owned));
        add("gw.code", Some(code.to_string()));
        if status > 0 {
            attributes.push(("http.response.status_code", status.into()));
        }
        let failed = status >= 500 || status == 0;
        if failed {
            attributes.push(("error.type", if code == Code::Ok { status.to_string() } else { code.to_string() }.into()));
        }
        let words = [asked.map_or("HTTP", Asked::method), target.map_or("", String::as_str)];
        Span { kind: Kind::Server, traced, name: words.join(" ").trim_end().to_owned(), start: self.wall, took, attributes, failed }
    }

    /// When it began (RFC 3339).
    pub(super) fn started(&self) -> String {
        clock::text(self.wall)
    }
}

fn none() -> String {
    "-".to_owned()
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
