//! Requests and tcp connections as taps are told of them: what a filter can know is asked before anything is copied, and while nobody
//! listens there is one look at a flag of the worker's own.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use http::HeaderMap;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc::Receiver;

use super::outcome::Ends;
use super::record::{Asked, Ended, Part, Record};
use super::worker::Worker;
use crate::decide::snapshot::Target;
use crate::id::ListenerName;
use crate::rt::task;
use crate::state::taps::{Opened, Tap};

/// The most that is told of a path, a host or a header, in bytes.
const LONGEST: usize = 2048;

/// The taps of a worker.
#[derive(Debug, Default)]
pub(super) struct Taps {
    any: Cell<bool>,
    open: RefCell<Vec<Tap>>,
}

impl Taps {
    /// Whether there is one.
    pub(super) const fn are_open(&self) -> bool {
        self.any.get()
    }

    fn add(&self, tap: Tap) {
        self.open.borrow_mut().push(tap);
        self.any.set(true);
    }

    fn remove(&self, gone: &Tap) {
        let mut open = self.open.borrow_mut();
        open.retain(|tap| !tap.is(gone));
        self.any.set(!open.is_empty());
    }

    /// Those that may want what came to a listener, as far as one can know by now. `http`: it is a request.
    pub(super) fn met(&self, listener: &ListenerName, ends: &Ends, http: bool, mut chance: impl FnMut(u32) -> u32) -> Option<Box<Tapped>> {
        let peer = ends.peer.as_ref().map(|peer| &peer.member.id);
        let open = self.open.borrow();
        let wanting = open.iter().filter(|tap| {
            let filter = &tap.filter;
            let mut is_sampled = || filter.sample.is_none_or(|one_of| chance(one_of.get()) == 0);
            (http || !filter.is_of_requests()) && filter.meets(listener) && filter.is_from(ends.client.ip(), peer) && is_sampled()
        });
        let taps: Vec<_> = wanting.map(|tap| (tap.clone(), Map::new())).collect();
        let tapped = Tapped { listener: listener.clone(), http, asked: false, service: None, taps };
        (!tapped.taps.is_empty()).then(|| Box::new(tapped))
    }
}

/// Hears of taps, as long as the worker runs.
pub(super) fn hear(worker: &Rc<Worker>, mut opened: Receiver<Opened>) {
    let worker = Rc::downgrade(worker);
    task::spawn(async move {
        while let Some(Opened { tap, heard }) = opened.recv().await {
            let Some(there) = worker.upgrade() else { return };
            there.taps.add(tap.clone());
            drop(heard);
            let worker = worker.clone();
            task::spawn(async move {
                tap.over().await;
                if let Some(worker) = worker.upgrade() {
                    worker.taps.remove(&tap);
                }
            });
        }
    });
}

/// Of a request or tcp connection, the taps that may still want it.
#[derive(Debug)]
pub(super) struct Tapped {
    listener: ListenerName,
    http: bool,
    /// It is known what was asked for.
    asked: bool,
    /// The service that was decided for.
    service: Option<Box<str>>,
    /// Each with the headers that it asks for by name.
    taps: Vec<(Tap, Map<String, Value>)>,
}

impl Tapped {
    /// What was asked for. Headers: of a head that is one.
    pub(super) fn asked(&mut self, host: &str, target: &str, headers: Option<&HeaderMap>) {
        self.asked = true;
        self.taps.retain(|(tap, _)| tap.filter.asks_for(host, target));
        let Some(headers) = headers else { return };
        for (tap, told) in &mut self.taps {
            for name in &tap.filter.headers {
                let mut values =
                    headers.get_all(name).iter().map(|value| text(&String::from_utf8_lossy(value.as_bytes())).into_owned()).peekable();
                if values.peek().is_some() {
                    told.insert(name.as_str().to_owned(), values.collect::<Vec<_>>().join(", ").into());
                }
            }
        }
    }

    /// What it was decided for.
    pub(super) fn planned(&mut self, target: &Target) {
        self.taps.retain(|(tap, _)| tap.filter.goes_to(Some(&target.id.service)));
        self.service = Some((*target.id.service).into());
    }

    /// Whether nobody wants it any more.
    pub(super) const fn is_unwanted(&self) -> bool {
        self.taps.is_empty()
    }

    /// A tcp connection stands: it may be long before it ends.
    pub(super) fn opened(&self, record: &Record, ends: &Ends) {
        if self.http {
            return;
        }
        for (tap, _) in self.taps.iter().filter(|(tap, _)| !tap.filter.is_of_ends()) {
            tap.tell(self.line("opened", record, ends, tap, |_| {}));
        }
    }

    /// It has ended.
    pub(super) fn ended(&self, record: &Record, ended: &Ended) {
        let Ended { code, status, took, ends, received, sent } = ended;
        let (code, status) = (*code, *status);
        for (tap, headers) in &self.taps {
            let filter = &tap.filter;
            if !filter.ends_in(code, status) || !filter.goes_to(self.service.as_deref()) || (filter.is_of_requests() && !self.asked) {
                continue;
            }
            tap.tell(self.line("ended", record, ends, tap, |line| {
                line.insert("status".to_owned(), if status == 0 { Value::Null } else { status.into() });
                line.insert("code".to_owned(), code.as_str().into());
                line.insert("duration".to_owned(), took.as_secs_f64().into());
                line.insert("bytes_received".to_owned(), (*received).into());
                line.insert("bytes_sent".to_owned(), (*sent).into());
                if !filter.headers.is_empty() {
                    line.insert("headers".to_owned(), headers.clone().into());
                }
            }));
        }
    }

    /// `"schema": "gw.tap/v1"`, without a header and, unless it is asked for, without what stands behind a `?`: there may be a secret.
    fn line(&self, event: &str, record: &Record, ends: &Ends, tap: &Tap, more: impl FnOnce(&mut Map<String, Value>)) -> String {
        let asked = record.asked.as_ref();
        let path = asked.map(|asked| if tap.filter.query { asked.path().into_owned() } else { asked.bare_path() });
        let (target, endpoint) = record.by.as_ref().map(|(target, endpoint)| (target, endpoint)).unzip();
        let line = json!({
            "schema": "gw.tap/v1",
            "event": event,
            "time": record.started(),
            "kind": if self.http { "request" } else { "connection" },
            "listener": self.listener.as_str(),
            "client": ends.client.to_string(),
            "source": ends.peer.as_ref().map(|peer| peer.member.id.to_string()),
            "sni": ends.sni,
            "method": asked.map(Asked::method),
            "host": asked.and_then(|asked| asked.said(Part::Authority)).map(|host| text(&host).into_owned()),
            "path": path.as_deref().map(text),
            "protocol": asked.map(Asked::protocol),
            "service": self.service,
            "target": target.map(|target| &target.id),
            "instance": endpoint.map(|endpoint| &endpoint.id),
            "address": endpoint.map(|endpoint| endpoint.address.to_string()),
            "rule": record.led.rule().map(ToString::to_string),
            "roll": record.led.roll(),
            "transport_failure": record.failure,
        });
        let Value::Object(mut line) = line else { return String::new() };
        more(&mut line);
        Value::Object(line).to_string()
    }
}

/// A text of a client, cut where it is long.
fn text(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(LONGEST);
    Cow::Owned(format!("{}..", &text[..end]))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::Request;
    use tokio::task::LocalSet;

    use super::super::Dialer;
    use super::super::meters::Meter;
    use super::super::outcome::Outcome;
    use super::super::progress::Progress;
    use super::*;
    use crate::net::names;
    use crate::rt::rng::Rng;
    use crate::state::refusals::Refusals;
    use crate::state::taps::{Filter, Listening, Tapper};

    fn open(worker: &Rc<Worker>) -> Outcome {
        let (listener, here) = (ListenerName::of("edge", 8080), ([127, 0, 0, 1], 80).into());
        let tally = worker.meter.tally(&listener, None, true);
        Outcome::open(worker, &listener, &tally, &Arc::new(Ends::new(here, here)), &Progress::start(), None)
    }

    async fn tap(tapper: &Tapper, filter: Filter) -> Listening {
        let listening = tapper.listen(filter).await.expect("a place");
        assert!(!listening.deaf);
        listening
    }

    #[test]
    fn nothing_is_noted_of_what_nobody_wants_and_no_more_once_who_wanted_it_is_gone() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let worker =
                Worker::new(Dialer::new(&names(Vec::new()).0), Meter::alone(), Refusals::default(), None, None, None, Rng::from_entropy());
            let (tapper, mut opened) = Tapper::of(1);
            hear(&worker, opened.remove(0));
            assert!(!worker.taps.are_open() && !open(&worker).is_recorded(), "nobody watches");
            let other = tap(&tapper, Filter { listener: Some("9090".to_owned()), ..Filter::default() }).await;
            assert!(worker.taps.are_open() && !open(&worker).is_recorded(), "another listener is watched");
            let shop = tap(&tapper, Filter { path_prefix: Some("/shop".to_owned()), ..Filter::default() }).await;
            for (path, wanted) in [("/shop/a", true), ("/cart", false)] {
                let mut outcome = open(&worker);
                assert!(outcome.is_recorded(), "the path is not known yet");
                let (parts, ()) = Request::get(path).body(()).unwrap().into_parts();
                outcome.in_vain(&parts, None);
                assert_eq!(outcome.is_recorded(), wanted, "{path}");
            }
            drop((shop, other));
            while worker.taps.are_open() {
                tokio::task::yield_now().await;
            }
            assert!(!open(&worker).is_recorded(), "who watched is gone");
        });
    }
}
