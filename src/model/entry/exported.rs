//! exported-services (semantics 14): there is one, of the name `default`.

use super::Common;

/// `exported-services`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExportedServices {
    /// Name, Meta.
    pub common: Common,
    /// `Services[]`: a service may stand more than once.
    pub services: Vec<ExportedService>,
}

/// `Services[]`: a service and who may use it from elsewhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExportedService {
    /// `Name`, or `*` for every service.
    pub name: String,
    /// `Namespace`, which is written and not kept: there is one.
    pub namespace: String,
    /// `Consumers[]`: at least one.
    pub consumers: Vec<ServiceConsumer>,
}

/// `Consumers[]`: a peer, or something of Consul Enterprise, or nothing at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceConsumer {
    /// `Partition`.
    pub partition: String,
    /// `Peer`: the peering's name here.
    pub peer: String,
    /// `SamenessGroup`, which is refused.
    pub sameness_group: String,
}

impl ExportedService {
    /// Whether a peer may use it.
    pub fn is_for_peers(&self) -> bool {
        self.consumers.iter().any(|c| !c.peer.is_empty())
    }
}
