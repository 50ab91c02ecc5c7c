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
use crate::model::gateway::{GatewayConfig, InboundKeys, Leaf, Listener, ListenerMode, OutsideFiles, Protocol, TlsRange};
use crate::model::resources::{Rejected, Resources};
use crate::model::service::Service;

/// The catalog's name for Consul's own servers, which no wildcard means.
const CONSUL: &str = "consul";

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
        tls: tls_range(resources),
    });
    (inbound, outside)
}

/// `mesh` says which versions and suites of TLS are spoken with who connects.
fn tls_range(resources: &Resources) -> TlsRange {
    let incoming = resources.entries.mesh.as_ref().and_then(|mesh| mesh.incoming_tls().cloned()).unwrap_or_default();
    TlsRange { min: incoming.tls_min_version, max: incoming.tls_max_version, suites: incoming.cipher_suites }
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
        let rest = resources.services.iter().filter(|(key, _)| key.as_str() != CONSUL && !named.contains(*key));
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
        CompiledListener { listener, services, hosts, names: Some(Arc::new(names)), inbound: Some(Arc::new(inbound)) }
    }

    /// Says what is linked and cannot be offered.
    fn missing(&mut self) {
        let name = &self.resources.gateway.name;
        let Some(entry) = entry(self.resources) else {
            let what = EntryRef::new(EntryKind::TerminatingGateway, name);
            let why = "there is no such entry, so the gateway is linked with no service".to_owned();
            return self.rejected.push(Rejected { what, why });
        };
        let has_instances = |name: &str| self.resources.services.get(&*ServiceKey::text(name)).is_some_and(|s| !s.instances.is_empty());
        for (line, linked) in entry.services.iter().enumerate().filter(|(_, s)| s.name != "*" && !has_instances(&s.name)) {
            let why = format!("Services[{line}]: {} has no instance, and is not offered", linked.name);
            self.rejected.push(Rejected { what: EntryRef::new(EntryKind::TerminatingGateway, name), why });
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
