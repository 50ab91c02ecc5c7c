//! A target with the instances of it that are in use.

use std::hash::BuildHasher;
use std::sync::Arc;

use super::health::least_bad;
use super::outside::Outside;
use crate::decide::balance::turns;
use crate::decide::snapshot::{Endpoint, Target, Unused, UpstreamTls};
use crate::id::{ServiceKey, SpiffeId, Table, TargetId};
use crate::model::chain::ChainTarget;
use crate::model::entry::{EntryKind, EntryRef};
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
    resources: &'a Resources,
    /// By the hash of id and protocol: where two of them meet, the later is built as often as it is asked for.
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
        let hash = self.built.hasher().hash_one((&target.id, protocol));
        if let Some(built) = self.built.get(&hash).filter(|built| built.id == target.id && built.protocol == protocol) {
            return built.clone();
        }
        let (endpoints, unused) = self.endpoints(target, to, rejected);
        let built = self.made(target.id.clone(), target.sni.clone(), protocol, endpoints, unused);
        self.built.entry(hash).or_insert_with(|| built.clone());
        built
    }

    /// A target of these instances.
    pub(super) fn made(
        &mut self,
        id: TargetId,
        sni: String,
        protocol: Protocol,
        endpoints: Vec<Arc<Endpoint>>,
        unused: Vec<Unused>,
    ) -> Arc<Target> {
        let weights: Vec<u32> = endpoints.iter().map(|e| e.weight).collect();
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        Arc::new(Target { number, id, sni, protocol, turns: turns(&weights), endpoints, unused })
    }

    /// The instances in use, in the order of the catalog, and those that are not for their health. Other datacenters and peers have none here.
    fn endpoints(&self, target: &ChainTarget, to: To<'_>, rejected: &mut Vec<Rejected>) -> (Vec<Arc<Endpoint>>, Vec<Unused>) {
        let own = target.id.peer.is_empty() && *target.id.datacenter == *self.resources.datacenter.as_str();
        let Some(service) = self.resources.services.get(&*ServiceKey::text(&target.id.service)).filter(|_| own) else {
            return (Vec::new(), Vec::new());
        };
        let parsed = Filter::parse(&target.subset.filter).map_err(|e| e.to_string());
        let filter = match parsed.and_then(|f| f.problem().map_or(Ok(f), Err)) {
            Ok(filter) => filter,
            Err(e) => {
                let what = EntryRef::new(EntryKind::ServiceResolver, &target.id.service);
                rejected.push(Rejected { what, why: format!("Subsets.{}.Filter: {e}; the subset has no instance", target.id.subset) });
                return (Vec::new(), Vec::new());
            }
        };
        let instances = service.instances.iter().filter(|i| filter.matches(&service.name, i));
        let only_passing = target.subset.only_passing;
        match to {
            To::Mesh => self.of_the_mesh(target, service, instances),
            To::Passed => {
                let excluded = |instance: &Instance| (!instance.mesh).then_some("not in the mesh");
                let (used, unused) = least_bad(instances, only_passing, excluded);
                (used.into_iter().map(|instance| Arc::new(endpoint(service.name.as_str(), instance, None))).collect(), unused)
            }
            To::Outside(outside) => outside.endpoints(service, instances, only_passing),
        }
    }

    fn of_the_mesh<'i>(
        &self,
        target: &ChainTarget,
        service: &Service,
        instances: impl Iterator<Item = &'i Instance>,
    ) -> (Vec<Arc<Endpoint>>, Vec<Unused>) {
        let mut tls = None;
        let mut secured = || {
            let of_target = || UpstreamTls::Mesh {
                from: self.resources.gateway.name.clone(),
                sni: target.sni.clone(),
                id: SpiffeId::of_target(&target.id, &self.resources.trust_domain),
            };
            tls.get_or_insert_with(|| Arc::new(of_target())).clone()
        };
        let (mut used, mut unused) = (Vec::new(), Vec::new());
        for instance in instances {
            match why_unused(instance, target.subset.only_passing) {
                None => used.push(Arc::new(endpoint(service.name.as_str(), instance, instance.mesh.then(&mut secured)))),
                Some(why) => unused.push(self::unused(instance, why)),
            }
        }
        (used, unused)
    }
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
