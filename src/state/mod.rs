//! The join of configuration and data path: what is published, as one pointer, so that routes and keys never disagree.

mod live;
mod publish;

pub use live::{Current, Live, Reader};
pub use publish::{Publisher, publisher};

use crate::decide::Snapshot;
use crate::tls::Credentials;

/// Everything that the data path of one gateway obeys.
#[derive(Debug)]
pub struct State {
    /// Counts up by one with each publication, from 1.
    pub generation: u64,
    /// What to do.
    pub snapshot: Snapshot,
    /// With which keys.
    pub credentials: Credentials,
}
