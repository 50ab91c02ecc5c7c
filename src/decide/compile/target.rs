//! A target with the instances of it that are in use.

use std::hash::BuildHasher;
use std::sync::{Arc, OnceLock};

use super::health::least_bad;
use super::outside::Outside;
use crate::decide::balance::turns;
use crate::decide::snapshot::{Endpoint, Target, Unused, UpstreamTls};
use crate::id::{ServiceKey, SpiffeId, Table, TargetId};
use crate::model::chain::ChainTarget;
use crate::model::entry::{EntryKind, EntryRef};
use crate::model::federation::MeshGatewayMode;
use crate::model::filter::Filter;
use crate::model::gateway::Protocol;
use crate::model::resources::{Rejected, Resources};
use crate::model::service::{Health, Instance, Service};

/// Consul's cap on weights (semantics 6.1).
const MAX_WEIGHT: u32 = 128;

/// How the instances of a target are spoken to.
#[derive(Clone, Copy)]
enum To<'a> {
    /// As one of the mesh, by mTLS where they have a sidecar.
    Mesh,
    /// By whoever has connected: only what is passed on reaches them.
    Passed,
    /// As a terminating gateway speaks to what is outside the mesh.
    Outside(&'a Outside),
}

/// Builds targets once, however many chains share them.
pub(super) struct TargetCompiler<'a> {
    pub(super) resources: &'a Resources,
    /// By the hash of id, protocol and mode: where two of them meet, the later is built as often as it is asked for.
    built: Table<u64, Arc<Target>>,
    /// The number of the next target.
    next: u32,
}

impl<'a> TargetCompiler<'a> {
    pub(super) fn new(resources: &'a Resources, next: u32) -> Self {
        Self { resources, built: Table::default(), next }
    }

    /// Makes room for those of so many lines: a service of its own and one that it leads to.
    pub(super) fn expect(&mut self, lines: usize) {
        self.built.reserve(2 * lines);
    }

    /// How many targets have a number.
    pub(super) fn numbered(&self) -> u32 {
        self.next
    }

    pub(super) fn compile(&mut self, target: &ChainTarget, protocol: Protocol, rejected: &mut Vec<Rejected>) -> Arc<Target> {
        self.of(target, protocol, To::Mesh, rejected)
    }

    /// The same of instances that TLS is passed through to, which is none of gw's own.
    pub(super) fn passed(&mut self, target: &ChainTarget, rejected: &mut Vec<Rejected>) -> Arc<Target> {
        self.of(target, Protocol::Tcp, To::Passed, rejected)
    }

    /// The same of a service outside the mesh.
    pub(super) fn outside(
        &mut self,
        target: &ChainTarget,
        protocol: Protocol,
        outside: &Outside,
        rejected: &mut Vec<Rejected>,
    ) -> Arc<Target> {
        self.of(target, protocol, To::Outside(outside), rejected)
    }

    fn of(&mut self, target: &ChainTarget, protocol: Protocol, to: To<'_>, rejected: &mut Vec<Rejected>) -> Arc<Target> {
        let mode = if self.is_here(&target.id) { MeshGatewayMode::None } else { MeshGatewayMode::of(&target.mesh_gateway) };
        let hash = self.built.hasher().hash_one((&target.id, protocol, mode));
        let same = |built: &&Arc<Target>| built.id == target.id && built.protocol == protocol && built.mode == mode;
        if let Some(built) = self.built.get(&hash).filter(same) {
            return built.clone();
        }
        let found = self.find(target, to, mode, rejected);
        let built = self.number(target.id.clone(), target.sni.clone(), protocol, mode, found);
        self.built.entry(hash).or_insert_with(|| built.clone());
        built
    }

    /// A target of what was found, which has the next number.
    pub(super) fn number(&mut self, id: TargetId, sni: String, protocol: Protocol, mode: MeshGatewayMode, found: Found) -> Arc<Target> {
        let Found { endpoints, unused, unreached } = found;
        let weights: Vec<u32> = endpoints.iter().map(|e| e.weight).collect();
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        Arc::new(Target { number, id, sni, protocol, mode, turns: turns(&weights), endpoints, unused, unreached, named: OnceLock::new() })
    }

    /// Whether it is a target of the own datacenter.
    fn is_here(&self, id: &TargetId) -> bool {
        id.peer.is_empty() && *id.datacenter == *self.resources.datacenter.as_str()
    }

    fn find(&self, target: &ChainTarget, to: To<'_>, mode: MeshGatewayMode, rejected: &mut Vec<Rejected>) -> Found {
        if !self.is_here(&target.id) {
            return self.elsewhere(target, mode, rejected);
        }
        let Some(service) = self.resources.services.get(&*ServiceKey::text(&target.id.service)) else {
            return Found::default();
        };
        let instances = self.in_subset(target, service, rejected);
        let only_passing = target.subset.only_passing;
        let (endpoints, unused) = match to {
            To::Mesh => return self.of_the_mesh(target, service, instances),
            To::Passed => {
                let excluded = |instance: &Instance| (!instance.mesh).then_some("not in the mesh");
                let (used, unused) = least_bad(instances, only_passing, excluded);
                (used.into_iter().map(|instance| Arc::new(endpoint(service.name.as_str(), instance, None))).collect(), unused)
            }
            To::Outside(outside) => outside.endpoints(service, instances, only_passing),
        };
        Found { endpoints, unused, unreached: None }
    }

    /// The instances of its service that the target's subset means: none where its filter is none.
    pub(super) fn in_subset<'i>(
        &self,
        target: &ChainTarget,
        service: &'i Service,
        rejected: &mut Vec<Rejected>,
    ) -> impl Iterator<Item = &'i Instance> + use<'i> {
        let parsed = Filter::parse(&target.subset.filter).map_err(|e| e.to_string());
        let filter = parsed.and_then(|f| f.problem().map_or(Ok(f), Err));
        if let Err(e) = &filter {
            let what = EntryRef::new(EntryKind::ServiceResolver, &target.id.service);
            rejected.push(Rejected { what, why: format!("Subsets.{}.Filter: {e}; the subset has no instance", target.id.subset) });
        }
        service.instances.iter().filter(move |i| filter.as_ref().is_ok_and(|filter| filter.matches(&service.name, i)))
    }

    /// The instances in use, in the order of the catalog, and those that are not for their health.
    pub(super) fn of_the_mesh<'i>(&self, target: &ChainTarget, service: &Service, instances: impl Iterator<Item = &'i Instance>) -> Found {
        let mut tls = None;
        let mut secured = || tls.get_or_insert_with(|| self.mesh_tls(target)).clone();
        let mut found = Found::default();
        for instance in instances {
            match why_unused(instance, target.subset.only_passing) {
                None => found.endpoints.push(Arc::new(endpoint(service.name.as_str(), instance, instance.mesh.then(&mut secured)))),
                Some(why) => found.unused.push(unused(instance, why)),
            }
        }
        found
    }

    /// mTLS with the target's service, wherever it is and whoever passes it on.
    pub(super) fn mesh_tls(&self, target: &ChainTarget) -> Arc<UpstreamTls> {
        Arc::new(UpstreamTls::Mesh {
            from: self.resources.gateway.name.clone(),
            sni: target.sni.clone(),
            id: SpiffeId::of_target(&target.id, &self.resources.trust_domain),
        })
    }
}

/// What a target leads to.
#[derive(Default)]
pub(super) struct Found {
    pub(super) endpoints: Vec<Arc<Endpoint>>,
    pub(super) unused: Vec<Unused>,
    pub(super) unreached: Option<String>,
}

pub(super) fn why_unused(instance: &Instance, only_passing: bool) -> Option<&'static str> {
    match instance.health {
        Health::Critical => Some(Health::Critical.as_str()),
        Health::Warning if only_passing => Some(Health::Warning.as_str()),
        _ if instance.weight < 1 => Some("weight 0"),
        Health::Passing | Health::Warning => None,
    }
}

pub(super) fn endpoint(service: &str, instance: &Instance, tls: Option<Arc<UpstreamTls>>) -> Endpoint {
    Endpoint {
        service: service.to_owned(),
        id: instance.id.clone(),
        address: instance.address.clone(),
        tls,
        host: None,
        health: instance.health,
        weight: instance.weight.min(MAX_WEIGHT),
    }
}

pub(super) fn unused(instance: &Instance, why: &'static str) -> Unused {
    Unused { id: instance.id.clone(), address: instance.address.clone(), why }
}
