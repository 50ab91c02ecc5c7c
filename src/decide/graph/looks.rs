//! Which services it hangs on what comes of a change: those that Consul looks at for it, with all that their chains may lead to. What was
//! found out about a change holds until another one touches one of them.

use std::collections::HashSet;

use super::Change;
use super::check::chains_for;
use crate::decide::changes::DependsOn;
use crate::decide::links;
use crate::id::ServiceKey;
use crate::model::entry::{ConfigEntry, Entries, EntryKind};

/// Services, or everything there is.
#[derive(Clone, Debug)]
pub(super) struct Looks(Option<HashSet<ServiceKey>>);

impl Looks {
    /// What Consul looks at for a change. Of an entry that is written, that it may lead to.
    pub(super) fn at(existing: &Entries, change: &Change<'_>) -> Self {
        let (kind, _) = named(change);
        if !is_of_services(kind) {
            return Self(None);
        }
        let written = if let Change::Write(entry) = change { services_in(entry) } else { Vec::new() };
        let mut all = HashSet::new();
        for service in chains_for(existing, change).into_iter().chain(written) {
            match DependsOn::of(existing, &ServiceKey::of(service)).named() {
                Some(named) => all.extend(named.iter().cloned()),
                None => return Self(None),
            }
        }
        Self(Some(all))
    }

    /// What a change touches that leads from one state to the other.
    pub(super) fn touched(before: &Entries, after: &Entries, change: &Change<'_>) -> Self {
        let (kind, name) = named(change);
        if !is_of_services(kind) {
            return Self(None);
        }
        let key = ServiceKey::of(name);
        // Where the entry leads, or led, Consul looks back from.
        let linked = [before, after].into_iter().filter_map(|state| entry_of(state, kind, &key));
        let mut all: HashSet<ServiceKey> =
            linked.flat_map(|entry| services_in(&entry).into_iter().map(ServiceKey::of).collect::<Vec<_>>()).collect();
        all.insert(key);
        Self(Some(all))
    }

    /// These and others.
    pub(super) fn extend(&mut self, other: Self) {
        self.0 = self.0.take().zip(other.0).map(|(mut all, other)| {
            all.extend(other);
            all
        });
    }

    /// Whether something is among both.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.0.as_ref().zip(other.0.as_ref()).is_none_or(|(one, other)| !one.is_disjoint(other))
    }

    /// Whether a service is among them.
    pub(super) fn has(&self, service: &str) -> bool {
        self.0.as_ref().is_none_or(|all| all.contains(&*ServiceKey::text(service)))
    }
}

fn named<'a>(change: &Change<'a>) -> (EntryKind, &'a str) {
    match *change {
        Change::Write(entry) => (entry.kind(), &entry.common().name),
        Change::WriteOther(kind, name) | Change::Delete(kind, name) => (kind, name),
    }
}

/// Whether such an entry concerns the services alone that it is of and that it names.
const fn is_of_services(kind: EntryKind) -> bool {
    use EntryKind::{IngressGateway, ServiceDefaults, ServiceResolver, ServiceRouter, ServiceSplitter};
    matches!(kind, ServiceDefaults | ServiceRouter | ServiceSplitter | ServiceResolver | IngressGateway)
}

fn entry_of(entries: &Entries, kind: EntryKind, key: &ServiceKey) -> Option<ConfigEntry> {
    match kind {
        EntryKind::ServiceRouter => entries.routers.get(key).cloned().map(ConfigEntry::ServiceRouter),
        EntryKind::ServiceSplitter => entries.splitters.get(key).cloned().map(ConfigEntry::ServiceSplitter),
        EntryKind::ServiceResolver => entries.resolvers.get(key).cloned().map(ConfigEntry::ServiceResolver),
        EntryKind::IngressGateway => entries.ingress_gateways.get(key).cloned().map(ConfigEntry::IngressGateway),
        _ => None,
    }
}

/// The services that an entry names of those that chains are made of.
fn services_in(entry: &ConfigEntry) -> Vec<&str> {
    match entry {
        ConfigEntry::ServiceRouter(router) => links::of_router(router).map(|link| link.service).collect(),
        ConfigEntry::ServiceSplitter(splitter) => links::of_splitter(splitter).map(|link| link.service).collect(),
        ConfigEntry::ServiceResolver(resolver) => links::of_resolver(resolver).into_iter().map(|link| link.service).collect(),
        ConfigEntry::IngressGateway(gateway) => links::of_ingress(gateway).map(|link| link.service).collect(),
        _ => Vec::new(),
    }
}
