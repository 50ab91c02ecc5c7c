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
            let service = if own {
                Arc::make_mut(&mut out.services).get_mut(key)
            } else {
                Arc::make_mut(&mut out.federation).datacenters.get_mut(datacenter).and_then(|known| known.services.get_mut(key))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ServiceName;
    use crate::model::check::{Check, Probe};
    use crate::model::service::{Address, Instance};

    #[test]
    fn what_is_found_of_a_service_is_of_the_one_in_that_datacenter() {
        let second = std::time::Duration::from_secs(1);
        let probe = Probe::Tcp { at: None };
        let check = Check { probe, interval: second, timeout: second, success_before_passing: 1, failures_before_critical: 1 };
        let web = |datacenter: &str| {
            let address = Address::parse("10.0.0.1:80").expect("an address");
            let instance = Instance { check: Some(Arc::new(check.clone())), ..Instance::new("web-1".to_owned(), address, datacenter) };
            Arc::new(Service { name: ServiceName::from("web"), instances: vec![instance] })
        };
        let key = ServiceKey::of("web");
        let mut said = Resources::of_a_gateway_alone();
        Arc::make_mut(&mut said.services).insert(key.clone(), web("dc1"));
        let known = &mut Arc::make_mut(&mut said.federation).datacenters;
        known.entry("dc2".into()).or_default().services.insert(key.clone(), web("dc2"));
        let health = |found: &Found| {
            let over = found.over(&said);
            let there = over.federation.service("dc2", "web").map(|service| service.instances[0].health);
            (over.services[&key].instances[0].health, there)
        };
        let of = |datacenter: &str| Found::of([(Subject::of(&key, &web(datacenter).instances[0]), Health::Critical)].into_iter());
        assert_eq!(health(&of("dc1")), (Health::Critical, Some(Health::Passing)));
        assert_eq!(health(&of("dc2")), (Health::Passing, Some(Health::Critical)));
    }
}
