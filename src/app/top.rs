//! `gw inspect top`: what a gateway that runs does, from the difference of two readings of its counters.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use serde::Serialize;

use super::metrics::counters::{Counted, Counters, PAGE};
use crate::admin::client;
use crate::decide::code::Code;
use crate::rt::signal::interrupted;
use crate::tls;

pub use crate::admin::client::AskError;

/// What was done in a time: `"schema": "gw.top/v1"`. Rates are a second's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Top {
    /// `gw.top/v1`
    pub schema: &'static str,
    /// How long the time was, in seconds.
    pub seconds: f64,
    /// All rows together.
    pub total: Row,
    /// By listener and service, those of which there is something to say, by name.
    pub rows: Vec<Row>,
    /// Who connected, by listener.
    pub listeners: Vec<Connected>,
}

/// Requests, or tcp connections, of a listener to a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Row {
    /// `edge:8080`; empty: of all.
    pub listener: String,
    /// The service; empty where nothing was decided.
    pub service: String,
    /// `http` or `tcp`.
    pub kind: String,
    /// Those that ended.
    pub rate: f64,
    /// Requests that were answered with 500 and more; connections that failed.
    pub errors: f64,
    /// Those that intentions denied.
    pub denied: f64,
    /// Those that ended in another code than `ok`.
    pub codes: BTreeMap<String, f64>,
    /// Within which half of those that ended had, in seconds, between the ends of a class; of what is beyond the last class its beginning.
    pub p50: Option<f64>,
    /// Likewise of 99 of 100.
    pub p99: Option<f64>,
    /// Bytes from clients.
    pub received: f64,
    /// Bytes to clients.
    pub sent: f64,
    /// Those under way now.
    pub open: u64,
    #[serde(skip)]
    took: Vec<(f64, u64)>,
}

/// Who connected to a listener.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Connected {
    /// `edge:8080`
    pub listener: String,
    /// Connections that were accepted.
    pub rate: f64,
    /// Those that are open now.
    pub open: u64,
}

/// Hands over what was done in each interval, until `take` has had enough, or who watches has: INT and TERM end it well.
pub fn watch(address: SocketAddr, every: Duration, mut take: impl FnMut(&Top) -> ControlFlow<()>) -> Result<(), AskError> {
    tls::install();
    client::blocking(async {
        let read = async {
            let mut before: Counters = client::get(address, PAGE).await?;
            loop {
                tokio::time::sleep(every).await;
                let now = client::get(address, PAGE).await?;
                if take(&Top::between(&before, &now)).is_break() {
                    return Ok(());
                }
                before = now;
            }
        };
        tokio::select! {
            read = read => read,
            () = interrupted() => Ok(()),
        }
    })
}

impl Top {
    /// What was done between two readings. Of a gateway that began anew since, what it did since then.
    pub fn between(before: &Counters, now: &Counters) -> Self {
        let nothing = Counters::default();
        let before = if now.since < before.since { &nothing } else { before };
        let seconds = (now.since - before.since).max(f64::EPSILON);
        let mut rows = BTreeMap::<_, Row>::new();
        let mut total = Row::default();
        for counted in &now.series {
            let same = |other: &&Counted| labels(other) == labels(counted);
            let difference = difference(before.series.iter().find(same), counted);
            let key = (&counted.listener, &counted.service, &counted.kind);
            let row = rows.entry(key).or_insert_with(|| Row {
                listener: counted.listener.clone(),
                service: counted.service.clone(),
                kind: counted.kind.clone(),
                ..Row::default()
            });
            row.add(&difference, seconds);
            total.add(&difference, seconds);
        }
        let rows = rows.into_values().filter(|row| row.open > 0 || row.rate > 0.0).map(Row::with_quantiles).collect();
        let listeners = now.listeners.iter().map(|door| {
            let accepted = before.listeners.iter().find(|other| other.listener == door.listener).map_or(0, |other| other.accepted);
            Connected { listener: door.listener.clone(), rate: door.accepted.saturating_sub(accepted) as f64 / seconds, open: door.open }
        });
        Self { schema: "gw.top/v1", seconds, total: total.with_quantiles(), rows, listeners: listeners.collect() }
    }
}

fn labels(of: &Counted) -> [&str; 6] {
    [&of.listener, &of.service, &of.subset, &of.datacenter, &of.peer, &of.kind]
}

/// What was counted since; of what is open, all.
fn difference(before: Option<&Counted>, now: &Counted) -> Counted {
    let Some(before) = before else { return now.clone() };
    let mut since = now.clone();
    for (code, n) in &mut since.ended {
        *n = n.saturating_sub(before.ended.get(code).copied().unwrap_or_default());
    }
    since.took.iter_mut().zip(&before.took).for_each(|(n, before)| *n = n.saturating_sub(*before));
    let counts = [&mut since.answered_5xx, &mut since.received, &mut since.sent];
    counts.into_iter().zip([before.answered_5xx, before.received, before.sent]).for_each(|(n, before)| *n = n.saturating_sub(before));
    since
}

impl Row {
    fn add(&mut self, since: &Counted, seconds: f64) {
        let rate = |n: u64| n as f64 / seconds;
        for (code, n) in since.ended.iter().filter(|(_, n)| **n > 0) {
            self.rate += rate(*n);
            if code != Code::Ok.as_str() {
                *self.codes.entry(code.clone()).or_default() += rate(*n);
            }
            if code == Code::Denied.as_str() {
                self.denied += rate(*n);
            }
            let is_fault = ![Code::Ok, Code::Denied, Code::ClientGone].iter().any(|fine| fine.as_str() == code);
            if since.kind == "tcp" && is_fault {
                self.errors += rate(*n);
            }
        }
        self.errors += rate(since.answered_5xx);
        self.received += rate(since.received);
        self.sent += rate(since.sent);
        self.open += since.open;
        // Requests and connections have other classes: those of both are put in order.
        let ends = since.ends.iter().copied().chain([f64::INFINITY]);
        for (end, n) in ends.zip(&since.took) {
            match self.took.iter_mut().find(|(known, _)| *known == end) {
                Some((_, known)) => *known += n,
                None => self.took.push((end, *n)),
            }
        }
    }

    fn with_quantiles(mut self) -> Self {
        self.took.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        [self.p50, self.p99] = [0.5, 0.99].map(|share| quantile(&self.took, share));
        self
    }
}

/// Within which so many of them were, as Prometheus tells it: evenly between the ends of its class. `None`: there are none.
fn quantile(classes: &[(f64, u64)], share: f64) -> Option<f64> {
    let all: u64 = classes.iter().map(|(_, n)| n).sum();
    let wanted = share * all as f64;
    let (mut below, mut start) = (0.0, 0.0);
    for (end, n) in classes.iter().filter(|_| all > 0) {
        let n = *n as f64;
        if n > 0.0 && below + n >= wanted {
            return Some(if end.is_infinite() { start } else { start + (end - start) * (wanted - below) / n });
        }
        (below, start) = (below + n, *end);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(since: f64, series: Vec<Counted>) -> Counters {
        Counters { since, series, ..Counters::default() }
    }

    fn web(subset: &str, ok: u64, gone: u64, took: [u64; 3]) -> Counted {
        let ended = [("ok".to_owned(), ok), ("request_timeout".to_owned(), gone)].into();
        let (listener, service, subset, kind) = ("edge:1".to_owned(), "web".to_owned(), subset.to_owned(), "http".to_owned());
        Counted {
            listener,
            service,
            subset,
            kind,
            open: 1,
            ended,
            answered_5xx: gone,
            ends: vec![0.1, 0.5],
            took: took.into(),
            sent: 10 * ok,
            ..Counted::default()
        }
    }

    #[test]
    fn rates_are_what_was_counted_since_over_the_time_of_the_gateway() {
        let before = counters(10.0, vec![web("", 100, 0, [100, 0, 0])]);
        let now = counters(12.0, vec![web("", 110, 2, [100, 10, 2]), web("v2", 8, 0, [8, 0, 0])]);
        let top = Top::between(&before, &now);
        let [row] = &top.rows[..] else { panic!("{top:?}") };
        assert_eq!((top.seconds, row.rate, row.errors, row.sent, row.open), (2.0, 10.0, 1.0, 90.0, 2));
        assert_eq!(row.codes, [("request_timeout".to_owned(), 1.0)].into());
        // 20 of them: 8, 10 and 2; the tenth is a fifth of the way through the second class.
        assert!(row.p50.is_some_and(|p50| (p50 - 0.18).abs() < 1e-9) && row.p99 == Some(0.5), "{row:?}");
        assert_eq!((top.total.rate, top.total.open, top.total.p99), (10.0, 2, Some(0.5)));
    }

    #[test]
    fn of_a_gateway_that_began_anew_all_that_it_did_counts() {
        let before = counters(100.0, vec![web("", 100, 0, [100, 0, 0])]);
        let top = Top::between(&before, &counters(2.0, vec![web("", 10, 0, [10, 0, 0])]));
        assert_eq!((top.seconds, top.rows[0].rate), (2.0, 5.0));
    }

    #[test]
    fn of_nothing_there_is_no_time() {
        let idle = counters(1.0, vec![web("", 5, 0, [5, 0, 0])]);
        let top = Top::between(&idle, &Counters { since: 2.0, ..idle.clone() });
        assert_eq!((top.rows[0].rate, top.rows[0].p50), (0.0, None));
        assert!(top.rows[0].codes.is_empty());
    }
}
