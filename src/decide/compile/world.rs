//! The parts of `Resources` that services are compiled from, kept to see what is another one the next time.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::decide::changes::Changes;
use crate::id::{Datacenter, ServiceKey, TrustDomain};
use crate::model::entry::Entries;
use crate::model::resources::Resources;
use crate::model::service::Service;

/// What a service is compiled from.
#[derive(Clone, Debug)]
pub(super) struct World {
    datacenter: Datacenter,
    trust_domain: TrustDomain,
    entries: Arc<Entries>,
    services: Arc<BTreeMap<ServiceKey, Arc<Service>>>,
}

impl World {
    pub(super) fn of(resources: &Resources) -> Self {
        Self {
            datacenter: resources.datacenter.clone(),
            trust_domain: resources.trust_domain.clone(),
            entries: resources.entries.clone(),
            services: resources.services.clone(),
        }
    }

    pub(super) fn changes_since(&self, earlier: Option<&Self>) -> Changes {
        match earlier {
            Some(earlier) if self.datacenter == earlier.datacenter && self.trust_domain == earlier.trust_domain => {
                Changes::between(&self.entries, &earlier.entries).and(&self.services, &earlier.services)
            }
            _ => Changes::Everything,
        }
    }
}
