//! Resources become a state, or the last good one stays.

use std::sync::Arc;

use tokio::sync::watch;

use super::{Live, State};
use crate::decide::compile::compile;
use crate::model::certificate::Certificate;
use crate::model::resources::Resources;
use crate::tls::{self, Credentials};

/// Publishes the states of one gateway.
#[derive(Debug)]
pub struct Publisher(watch::Sender<Arc<State>>);

/// Compiles the first state; there is no gateway without one.
pub fn publisher(resources: &Resources, certificates: &[Certificate]) -> Result<(Publisher, Live), tls::Error> {
    let first = build(1, resources, certificates)?;
    let (sender, receiver) = watch::channel(Arc::new(first));
    Ok((Publisher(sender), Live::new(receiver)))
}

impl Publisher {
    /// Compiles and publishes. On an error the last good state stays in force. The new generation.
    pub fn publish(&self, resources: &Resources, certificates: &[Certificate]) -> Result<u64, tls::Error> {
        let generation = self.0.borrow().generation + 1;
        let next = build(generation, resources, certificates)?;
        self.0.send_replace(Arc::new(next));
        Ok(generation)
    }
}

fn build(generation: u64, resources: &Resources, certificates: &[Certificate]) -> Result<State, tls::Error> {
    Ok(State { generation, snapshot: compile(resources), credentials: Credentials::build(certificates)? })
}
