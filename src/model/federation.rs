//! What is known of other datacenters and of peers: their mesh gateways, and instances of their services.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{Datacenter, ServiceKey, TrustDomain};
use crate::model::service::{Instance, Service};

/// The datacenters and peers of a mesh, as one of its datacenters sees them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Federation {
    /// The datacenters that something is known of. Of the own one that is its gateways alone, through which its services leave it
    /// in mode `local`.
    pub datacenters: BTreeMap<Datacenter, FederatedDatacenter>,
    /// The peers, by the names that they have here.
    pub peers: BTreeMap<Arc<str>, Peer>,
    /// Consul's own servers of the own datacenter.
    pub servers: Servers,
}

/// Consul's own servers of a datacenter, as those of federated datacenters speak to them (semantics 10).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Servers {
    /// The domain of Consul's DNS, with which their names end, in all datacenters the same.
    pub domain: Arc<str>,
    /// Each with the address of its RPC, whatever its health. Its `node` is what its name begins with.
    pub instances: Vec<Instance>,
}

impl Servers {
    /// The domain, unless it was configured.
    pub const DOMAIN: &str = "consul";
    /// The name by which they are registered.
    pub const SERVICE: &str = "consul";
    /// What a mesh gateway that carries their traffic says of itself (`Service.Meta`); its value is `1`.
    pub const META: &str = "consul-wan-federation";
}

impl Default for Servers {
    fn default() -> Self {
        Self { domain: Self::DOMAIN.into(), instances: Vec::new() }
    }
}

/// What is known of a datacenter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FederatedDatacenter {
    /// Its mesh gateways, where others reach them.
    pub gateways: Vec<Instance>,
    /// Instances of its services. They are no instances of the own datacenter, and what stands here is found by none of its names.
    ///
    /// A service that is missing is one of which nothing is known: gateways are asked for it all the same. One that is there has
    /// exactly these instances, so that it is not asked for where none of them is well (semantics 9).
    pub services: BTreeMap<ServiceKey, Arc<Service>>,
}

/// Another mesh, with a trust domain of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Peer {
    /// Its trust domain, with which the server names of what it exports end (semantics 2.1).
    pub trust_domain: TrustDomain,
    /// Its mesh gateways.
    pub gateways: Vec<Instance>,
}

/// `MeshGateway.Mode`: how what is in another datacenter is reached (semantics 9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MeshGatewayMode {
    /// At its own addresses.
    #[default]
    None,
    /// Through a mesh gateway of the own datacenter.
    Local,
    /// Through a mesh gateway of its datacenter.
    Remote,
}

impl MeshGatewayMode {
    /// The mode of a word. Consul takes any, and a word that is none is as none.
    pub fn of(word: &str) -> Self {
        match word {
            "local" => Self::Local,
            "remote" => Self::Remote,
            _ => Self::None,
        }
    }

    /// Consul's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Local => "local",
            Self::Remote => "remote",
        }
    }
}

impl Federation {
    /// The mesh gateways of a datacenter that are known.
    pub fn gateways(&self, datacenter: &str) -> &[Instance] {
        self.datacenters.get(datacenter).map(|known| known.gateways.as_slice()).unwrap_or_default()
    }

    /// What is known of a service in another datacenter.
    pub fn service(&self, datacenter: &str, service: &str) -> Option<&Arc<Service>> {
        self.datacenters.get(datacenter)?.services.get(&*ServiceKey::text(service))
    }

    /// The services in other datacenters that something is known of.
    pub fn services(&self) -> impl Iterator<Item = (&ServiceKey, &Arc<Service>)> {
        self.datacenters.values().flat_map(|known| &known.services)
    }

    /// Everything that may have to be connected to: gateways, instances of services, and servers.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        let gateways = self.datacenters.values().map(|known| &known.gateways).chain(self.peers.values().map(|peer| &peer.gateways));
        gateways.flatten().chain(self.services().flat_map(|(_, service)| &service.instances)).chain(&self.servers.instances)
    }
}
