//! A mesh gateway: server names of the own services, and of everything in other datacenters and at peers (semantics 9).

mod servers;

use std::net::SocketAddr;
use std::sync::Arc;

use super::health::least_bad;
use super::named::{CONNECT_TIMEOUT, Named, one_way};
use super::target::{Found, TargetCompiler, endpoint};
use crate::decide::hosts::HostIndex;
use crate::decide::names::NameTable;
use crate::decide::plan::Timeouts;
use crate::decide::snapshot::{CompiledListener, CompiledService, Host, Policy, Snapshot, Target, Upstream};
use crate::id::{Datacenter, ListenerName, ServiceKey, Table, TargetId, TrustDomain, datacenter_sni};
use crate::model::entry::{EntryKind, EntryRef, RuleRef, ServiceResolver};
use crate::model::federation::{FederatedDatacenter, MeshGatewayMode};
use crate::model::gateway::{GatewayConfig, GatewayKind, Listener, ListenerMode, Protocol};
use crate::model::resources::{Rejected, Resources, Written};
use crate::model::service::{Instance, Service};

/// What is kept from one compilation to the next.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Where the services are, which all their names say.
    place: Option<(Datacenter, TrustDomain)>,
    services: Table<ServiceKey, Remembered>,
    /// How many targets were numbered so far.
    numbered: u32,
}

/// A service and its subsets as they were compiled, and from what.
#[derive(Debug)]
struct Remembered {
    service: Arc<Service>,
    resolver: Option<Arc<ServiceResolver>>,
    compiled: Vec<Arc<CompiledService>>,
    rejected: Vec<Rejected>,
}

pub(super) fn compile(resources: &Resources, kept: &mut Kept) -> Snapshot {
    let place = (resources.datacenter.clone(), resources.trust_domain.clone());
    if kept.place.as_ref() != Some(&place) {
        kept.services.clear();
    }
    kept.place = Some(place);
    kept.services.retain(|key, _| resources.services.contains_key(key));
    let mut compiler = Compiler { resources, targets: TargetCompiler::new(resources, kept.numbered), rejected: Vec::new() };
    let mut services = Vec::with_capacity(resources.services.len());
    for (key, service) in resources.services.iter() {
        services.extend_from_slice(&compiler.own(key, service, &mut kept.services).compiled);
    }
    compiler.elsewhere(&mut services);
    compiler.servers(&mut services);
    let Compiler { targets, rejected, .. } = compiler;
    kept.numbered = targets.numbered();
    let listeners = listeners(resources, services).map(|l| (l.listener.name.clone(), Arc::new(l))).collect();
    let rejected = resources.rejected.iter().cloned().chain(rejected).collect();
    Snapshot { listeners, switches: resources.gateway.switches, rejected }
}

/// There is a listener also where nothing has a name, and a second one of the same names where clients of other datacenters have an
/// address of their own.
fn listeners(resources: &Resources, services: Vec<Arc<CompiledService>>) -> impl Iterator<Item = CompiledListener> {
    let gateway = &resources.gateway;
    let lan = SocketAddr::new(gateway.address, gateway.port.unwrap_or(GatewayConfig::PORT));
    let wan = gateway.wan.filter(|wan| *wan != lan);
    let mut names = NameTable::default();
    names.reserve(services.len());
    for (number, service) in services.iter().enumerate() {
        service.host.domains.iter().for_each(|name| names.insert(name, number as u32));
    }
    let (names, unexposed) = (Some(Arc::new(names)), servers::unexposed(resources));
    let wan = wan.map(|bind| (ListenerName::of_wan(&gateway.name, bind.port()), bind));
    let all = std::iter::once((ListenerName::of(&gateway.name, i64::from(lan.port())), lan)).chain(wan);
    all.map(move |(name, bind)| {
        let listener = Listener { name, bind, protocol: Protocol::Tcp, mode: ListenerMode::Passthrough };
        let hosts = Arc::new(HostIndex::new(i64::from(bind.port()), false));
        CompiledListener { listener, services: services.clone(), hosts, names: names.clone(), unexposed: unexposed.clone(), inbound: None }
    })
}

fn host(service: &str, rule: RuleRef, domains: Vec<String>) -> Arc<Host> {
    Arc::new(Host { service: service.to_owned(), domains, request_edits: None, response_edits: None, rule })
}

/// Bytes that are nobody's business here: no request to time, and a side may be silent for as long as it likes.
fn passed_on(host: Arc<Host>, upstream: Upstream) -> CompiledService {
    let rule = host.rule.clone();
    one_way(host, rule, upstream, Timeouts { request: None, idle: None }, Protocol::Tcp, None)
}

/// Straight to the instances of a target that stands for no service of the catalog, in turn.
fn passed_by(target: Arc<Target>) -> Upstream {
    Upstream {
        targets: vec![target],
        connect_timeout: CONNECT_TIMEOUT,
        policy: Policy::RoundRobin,
        rules: Arc::default(),
        failover_rule: None,
    }
}

struct Compiler<'a> {
    resources: &'a Resources,
    targets: TargetCompiler<'a>,
    rejected: Vec<Rejected>,
}

impl<'a> Compiler<'a> {
    /// A service of the own datacenter with its subsets, compiled now or the last time.
    fn own<'k>(&mut self, key: &ServiceKey, service: &Arc<Service>, kept: &'k mut Table<ServiceKey, Remembered>) -> &'k Remembered {
        let named = Named::of(self.resources, service.name.as_str());
        let same = kept.get(key).is_some_and(|last| {
            (Arc::ptr_eq(&last.service, service) || last.service == *service) && last.resolver.as_ref() == named.resolver
        });
        if !same {
            let before = self.rejected.len();
            let compiled = named.subsets().map(|subset| Arc::new(self.subset(&named, subset))).collect();
            let rejected = self.rejected.split_off(before);
            let (service, resolver) = (service.clone(), named.resolver.cloned());
            kept.insert(key.clone(), Remembered { service, resolver, compiled, rejected });
        }
        let remembered = &kept[key];
        self.rejected.extend(remembered.rejected.iter().cloned());
        remembered
    }

    fn subset(&mut self, named: &Named<'_>, subset: &str) -> CompiledService {
        let rule = EntryRef::new(EntryKind::Service, named.name).whole();
        let host = host(named.name, rule, vec![named.sni(subset)]);
        let target = self.targets.passed(&named.target(subset), &mut self.rejected);
        // What is wrong with the resolver as a whole is said once, with the plain name.
        let mut again = Vec::new();
        let upstream = named.upstream(target, if subset.is_empty() { &mut self.rejected } else { &mut again });
        passed_on(host, upstream)
    }

    /// Everything that is somewhere else, by the ends of its names. The own datacenter is never looked for there.
    fn elsewhere(&mut self, services: &mut Vec<Arc<CompiledService>>) {
        for (name, known) in self.other_datacenters() {
            let what = EntryRef::new(EntryKind::Datacenter, name.as_str());
            let end = datacenter_sni(name.as_str(), &self.resources.trust_domain);
            let id = TargetId::service(GatewayKind::Mesh.default_name(), name.as_str());
            if known.gateways.is_empty() {
                self.rejected.push(Rejected { what: what.clone(), why: self.unreached(&what) });
            }
            services.push(Arc::new(self.gateways(what, &[format!("*.{end}")], end, id, &known.gateways, |_| None)));
        }
        for (name, peer) in &self.resources.federation.peers {
            let what = EntryRef::new(EntryKind::Peer, name);
            let id = TargetId { peer: name.clone(), ..TargetId::service(GatewayKind::Mesh.default_name(), "") };
            let end = format!("external.{}", peer.trust_domain);
            if peer.gateways.is_empty() {
                self.rejected.push(Rejected { what: what.clone(), why: self.unreached(&what) });
            }
            services.push(Arc::new(self.gateways(what, &[format!("*.{end}")], end, id, &peer.gateways, |_| None)));
        }
    }

    fn other_datacenters(&self) -> impl Iterator<Item = (&'a Datacenter, &'a FederatedDatacenter)> + use<'a> {
        let resources = self.resources;
        resources.federation.datacenters.iter().filter(|(name, _)| **name != resources.datacenter)
    }

    /// What names lead to that are of somewhere else: the mesh gateways there, which know the rest. `excluded`: why one is not used,
    /// whatever its health.
    fn gateways(
        &mut self,
        what: EntryRef,
        names: &[String],
        end: String,
        id: TargetId,
        gateways: &[Instance],
        excluded: impl Fn(&Instance) -> Option<&'static str>,
    ) -> CompiledService {
        let unreached = gateways.is_empty().then(|| self.unreached(&what));
        let (used, unused) = least_bad(gateways.iter(), false, excluded);
        let endpoints = used.into_iter().map(|gateway| Arc::new(endpoint(&id.service, gateway, None))).collect();
        let host = host(&what.name, what.whole(), names.iter().map(|name| name.to_ascii_lowercase()).collect());
        let found = Found { endpoints, unused, unreached };
        let target = self.targets.number(id, end, Protocol::Tcp, MeshGatewayMode::None, found);
        passed_on(host, passed_by(target))
    }

    /// Why there is no way to a datacenter or peer of which no gateway is known.
    fn unreached(&self, what: &EntryRef) -> String {
        let EntryRef { kind, name } = what;
        let add = match (self.resources.written, kind) {
            (Written::Files, _) => format!("add gateways = [\"IP:PORT\"] to its [[{kind}]]"),
            (Written::Consul, EntryKind::Peer) => format!("consul peering read -name {name} says how that peering stands"),
            (Written::Consul, _) => "run one there: gw mesh --address IP:PORT --wan-address IP:PORT --register".to_owned(),
        };
        format!("no mesh gateway of {name} is known; {add}")
    }
}
