//! A terminating gateway: its one listener, and the services outside the mesh that it is linked with (semantics 8).

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

use super::named::{Named, one_way};
use super::outside::Outside;
use super::target::TargetCompiler;
use crate::decide::authz::Judges;
use crate::decide::chain::View;
use crate::decide::hosts::HostIndex;
use crate::decide::names::NameTable;
use crate::decide::normalize::Normalization;
use crate::decide::plan::Timeouts;
use crate::decide::snapshot::{CompiledListener, CompiledService, Host, Inbound, Snapshot};
use crate::id::{ListenerName, ServiceKey};
use crate::model::entry::{EntryKind, EntryRef, LinkedService, Mesh, TerminatingGateway};
use crate::model::federation::Servers;
use crate::model::gateway::{GatewayConfig, InboundKeys, Leaf, Listener, ListenerMode, OutsideFiles, Protocol};
use crate::model::resources::{Rejected, Resources};
use crate::model::service::Service;

/// Why a linked service whose service-defaults have a `Destination` is not offered (semantics 8): no client knows the server name of one,
/// but sidecars that take connections by their address.
const ONLY_TRANSPARENT: &str = "has a Destination, which only transparent proxies reach, and is not offered; \
                                give it an instance with the address instead";

/// What is kept from one compilation to the next.
#[derive(Debug, Default)]
pub(super) struct Kept {
    judges: Judges,
    /// How many targets were numbered so far.
    numbered: u32,
}

pub(super) fn compile(resources: &Resources, kept: &mut Kept) -> Snapshot {
    kept.judges.begin(resources.entries.clone(), &resources.trust_domain, resources.default_action);
    let targets = TargetCompiler::new(resources, kept.numbered);
    let mut compiler = Compiler { resources, targets, judges: &mut kept.judges, rejected: Vec::new() };
    let listener = compiler.listener();
    let Compiler { targets, rejected, .. } = compiler;
    kept.numbered = targets.numbered();
    let rejected = resources.rejected.iter().cloned().chain(rejected).chain(kept.judges.rejected().cloned()).collect();
    let listeners = [(listener.listener.name.clone(), Arc::new(listener))].into_iter().collect();
    Snapshot { listeners, switches: resources.gateway.switches, rejected }
}

/// What such a gateway shows to clients, and to services: which files to read. `None` without a folder of leaves.
pub(super) fn keys(resources: &Resources) -> (Option<InboundKeys>, Vec<OutsideFiles>) {
    let linked = linked(resources);
    let mut outside: Vec<OutsideFiles> = Vec::new();
    for link in &linked {
        let files = OutsideFiles::of(&link.settings.ca_file, &link.settings.cert_file, &link.settings.key_file);
        outside.extend(files.filter(|files| !outside.contains(files)));
    }
    let inbound = resources.gateway.leaves.as_ref().map(|folder| InboundKeys {
        roots: folder.join("ca.pem"),
        datacenter: resources.datacenter.as_str().to_owned(),
        leaves: linked.iter().map(|link| Leaf::in_folder(folder, link.name(), link.names(resources))).collect(),
        tls: resources.entries.mesh.as_ref().and_then(|mesh| mesh.incoming_tls().cloned()).unwrap_or_default(),
    });
    (inbound, outside)
}

/// A service that the gateway is linked with, and has instances.
struct Link<'a> {
    /// The number of the line that links it.
    line: usize,
    settings: &'a LinkedService,
    service: &'a Arc<Service>,
}

impl Link<'_> {
    /// As the catalog spells it.
    fn name(&self) -> &str {
        self.service.name.as_str()
    }

    /// The server names that mean it: its own, and one for each subset.
    fn names(&self, resources: &Resources) -> Vec<String> {
        let named = Named::of(resources, self.name());
        named.subsets().map(|subset| named.sni(subset)).collect()
    }
}

/// Every service that the gateway is linked with, each once: those that are named, then for `*` the rest of the catalog.
fn linked(resources: &Resources) -> Vec<Link<'_>> {
    let Some(entry) = entry(resources) else { return Vec::new() };
    let has_instances = |service: &&Arc<Service>| !service.instances.is_empty();
    let mut named: HashSet<ServiceKey> = HashSet::new();
    let mut out = Vec::new();
    for (line, settings) in entry.services.iter().enumerate().filter(|(_, s)| s.name != "*") {
        let key = ServiceKey::of(&settings.name);
        if let Some(service) = resources.services.get(&key).filter(has_instances) {
            out.push(Link { line, settings, service });
        }
        named.insert(key);
    }
    for (line, settings) in entry.services.iter().enumerate().filter(|(_, s)| s.name == "*").take(1) {
        // Consul's own servers are meant by no wildcard.
        let rest = resources.services.iter().filter(|(key, _)| key.as_str() != Servers::SERVICE && !named.contains(*key));
        out.extend(rest.map(|(_, service)| service).filter(has_instances).map(|service| Link { line, settings, service }));
    }
    out
}

fn entry(resources: &Resources) -> Option<&Arc<TerminatingGateway>> {
    resources.entries.terminating_gateways.get(&*ServiceKey::text(&resources.gateway.name))
}

struct Compiler<'a> {
    resources: &'a Resources,
    targets: TargetCompiler<'a>,
    judges: &'a mut Judges,
    rejected: Vec<Rejected>,
}

impl Compiler<'_> {
    /// There is a listener also where nothing is linked.
    fn listener(&mut self) -> CompiledListener {
        let gateway = &self.resources.gateway;
        self.missing();
        let port = gateway.port.unwrap_or(GatewayConfig::PORT);
        let mut services = Vec::new();
        let mut names = NameTable::default();
        for link in linked(self.resources) {
            let named = Named::of(self.resources, link.name());
            for subset in named.subsets() {
                let service = self.service(&link, &named, subset);
                for name in &service.host.domains {
                    names.insert(name, services.len() as u32);
                }
                services.push(Arc::new(service));
            }
        }
        let listener = Listener {
            name: ListenerName::of(&gateway.name, i64::from(port)),
            bind: SocketAddr::new(gateway.address, port),
            // Of the listener itself nothing is read: what is spoken is the service's.
            protocol: Protocol::Tcp,
            mode: ListenerMode::TerminateMtls,
        };
        let mesh = self.resources.entries.mesh.as_deref();
        let inbound = Inbound { normalization: Normalization::of(mesh), forwards_client_cert: !mesh.is_some_and(Mesh::sanitizes_xfcc) };
        let hosts = Arc::new(HostIndex::new(i64::from(port), false));
        CompiledListener { listener, services, hosts, names: Some(Arc::new(names)), unexposed: None, inbound: Some(Arc::new(inbound)) }
    }

    /// Says what is linked and cannot be offered.
    fn missing(&mut self) {
        let resources = self.resources;
        let name = &resources.gateway.name;
        let Some(entry) = entry(resources) else {
            let what = EntryRef::new(EntryKind::TerminatingGateway, name);
            let why = "there is no such entry, so the gateway is linked with no service".to_owned();
            return self.rejected.push(Rejected { what, why });
        };
        let has_instances = |name: &str| resources.services.get(&*ServiceKey::text(name)).is_some_and(|s| !s.instances.is_empty());
        for (line, linked) in entry.services.iter().enumerate().filter(|(_, s)| s.name != "*" && !has_instances(&s.name)) {
            let why = if is_destination(resources, &linked.name) { ONLY_TRANSPARENT } else { "has no instance, and is not offered" };
            let why = format!("Services[{line}]: {} {why}", linked.name);
            self.rejected.push(Rejected { what: EntryRef::new(EntryKind::TerminatingGateway, name), why });
        }
        let named = |name: &str| entry.services.iter().any(|s| ServiceKey::of(&s.name) == ServiceKey::of(name));
        for (line, _) in entry.services.iter().enumerate().filter(|(_, s)| s.name == "*").take(1) {
            let defaults = resources.entries.service_defaults.values().map(|e| &e.common.name);
            for destination in defaults.filter(|name| is_destination(resources, name) && !named(name) && !has_instances(name)) {
                let why = format!("Services[{line}]: {destination} {ONLY_TRANSPARENT}");
                self.rejected.push(Rejected { what: EntryRef::new(EntryKind::TerminatingGateway, name), why });
            }
        }
    }

    /// A service or a subset of it.
    fn service(&mut self, link: &Link<'_>, named: &Named<'_>, subset: &str) -> CompiledService {
        let gateway = &self.resources.gateway;
        let protocol = Protocol::of(&View::of(&self.resources.entries).protocol(named.name));
        let rule = EntryRef::new(EntryKind::TerminatingGateway, &gateway.name).at(format!("Services[{}]", link.line));
        let host = Arc::new(Host {
            service: named.name.to_owned(),
            domains: vec![named.sni(subset)],
            request_edits: None,
            response_edits: None,
            rule: rule.clone(),
        });
        let mut timeouts = Timeouts::default();
        timeouts.request = named.resolver.and_then(|r| r.request_timeout.positive()).or(timeouts.request);
        let outside = Outside::of(link.settings, rule.clone(), protocol, gateway.switches.check_upstream_name);
        let target = self.targets.outside(&named.target(subset), protocol, &outside, &mut self.rejected);
        let upstream = named.upstream(target, &mut self.rejected);
        one_way(host, rule, upstream, timeouts, protocol, Some(self.judges.of(named.name)))
    }
}

/// Whether its service-defaults have a `Destination`.
fn is_destination(resources: &Resources, name: &str) -> bool {
    resources.entries.service_defaults.get(&*ServiceKey::text(name)).is_some_and(|e| e.destination.is_some())
}
