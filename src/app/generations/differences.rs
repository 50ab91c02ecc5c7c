//! What is different between two states of the world, by name.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::id::ServiceKey;
use crate::model::entry::{ConfigEntry, Entries, EntryRef};
use crate::model::resources::Resources;
use crate::model::service::{Health, Service};

/// Something that is different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::app) struct Difference {
    /// `service-router/web`, `service web`, `gateway edge`
    pub(super) what: String,
    /// `added`, `changed`, `removed`, or how its instances are.
    pub(super) how: Cow<'static, str>,
}

/// What the second one has otherwise than the first. The gateways of a process have their entries and datacenters in common, and services
/// but for those outside the mesh.
pub(super) fn between(before: &[&Resources], now: &[&Resources]) -> Vec<Difference> {
    let mut found = Vec::new();
    if let (Some(before), Some(now)) = (before.first(), now.first()) {
        of_entries(&before.entries, &now.entries, &mut found);
        let single = [
            ("other datacenters", before.federation != now.federation),
            ("trust domain", before.trust_domain != now.trust_domain),
            ("default intention", before.default_action != now.default_action),
        ];
        let single = single.into_iter().filter(|(_, differs)| *differs);
        found.extend(single.map(|(what, _)| Difference { what: what.to_owned(), how: "changed".into() }));
    }
    of_all_services(before, now, &mut found);
    of_gateways(before, now, &mut found);
    if found.is_empty() {
        // Nothing that is named is another one: what its files hold is.
        found.push(Difference { what: "certificates".to_owned(), how: "changed".into() });
    }
    found
}

fn of_entries(before: &Arc<Entries>, now: &Arc<Entries>, found: &mut Vec<Difference>) {
    if Arc::ptr_eq(before, now) {
        return;
    }
    let by_name = |entries: &Entries| entries.all().map(|entry| (entry.entry_ref(), entry)).collect::<BTreeMap<EntryRef, ConfigEntry>>();
    of_maps(&by_name(before), &by_name(now), |entry| entry.to_string(), |_, _| "changed".into(), found);
}

/// Each service once, whichever gateways know it.
fn of_all_services(before: &[&Resources], now: &[&Resources], found: &mut Vec<Difference>) {
    for (n, (before, now)) in before.iter().zip(now).enumerate() {
        if n > 0 && before.gateway.kind != now.gateway.kind {
            continue;
        }
        let mut of_one = Vec::new();
        of_services(&before.services, &now.services, &mut of_one);
        of_one.retain(|difference| !found.contains(difference));
        found.extend(of_one);
    }
}

fn of_services(before: &BTreeMap<ServiceKey, Arc<Service>>, now: &BTreeMap<ServiceKey, Arc<Service>>, found: &mut Vec<Difference>) {
    of_maps(before, now, |key| format!("service {}", key.as_str()), |before, now| instances(before, now), found);
}

fn of_gateways(before: &[&Resources], now: &[&Resources], found: &mut Vec<Difference>) {
    let by_name = |all: &[&Resources]| all.iter().map(|said| (said.gateway.name.clone(), said.gateway.clone())).collect::<BTreeMap<_, _>>();
    of_maps(&by_name(before), &by_name(now), |name| format!("gateway {name}"), |_, _| "changed".into(), found);
}

fn of_maps<K: Ord, V: PartialEq>(
    before: &BTreeMap<K, V>,
    now: &BTreeMap<K, V>,
    name: impl Fn(&K) -> String,
    changed: impl Fn(&V, &V) -> Cow<'static, str>,
    found: &mut Vec<Difference>,
) {
    for (key, value) in now {
        match before.get(key) {
            None => found.push(Difference { what: name(key), how: "added".into() }),
            Some(older) if older != value => found.push(Difference { what: name(key), how: changed(older, value) }),
            Some(_) => {}
        }
    }
    let gone = before.keys().filter(|key| !now.contains_key(key));
    found.extend(gone.map(|key| Difference { what: name(key), how: "removed".into() }));
}

/// How many instances there were, and are; of as many, how many are well.
fn instances(before: &Service, now: &Service) -> Cow<'static, str> {
    let well = |service: &Service| service.instances.iter().filter(|instance| instance.health != Health::Critical).count();
    let (was, is) = (before.instances.len(), now.instances.len());
    match (well(before), well(now)) {
        _ if was != is => format!("{was} instances before, {is} now").into(),
        (was, well) if was != well => format!("{was} of {is} instances well before, {well} now").into(),
        _ => "instances changed".into(),
    }
}
