//! Access records on their way from the workers to who writes them: lines that gather until they are taken together. Of a thousand records
//! one wakes the thread that takes them, and none allocates.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::clock::Clock;
use crate::model::gateway::RecordFormat;

/// How many bytes of records may wait. What comes when there are more is dropped and counted, for no request waits for a disk.
pub const ROOM: usize = 16 * 1024 * 1024;
/// How much of what long records took stays with the worker.
const KEPT: usize = 128 * 1024;

/// Where the access records of a worker go.
#[derive(Debug)]
pub struct AccessLog {
    lines: Arc<Lines>,
    /// Rung for the first of those that gather.
    bell: SyncSender<()>,
    format: RecordFormat,
    /// Records are written here first: others wait for as long as it takes to copy them, not to make them.
    own: RefCell<(Vec<u8>, Clock)>,
}

/// What was said and not yet taken.
#[derive(Debug, Default)]
struct Lines {
    gathered: Mutex<Gathered>,
    dropped: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Gathered {
    text: Vec<u8>,
    /// Nobody takes them any more.
    over: bool,
}

/// Takes records.
#[derive(Debug)]
pub struct Taker {
    lines: Arc<Lines>,
    bell: Receiver<()>,
    taken: Vec<u8>,
}

/// Whether records may have gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rang {
    /// Some have.
    Yes,
    /// None have in that time.
    No,
    /// Nobody is left who could say one more.
    Over,
}

/// One for each worker, and who takes their records.
pub fn access_logs(workers: usize, format: RecordFormat) -> (Vec<AccessLog>, Taker) {
    // One ring is as good as many.
    let (ring, bell) = sync_channel(1);
    let lines = Arc::<Lines>::default();
    let log = |_| AccessLog { lines: lines.clone(), bell: ring.clone(), format, own: RefCell::default() };
    ((0..workers).map(log).collect(), Taker { lines, bell, taken: Vec::new() })
}

impl AccessLog {
    /// How records are written.
    pub(super) const fn format(&self) -> RecordFormat {
        self.format
    }

    /// A line for each of `records`, of what `line` writes of it, without its end.
    pub fn write<R>(&self, records: impl IntoIterator<Item = R>, line: impl Fn(R, &mut Vec<u8>, &mut Clock)) {
        let (own, clock) = &mut *self.own.borrow_mut();
        let mut count = 0;
        for record in records {
            line(record, own, clock);
            own.push(b'\n');
            count += 1;
        }
        if self.lines.add(own, count) {
            // Who takes them is awake already, or will be.
            let _ = self.bell.try_send(());
        }
        own.clear();
        own.shrink_to(KEPT);
    }
}

impl Lines {
    /// So many of them. Whether they are the first, and there are some.
    fn add(&self, lines: &[u8], count: u64) -> bool {
        let mut gathered = self.gathered();
        if gathered.over || gathered.text.len() + lines.len() > ROOM {
            drop(gathered);
            self.dropped.fetch_add(count, Ordering::Relaxed);
            return false;
        }
        gathered.text.extend_from_slice(lines);
        gathered.text.len() == lines.len() && count > 0
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taker {
    /// How many records found no place.
    pub fn dropped(&self) -> Arc<AtomicU64> {
        self.lines.dropped.clone()
    }

    /// Waits for a record, as long as `time`.
    pub fn wait(&self, time: Duration) -> Rang {
        match self.bell.recv_timeout(time) {
            Ok(()) => Rang::Yes,
            Err(RecvTimeoutError::Timeout) => Rang::No,
            Err(RecvTimeoutError::Disconnected) => Rang::Over,
        }
    }

    /// Writes all that have gathered: whole lines, in the order in which they were said.
    pub fn take<E>(&mut self, write: impl FnOnce(&[u8]) -> Result<(), E>) -> Result<(), E> {
        std::mem::swap(&mut self.lines.gathered().text, &mut self.taken);
        write(&self.taken)?;
        self.taken.clear();
        Ok(())
    }

    /// There is nothing to take, and there may not be for long: its memory is let go.
    pub fn rest(&mut self) {
        self.taken = Vec::new();
        let mut gathered = self.lines.gathered();
        if gathered.text.is_empty() {
            gathered.text = Vec::new();
        }
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        let left = {
            let mut gathered = self.lines.gathered();
            gathered.over = true;
            std::mem::take(&mut gathered.text)
        };
        let lines = left.iter().chain(&self.taken).filter(|byte| **byte == b'\n').count();
        self.lines.dropped.fetch_add(lines as u64, Ordering::Relaxed);
    }
}
