//! Drain is a tree: the root is told once, every holder of a watch finishes what it does, and dropping the watch is the report.
//! What is not done in time is cut.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::task;

/// The one who says *drain*, and waits until everybody has.
#[derive(Debug)]
pub struct Drain {
    said: Arc<Said>,
    done: mpsc::Receiver<Infallible>,
    guests: Guests,
}

/// Held by whoever has something to finish. Clones are further branches; the last drop ends the wait.
#[derive(Clone, Debug)]
pub struct DrainWatch {
    said: Arc<Said>,
    _alive: mpsc::Sender<Infallible>,
    guests: Guests,
}

/// Whether *drain* was said, and who waits for it. A connection looks at this each time that anything happens on it, so that a look
/// must cost next to nothing.
#[derive(Debug, Default)]
struct Said {
    said: AtomicBool,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    wakers: HashMap<u64, Waker>,
}

/// Resolves when *drain* was said, or when nobody is left to say it.
#[derive(Debug)]
pub struct Signaled {
    said: Arc<Said>,
    /// Its place among those who wait, and whom it wakes.
    place: Option<(u64, Waker)>,
}

/// The tasks that a drain may cut. The lock is never contended: they, and who cuts them, run on one thread.
#[derive(Clone, Debug, Default)]
struct Guests(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    next: u64,
    open: HashMap<u64, AbortHandle>,
}

/// A task's place among those that a drain waits for and may cut; the task gives it up by dropping it.
#[derive(Debug)]
pub struct Guest(DrainWatch, u64);

impl Guests {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cut(&self) -> usize {
        let open: Vec<AbortHandle> = self.book().open.drain().map(|(_, handle)| handle).collect();
        open.iter().for_each(AbortHandle::abort);
        open.len()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let left = self.0.guests.book().open.remove(&self.1);
        drop(left);
    }
}

/// A new tree.
pub fn channel() -> (Drain, DrainWatch) {
    let said = Arc::<Said>::default();
    let (alive, done) = mpsc::channel(1);
    let guests = Guests::default();
    (Drain { said: said.clone(), done, guests: guests.clone() }, DrainWatch { said, _alive: alive, guests })
}

impl Said {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self) {
        self.said.store(true, Ordering::Release);
        let wakers = std::mem::take(&mut self.waiting().wakers);
        wakers.into_values().for_each(Waker::wake);
    }
}

impl Future for Signaled {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.said.said.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        if self.place.as_ref().is_some_and(|(_, waker)| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        let said = self.said.clone();
        let mut waiting = said.waiting();
        let number = self.place.as_ref().map_or(waiting.next, |(number, _)| *number);
        waiting.next += 1;
        waiting.wakers.insert(number, cx.waker().clone());
        self.place = Some((number, cx.waker().clone()));
        // Said since the first look: who said it may have taken the wakers before.
        if said.said.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Signaled {
    fn drop(&mut self) {
        if let Some((number, _)) = &self.place {
            self.said.waiting().wakers.remove(number);
        }
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        self.said.say();
    }
}

impl Drain {
    /// Says *drain*. Whoever watches hears it, now and later.
    pub fn say(&self) {
        self.said.say();
    }

    /// Says *drain* and waits until every watch is dropped. False: `within` was over before, and the guests that were left were cut.
    pub async fn finish(self, within: Duration) -> bool {
        self.finish_before(tokio::time::sleep(within)).await.is_none()
    }

    /// The same until something else is over. How many guests were cut then; `None`: there was time for all.
    pub async fn finish_before(mut self, over: impl Future<Output = ()>) -> Option<usize> {
        self.say();
        let done = tokio::select! {
            biased;
            _ = self.done.recv() => true,
            () = over => false,
        };
        (!done).then(|| self.guests.cut())
    }
}

impl DrainWatch {
    /// Resolves when *drain* was said, or when nobody is left to say it.
    pub fn signaled(&self) -> Signaled {
        Signaled { said: self.said.clone(), place: None }
    }

    /// Spawns a task on this thread that is waited for, and cut when the drain takes too long. The task drops its [`Guest`] when it is done.
    // Cut from outside instead of by a second thing to wait for: what is served looks at nothing more for it.
    pub fn spawn<F: Future<Output = ()> + 'static>(&self, make: impl FnOnce(Guest) -> F) {
        let id = {
            let mut book = self.guests.book();
            book.next += 1;
            book.next
        };
        let handle = task::spawn_held(make(Guest(self.clone(), id)));
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
            let branch = watch.clone();
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
            watch.spawn(|guest| async move {
                std::future::pending::<()>().await;
                drop((guest, sender));
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
            let (drain, watch) = channel();
            drop(drain);
            watch.signaled().await;
        });
    }
}
