//! How long a client may go on asking for what it does not take. Over HTTP/2 a request that is reset at once costs its client
//! two small frames, and the gateway all of it.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::Notify;

/// So many requests of a connection, and more than half of them, may be reset before they are answered (Envoy: premature resets).
const MOST: u32 = 500;
/// So many answers of a connection may have been given up that their client still does not take: a part of each is kept for it.
const STUCK: u32 = 32;

/// What the requests of an HTTP/2 connection came to.
#[derive(Debug, Default)]
pub(super) struct Patience {
    asked: Cell<u32>,
    dropped: Cell<u32>,
    stuck: Cell<u32>,
    over: Notify,
}

/// A request that is not answered yet. Dropped, it counts as one that its client dropped.
#[derive(Debug)]
pub(super) struct Asking {
    patience: Rc<Patience>,
    answered: bool,
}

impl Patience {
    pub(super) fn ask(self: &Rc<Self>) -> Asking {
        self.asked.set(self.asked.get().saturating_add(1));
        Asking { patience: self.clone(), answered: false }
    }

    /// An answer was given up because its client takes nothing of it.
    pub(super) fn stuck(self: &Rc<Self>) -> Stuck {
        self.stuck.set(self.stuck.get() + 1);
        if self.stuck.get() > STUCK {
            self.over.notify_one();
        }
        Stuck(self.clone())
    }

    /// Resolves when it is over.
    pub(super) async fn over(&self) {
        self.over.notified().await;
    }

    fn is_over(&self) -> bool {
        self.dropped.get() > MOST && self.dropped.get() > self.asked.get() / 2
    }
}

impl Asking {
    /// There is an answer.
    pub(super) fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        let patience = &self.patience;
        patience.dropped.set(patience.dropped.get().saturating_add(1));
        if patience.is_over() {
            patience.over.notify_one();
        }
    }
}

/// An answer that was given up: counted until its client learns of it.
#[derive(Debug)]
pub(super) struct Stuck(Rc<Patience>);

impl Drop for Stuck {
    fn drop(&mut self) {
        self.0.stuck.set(self.0.stuck.get().saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends_with_a_client_that_drops_most_of_many_requests() {
        for (answered, over) in [(0, true), (MOST - 1, true), (MOST + 1, false)] {
            let patience = Rc::<Patience>::default();
            (0..answered).for_each(|_| patience.ask().answered());
            (0..MOST).for_each(|_| drop(patience.ask()));
            assert!(!patience.is_over());
            drop(patience.ask());
            assert_eq!(patience.is_over(), over, "{answered}");
        }
    }
}
