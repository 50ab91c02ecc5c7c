//! The same counters as JSON, for `gw inspect top`, which lays two readings of them beside each other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::traffic::sum;
use crate::admin::{Asked, Question, Unanswered};
use crate::decide::code::Code;
use crate::proxy::meters::{Labels, Ledger, OF_CONNECTIONS, OF_REQUESTS, Series};

/// Where they are.
pub const PAGE: &str = "/v1/counters";

/// What was counted since the process began: `"schema": "gw.counters/v1"`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counters {
    /// `gw.counters/v1`
    pub schema: String,
    /// For how long, in seconds.
    pub since: f64,
    /// Requests, and tcp connections, by where they came and went.
    pub series: Vec<Counted>,
    /// Who connected, by listener.
    pub listeners: Vec<Door>,
}

/// Requests, or tcp connections, with one set of labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counted {
    /// `edge:8080`
    pub listener: String,
    /// The service that was decided for; empty where nothing was.
    pub service: String,
    /// Its subset; empty: the service as a whole.
    pub subset: String,
    /// Its datacenter.
    pub datacenter: String,
    /// The peer that it is at.
    pub peer: String,
    /// `http`: requests; `tcp`: connections.
    pub kind: String,
    /// Those under way.
    pub open: u64,
    /// Those that ended, by code.
    pub ended: BTreeMap<String, u64>,
    /// Those that were answered with a status of 500 and more.
    pub answered_5xx: u64,
    /// Bytes of bodies from clients.
    pub received: u64,
    /// Bytes of bodies to clients.
    pub sent: u64,
    /// Upper ends of the classes of durations, in seconds; the last class has none.
    pub ends: Vec<f64>,
    /// How many were in each class.
    pub took: Vec<u64>,
}

/// Who connected to a listener.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Door {
    /// `edge:8080`
    pub listener: String,
    /// Connections that were accepted.
    pub accepted: u64,
    /// Those that are open.
    pub open: u64,
}

/// Answers with them.
pub(in crate::app) fn question(ledger: Arc<Ledger>) -> Question {
    let began = Instant::now();
    Question(Arc::new(move |_: &Asked| {
        let counters = read(&ledger, began.elapsed().as_secs_f64());
        serde_json::to_value(counters).map_err(|error| Unanswered::Refused(error.to_string()))
    }))
}

fn read(ledger: &Ledger, since: f64) -> Counters {
    let series = ledger.series().iter().map(|(labels, workers)| counted(labels, workers)).collect();
    let listeners = ledger.doors().into_iter().map(|(listener, workers)| Door {
        listener,
        accepted: workers.iter().map(|door| door.accepted.get()).sum(),
        open: workers.iter().map(|door| door.open.get()).sum(),
    });
    Counters { schema: "gw.counters/v1".to_owned(), since, series, listeners: listeners.collect() }
}

fn counted(labels: &Labels, workers: &[Arc<Series>]) -> Counted {
    let Labels { listener, service, subset, datacenter, peer, http } = labels.clone();
    let ended = Code::ALL.iter().map(|code| (code.as_str().to_owned(), sum(workers, &|series| &series.ended[*code as usize])));
    let ends = if http { OF_REQUESTS } else { OF_CONNECTIONS };
    Counted {
        listener,
        service,
        subset,
        datacenter,
        peer,
        kind: if http { "http" } else { "tcp" }.to_owned(),
        open: sum(workers, &|series| &series.open),
        ended: ended.filter(|(_, n)| *n > 0).collect(),
        answered_5xx: sum(workers, &|series| &series.answered[4]),
        received: sum(workers, &|series| &series.received),
        sent: sum(workers, &|series| &series.sent),
        took: (0..=ends.len()).map(|n| sum(workers, &|series| &series.took.classes[n])).collect(),
        ends: ends.to_vec(),
    }
}
