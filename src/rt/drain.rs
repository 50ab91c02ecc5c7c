//! Drain is a tree: the root is told once, every holder of a watch finishes what it does, and dropping the watch is the report.
//! What is not done in time is cut.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use super::task;

/// The one who says *drain*, and waits until everybody has.
#[derive(Debug)]
pub struct Drain {
    say: watch::Sender<bool>,
    done: mpsc::Receiver<Infallible>,
    guests: Guests,
}

/// Held by whoever has something to finish. Clones are further branches; the last drop ends the wait.
#[derive(Clone, Debug)]
pub struct DrainWatch {
    said: watch::Receiver<bool>,
    _alive: mpsc::Sender<Infallible>,
    guests: Guests,
}

/// The tasks that a drain may cut. The lock is never contended: they, and who cuts them, run on one thread.
#[derive(Clone, Debug, Default)]
struct Guests(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    next: u64,
    open: HashMap<u64, AbortHandle>,
}

/// A task's place among those that a drain may cut; the task gives it up by dropping it.
#[derive(Debug)]
pub struct Guest(Guests, u64);

impl Guests {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cut(&self) {
        let open: Vec<AbortHandle> = self.book().open.drain().map(|(_, handle)| handle).collect();
        open.iter().for_each(AbortHandle::abort);
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let left = self.0.book().open.remove(&self.1);
        drop(left);
    }
}

/// A new tree.
pub fn channel() -> (Drain, DrainWatch) {
    let (say, said) = watch::channel(false);
    let (alive, done) = mpsc::channel(1);
    let guests = Guests::default();
    (Drain { say, done, guests: guests.clone() }, DrainWatch { said, _alive: alive, guests })
}

impl Drain {
    /// Says *drain*. Whoever watches hears it, now and later.
    pub fn say(&self) {
        self.say.send_replace(true);
    }

    /// Says *drain* and waits until every watch is dropped. False: `within` was over before, and the guests that were left were cut.
    pub async fn finish(mut self, within: Duration) -> bool {
        self.say();
        let done = tokio::time::timeout(within, self.done.recv()).await.is_ok();
        if !done {
            self.guests.cut();
        }
        done
    }
}

impl DrainWatch {
    /// Resolves when *drain* was said, or when nobody is left to say it.
    pub async fn signaled(&mut self) {
        // An error means that the `Drain` itself is gone: then it is over as well.
        let _ = self.said.wait_for(|said| *said).await;
    }

    /// Spawns a task on this thread that is cut when the drain takes too long. The task drops its [`Guest`] when it is done.
    // Cut from outside instead of by a second thing to wait for: what is served looks at nothing more for it.
    pub fn spawn<F: Future<Output = ()> + 'static>(&self, make: impl FnOnce(Guest) -> F) {
        let id = {
            let mut book = self.guests.book();
            book.next += 1;
            book.next
        };
        let handle = task::spawn_held(make(Guest(self.guests.clone(), id)));
        // Before its first poll, which is when it could be done at the earliest.
        self.guests.book().open.insert(id, handle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
    }

    #[test]
    fn a_drain_ends_when_the_last_watch_is_dropped() {
        run(async {
            let (drain, watch) = channel();
            let mut branch = watch.clone();
            drop(watch);
            let task = async move { branch.signaled().await };
            let (all, ()) = tokio::join!(drain.finish(Duration::from_secs(5)), task);
            assert!(all);
        });
    }

    #[test]
    fn a_drain_that_takes_too_long_says_so() {
        run(async {
            let (drain, _held) = channel();
            assert!(!drain.finish(Duration::from_secs(5)).await);
        });
    }

    #[test]
    fn who_is_not_done_in_time_is_cut_and_who_is_done_is_forgotten() {
        run(tokio::task::LocalSet::new().run_until(async {
            let (drain, watch) = channel();
            let (sender, mut cut) = mpsc::channel::<Infallible>(1);
            watch.spawn(|guest| async move { drop(guest) });
            let held = watch.clone();
            watch.spawn(|guest| async move {
                std::future::pending::<()>().await;
                drop((guest, held, sender));
            });
            tokio::task::yield_now().await;
            assert_eq!(watch.guests.book().open.len(), 1);
            drop(watch);
            assert!(!drain.finish(Duration::from_secs(5)).await);
            // Dropped with its future.
            assert!(cut.recv().await.is_none());
        }));
    }

    #[test]
    fn a_watch_whose_root_is_gone_is_signaled() {
        run(async {
            let (drain, mut watch) = channel();
            drop(drain);
            watch.signaled().await;
        });
    }
}
