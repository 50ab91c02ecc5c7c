//! What the checks have found, as a value: the checks run on one thread, and what is published is compiled on another.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::Subject;
use crate::id::ServiceKey;
use crate::model::resources::Resources;
use crate::model::service::{Health, Service};

/// The health of each instance that is checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found(HashMap<Subject, Health>);

impl Found {
    pub(super) fn of(found: impl Iterator<Item = (Subject, Health)>) -> Self {
        Self(found.collect())
    }

    /// Lays it over what the source says. An instance that nothing was found of, or that is to be checked no more, is as the
    /// source says.
    pub fn over<'a>(&self, said: &'a Resources) -> Cow<'a, Resources> {
        let mut out = Cow::Borrowed(said);
        let checked: BTreeSet<(&str, &ServiceKey)> = self.0.keys().map(|subject| (&*subject.datacenter, &subject.service)).collect();
        for (datacenter, key) in checked {
            let own = datacenter == said.datacenter.as_str();
            let service = if own { said.services.get(key) } else { said.federation.service(datacenter, key.as_str()) };
            let Some(changed) = service.and_then(|service| self.found_of(key, service)) else { continue };
            let out = out.to_mut();
            let service = match own {
                true => Arc::make_mut(&mut out.services).get_mut(key),
                false => Arc::make_mut(&mut out.federation).datacenters.get_mut(datacenter).and_then(|known| known.services.get_mut(key)),
            };
            service.into_iter().for_each(|service| *service = changed.clone());
        }
        out
    }

    /// The service with what was found of it. `None`: nothing else than the source says, so that it stays the very same one, which
    /// nobody has to compile again.
    fn found_of(&self, key: &ServiceKey, service: &Service) -> Option<Arc<Service>> {
        let found = service.instances.iter().map(|instance| {
            let found = instance.check.as_ref().and_then(|_| self.0.get(&Subject::of(key, instance)));
            found.copied().unwrap_or(instance.health)
        });
        let found: Vec<Health> = found.collect();
        if service.instances.iter().map(|i| i.health).eq(found.iter().copied()) {
            return None;
        }
        let mut changed = service.clone();
        changed.instances.iter_mut().zip(found).for_each(|(instance, health)| instance.health = health);
        Some(Arc::new(changed))
    }
}
