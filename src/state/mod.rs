//! The join of configuration and data path: what is published, as one pointer, so that routes and keys never disagree.

pub mod connections;
mod leaves;
mod live;
mod publish;
pub mod refusals;
pub mod taps;

pub use leaves::AskForLeaf;
pub use live::{Current, Live, Reader};
pub use publish::{Publisher, publisher};

use crate::decide::Snapshot;
use crate::model::gateway::Listener;
use crate::tls::Credentials;

/// Everything that the data path of one gateway obeys.
#[derive(Debug)]
pub struct State {
    /// Counts up with each publication, from 1; the gateways of a process count together.
    pub generation: u64,
    /// What to do.
    pub snapshot: Snapshot,
    /// With which keys.
    pub credentials: Credentials,
}

impl State {
    /// Every listener, in no order.
    pub fn listeners(&self) -> Vec<Listener> {
        self.snapshot.listeners.values().map(|l| l.listener.clone()).collect()
    }

    /// Whether a listener is among its listeners, with the same protocol and beginning of connections.
    pub fn has(&self, listener: &Listener) -> bool {
        let known = self.snapshot.listeners.get(&listener.name).map(|l| &l.listener);
        known.is_some_and(|l| l.protocol == listener.protocol && l.mode == listener.mode)
    }
}
