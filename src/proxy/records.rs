//! Access records that wait for the end of a worker's round. Written when its request ends, each would hold up the answers that are to go
//! out after it, and have the code that writes it fetched anew: so they are written together, by a task of their own.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use super::access::AccessLog;
use super::record::{Ended, Record};
use super::worker::Worker;
use crate::rt::task;

/// How many wait at most: a round has not many more.
const MOST: usize = 128;

/// The access records of a worker. What waits when this is dropped is written.
pub(super) struct Records {
    log: AccessLog,
    waiting: RefCell<Vec<(Box<Record>, Ended)>>,
    /// Of the task that writes them.
    waker: Cell<Option<Waker>>,
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").field("log", &self.log).finish_non_exhaustive()
    }
}

impl Records {
    /// Those that go to a log.
    pub(super) fn of(log: AccessLog) -> Self {
        Self { log, waiting: RefCell::default(), waker: Cell::default() }
    }

    /// One more.
    pub(super) fn say(&self, record: Box<Record>, ended: Ended) {
        let waiting = {
            let mut waiting = self.waiting.borrow_mut();
            waiting.push((record, ended));
            waiting.len()
        };
        if waiting >= MOST {
            self.write();
        } else if waiting == 1
            && let Some(waker) = self.waker.take()
        {
            waker.wake();
        }
    }

    fn write(&self) {
        let mut waiting = self.waiting.borrow_mut();
        let format = self.log.format();
        self.log.write(waiting.drain(..), |(record, ended), out, clock| record.line(format, &ended, clock, out));
    }
}

impl Drop for Records {
    fn drop(&mut self) {
        self.write();
    }
}

/// Writes what a worker says at the end of each of its rounds, for ever.
pub(super) fn write(worker: &Rc<Worker>) {
    if worker.access.is_none() {
        return;
    }
    let worker = Rc::downgrade(worker);
    task::spawn(poll_fn(move |cx| {
        let Some(worker) = worker.upgrade() else { return Poll::Ready(()) };
        if let Some(records) = &worker.access {
            records.write();
            records.waker.set(Some(cx.waker().clone()));
        }
        Poll::Pending
    }));
}
