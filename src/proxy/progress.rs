//! How far a request is, and the watch over what may end it: its two timeouts, and once it is answered that it is forbidden.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::time::{Instant, Sleep, sleep_until};

use super::judged::UnderWay;
use crate::decide::code::Code;
use crate::decide::plan::Timeouts;

/// What moved, and when: written by the bodies of both directions, read by the watchdog.
pub(super) struct Progress {
    began: Instant,
    moved: Cell<Instant>,
    complete: Cell<Option<Instant>>,
    /// Bytes of the request's body.
    pub(super) received: Cell<u64>,
    /// Bytes of the answer's body.
    pub(super) sent: Cell<u64>,
    waker: Cell<Option<Waker>>,
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { began, moved, complete, received, sent, waker: _ } = self;
        f.debug_struct("Progress").field("times", &(began, moved, complete)).field("bytes", &(received, sent)).finish_non_exhaustive()
    }
}

impl Progress {
    pub(super) fn start() -> Rc<Self> {
        let (received, sent) = (Cell::new(0), Cell::new(0));
        let began = Instant::now();
        Rc::new(Self { began, moved: Cell::new(began), complete: Cell::new(None), received, sent, waker: Cell::default() })
    }

    /// The idle timeout begins anew.
    pub(super) fn moves(&self) {
        self.moved.set(Instant::now());
    }

    /// When it began.
    pub(super) const fn began(&self) -> Instant {
        self.began
    }

    /// When something moved last.
    pub(super) const fn moved(&self) -> Instant {
        self.moved.get()
    }

    /// The last bytes of the answer: no timeout runs any more.
    pub(super) fn sent_last(&self, bytes: usize) {
        self.sent.set(self.sent.get() + bytes as u64);
    }

    /// The request is complete with its head.
    pub(super) fn complete_at_once(&self) {
        self.complete.set(Some(self.moved.get()));
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
            if let Some(waker) = self.waker.take() {
                waker.wake();
            }
        }
    }
}

/// Timers of requests that have ended, for those that come: each goes on running, and most new deadlines are later than the one it
/// was set to, so that a request sets none. Where the next request waits in the same task, it does not even look at it.
#[derive(Default)]
pub(super) struct Timers {
    /// All there is where requests come one by one.
    first: Cell<Option<Timer>>,
    others: RefCell<Vec<Timer>>,
}

/// A timer, until when it runs, and the task that it wakes.
#[derive(Debug)]
struct Timer {
    sleep: Pin<Box<Sleep>>,
    at: Instant,
    wakes: Option<Waker>,
}

impl fmt::Debug for Timers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timers").field("others", &self.others).finish_non_exhaustive()
    }
}

impl Timers {
    /// How many are kept: a timer remembers the task that waited last.
    const KEPT: usize = 256;

    fn take(&self, at: Instant) -> Timer {
        let kept = self.first.take().or_else(|| self.others.borrow_mut().pop());
        kept.unwrap_or_else(|| Timer { sleep: Box::pin(sleep_until(at)), at, wakes: None })
    }

    fn give_back(&self, timer: Timer) {
        if let Some(other) = self.first.replace(Some(timer)) {
            let mut others = self.others.borrow_mut();
            if others.len() < Self::KEPT {
                others.push(other);
            }
        }
    }
}

impl Timer {
    /// Whether it will wake this task, until that moment at the latest, or has done so.
    fn is_set(&self, at: Instant, waker: &Waker) -> bool {
        self.at <= at && self.wakes.as_ref().is_some_and(|wakes| wakes.will_wake(waker))
    }

    fn set(&mut self, at: Instant) {
        (self.at, self.wakes) = (at, None);
        self.sleep.as_mut().reset(at);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let over = self.sleep.as_mut().poll(cx);
        self.wakes = over.is_pending().then(|| cx.waker().clone());
        over
    }
}

/// Resolves when a request is to end, with the code that it ends in.
#[derive(Debug)]
pub(super) struct Watchdog {
    progress: Rc<Progress>,
    timeouts: Timeouts,
    timers: Rc<Timers>,
    timer: Option<Timer>,
    judged: Option<Box<UnderWay>>,
}

impl Watchdog {
    pub(super) fn new(progress: &Rc<Progress>, timeouts: Timeouts, timers: &Rc<Timers>) -> Self {
        Self { progress: progress.clone(), timeouts, timers: timers.clone(), timer: None, judged: None }
    }

    /// From now on it also watches whether the request is forbidden.
    pub(super) fn watch(&mut self, judged: Box<UnderWay>) {
        self.judged = Some(judged);
    }

    /// Whether the request may be forbidden.
    pub(super) const fn judges(&self) -> bool {
        self.judged.is_some()
    }

    /// Whether there is anything to watch.
    pub(super) const fn barks(&self) -> bool {
        self.judges() || self.timeouts.request.is_some() || self.timeouts.idle.is_some()
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
        if let Some(judged) = &mut this.judged
            && Pin::new(judged).poll(cx).is_ready()
        {
            return Poll::Ready(Code::Denied);
        }
        if this.progress.complete.get().is_none() {
            this.progress.waker.set(Some(cx.waker().clone()));
        }
        loop {
            let Some((at, code)) = this.next() else {
                return Poll::Pending;
            };
            let is_first_look = this.timer.is_none();
            let timer = this.timer.get_or_insert_with(|| this.timers.take(at));
            // A timer that fires early costs one more look; moving it with every byte would cost more. Of one that a request before has
            // set for this task, and that runs beyond the beginning of this one, it is clear that it did not fire yet: the task would
            // have heard of it between the two. The timer itself need not be looked at, which is far away in memory.
            let runs = |timer: &Timer| if is_first_look { this.progress.began < timer.at } else { !timer.sleep.is_elapsed() };
            if timer.is_set(at, cx.waker()) && runs(timer) {
                return Poll::Pending;
            }
            if timer.at > at {
                timer.set(at);
            }
            if timer.poll(cx).is_pending() {
                return Poll::Pending;
            }
            if Instant::now() >= at {
                return Poll::Ready(code);
            }
            timer.set(at);
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if let Some(timer) = self.timer.take() {
            self.timers.give_back(timer);
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
            let dog = Watchdog::new(&progress, timeouts(Some(2), None), &Rc::default());
            let body = async {
                tokio::time::sleep(Duration::from_secs(10)).await;
                progress.complete();
            };
            let (code, ()) = tokio::join!(dog, body);
            assert_eq!((code, start.elapsed().as_secs()), (Code::RequestTimeout, 12));
        });
    }

    #[test]
    fn a_timer_of_an_earlier_request_watches_over_the_next_one_by_its_own_deadline() {
        run(async {
            let timers = Rc::default();
            for (seconds, earlier) in [(50, 0), (5, 50), (70, 55), (1, 125)] {
                let start = Instant::now();
                let progress = Progress::start();
                progress.complete();
                let dog = Watchdog::new(&progress, timeouts(Some(seconds), None), &timers);
                assert_eq!((dog.await, start.elapsed().as_secs()), (Code::RequestTimeout, seconds), "after {earlier} s");
            }
            assert!(timers.others.borrow().is_empty() && timers.first.take().is_some());
        });
    }

    #[test]
    fn each_byte_renews_the_idle_timeout() {
        run(async {
            let progress = Progress::start();
            let start = Instant::now();
            let dog = Watchdog::new(&progress, timeouts(Some(100), Some(3)), &Rc::default());
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
