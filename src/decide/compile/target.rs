//! A target with the instances of it that are in use.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use crate::decide::balance::turns;
use crate::decide::snapshot::{Endpoint, Target};
use crate::id::ServiceKey;
use crate::model::chain::ChainTarget;
use crate::model::entry::{EntryKind, EntryRef};
use crate::model::filter::Filter;
use crate::model::gateway::Protocol;
use crate::model::resources::{Rejected, Resources};
use crate::model::service::{Health, Instance, Service};

/// Consul's cap on weights (semantics 6.1).
const MAX_WEIGHT: u32 = 128;

/// Builds targets once, however many chains share them.
pub(super) struct TargetCompiler<'a> {
    resources: &'a Resources,
    /// By the hash of id and protocol: where two of them meet, the later is built as often as it is asked for.
    built: HashMap<u64, Arc<Target>>,
    /// The number of the next target.
    next: u32,
}

impl<'a> TargetCompiler<'a> {
    pub(super) fn new(resources: &'a Resources, next: u32) -> Self {
        Self { resources, built: HashMap::new(), next }
    }

    /// How many targets have a number.
    pub(super) fn numbered(&self) -> u32 {
        self.next
    }

    pub(super) fn compile(&mut self, target: &ChainTarget, protocol: Protocol, rejected: &mut Vec<Rejected>) -> Arc<Target> {
        let hash = self.built.hasher().hash_one((&target.id, protocol));
        if let Some(built) = self.built.get(&hash).filter(|built| built.id == target.id && built.protocol == protocol) {
            return built.clone();
        }
        let endpoints = self.endpoints(target, rejected);
        let weights: Vec<u32> = endpoints.iter().map(|e| e.weight).collect();
        let built = Arc::new(Target {
            number: self.next,
            id: target.id.clone(),
            sni: target.sni.clone(),
            protocol,
            turns: turns(&weights),
            endpoints,
        });
        self.next = self.next.wrapping_add(1);
        self.built.entry(hash).or_insert_with(|| built.clone());
        built
    }

    /// The instances in use, in the order of the catalog. Other datacenters and peers have none here.
    fn endpoints(&self, target: &ChainTarget, rejected: &mut Vec<Rejected>) -> Vec<Arc<Endpoint>> {
        let own = target.id.peer.is_empty() && *target.id.datacenter == *self.resources.datacenter.as_str();
        let Some(service) = self.resources.services.get(&*ServiceKey::text(&target.id.service)).filter(|_| own) else {
            return Vec::new();
        };
        let parsed = Filter::parse(&target.subset.filter).map_err(|e| e.to_string());
        let filter = match parsed.and_then(|f| f.problem().map_or(Ok(f), Err)) {
            Ok(filter) => filter,
            Err(e) => {
                let what = EntryRef::new(EntryKind::ServiceResolver, &target.id.service);
                rejected.push(Rejected { what, why: format!("Subsets.{}.Filter: {e}; the subset has no instance", target.id.subset) });
                return Vec::new();
            }
        };
        let usable = service.instances.iter().filter(|i| usable(i, target.subset.only_passing));
        let fitting = usable.filter(|i| filter.matches(&service.name, i));
        fitting.map(|instance| Arc::new(endpoint(service, instance))).collect()
    }
}

fn usable(instance: &Instance, only_passing: bool) -> bool {
    let healthy = match instance.health {
        Health::Passing => true,
        Health::Warning => !only_passing,
        Health::Critical => false,
    };
    healthy && instance.weight >= 1
}

fn endpoint(service: &Service, instance: &Instance) -> Endpoint {
    Endpoint {
        service: service.name.to_string(),
        id: instance.id.clone(),
        address: instance.address.clone(),
        mesh: instance.mesh,
        weight: instance.weight.min(MAX_WEIGHT),
    }
}
