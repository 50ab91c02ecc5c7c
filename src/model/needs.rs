//! Whose instances a gateway needs to know.

use std::collections::BTreeSet;

use crate::id::ServiceKey;

/// The services whose instances a gateway needs to know: what a source that has to ask for each service asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Every service of the own datacenter that is in the mesh: whatever there is may be asked for.
    pub all: bool,
    /// The same of services outside the mesh.
    pub all_outside: bool,
    /// These, each where it is.
    pub services: BTreeSet<Needed>,
}

impl Needs {
    /// Needs what another gateway of the process needs, too.
    pub fn extend(&mut self, other: Self) {
        self.all |= other.all;
        self.all_outside |= other.all_outside;
        self.services.extend(other.services);
    }
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
    /// Not its sidecars, but the instances themselves.
    pub outside: bool,
}

impl Needed {
    /// A service of a datacenter, in the mesh.
    pub fn of(service: ServiceKey, datacenter: &str) -> Self {
        Self { service, datacenter: datacenter.to_owned(), peer: String::new(), outside: false }
    }

    /// The same of one outside the mesh.
    pub fn outside(service: ServiceKey, datacenter: &str) -> Self {
        Self { outside: true, ..Self::of(service, datacenter) }
    }
}
