//! What came of an exchange beside what was recorded of it.
//!
//! Left out on both sides is what every exchange differs in on purpose: `x-envoy-*`, `server`, `x-forwarded-for` and `-host`,
//! `x-gw-code`, the text of gw's own answers, and `content-length: 0` (`docs/differences.md`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::client::{Received, sent_headers};
use super::hpack::Fields;
use super::pairs;
use super::service::{MARK, Seen, headers_sent};
use crate::corpus::text;

/// What came of an exchange.
#[derive(Debug)]
pub(super) struct Played {
    pub(super) received: Received,
    /// What the services saw in the try that is compared, and did.
    pub(super) seen: Vec<(Seen, Value)>,
    /// The instances of all tries.
    pub(super) instances: BTreeSet<String>,
    /// How often each instance answered, or the gateway itself with a status.
    pub(super) counts: BTreeMap<String, usize>,
    pub(super) tries: usize,
}

/// Every point in which it differs: what was recorded, and what came.
pub(super) fn compare(exchange: &Value, played: &Played) -> Vec<String> {
    let want = &exchange["answer"];
    let mut points = Points(Vec::new());
    if let Some(shares) = want["share"].as_object() {
        points.shares(shares, played);
    }
    let is_share = want["share"].is_object();
    let (upstream, seen) = (want["upstream"].as_object(), played.seen.last());
    points.status(want, played);
    if upstream.is_some() != seen.is_some() {
        if !is_share {
            points.differ("reached a service", upstream.is_some(), seen.is_some());
        }
        return points.0;
    }
    if let (Some(_), Some((seen, _))) = (upstream, seen) {
        if !is_share {
            points.instances(&want["upstream"]["instances"], &played.instances);
        }
        points.upstream(&exchange["request"], &want["upstream"], seen, played.seen.len());
    }
    points.answer(want, played);
    points.0
}

struct Points(Vec<String>);

impl Points {
    fn differ<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, want: T, got: T) {
        if want != got {
            self.0.push(format!("{what}: recorded {want:?}, got {got:?}"));
        }
    }

    fn status(&mut self, want: &Value, played: &Played) {
        self.differ("status", want["status"].as_u64().unwrap_or(0), u64::from(played.received.status));
    }

    /// Proportions within what chance allows.
    fn shares(&mut self, want: &serde_json::Map<String, Value>, played: &Played) {
        let n = played.tries as f64;
        let names: BTreeSet<&str> = want.keys().map(String::as_str).chain(played.counts.keys().map(String::as_str)).collect();
        for name in names {
            let p = want.get(name).and_then(Value::as_f64).unwrap_or(0.0);
            let q = played.counts.get(name).map_or(0.0, |c| *c as f64 / n);
            let variance = (p * (1.0 - p)).max(q * (1.0 - q)).max(1.0 / n);
            if (p - q).abs() > 0.03 + 4.5 * (variance / n).sqrt() {
                self.0.push(format!("share of {name}: recorded {p}, got {q}"));
            }
        }
    }

    fn instances(&mut self, want: &Value, got: &BTreeSet<String>) {
        let want: BTreeSet<String> = want.as_array().into_iter().flatten().map(text).collect();
        if !got.is_subset(&want) {
            self.0.push(format!("instances: recorded {want:?}, got {got:?}"));
        }
    }

    fn upstream(&mut self, request: &Value, want: &Value, seen: &Seen, attempts: usize) {
        for (what, got) in [("method", &seen.method), ("path", &seen.path), ("authority", &seen.authority)] {
            self.differ(&format!("upstream {what}"), &text(&want[what]), got);
        }
        self.differ("attempts", want["attempts"].as_u64().unwrap_or(1), attempts as u64);
        let body = want["body_len"].as_u64().or(request["body_len"].as_u64()).unwrap_or(0);
        self.differ("upstream body", body, seen.body as u64);
        self.differ("upstream trailers", sorted(pairs(&want["trailers"])), sorted(seen.trailers.clone()));
        self.differ("upstream over HTTP/2", want["proto"] == "h2", seen.http2);
        let (added, removed) = changes(&sent_headers(request), &seen.headers);
        let kept = |fields: Fields| {
            let fields = fields.into_iter().filter(|(n, v)| !is_left_out(n, false) && (n != "content-length" || v != "0"));
            sorted(fields.collect())
        };
        self.differ("upstream headers added", kept(pairs(&want["added"])), kept(added));
        self.differ("upstream headers removed", kept(pairs(&want["removed"])), kept(removed));
    }

    fn answer(&mut self, want: &Value, played: &Played) {
        let received = &played.received;
        let own = !received.headers.iter().any(|(n, _)| n == MARK);
        self.differ("answer of the gateway's own", want["local"] == true || want["upstream"].is_null(), own);
        let sent = played.seen.last().filter(|_| !own);
        let sent = sent.map(|(seen, action)| headers_sent(action, &seen.instance, seen.http2, seen.method == "HEAD")).unwrap_or_default();
        let (added, removed) = changes(&sent, &received.headers);
        let kept = |fields: Fields| sorted(fields.into_iter().filter(|(n, _)| !is_left_out(n, own)).collect());
        self.differ("answer headers added", kept(pairs(&want["added"])), kept(added));
        self.differ("answer headers removed", kept(pairs(&want["removed"])), kept(removed));
        self.differ("answer trailers", sorted(pairs(&want["trailers"])), sorted(received.trailers.clone()));
        let interim = want["interim"].as_array().into_iter().flatten().map(|i| i.as_array().map_or(i, |both| &both[0]).as_u64());
        let interim: Vec<u16> = interim.map(|i| i.unwrap_or(0) as u16).collect();
        self.differ("interim answers", interim, received.interim.clone());
        self.differ("tunnel", want["tunnel"].as_str(), received.tunnel.as_deref());
        self.differ("answer cut", want["cut"] == true && want["status"] != 0, received.cut);
    }
}

/// What is no business of a comparison: differences that every exchange has.
fn is_left_out(name: &str, own: bool) -> bool {
    name.starts_with("x-envoy-")
        || ["server", "date", "x-forwarded-for", "x-forwarded-host", "x-gw-code"].contains(&name)
        || (own && ["content-length", "content-type", "transfer-encoding", "connection"].contains(&name))
}

/// The fields that came to be and that went away between two lists; a changed one did both.
fn changes(before: &Fields, after: &Fields) -> (Fields, Fields) {
    let small = |(name, value): &(String, String)| (name.to_lowercase(), value.clone());
    let mut left: Fields = before.iter().map(small).collect();
    let mut added = Vec::new();
    for field in after.iter().map(small) {
        match left.iter().position(|f| *f == field) {
            Some(at) => drop(left.remove(at)),
            None => added.push(steady(field)),
        }
    }
    (added, left)
}

/// A field without what differs from run to run.
fn steady((name, value): (String, String)) -> (String, String) {
    let is_uuid = value.len() == 36
        && value.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && value.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
    if name == "x-request-id" && is_uuid { (name, "$UUID".to_owned()) } else { (name, value) }
}

fn sorted(mut fields: Fields) -> Fields {
    fields.sort();
    fields
}
