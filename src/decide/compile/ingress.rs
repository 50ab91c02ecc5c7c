//! An ingress gateway: its entry's listeners and the services behind them (semantics 7).

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

use super::service::{Behind, Memo, ServiceCompiler};
use crate::decide::hosts::HostIndex;
use crate::decide::snapshot::{CompiledListener, CompiledService, Snapshot};
use crate::id::{ListenerName, ServiceKey, ServiceName, Table};
use crate::model::entry::{EntryKind, EntryRef, IngressGateway, IngressListener};
use crate::model::gateway::{Listener, ListenerMode, Protocol};
use crate::model::resources::{Rejected, Resources};

pub(super) fn compile(resources: &Resources, memo: &mut Memo) -> Snapshot {
    let name = &resources.gateway.name;
    let mut compiler = ServiceCompiler::new(resources, memo);
    let mut listeners = Table::default();
    match resources.entries.ingress_gateways.get(&ServiceKey::of(name)) {
        Some(entry) => {
            for number in 0..entry.listeners.len() {
                listeners.extend(compile_listener(&mut compiler, entry, number).map(|compiled| (number, compiled)));
            }
        }
        None => compiler.reject(EntryRef::new(EntryKind::IngressGateway, name), "there is no such entry, so the gateway has no listener"),
    }
    let by_name = listeners.values().map(|compiled| (compiled.listener.name.clone(), compiled.clone())).collect();
    let rejected = resources.rejected.iter().cloned().chain(compiler.finish(listeners)).collect::<Vec<Rejected>>();
    Snapshot { listeners: by_name, switches: resources.gateway.switches, rejected }
}

fn compile_listener(compiler: &mut ServiceCompiler<'_>, entry: &Arc<IngressGateway>, number: usize) -> Option<Arc<CompiledListener>> {
    let gateway = &compiler.resources().gateway;
    let wanted = &entry.listeners[number];
    let Ok(port) = u16::try_from(wanted.port) else {
        let why = format!("Listeners[{number}].Port {} is no port; Consul takes it, but nothing can listen there", wanted.port);
        compiler.reject(EntryRef::new(EntryKind::IngressGateway, &gateway.name), &why);
        return None;
    };
    let protocol = Protocol::of(&wanted.protocol);
    let listener = Listener {
        name: ListenerName::of(&gateway.name, wanted.port),
        bind: SocketAddr::new(gateway.addresses.get(&port).copied().unwrap_or(gateway.address), port),
        protocol,
        mode: if entry.begins_with_tls(wanted) { ListenerMode::TerminateTls } else { ListenerMode::Plain },
    };
    let strict = gateway.switches.strict_host_port;
    let services = compile_services(compiler, entry, number);
    let last = compiler.last_listener(number).filter(|last| last.listener.name == listener.name && last.hosts.is_strict() == strict);
    let hosts = match last {
        Some(last) if same_hosts(&last.services, &services) => last.hosts.clone(),
        _ => Arc::new(index(wanted.port, strict, &services)),
    };
    Some(Arc::new(CompiledListener { listener, services, hosts, names: None, unexposed: None, inbound: None }))
}

/// Whether two lists of services answer to the same hosts.
fn same_hosts(last: &[Arc<CompiledService>], now: &[Arc<CompiledService>]) -> bool {
    last.len() == now.len() && last.iter().zip(now).all(|(a, b)| Arc::ptr_eq(a, b) || a.host.domains == b.host.domains)
}

fn index(port: i64, strict: bool, services: &[Arc<CompiledService>]) -> HostIndex {
    let mut hosts = HostIndex::new(port, strict);
    let whole = |service: &Arc<CompiledService>| service.host.domains.iter().filter(|domain| !domain.contains('*')).count();
    hosts.reserve(services.iter().map(whole).sum());
    for (n, service) in services.iter().enumerate() {
        for domain in &service.host.domains {
            hosts.insert(domain, n as u32);
        }
    }
    hosts
}

/// The services in the order of the entry; `*` stands for every service with an instance that has the listener's protocol
/// and is not named on the listener itself.
fn compile_services(compiler: &mut ServiceCompiler<'_>, entry: &IngressGateway, number: usize) -> Vec<Arc<CompiledService>> {
    let listener = &entry.listeners[number];
    let mut out = Vec::with_capacity(listener.services.len());
    compiler.expect(listener.services.len());
    for (line, service) in listener.services.iter().enumerate() {
        let behind = Behind { entry, listener: number, line };
        if service.name == "*" {
            let fitting = fitting(compiler, listener);
            out.extend(fitting.iter().filter_map(|name| compiler.one_of_all(&behind, name)));
        } else {
            out.extend(compiler.named(&behind));
        }
    }
    out
}

fn fitting(compiler: &ServiceCompiler<'_>, listener: &IngressListener) -> Vec<ServiceName> {
    let named: HashSet<ServiceKey> = listener.services.iter().map(|s| ServiceKey::of(&s.name)).collect();
    let all = compiler.resources().services.iter().filter(|(key, s)| !s.instances.is_empty() && !named.contains(*key));
    let fits = |name: &ServiceName| compiler.protocol_of(name.as_str()).as_deref() == Some(&listener.protocol);
    all.map(|(_, service)| service.name.clone()).filter(fits).collect()
}
