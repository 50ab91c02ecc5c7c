//! What became of a connection or request: opened first, recorded exactly once, however it ends.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::request::Parts;
use http::{HeaderValue, Version};

use super::error::Failed;
use super::head::Head;
use super::meters::Tally;
use super::progress::Progress;
use super::record::{Asked, By, Ended, Led, Part, Record};
use super::tap::Tapped;
use super::trace::Traced;
use super::waits::Busy;
use super::worker::Worker;
use crate::decide::code::Code;
use crate::decide::facts::{Facts, RequestHead};
use crate::decide::plan::{Plan, Refusal};
use crate::id::ListenerName;
use crate::tls::Peer;

/// The two ends of a connection.
#[derive(Debug)]
pub(super) struct Ends {
    pub(super) client: SocketAddr,
    pub(super) local: SocketAddr,
    // A connection that is open holds no more of it than it has letters.
    pub(super) sni: Option<Box<str>>,
    /// Who connected, where that had to be shown.
    pub(super) peer: Option<Arc<Peer>>,
    /// It was closed, with what was under way, because nothing may be asked for on it any more.
    cut: AtomicBool,
}

impl Ends {
    pub(super) fn new(client: SocketAddr, local: SocketAddr) -> Self {
        Self { client, local, sni: None, peer: None, cut: AtomicBool::default() }
    }

    /// The client's address as `x-forwarded-for` has it.
    pub(super) fn forwarded_for(&self) -> HeaderValue {
        let ip = self.client.ip().to_canonical().to_string();
        HeaderValue::from_str(&ip).expect("an IP address is made of digits, letters, dots and colons")
    }

    /// The connection is closed now, and not by the client.
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }

    /// What is known of the connection, and of a request on it, when it is decided.
    pub(super) fn facts<'f>(&'f self, listener: &'f ListenerName, request: Option<RequestHead<'f>>) -> Facts<'f> {
        let Self { client, local, sni, peer, .. } = self;
        let peer = peer.as_ref().map(|peer| &peer.member.id);
        Facts { listener, client: *client, local: *local, sni: sni.as_deref(), peer, request }
    }
}

/// A request or tcp connection under way. Dropping it writes its record.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) worker: Rc<Worker>,
    ends: Arc<Ends>,
    pub(super) progress: Rc<Progress>,
    pub(super) tally: Tally,
    code: Code,
    /// What the client is told; 0 where it is told none.
    status: u16,
    /// The HTTP/1 connection is not idle meanwhile.
    _busy: Option<Busy>,
    /// Only where somebody reads records, or watches.
    record: Option<Box<Record>>,
}

impl Outcome {
    /// From here on every way out ends in one record. Until told otherwise, the client went away.
    pub(super) fn open(
        worker: &Rc<Worker>,
        listener: &ListenerName,
        tally: &Tally,
        ends: &Arc<Ends>,
        progress: &Rc<Progress>,
        busy: Option<Busy>,
    ) -> Self {
        tally.open.add(1);
        let tapped = if worker.taps.are_open() { worker.tapped(listener, ends, tally.is_of_requests()) } else { None };
        let is_recorded = worker.access.is_some() || tapped.is_some();
        let record = is_recorded.then(|| Box::new(Record::of(worker.wall.at(progress.began()), tapped)));
        let (worker, tally, ends, progress) = (worker.clone(), tally.clone(), ends.clone(), progress.clone());
        Self { worker, tally, ends, progress, code: Code::ClientGone, status: 0, _busy: busy, record }
    }

    /// How it ended. The first answer to that stays.
    pub(super) fn end(&mut self, code: Code) {
        if self.code == Code::ClientGone {
            self.code = code;
        }
    }

    /// The status that the client is told.
    pub(super) fn status(&mut self, status: u16) {
        self.status = status;
        let began = self.progress.began();
        self.note(|r| r.answered = Some(began.elapsed()));
    }

    /// An answer that was there as a whole went out.
    pub(super) fn sent(&self, bytes: usize) {
        self.progress.sent_last(bytes);
    }

    /// Whether somebody reads records.
    pub(super) const fn is_recorded(&self) -> bool {
        self.record.is_some()
    }

    /// Its place in a trace, if its span is recorded.
    pub(super) fn place(&self) -> Option<&Traced> {
        self.record.as_ref()?.traced.as_deref()
    }

    /// Its span is recorded.
    pub(super) fn traced(&mut self, traced: Traced) {
        let Self { record, worker, progress, .. } = self;
        let begun = || Box::new(Record::of(worker.wall.at(progress.began()), None));
        record.get_or_insert_with(begun).traced = Some(Box::new(traced));
    }

    /// What was asked for by a head that may not pass; `host`: its Host header.
    pub(super) fn in_vain(&mut self, parts: &Parts, host: Option<&HeaderValue>) {
        if self.record.is_none() {
            return;
        }
        let asked = Asked::in_vain(parts, host);
        self.tapped(|tapped| tapped.asked(&asked.said(Part::Authority).unwrap_or_default(), &asked.path(), None));
        self.note(|r| r.asked = Some(asked));
    }

    /// What was asked for.
    pub(super) fn request(&mut self, head: &Head) {
        self.tapped(|tapped| tapped.asked(head.authority(), head.target(), Some(&head.headers)));
        self.note(|r| r.asked = Some(Asked::of(head)));
    }

    /// What was decided, and the counters of it.
    pub(super) fn planned(&mut self, plan: &Plan, tally: Tally) {
        self.tally.open.take(1);
        tally.open.add(1);
        self.tally = tally;
        self.tapped(|tapped| tapped.planned(plan.first_target()));
        self.note(|r| r.led = Led::by(plan));
    }

    /// Why nothing was done.
    pub(super) fn refused(&mut self, refusal: &Refusal) {
        self.end(refusal.code);
        self.note(|r| r.led = Led::refused_by(refusal));
    }

    /// Why no instance answered: the reason, and of TLS what was shown or said.
    pub(super) fn failed(&mut self, failed: &Failed) -> Code {
        self.end(failed.code());
        self.note(|r| r.failure = failed.of_transport());
        failed.code()
    }

    /// Who answered, where that is recorded.
    pub(super) fn answered_by(&mut self, by: Option<By>) {
        self.note(|r| r.by = by);
        if let Some(record) = &self.record
            && let Some(tapped) = &record.tapped
        {
            tapped.opened(record, &self.ends);
        }
    }

    /// Tells those who watch live what they wait to know. Where nobody wants it any more, nothing is noted any more either.
    fn tapped(&mut self, tell: impl FnOnce(&mut Tapped)) {
        let Some(record) = &mut self.record else { return };
        let Some(tapped) = &mut record.tapped else { return };
        tell(tapped);
        if tapped.is_unwanted() {
            record.tapped = None;
            if self.worker.access.is_none() && record.traced.is_none() {
                self.record = None;
            }
        }
    }

    fn note(&mut self, write: impl FnOnce(&mut Record)) {
        if let Some(record) = &mut self.record {
            write(record);
        }
    }
}

impl Drop for Outcome {
    fn drop(&mut self) {
        let cut = self.code == Code::ClientGone && self.ends.cut.load(Ordering::Relaxed);
        let code = if cut { Code::Denied } else { self.code };
        let took = self.progress.began().elapsed();
        let (received, sent) = (self.progress.received.get(), self.progress.sent.get());
        self.tally.ended(code, self.status, took, received, sent);
        let Some(mut record) = self.record.take() else {
            return;
        };
        if let (Some(traced), Some(tracing)) = (record.traced.take(), &self.worker.tracing) {
            tracing.write(record.span(*traced, code, self.status, took));
        }
        let ended = Ended { code, status: self.status, took, ends: self.ends.clone(), received, sent };
        if let Some(tapped) = record.tapped.take() {
            tapped.ended(&record, &ended);
        }
        if let Some(records) = &self.worker.access {
            records.say(record, ended);
        }
    }
}

/// The word of `%PROTOCOL%`.
pub(super) const fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_10 | Version::HTTP_09 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}
