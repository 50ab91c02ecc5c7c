//! Requests as an access log has them: gw's records in JSON, whose keys are those of Consul's and Envoy's default.

use std::io::{self, BufRead, Read};

use serde::Deserialize;

use crate::source::expect::Kind;

/// A longer line is none of an access log.
const LONGEST: u64 = 256 << 10;
/// So much of a request is told as the example of a group, for groups are kept.
const SHORT: usize = 200;

/// What is known of a request or connection.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) kind: Kind,
    pub(super) asked: Vec<(&'static str, String)>,
    /// The port that it came to, where that is known.
    pub(super) port: Option<u16>,
    /// For the one who reads: `GET shop.test/cart`.
    pub(super) words: String,
}

/// The keys that are looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Record {
    method: Option<String>,
    path: Option<String>,
    authority: Option<String>,
    user_agent: Option<String>,
    x_forwarded_for: Option<String>,
    request_id: Option<String>,
    downstream_local_address: Option<String>,
    downstream_remote_address: Option<String>,
    requested_server_name: Option<String>,
    peer: Option<String>,
    roll: Option<u32>,
}

/// The next line; `None` at the end, and `Some(None)` of a line that is no record.
pub(super) fn next(log: &mut impl BufRead, number: u64) -> io::Result<Option<Option<Recorded>>> {
    let mut line = Vec::new();
    if log.by_ref().take(LONGEST).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.len() as u64 == LONGEST && line.last() != Some(&b'\n') {
        skip_line(log)?;
        return Ok(Some(None));
    }
    let record: Option<Record> = serde_json::from_slice(&line).ok();
    Ok(Some(record.and_then(|record| recorded(record, number))))
}

/// What is left of a line is never held.
fn skip_line(log: &mut impl BufRead) -> io::Result<()> {
    loop {
        let there = log.fill_buf()?;
        let (used, done) = match there.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (there.len(), there.is_empty()),
        };
        log.consume(used);
        if done {
            return Ok(());
        }
    }
}

fn recorded(record: Record, number: u64) -> Option<Recorded> {
    let text = |value: Option<String>| value.filter(|text| !text.is_empty() && text != "-");
    let address = text(record.downstream_local_address);
    let port = address.as_ref().and_then(|address| address.rsplit(':').next()?.parse::<u16>().ok());
    let sni = text(record.requested_server_name);
    let scheme = if sni.is_some() { "https" } else { "http" };
    // Where no record says what the dice showed, every part of a hundred has its turn.
    let roll = record.roll.map_or_else(|| number.wrapping_mul(7919) % 10_000, u64::from);
    let mut asked = vec![("roll", roll.to_string())];
    let client = text(record.downstream_remote_address).and_then(|address| Some(address.rsplit_once(':')?.0.to_owned()));
    asked.extend(client.map(|ip| ("source", ip.trim_matches(['[', ']']).to_owned())));
    asked.extend(text(record.peer).map(|peer| ("peer", peer)));
    asked.extend(sni.clone().map(|sni| ("sni", sni)));
    let Some(method) = text(record.method) else {
        let listener = address?;
        let words = short(&format!("connection to {}", sni.unwrap_or_else(|| listener.clone())));
        asked.push(("listener", listener));
        return Some(Recorded { kind: Kind::Connection, asked, port, words });
    };
    let (path, authority) = (text(record.path)?, text(record.authority).unwrap_or_default());
    let at = port.map(|port| format!(":{port}")).unwrap_or_default();
    let words = short(&format!("{method} {authority}{path}"));
    asked.extend([("method", method), ("url", format!("{scheme}://0.0.0.0{at}{path}")), ("header", format!("host: {authority}"))]);
    let headers = [("user-agent", record.user_agent), ("x-forwarded-for", record.x_forwarded_for), ("x-request-id", record.request_id)];
    asked.extend(headers.into_iter().filter_map(|(name, value)| Some(("header", format!("{name}: {}", text(value)?)))));
    Some(Recorded { kind: Kind::Request, asked, port, words })
}

/// The beginning of a text, which may be as long as a line.
pub(super) fn short(text: &str) -> String {
    text.chars().take(SHORT).collect()
}
