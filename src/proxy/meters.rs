//! What is counted. A worker has counters of its own for every set of labels that it met, which no other thread writes: counting is an
//! addition in its own memory, without a lock and without an instruction that others feel. Who scrapes reads them all and adds them up.
//!
//! Sets of labels are looked up when a listener meets a target for the first time after a change (`worker::Site`), never by a request.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::decide::code::Code;
use crate::decide::snapshot::Target;
use crate::id::ListenerName;

/// How many sets of labels there may be. What goes beyond them is counted under `other`.
const MOST: usize = 1000;
/// The word for what is beyond.
pub const OTHER: &str = "other";

/// Upper ends of the classes of durations, in seconds: those of OpenTelemetry for requests.
pub const OF_REQUESTS: [f64; BUCKETS] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Likewise of tcp connections, which may last for days.
pub const OF_CONNECTIONS: [f64; BUCKETS] = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0, 21_600.0, 86_400.0];
/// How many classes there are, but for the one without an end.
pub const BUCKETS: usize = 14;

/// A number that one thread writes and any may read.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Its value by now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, n: u64) {
        self.0.store(self.get().wrapping_add(n), Ordering::Relaxed);
    }

    pub(super) fn take(&self, n: u64) {
        self.0.store(self.get().wrapping_sub(n), Ordering::Relaxed);
    }
}

/// What stands beside the number of requests or connections.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Labels {
    /// `edge:8080`, or `other`.
    pub listener: String,
    /// The service that was decided for; empty where nothing was.
    pub service: String,
    /// Its subset; empty: the service as a whole.
    pub subset: String,
    /// Its datacenter, or that of nobody at a peer.
    pub datacenter: String,
    /// The peer that it is at, if it is.
    pub peer: String,
    /// Whether requests are counted; else tcp connections.
    pub http: bool,
}

impl Labels {
    fn of(listener: &ListenerName, target: Option<&Target>, http: bool) -> Self {
        let listener = listener.to_string();
        let Some(Target { id, .. }) = target else { return Self { listener, http, ..Self::default() } };
        let [service, subset, datacenter, peer] = [&id.service, &id.subset, &id.datacenter, &id.peer].map(|part| part.to_string());
        Self { listener, service, subset, datacenter, peer, http }
    }

    fn other(http: bool) -> Self {
        Self { listener: OTHER.to_owned(), service: OTHER.to_owned(), http, ..Self::default() }
    }
}

/// What one worker counted of the requests, or tcp connections, with one set of labels.
// On lines of its own: what another worker counts is no business of this one's cache. In this order: most requests count in three of its
// lines, and with a hundred services each of them has to come from far away.
#[derive(Debug, Default)]
#[repr(C, align(128))]
pub struct Series {
    /// Those under way.
    pub open: Count,
    /// Bytes of requests' bodies, or from clients.
    pub received: Count,
    /// Bytes of answers' bodies, or to clients.
    pub sent: Count,
    /// How long they took.
    pub took: Durations,
    /// Those that were answered, by the hundreds of the status, from 1xx.
    pub answered: [Count; 5],
    /// Those that ended, by code.
    pub ended: [Count; Code::ALL.len()],
    /// Requests that were sent once more.
    pub retries: Count,
    /// Connections that were dialed for them: those that stood, those that did not, those whose TLS did not.
    pub dialed: [Count; 3],
}

/// Durations in classes.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Durations {
    /// Their sum, in nanoseconds.
    pub sum: Count,
    /// How many are in each class; the last one has no upper end.
    pub classes: [Count; BUCKETS + 1],
}

impl Durations {
    fn add(&self, took: Duration, ends: &[f64; BUCKETS]) {
        let seconds = took.as_secs_f64();
        let class = ends.iter().position(|end| seconds <= *end).unwrap_or(BUCKETS);
        self.classes[class].add(1);
        self.sum.add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }
}

/// What one worker counted of who connected to a listener.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Door {
    /// Connections that were accepted.
    pub accepted: Count,
    /// Those that are open.
    pub open: Count,
    /// Those that were cut because the time of a drain was over.
    pub cut: Count,
    /// TLS handshakes that were completed.
    pub handshakes: Count,
    /// Those that were not.
    pub failed_handshakes: Count,
}

impl Door {
    /// So many connections were cut.
    pub(super) fn cut(&self, connections: usize) {
        self.cut.add(connections as u64);
    }
}

/// A worker's own counters, by as many hands as need them on its thread.
// Two counters on purpose, as in `state::Current`: the outer one is the thread's own.
#[allow(clippy::redundant_allocation)]
#[derive(Clone, Debug)]
pub(super) struct Tally {
    series: Rc<Arc<Series>>,
    http: bool,
}

impl Deref for Tally {
    type Target = Series;

    fn deref(&self) -> &Series {
        &self.series
    }
}

impl Tally {
    /// Whether requests are counted; else tcp connections.
    pub(super) const fn is_of_requests(&self) -> bool {
        self.http
    }

    /// One ended.
    pub(super) fn ended(&self, code: Code, status: u16, took: Duration, received: u64, sent: u64) {
        let Series { ended, answered, open, took: durations, .. } = &**self;
        open.take(1);
        ended[code as usize].add(1);
        if let Some(class) = usize::from(status / 100).checked_sub(1).and_then(|class| answered.get(class)) {
            class.add(1);
        }
        durations.add(took, if self.http { &OF_REQUESTS } else { &OF_CONNECTIONS });
        self.received.add(received);
        self.sent.add(sent);
    }

    /// An instance was dialed.
    pub(super) fn dialed(&self, failed: Option<Code>) {
        let [stood, refused, no_tls] = &self.dialed;
        match failed {
            None => stood.add(1),
            Some(Code::UpstreamTls) => no_tls.add(1),
            Some(_) => refused.add(1),
        }
    }
}

/// The counters of one label set, one a worker: made when the worker meets it.
#[derive(Debug)]
struct Row<T>(Box<[OnceLock<Arc<T>>]>);

impl<T: Default> Row<T> {
    fn of(workers: usize) -> Arc<Self> {
        Arc::new(Self((0..workers).map(|_| OnceLock::new()).collect()))
    }

    fn cell(&self, worker: usize) -> Arc<T> {
        // Nobody counts for a worker that there is not.
        self.0.get(worker).map_or_else(Arc::default, |cell| cell.get_or_init(Arc::default).clone())
    }

    fn cells(&self) -> Vec<Arc<T>> {
        self.0.iter().filter_map(OnceLock::get).cloned().collect()
    }
}

/// All counters of a process's workers. The lock is for who meets a set of labels the first time, and for who scrapes, as long as it
/// takes to copy pointers.
#[derive(Debug)]
pub struct Ledger {
    workers: usize,
    book: Mutex<Book>,
    beyond: AtomicU64,
}

#[derive(Debug, Default)]
struct Book {
    series: BTreeMap<Arc<Labels>, Arc<Row<Series>>>,
    doors: BTreeMap<String, Arc<Row<Door>>>,
}

/// The counters of each worker that has some, by their labels.
pub type Read<L, T> = Vec<(L, Vec<Arc<T>>)>;

impl Ledger {
    /// For so many workers.
    pub fn of(workers: usize) -> Arc<Self> {
        Arc::new(Self { workers, book: Mutex::default(), beyond: AtomicU64::default() })
    }

    /// What was counted of requests and tcp connections.
    pub fn series(&self) -> Read<Arc<Labels>, Series> {
        let rows: Vec<_> = self.book().series.iter().map(|(labels, row)| (labels.clone(), row.clone())).collect();
        rows.into_iter().map(|(labels, row)| (labels, row.cells())).collect()
    }

    /// What was counted of connections, by listener.
    pub fn doors(&self) -> Read<String, Door> {
        let rows: Vec<_> = self.book().doors.iter().map(|(listener, row)| (listener.clone(), row.clone())).collect();
        rows.into_iter().map(|(listener, row)| (listener, row.cells())).collect()
    }

    /// How often a set of labels was met that there was no room for.
    pub fn beyond(&self) -> u64 {
        self.beyond.load(Ordering::Relaxed)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By which one worker finds its counters.
#[derive(Clone, Debug)]
pub struct Meter {
    ledger: Arc<Ledger>,
    worker: usize,
}

impl Meter {
    /// Of the worker of that number, from 0.
    pub const fn new(ledger: Arc<Ledger>, worker: usize) -> Self {
        Self { ledger, worker }
    }

    /// Of the only worker there is.
    #[cfg(test)]
    pub(super) fn alone() -> Self {
        Self::new(Ledger::of(1), 0)
    }

    /// The counters of who comes to a listener and goes to a target, or nowhere.
    pub(super) fn tally(&self, listener: &ListenerName, target: Option<&Target>, http: bool) -> Tally {
        let labels = Labels::of(listener, target, http);
        let mut book = self.ledger.book();
        let room = book.series.len() < MOST || book.series.contains_key(&labels);
        let labels = if room { labels } else { Labels::other(http) };
        let row = book.series.entry(Arc::new(labels)).or_insert_with(|| Row::of(self.ledger.workers)).clone();
        drop(book);
        if !room {
            self.ledger.beyond.fetch_add(1, Ordering::Relaxed);
        }
        Tally { series: Rc::new(row.cell(self.worker)), http }
    }

    /// The counters of who comes to a listener.
    pub(super) fn door(&self, listener: &ListenerName) -> Arc<Door> {
        let mut book = self.ledger.book();
        let room = book.doors.len() < MOST || book.doors.contains_key(listener.as_str());
        let name = if room { listener.as_str() } else { OTHER };
        let row = book.doors.entry(name.to_owned()).or_insert_with(|| Row::of(self.ledger.workers)).clone();
        drop(book);
        row.cell(self.worker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_the_number_of_its_place_in_the_table() {
        assert!(Code::ALL.iter().enumerate().all(|(n, code)| *code as usize == n));
    }

    #[test]
    fn what_workers_count_for_one_set_of_labels_stands_beside_each_other() {
        let ledger = Ledger::of(2);
        let listener = ListenerName::of("edge", 8080);
        for worker in [0, 1, 1] {
            let tally = Meter::new(ledger.clone(), worker).tally(&listener, None, true);
            tally.open.add(1);
            tally.ended(Code::NoHost, 404, Duration::from_millis(30), 2, 10);
        }
        let series = ledger.series();
        let [(labels, cells)] = &series[..] else { panic!("{series:?}") };
        assert_eq!((labels.listener.as_str(), labels.service.as_str(), cells.len()), ("edge:8080", "", 2));
        let sum = |of: fn(&Series) -> &Count| cells.iter().map(|cell| of(cell).get()).sum::<u64>();
        assert_eq!((sum(|s| &s.open), sum(|s| &s.ended[Code::NoHost as usize]), sum(|s| &s.answered[3])), (0, 3, 3));
        assert_eq!((sum(|s| &s.took.classes[3]), sum(|s| &s.sent)), (3, 30));
    }

    #[test]
    fn more_sets_of_labels_than_there_is_room_for_are_one_and_are_counted() {
        let ledger = Ledger::of(1);
        let meter = Meter::new(ledger.clone(), 0);
        for port in 0..i64::try_from(MOST).unwrap() + 3 {
            meter.tally(&ListenerName::of("edge", port), None, true).open.add(1);
            meter.door(&ListenerName::of("edge", port)).open.add(1);
        }
        let series = ledger.series();
        let other = &series.iter().find(|(labels, _)| labels.listener == OTHER).unwrap().1;
        assert_eq!((series.len(), other[0].open.get(), ledger.beyond()), (MOST + 1, 3, 3));
        let doors = ledger.doors();
        assert_eq!((doors.len(), doors.iter().find(|(name, _)| name == OTHER).unwrap().1[0].open.get()), (MOST + 1, 3));
    }
}
