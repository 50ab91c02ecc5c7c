//! Drain is a tree: the root is told once, every holder of a watch finishes what it does, and dropping the watch is the report.

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

/// The one who says *drain*, and waits until everybody has.
#[derive(Debug)]
pub struct Drain {
    say: watch::Sender<bool>,
    done: mpsc::Receiver<Infallible>,
}

/// Held by whoever has something to finish. Clones are further branches; the last drop ends the wait.
#[derive(Clone, Debug)]
pub struct DrainWatch {
    said: watch::Receiver<bool>,
    _alive: mpsc::Sender<Infallible>,
}

/// A new tree.
pub fn channel() -> (Drain, DrainWatch) {
    let (say, said) = watch::channel(false);
    let (alive, done) = mpsc::channel(1);
    (Drain { say, done }, DrainWatch { said, _alive: alive })
}

impl Drain {
    /// Says *drain*. Whoever watches hears it, now and later.
    pub fn say(&self) {
        self.say.send_replace(true);
    }

    /// Says *drain* and waits until every watch is dropped. False: `within` was over before.
    pub async fn finish(mut self, within: Duration) -> bool {
        self.say();
        tokio::time::timeout(within, self.done.recv()).await.is_ok()
    }
}

impl DrainWatch {
    /// Resolves when *drain* was said, or when nobody is left to say it.
    pub async fn signaled(&mut self) {
        // An error means that the `Drain` itself is gone: then it is over as well.
        let _ = self.said.wait_for(|said| *said).await;
    }

    /// Whether *drain* was said.
    pub fn is_signaled(&self) -> bool {
        *self.said.borrow()
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
            let task = async move {
                branch.signaled().await;
                assert!(branch.is_signaled());
            };
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
    fn a_watch_whose_root_is_gone_is_signaled() {
        run(async {
            let (drain, mut watch) = channel();
            drop(drain);
            watch.signaled().await;
        });
    }
}
