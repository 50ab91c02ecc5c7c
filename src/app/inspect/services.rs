//! `gw inspect services`: the services that are known, how each is spoken with, and how its instances are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::app::world::{Asked, Unanswered, Verb, World};
use crate::decide::chain;
use crate::decide::snapshot::{Next, Target};
use crate::id::ServiceKey;
use crate::model::service::{Health, Instance, Service};

/// Each service.
pub const SERVICES: Verb = Verb { page: "/v1/services", answer };

fn answer(world: &World, _: &Asked) -> Result<Value, Unanswered> {
    let base = &world.base;
    let reached = reached(world);
    let own = base.services.values().map(|service| (base.datacenter.as_str(), service));
    let federation = base.federation.datacenters.iter();
    let elsewhere = federation.flat_map(|(datacenter, known)| known.services.values().map(|service| (datacenter.as_str(), service)));
    let mut listed: Vec<Value> = Vec::new();
    let mut known: BTreeSet<ServiceKey> = BTreeSet::new();
    for (datacenter, service) in own.chain(elsewhere) {
        if datacenter == base.datacenter.as_str() {
            known.insert(service.name.key());
        }
        listed.push(one(world, datacenter, service, &reached));
    }
    // Entries may name what nothing was registered of.
    for (key, gateways) in reached.iter().filter(|(key, _)| !known.contains(*key)) {
        let protocol = chain::protocol(&base.entries, key.as_str());
        listed.push(json!({
            "service": key.as_str(), "datacenter": base.datacenter.as_str(), "protocol": protocol, "passing": 0, "warning": 0, "critical": 0,
            "served_by": gateways, "instances": [],
        }));
    }
    Ok(json!({ "schema": "gw.services/v1", "services": listed }))
}

fn one(world: &World, datacenter: &str, service: &Service, reached: &BTreeMap<ServiceKey, BTreeSet<String>>) -> Value {
    let count = |health| service.instances.iter().filter(|instance| instance.health == health).count();
    json!({
        "service": service.name.as_str(),
        "datacenter": datacenter,
        "protocol": chain::protocol(&world.base.entries, service.name.as_str()),
        "passing": count(Health::Passing),
        "warning": count(Health::Warning),
        "critical": count(Health::Critical),
        "served_by": reached.get(&service.name.key()).cloned().unwrap_or_default(),
        "instances": service.instances.iter().map(instance).collect::<Vec<_>>(),
    })
}

fn instance(instance: &Instance) -> Value {
    json!({
        "id": instance.id,
        "address": instance.address.to_string(),
        "health": instance.health.as_str(),
        "weight": instance.weight,
        "mesh": instance.mesh,
        "node": instance.node,
        "meta": instance.meta,
        "tags": instance.tags,
    })
}

/// The services of the own datacenter that a gateway may send something to, and which gateways those are.
fn reached(world: &World) -> BTreeMap<ServiceKey, BTreeSet<String>> {
    let mut reached: BTreeMap<ServiceKey, BTreeSet<String>> = BTreeMap::new();
    for gateway in &world.gateways {
        let services = gateway.snapshot().listeners.values().flat_map(|listener| &listener.services);
        for rule in services.flat_map(|service| service.routes.rules()) {
            let upstreams = match &rule.next {
                Next::Upstream(upstream) => vec![upstream],
                Next::Split(split) => split.legs.iter().map(|(_, _, upstream)| upstream).collect(),
            };
            let own = |target: &&Arc<Target>| {
                *target.id.datacenter == *world.base.datacenter.as_str() && target.id.peer.is_empty() && !target.id.service.is_empty()
            };
            for target in upstreams.into_iter().flat_map(|upstream| &upstream.targets).filter(own) {
                reached.entry(ServiceKey::of(&target.id.service)).or_default().insert(gateway.said.gateway.name.clone());
            }
        }
    }
    reached
}
