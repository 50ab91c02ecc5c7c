//! How far a request is, and the watch over its two timeouts.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::decide::code::Code;
use crate::decide::plan::Timeouts;

/// What moved, and when: written by the bodies of both directions, read by the watchdog.
#[derive(Debug)]
pub(super) struct Progress {
    moved: Cell<Instant>,
    complete: Cell<Option<Instant>>,
    /// Bytes of the request's body.
    pub(super) received: Cell<u64>,
    /// Bytes of the answer's body.
    pub(super) sent: Cell<u64>,
    waker: RefCell<Option<Waker>>,
}

impl Progress {
    pub(super) fn start() -> Rc<Self> {
        let (received, sent) = (Cell::new(0), Cell::new(0));
        Rc::new(Self { moved: Cell::new(Instant::now()), complete: Cell::new(None), received, sent, waker: RefCell::new(None) })
    }

    /// The idle timeout begins anew.
    pub(super) fn moves(&self) {
        self.moved.set(Instant::now());
    }

    /// Bytes of the request came in.
    pub(super) fn received(&self, bytes: usize) {
        self.moved.set(Instant::now());
        self.received.set(self.received.get() + bytes as u64);
    }

    /// Bytes of the answer went out.
    pub(super) fn sent(&self, bytes: usize) {
        self.moved.set(Instant::now());
        self.sent.set(self.sent.get() + bytes as u64);
    }

    /// Whether the request is complete.
    pub(super) const fn is_complete(&self) -> bool {
        self.complete.get().is_some()
    }

    /// The request is complete: from now on the request timeout runs (semantics 5).
    pub(super) fn complete(&self) {
        if self.complete.get().is_none() {
            self.complete.set(Some(Instant::now()));
            if let Some(waker) = self.waker.borrow_mut().take() {
                waker.wake();
            }
        }
    }
}

/// Resolves when a timeout is over, with the code that it ends in.
#[derive(Debug)]
pub(super) struct Watchdog {
    progress: Rc<Progress>,
    timeouts: Timeouts,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Watchdog {
    pub(super) const fn new(progress: Rc<Progress>, timeouts: Timeouts) -> Self {
        Self { progress, timeouts, sleep: None }
    }

    /// Whether there is a timeout at all.
    pub(super) const fn barks(&self) -> bool {
        self.timeouts.request.is_some() || self.timeouts.idle.is_some()
    }

    /// The next moment at which a timeout may be over, and which.
    fn next(&self) -> Option<(Instant, Code)> {
        // A timeout beyond what the clock can count is none.
        let request = self.progress.complete.get().zip(self.timeouts.request).and_then(|(at, t)| at.checked_add(t));
        let idle = self.timeouts.idle.and_then(|t| self.progress.moved.get().checked_add(t));
        match (request, idle) {
            (Some(request), Some(idle)) if idle < request => Some((idle, Code::IdleTimeout)),
            (Some(request), _) => Some((request, Code::RequestTimeout)),
            (None, idle) => idle.map(|at| (at, Code::IdleTimeout)),
        }
    }
}

impl Future for Watchdog {
    type Output = Code;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Code> {
        let this = &mut *self;
        if this.progress.complete.get().is_none() {
            *this.progress.waker.borrow_mut() = Some(cx.waker().clone());
        }
        loop {
            let Some((at, code)) = this.next() else {
                return Poll::Pending;
            };
            let sleep = this.sleep.get_or_insert_with(|| Box::pin(sleep_until(at)));
            // A timer that fires early costs one more look; moving it with every byte would cost more.
            if sleep.deadline() > at {
                sleep.as_mut().reset(at);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if Instant::now() >= at {
                return Poll::Ready(code);
            }
            sleep.as_mut().reset(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn run<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
    }

    fn timeouts(request: Option<u64>, idle: Option<u64>) -> Timeouts {
        Timeouts { request: request.map(Duration::from_secs), idle: idle.map(Duration::from_secs) }
    }

    #[test]
    fn the_request_timeout_counts_from_the_complete_request() {
        run(async {
            let progress = Progress::start();
            let start = Instant::now();
            let dog = Watchdog::new(progress.clone(), timeouts(Some(2), None));
            let body = async {
                tokio::time::sleep(Duration::from_secs(10)).await;
                progress.complete();
            };
            let (code, ()) = tokio::join!(dog, body);
            assert_eq!((code, start.elapsed().as_secs()), (Code::RequestTimeout, 12));
        });
    }

    #[test]
    fn each_byte_renews_the_idle_timeout() {
        run(async {
            let progress = Progress::start();
            let start = Instant::now();
            let dog = Watchdog::new(progress.clone(), timeouts(Some(100), Some(3)));
            let body = async {
                for _ in 0..4 {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                    progress.sent(1);
                }
            };
            let (code, ()) = tokio::join!(dog, body);
            assert_eq!((code, start.elapsed().as_secs()), (Code::IdleTimeout, 11));
        });
    }
}
