//! The published state as those see it who use it: the newest, and cheap to ask for.

use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::watch;

use super::State;

/// A handle on the published state that can be sent to any thread.
#[derive(Clone, Debug)]
pub struct Live(watch::Receiver<Arc<State>>);

impl Live {
    pub(super) const fn new(receiver: watch::Receiver<Arc<State>>) -> Self {
        Self(receiver)
    }

    /// The newest state.
    pub fn current(&self) -> Arc<State> {
        self.0.borrow().clone()
    }

    /// The same for one thread that asks often.
    pub fn reader(&self) -> Reader {
        let mut receiver = self.0.clone();
        let seen = Current(Rc::new(receiver.borrow_and_update().clone()));
        Reader(RefCell::new((receiver, seen)))
    }
}

/// A worker's own pointer to the state, renewed when the generation moved: workers share no counter that each request writes.
#[derive(Debug)]
pub struct Reader(RefCell<(watch::Receiver<Arc<State>>, Current)>);

impl Reader {
    /// The newest state. Taken once for a decision, which then sees one state only.
    pub fn current(&self) -> Current {
        let mut inner = self.0.borrow_mut();
        let (receiver, seen) = &mut *inner;
        if receiver.has_changed().unwrap_or(false) {
            *seen = Current(Rc::new(receiver.borrow_and_update().clone()));
        }
        seen.clone()
    }
}

impl Reader {
    /// Resolves when a state is published that is newer than the last one which was asked for. False: none will be.
    pub fn changed(&self) -> impl Future<Output = bool> + use<> {
        let mut receiver = self.0.borrow().0.clone();
        async move { receiver.changed().await.is_ok() }
    }
}

/// A state that was the newest one when it was asked for.
// Two counters on purpose: the outer one is the worker's own, so that a request writes none that all workers share.
#[allow(clippy::redundant_allocation)]
#[derive(Clone, Debug)]
pub struct Current(Rc<Arc<State>>);

impl Deref for Current {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}
