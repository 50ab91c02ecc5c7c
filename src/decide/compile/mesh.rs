//! A mesh gateway: server names of the own services, and of everything in other datacenters and at peers (semantics 9).

use std::net::SocketAddr;
use std::sync::Arc;

use super::health::least_bad;
use super::named::{CONNECT_TIMEOUT, Named, one_way};
use super::target::{Found, TargetCompiler, endpoint};
use crate::decide::hosts::HostIndex;
use crate::decide::names::NameTable;
use crate::decide::plan::Timeouts;
use crate::decide::snapshot::{CompiledListener, CompiledService, Host, Policy, Snapshot, Upstream};
use crate::id::{Datacenter, ListenerName, ServiceKey, Table, TargetId, TrustDomain, datacenter_sni};
use crate::model::entry::{EntryKind, EntryRef, RuleRef, ServiceResolver};
use crate::model::federation::MeshGatewayMode;
use crate::model::gateway::{GatewayConfig, GatewayKind, Listener, ListenerMode, Protocol};
use crate::model::resources::{Rejected, Resources};
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
    let Compiler { targets, rejected, .. } = compiler;
    kept.numbered = targets.numbered();
    let listener = listener(&resources.gateway, services);
    let listeners = [(listener.listener.name.clone(), Arc::new(listener))].into_iter().collect();
    let rejected = resources.rejected.iter().cloned().chain(rejected).collect();
    Snapshot { listeners, switches: resources.gateway.switches, rejected }
}

/// There is a listener also where nothing has a name.
fn listener(gateway: &GatewayConfig, services: Vec<Arc<CompiledService>>) -> CompiledListener {
    let port = gateway.port.unwrap_or(GatewayConfig::PORT);
    let mut names = NameTable::default();
    names.reserve(services.len());
    for (number, service) in services.iter().enumerate() {
        service.host.domains.iter().for_each(|name| names.insert(name, number as u32));
    }
    let listener = Listener {
        name: ListenerName::of(&gateway.name, i64::from(port)),
        bind: SocketAddr::new(gateway.address, port),
        protocol: Protocol::Tcp,
        mode: ListenerMode::Passthrough,
    };
    let hosts = Arc::new(HostIndex::new(i64::from(port), false));
    CompiledListener { listener, services, hosts, names: Some(Arc::new(names)), inbound: None }
}

fn host(service: &str, rule: RuleRef, domains: Vec<String>) -> Arc<Host> {
    Arc::new(Host { service: service.to_owned(), domains, request_edits: None, response_edits: None, rule })
}

/// Bytes that are nobody's business here: no request to time, and a side may be silent for as long as it likes.
fn passed_on(host: Arc<Host>, upstream: Upstream) -> CompiledService {
    let rule = host.rule.clone();
    one_way(host, rule, upstream, Timeouts { request: None, idle: None }, Protocol::Tcp, None)
}

struct Compiler<'a> {
    resources: &'a Resources,
    targets: TargetCompiler<'a>,
    rejected: Vec<Rejected>,
}

impl Compiler<'_> {
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
        let federation = &self.resources.federation;
        for (name, known) in federation.datacenters.iter().filter(|(name, _)| **name != self.resources.datacenter) {
            let what = EntryRef::new(EntryKind::Datacenter, name.as_str());
            let end = datacenter_sni(name.as_str(), &self.resources.trust_domain);
            let id = TargetId::service(GatewayKind::Mesh.default_name(), name.as_str());
            services.push(Arc::new(self.gateways(what, end, id, &known.gateways)));
        }
        for (name, peer) in &federation.peers {
            let what = EntryRef::new(EntryKind::Peer, name);
            let id = TargetId { peer: name.clone(), ..TargetId::service(GatewayKind::Mesh.default_name(), "") };
            services.push(Arc::new(self.gateways(what, format!("external.{}", peer.trust_domain), id, &peer.gateways)));
        }
    }

    /// What all names with an end lead to: the mesh gateways there, which know the rest.
    fn gateways(&mut self, what: EntryRef, end: String, id: TargetId, gateways: &[Instance]) -> CompiledService {
        let unreached = gateways.is_empty().then(|| {
            let why = format!("no mesh gateway of {} is known; add gateways = [\"IP:PORT\"] to its [[{}]]", what.name, what.kind);
            self.rejected.push(Rejected { what: what.clone(), why: why.clone() });
            why
        });
        let (used, unused) = least_bad(gateways.iter(), false, |_| None);
        let endpoints = used.into_iter().map(|gateway| Arc::new(endpoint(&id.service, gateway, None))).collect();
        let host = host(&what.name, what.whole(), vec![format!("*.{end}")]);
        let found = Found { endpoints, unused, unreached };
        let target = self.targets.number(id, end, Protocol::Tcp, MeshGatewayMode::None, found);
        let upstream = Upstream {
            targets: vec![target],
            connect_timeout: CONNECT_TIMEOUT,
            policy: Policy::RoundRobin,
            rules: Vec::new(),
            failover_rule: None,
        };
        passed_on(host, upstream)
    }
}
