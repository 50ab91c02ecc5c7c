//! Whose instances a gateway needs to know.

use std::collections::BTreeSet;

use crate::id::ServiceKey;

/// The services whose instances a gateway needs to know: what a source that has to ask for each service asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Every service of the own datacenter that is in the mesh: whatever there is may be asked for.
    pub all: bool,
    /// These, each where it is.
    pub services: BTreeSet<Needed>,
}

/// A service somewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Needed {
    /// The service.
    pub service: ServiceKey,
    /// Its datacenter; empty at a peer.
    pub datacenter: String,
    /// The peer; empty in the own cluster.
    pub peer: String,
}

impl Needed {
    /// A service of a datacenter.
    pub fn of(service: ServiceKey, datacenter: &str) -> Self {
        Self { service, datacenter: datacenter.to_owned(), peer: String::new() }
    }
}
