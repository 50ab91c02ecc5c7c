//! What the workers counted, added up.

use super::page::Page;
use super::table as m;
use super::table::Metric;
use crate::decide::code::Code;
use crate::proxy::meters::{Count, Door, Labels, Ledger, OF_CONNECTIONS, OF_REQUESTS, Series};

/// What is counted in another metric for requests than for tcp connections.
struct Named {
    ended: &'static Metric,
    active: &'static Metric,
    duration: &'static Metric,
    received: &'static Metric,
    sent: &'static Metric,
}

const OF_HTTP: Named = Named {
    ended: &m::HTTP_REQUESTS,
    active: &m::HTTP_ACTIVE,
    duration: &m::HTTP_DURATION,
    received: &m::HTTP_RECEIVED,
    sent: &m::HTTP_SENT,
};
const OF_TCP: Named = Named {
    ended: &m::TCP_CONNECTIONS,
    active: &m::TCP_ACTIVE,
    duration: &m::TCP_DURATION,
    received: &m::TCP_RECEIVED,
    sent: &m::TCP_SENT,
};

/// Everything that they counted.
pub(super) fn write(ledger: &Ledger, page: &mut Page) {
    let all = ledger.series();
    page.count(&m::LABEL_SETS, &[], all.len() as u64);
    page.count(&m::BEYOND, &[], ledger.beyond());
    for (labels, workers) in &all {
        series(labels, |of| sum(workers, of), page);
    }
    for (listener, workers) in &ledger.doors() {
        let of = |count: fn(&Door) -> &Count| workers.iter().map(|door| count(door).get()).sum();
        let gateway = gateway(listener);
        page.count(&m::CONNECTIONS, &[gateway, listener], of(|door| &door.accepted));
        page.count(&m::CONNECTIONS_ACTIVE, &[gateway, listener], of(|door| &door.open));
        page.count(&m::CONNECTIONS_CUT, &[gateway, listener], of(|door| &door.cut));
        for (result, n) in [("ok", of(|door| &door.handshakes)), ("failed", of(|door| &door.failed_handshakes))] {
            if n > 0 {
                page.count(&m::HANDSHAKES, &[gateway, listener, result], n);
            }
        }
    }
}

pub(super) fn sum(workers: &[std::sync::Arc<Series>], of: &dyn Fn(&Series) -> &Count) -> u64 {
    workers.iter().fold(0, |sum, series| sum.wrapping_add(of(series).get()))
}

fn series(labels: &Labels, sum: impl Fn(&dyn Fn(&Series) -> &Count) -> u64, page: &mut Page) {
    let (named, ends) = if labels.http { (&OF_HTTP, &OF_REQUESTS) } else { (&OF_TCP, &OF_CONNECTIONS) };
    let Labels { listener, service, subset, datacenter, peer, .. } = labels;
    let classes: Vec<u64> = (0..=ends.len()).map(|n| sum(&|series| &series.took.classes[n])).collect();
    let (open, dialed) = (sum(&|series| &series.open), [0, 1, 2].map(|n| sum(&|series| &series.dialed[n])));
    // Of who was met, and of whom nothing is to be told, as one that went on to its target at once.
    if open == 0 && classes.iter().chain(&dialed).all(|n| *n == 0) {
        return;
    }
    let mut place = page.at(named.active.labels, &[gateway(listener), listener, service, subset, datacenter, peer]);
    for code in Code::ALL {
        let n = sum(&|series| &series.ended[*code as usize]);
        if n > 0 {
            place.count_by(named.ended, code.as_str(), n);
        }
    }
    place.count(named.active, open);
    let upper = ends.iter().copied().chain([f64::INFINITY]);
    let nanoseconds = sum(&|series| &series.took.sum) as f64;
    place.classes(named.duration, nanoseconds / 1e9, upper.zip(classes).collect());
    place.count(named.received, sum(&|series| &series.received));
    place.count(named.sent, sum(&|series| &series.sent));
    if labels.http {
        for (n, class) in ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().enumerate() {
            let answered = sum(&|series| &series.answered[n]);
            if answered > 0 {
                place.count_by(&m::HTTP_RESPONSES, class, answered);
            }
        }
        place.count(&m::HTTP_RETRIES, sum(&|series| &series.retries));
    }
    for (result, n) in ["ok", Code::ConnectFailed.as_str(), Code::UpstreamTls.as_str()].into_iter().zip(dialed) {
        if n > 0 {
            place.count_by(&m::UPSTREAM, result, n);
        }
    }
}

/// Of `edge:8080`, `edge`.
pub(super) fn gateway(listener: &str) -> &str {
    listener.split_once(':').map_or("", |(gateway, _)| gateway)
}
