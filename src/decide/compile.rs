//! Resources to a snapshot: everything that can be done once is done here and not per request.

mod ingress;
mod service;
mod target;

use super::snapshot::Snapshot;
use crate::model::resources::Resources;

/// Compiles one gateway. Never fails as a whole: what cannot be served is left out and stands in `Snapshot::rejected`.
pub fn compile(resources: &Resources) -> Snapshot {
    ingress::compile(resources)
}
