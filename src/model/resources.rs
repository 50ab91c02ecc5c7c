//! Everything that a source says: the state of the world, never a delta.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::id::{Datacenter, ServiceKey, TrustDomain};
use crate::model::entry::{Entries, EntryRef, IntentionAction};
use crate::model::federation::Federation;
use crate::model::gateway::GatewayConfig;
#[cfg(test)]
use crate::model::gateway::GatewayKind;
use crate::model::service::{Instance, Service};

/// The state of the world for one gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct Resources {
    /// The gateway that is run.
    pub gateway: GatewayConfig,
    /// The own datacenter.
    pub datacenter: Datacenter,
    /// The trust domain of the mesh.
    pub trust_domain: TrustDomain,
    /// The config entries, shared by the gateways of a process and with what was made of them.
    pub entries: Arc<Entries>,
    /// The services of the own datacenter and their instances.
    pub services: Arc<BTreeMap<ServiceKey, Arc<Service>>>,
    /// Other datacenters, peers, and the own mesh gateways.
    pub federation: Arc<Federation>,
    /// What holds between services of which no intention says anything: Consul's `default_intention_policy`.
    pub default_action: IntentionAction,
    /// What the source left out, and why.
    pub rejected: Vec<Rejected>,
    /// Where it is written: what to do about something that is missing hangs on it.
    pub written: Written,
}

/// Where everything is written that a source says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Written {
    /// In files, or on the command line.
    #[default]
    Files,
    /// In a Consul.
    Consul,
}

impl Resources {
    /// A gateway of which nothing else is known.
    pub fn of(gateway: GatewayConfig) -> Self {
        let (datacenter, trust_domain) = (Datacenter::from("dc1"), TrustDomain::new(TrustDomain::OF_FILES));
        let (entries, services, federation) = (Arc::default(), Arc::default(), Arc::default());
        let (default_action, rejected, written) = (IntentionAction::Deny, Vec::new(), Written::Files);
        Self { gateway, datacenter, trust_domain, entries, services, federation, default_action, rejected, written }
    }

    /// Everything that may have to be connected to, in the own datacenter and elsewhere.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.services.values().flat_map(|service| &service.instances).chain(self.federation.instances())
    }
}

#[cfg(test)]
impl Resources {
    /// A gateway of which nothing is known.
    pub(crate) fn of_a_gateway_alone() -> Self {
        Self { trust_domain: TrustDomain::new("test.consul"), ..Self::of(GatewayConfig::of(GatewayKind::Ingress, "edge")) }
    }
}

/// Something that was left out so that the rest could go on serving.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The entry.
    pub what: EntryRef,
    /// Why, in a sentence.
    pub why: String,
}
