//! The parts of `Resources` that services are compiled from, kept to see what is another one the next time.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::decide::changes::Changes;
use crate::id::{Datacenter, ServiceKey, TrustDomain};
use crate::model::entry::Entries;
use crate::model::federation::Federation;
use crate::model::resources::Resources;
use crate::model::service::Service;

/// What a service is compiled from.
#[derive(Clone, Debug)]
pub(super) struct World {
    datacenter: Datacenter,
    trust_domain: TrustDomain,
    has_identity: bool,
    entries: Arc<Entries>,
    services: Arc<BTreeMap<ServiceKey, Arc<Service>>>,
    federation: Arc<Federation>,
}

impl World {
    pub(super) fn of(resources: &Resources) -> Self {
        Self {
            datacenter: resources.datacenter.clone(),
            trust_domain: resources.trust_domain.clone(),
            has_identity: resources.gateway.identity.is_some(),
            entries: resources.entries.clone(),
            services: resources.services.clone(),
            federation: resources.federation.clone(),
        }
    }

    pub(super) fn changes_since(&self, earlier: Option<&Self>) -> Changes {
        let place = |world: &Self| (world.datacenter.clone(), world.trust_domain.clone(), world.has_identity);
        match earlier {
            Some(earlier) if place(self) == place(earlier) && same_gateways(&self.federation, &earlier.federation) => {
                let changes = Changes::between(&self.entries, &earlier.entries).and(&self.services, &earlier.services);
                let known = self.federation.datacenters.values().zip(earlier.federation.datacenters.values());
                known.fold(changes, |changes, (new, old)| changes.and(&new.services, &old.services))
            }
            _ => Changes::Everything,
        }
    }
}

/// Whether the same datacenters have the same gateways: which services are reached through them is nowhere kept.
fn same_gateways(new: &Federation, old: &Federation) -> bool {
    let gateways = |federation: &Federation| {
        let all = federation.datacenters.iter().map(|(name, known)| (name.clone(), known.gateways.clone()));
        all.collect::<Vec<_>>()
    };
    std::ptr::eq(new, old) || gateways(new) == gateways(old)
}
