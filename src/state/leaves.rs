//! Leaves that come when a client names the service whose they are: how the data path has one asked for.

use std::fmt;
use std::sync::Arc;

/// Has the leaf of a service asked for. It comes, if it does, with a later state.
#[derive(Clone)]
pub struct AskForLeaf(Arc<dyn Fn(&str) + Send + Sync>);

impl AskForLeaf {
    /// Who asks. It is called on a worker, and takes no longer than a lock does.
    pub fn by(asks: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(asks))
    }

    /// Asks for the leaf of a service, which the gateway must know.
    pub fn ask(&self, service: &str) {
        (self.0)(service);
    }
}

impl fmt::Debug for AskForLeaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AskForLeaf")
    }
}
