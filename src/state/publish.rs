//! Resources become a state, or the last good one stays.

use std::sync::Arc;

use tokio::sync::watch;

use super::{Live, State};
use crate::decide::compile::Compiler;
use crate::model::resources::Resources;
use crate::tls::Credentials;

/// Publishes the states of one gateway.
#[derive(Debug)]
pub struct Publisher {
    sender: watch::Sender<Arc<State>>,
    compiler: Compiler,
    /// Replaced, and perhaps still in use by a worker.
    retired: Vec<Arc<State>>,
}

/// Compiles the first state; there is no gateway without one.
pub fn publisher(generation: u64, resources: &Resources, credentials: Credentials) -> (Publisher, Live) {
    let mut compiler = Compiler::default();
    let first = State { generation, snapshot: compiler.compile(resources), credentials };
    let (sender, receiver) = watch::channel(Arc::new(first));
    (Publisher { sender, compiler, retired: Vec::new() }, Live::new(receiver))
}

impl Publisher {
    /// Compiles what may be published next. As long as it is not, nothing has changed.
    pub fn prepare(&mut self, generation: u64, resources: &Resources, credentials: Credentials) -> State {
        State { generation, snapshot: self.compiler.compile(resources), credentials }
    }

    /// Replaces the state that is in force.
    pub fn publish(&mut self, next: State) {
        let before = self.sender.send_replace(Arc::new(next));
        self.retired.push(before);
        self.release();
    }

    /// Frees replaced states that no worker uses any more: here, for it takes a while, and a worker must not be the last to let
    /// go. False: some are still in use.
    pub fn release(&mut self) -> bool {
        self.retired.retain(|state| Arc::strong_count(state) > 1);
        self.retired.is_empty()
    }
}
