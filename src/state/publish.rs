//! Resources become a state, or the last good one stays.

use std::sync::Arc;

use tokio::sync::watch;

use super::{Live, State};
use crate::decide::compile::Compiler;
use crate::model::gateway::Certificate;
use crate::model::resources::Resources;
use crate::tls::{self, Credentials};

/// Publishes the states of one gateway.
#[derive(Debug)]
pub struct Publisher {
    sender: watch::Sender<Arc<State>>,
    compiler: Compiler,
}

/// Compiles the first state; there is no gateway without one.
pub fn publisher(resources: &Resources, certificates: &[Certificate]) -> Result<(Publisher, Live), tls::Error> {
    let mut compiler = Compiler::default();
    let first = build(1, &mut compiler, resources, certificates)?;
    let (sender, receiver) = watch::channel(Arc::new(first));
    Ok((Publisher { sender, compiler }, Live::new(receiver)))
}

impl Publisher {
    /// Compiles and publishes. On an error the last good state stays in force. The new generation.
    pub fn publish(&mut self, resources: &Resources, certificates: &[Certificate]) -> Result<u64, tls::Error> {
        let generation = self.sender.borrow().generation + 1;
        let next = build(generation, &mut self.compiler, resources, certificates)?;
        self.sender.send_replace(Arc::new(next));
        Ok(generation)
    }

    /// The same with the keys that are in force, where only the health of instances is another one. The new generation.
    pub fn publish_health(&mut self, resources: &Resources) -> u64 {
        let (generation, credentials) = (self.sender.borrow().generation + 1, self.sender.borrow().credentials.clone());
        self.sender.send_replace(Arc::new(State { generation, snapshot: self.compiler.compile(resources), credentials }));
        generation
    }
}

fn build(generation: u64, compiler: &mut Compiler, resources: &Resources, certificates: &[Certificate]) -> Result<State, tls::Error> {
    // Keys first: when they are refused, the compiler has not moved on either.
    let credentials = Credentials::build(certificates, resources.gateway.identity.as_ref())?;
    Ok(State { generation, snapshot: compiler.compile(resources), credentials })
}
