//! What changed between two sets of entries, service by service. Unchanged things are shared, so pointers tell.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::id::ServiceKey;
use crate::model::entry::{Entries, ServiceResolver};

/// Of a service that leads to more others than this it is not kept which they are: any change may concern it.
const MOST_NAMED: usize = 64;

/// Which services something changed for.
#[derive(Debug)]
pub(super) enum Changes {
    /// Something that concerns all of them.
    Everything,
    /// Only these.
    Of(HashSet<ServiceKey>),
}

impl Changes {
    /// What is another one in the entries that shape services.
    pub(super) fn between(new: &Entries, old: &Entries) -> Self {
        let same_defaults = match (&new.proxy_defaults, &old.proxy_defaults) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
            (None, None) => true,
            _ => false,
        };
        if !same_defaults {
            return Self::Everything;
        }
        let mut keys = HashSet::new();
        collect(&new.service_defaults, &old.service_defaults, &mut keys);
        collect(&new.routers, &old.routers, &mut keys);
        collect(&new.splitters, &old.splitters, &mut keys);
        collect(&new.resolvers, &old.resolvers, &mut keys);
        Self::Of(keys)
    }

    /// The same with what is another one in a map beside.
    pub(super) fn and<T: PartialEq>(mut self, new: &BTreeMap<ServiceKey, Arc<T>>, old: &BTreeMap<ServiceKey, Arc<T>>) -> Self {
        if let Self::Of(keys) = &mut self {
            collect(new, old, keys);
        }
        self
    }

    /// Everything, if something changed for one on which all depend.
    pub(super) fn all_if(self, key: &ServiceKey) -> Self {
        match self {
            Self::Of(keys) if keys.contains(key) => Self::Everything,
            other => other,
        }
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

/// Every service that the chain of a service can name, itself included: what all that is made of it depends on. `None`: too many
/// to be kept.
#[derive(Debug)]
pub(super) struct DependsOn(Option<Box<[ServiceKey]>>);

impl DependsOn {
    pub(super) fn of(entries: &Entries, service: &ServiceKey) -> Self {
        let mut found: Vec<ServiceKey> = Vec::new();
        let mut open = vec![service.clone()];
        if let Some(router) = entries.routers.get(service) {
            let destinations = router.routes.iter().filter_map(|r| r.destination.as_ref());
            open.extend(destinations.filter(|d| !d.service.is_empty()).map(|d| ServiceKey::of(&d.service)));
        }
        while let Some(key) = open.pop() {
            if found.contains(&key) {
                continue;
            }
            if found.len() == MOST_NAMED {
                return Self(None);
            }
            if let Some(splitter) = entries.splitters.get(&key) {
                open.extend(splitter.splits.iter().filter(|s| !s.service.is_empty()).map(|s| ServiceKey::of(&s.service)));
            }
            if let Some(resolver) = entries.resolvers.get(&key) {
                open.extend(named_by(resolver));
            }
            found.push(key);
        }
        Self(Some(found.into()))
    }

    /// Which they are.
    pub(super) fn named(&self) -> Option<&[ServiceKey]> {
        self.0.as_deref()
    }

    /// Whether one of them is among those that changed.
    pub(super) fn is_touched(&self, changes: &Changes) -> bool {
        match (changes, &self.0) {
            (Changes::Everything, _) => true,
            (Changes::Of(keys), _) if keys.is_empty() => false,
            (Changes::Of(_), None) => true,
            // Mostly it is one or two, and those are compared faster than looked up.
            (Changes::Of(keys), Some(named)) if keys.len() < 8 => keys.iter().any(|key| named.contains(key)),
            (Changes::Of(keys), Some(named)) => named.iter().any(|key| keys.contains(key)),
        }
    }
}

fn named_by(resolver: &ServiceResolver) -> impl Iterator<Item = ServiceKey> {
    let redirect = resolver.redirect.iter().map(|r| &r.service);
    let sections = resolver.failover.values().flat_map(|f| std::iter::once(&f.service).chain(f.targets.iter().map(|t| &t.service)));
    redirect.chain(sections).filter(|name| !name.is_empty()).map(|name| ServiceKey::of(name))
}
