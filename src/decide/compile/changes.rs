//! What changed between two states of the world, service by service. Unchanged things are shared, so pointers tell.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use crate::id::{Datacenter, ServiceKey, TrustDomain};
use crate::model::entry::{Entries, ServiceResolver};
use crate::model::resources::Resources;
use crate::model::service::Service;

/// The parts of `Resources` that a service is compiled from.
#[derive(Clone, Debug)]
pub(super) struct World {
    datacenter: Datacenter,
    trust_domain: TrustDomain,
    entries: Entries,
    services: BTreeMap<ServiceKey, Arc<Service>>,
}

/// Which services something changed for.
#[derive(Debug)]
pub(super) enum Changes {
    /// Something that concerns all of them.
    Everything,
    /// Only these.
    Of(HashSet<ServiceKey>),
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
        let Some(earlier) = earlier else { return Changes::Everything };
        let same_defaults = match (&self.entries.proxy_defaults, &earlier.entries.proxy_defaults) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
            (None, None) => true,
            _ => false,
        };
        if !same_defaults || self.datacenter != earlier.datacenter || self.trust_domain != earlier.trust_domain {
            return Changes::Everything;
        }
        let mut keys = HashSet::new();
        let (new, old) = (&self.entries, &earlier.entries);
        collect(&new.service_defaults, &old.service_defaults, &mut keys);
        collect(&new.routers, &old.routers, &mut keys);
        collect(&new.splitters, &old.splitters, &mut keys);
        collect(&new.resolvers, &old.resolvers, &mut keys);
        collect(&self.services, &earlier.services, &mut keys);
        Changes::Of(keys)
    }
}

/// The keys whose value is there on one side only, or is another one. Both sides are walked once, side by side.
fn collect<T: PartialEq>(new: &BTreeMap<ServiceKey, Arc<T>>, old: &BTreeMap<ServiceKey, Arc<T>>, keys: &mut HashSet<ServiceKey>) {
    let (mut new, mut old) = (new.iter().peekable(), old.iter().peekable());
    loop {
        let order = match (new.peek(), old.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((new, _)), Some((old, _))) => new.cmp(old),
        };
        let newer = if order.is_le() { new.next() } else { None };
        let older = if order.is_ge() { old.next() } else { None };
        let same = newer.zip(older).is_some_and(|((_, a), (_, b))| Arc::ptr_eq(a, b) || a == b);
        if !same {
            keys.extend(newer.or(older).map(|(key, _)| key.clone()));
        }
    }
}

/// Every service that the chain of a service can name, itself included: what its compilation depends on.
pub(super) fn reachable(entries: &Entries, service: &str) -> BTreeSet<ServiceKey> {
    let mut found = BTreeSet::new();
    let mut open = vec![ServiceKey::of(service)];
    if let Some(router) = entries.routers.get(&open[0]) {
        let destinations = router.routes.iter().filter_map(|r| r.destination.as_ref());
        open.extend(destinations.filter(|d| !d.service.is_empty()).map(|d| ServiceKey::of(&d.service)));
    }
    while let Some(key) = open.pop() {
        if !found.insert(key.clone()) {
            continue;
        }
        if let Some(splitter) = entries.splitters.get(&key) {
            open.extend(splitter.splits.iter().filter(|s| !s.service.is_empty()).map(|s| ServiceKey::of(&s.service)));
        }
        if let Some(resolver) = entries.resolvers.get(&key) {
            open.extend(named_by(resolver));
        }
    }
    found
}

fn named_by(resolver: &ServiceResolver) -> impl Iterator<Item = ServiceKey> {
    let redirect = resolver.redirect.iter().map(|r| &r.service);
    let sections = resolver.failover.values().flat_map(|f| std::iter::once(&f.service).chain(f.targets.iter().map(|t| &t.service)));
    redirect.chain(sections).filter(|name| !name.is_empty()).map(|name| ServiceKey::of(name))
}
