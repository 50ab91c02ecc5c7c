//! How long an HTTP/1 connection may stand without a request: from its beginning, or from the end of an answer, to the last byte of
//! the next head.
//!
//! A timer for each head would cost more than the check of it. Here every request leaves a mark, and the worker looks through its
//! connections once a round.

use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Poll, Waker};

/// A connection's marks.
// One thread alone has them, but what is read and written on an upgraded connection must be `Send`.
#[derive(Debug, Default)]
pub(super) struct Waits {
    /// Requests under way.
    busy: AtomicU32,
    /// The round in which the last of them ended, or a part of an answer went out.
    since: AtomicU32,
    over: AtomicBool,
    waker: Mutex<Option<Waker>>,
    round: Arc<AtomicU32>,
}

/// The connections of a worker, and the number of its round.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    round: Arc<AtomicU32>,
    all: Mutex<Vec<Weak<Waits>>>,
}

/// A request under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Busy(Arc<Waits>);

impl Rounds {
    /// One more connection, from now on without a request.
    pub(super) fn enter(&self) -> Arc<Waits> {
        let waits = Arc::new(Waits { since: self.round.load(Relaxed).into(), round: self.round.clone(), ..Waits::default() });
        self.all.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&waits));
        waits
    }

    /// The next round. Connections that stood without a request for more than `longest` of them are over.
    pub(super) fn turn(&self, longest: u32) {
        let round = self.round.load(Relaxed).wrapping_add(1);
        self.round.store(round, Relaxed);
        self.all.lock().unwrap_or_else(PoisonError::into_inner).retain(|waits| {
            let waits = waits.upgrade();
            if let Some(waits) = waits.as_ref().filter(|w| w.stood(round) > longest) {
                waits.end();
            }
            waits.is_some()
        });
    }
}

impl Waits {
    /// A request is under way.
    pub(super) fn ask(self: &Arc<Self>) -> Busy {
        self.busy.store(self.busy.load(Relaxed) + 1, Relaxed);
        Busy(self.clone())
    }

    /// Something of an answer went out: who takes the end of one slowly is not yet asked for the next request.
    pub(super) fn moves(&self) {
        self.since.store(self.round.load(Relaxed), Relaxed);
    }

    /// Resolves when it stood for too long. One task waits for that.
    pub(super) fn over(&self) -> impl Future<Output = ()> + '_ {
        let mut told = false;
        poll_fn(move |cx| {
            if self.over.load(Relaxed) {
                return Poll::Ready(());
            }
            if !told {
                *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
                told = true;
            }
            Poll::Pending
        })
    }

    /// For how many rounds it stood without a request.
    fn stood(&self, round: u32) -> u32 {
        if self.busy.load(Relaxed) > 0 { 0 } else { round.wrapping_sub(self.since.load(Relaxed)) }
    }

    /// The connection is over now, whatever is under way on it.
    pub(super) fn end(&self) {
        self.over.store(true, Relaxed);
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let Self(waits) = self;
        waits.busy.store(waits.busy.load(Relaxed).saturating_sub(1), Relaxed);
        waits.moves();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_over(waits: &Waits) -> bool {
        let mut cx = std::task::Context::from_waker(Waker::noop());
        std::pin::pin!(waits.over()).poll(&mut cx).is_ready()
    }

    #[test]
    fn a_connection_is_over_when_it_stood_too_long_without_a_request() {
        let rounds = Rounds::default();
        let (idle, asks, takes) = (rounds.enter(), rounds.enter(), rounds.enter());
        let request = asks.ask();
        for _ in 0..3 {
            assert!(!is_over(&idle));
            rounds.turn(2);
            takes.moves();
        }
        assert!(is_over(&idle) && !is_over(&asks) && !is_over(&takes));
        drop(request);
        for over in [false, false, true] {
            rounds.turn(2);
            assert_eq!(is_over(&asks), over);
        }
    }

    #[test]
    fn a_connection_that_is_gone_is_forgotten() {
        let rounds = Rounds::default();
        drop(rounds.enter());
        let kept = rounds.enter();
        rounds.turn(2);
        assert_eq!(rounds.all.lock().unwrap().len(), 1);
        drop(kept);
    }
}
