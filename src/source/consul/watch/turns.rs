//! Watches that share one connection to the agent: each waits for news a short while, then the next one does. What changes while others
//! have their turn is noticed when one's own comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A connection that is shared.
#[derive(Debug)]
pub struct Turns {
    line: Arc<Semaphore>,
    /// How long a turn is, where there is more than one who waits.
    turn: Duration,
    members: AtomicUsize,
}

/// One of those who share it.
#[derive(Debug)]
pub(super) struct Member(Arc<Turns>);

impl Turns {
    /// Turns of that length.
    pub fn of(turn: Duration) -> Arc<Self> {
        Arc::new(Self { line: Arc::new(Semaphore::new(1)), turn, members: AtomicUsize::default() })
    }

    pub(super) fn join(self: &Arc<Self>) -> Member {
        self.members.fetch_add(1, Ordering::Relaxed);
        Member(self.clone())
    }
}

impl Member {
    /// Waits until one's turn has come; how long a question may wait is made as short as the turn.
    pub(super) async fn turn(&self, wait: &mut Duration) -> Option<OwnedSemaphorePermit> {
        let turns = &*self.0;
        let turn = turns.line.clone().acquire_owned().await.ok();
        if turns.members.load(Ordering::Relaxed) > 1 {
            *wait = turns.turn.min(*wait);
        }
        turn
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.0.members.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_is_alone_waits_as_long_as_it_likes_and_others_take_short_turns_one_after_the_other() {
        let (turns, long) = (Turns::of(Duration::from_millis(150)), Duration::from_secs(30));
        let one = turns.join();
        let mut wait = long;
        drop(one.turn(&mut wait).await);
        assert_eq!(wait, long);
        let two = turns.join();
        let held = one.turn(&mut wait).await;
        assert_eq!(wait, Duration::from_millis(150));
        let mut second = long;
        let mut waits = std::pin::pin!(two.turn(&mut second));
        assert!(tokio::time::timeout(Duration::ZERO, waits.as_mut()).await.is_err(), "one has its turn");
        drop(held);
        assert!(waits.await.is_some());
        drop(one);
        let mut alone = long;
        drop(two.turn(&mut alone).await);
        assert_eq!(alone, long);
    }
}
