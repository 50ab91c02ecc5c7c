//! An ingress gateway: its entry's listeners and the services behind them (semantics 7).

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

use super::service::{Behind, Memo, ServiceCompiler};
use crate::decide::hosts::HostIndex;
use crate::decide::snapshot::{CompiledListener, CompiledService, Snapshot};
use crate::id::{ListenerName, ServiceKey, Table};
use crate::model::entry::{EntryKind, EntryRef, IngressGateway, IngressListener, IngressService};
use crate::model::gateway::{Listener, ListenerMode, Protocol};
use crate::model::resources::{Rejected, Resources};

pub(super) fn compile(resources: &Resources, memo: &mut Memo) -> Snapshot {
    let name = &resources.gateway.name;
    let mut compiler = ServiceCompiler::new(resources, memo);
    let mut listeners = Table::default();
    match resources.entries.ingress_gateways.get(&ServiceKey::of(name)) {
        Some(entry) => {
            for number in 0..entry.listeners.len() {
                if let Some(compiled) = compile_listener(&mut compiler, entry, number) {
                    listeners.insert(compiled.listener.name.clone(), Arc::new(compiled));
                }
            }
        }
        None => compiler.reject(EntryRef::new(EntryKind::IngressGateway, name), "there is no such entry, so the gateway has no listener"),
    }
    let rejected = resources.rejected.iter().cloned().chain(compiler.finish()).collect::<Vec<Rejected>>();
    Snapshot { listeners, switches: resources.gateway.switches, rejected }
}

fn compile_listener(compiler: &mut ServiceCompiler<'_>, entry: &Arc<IngressGateway>, number: usize) -> Option<CompiledListener> {
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
        mode: if uses_tls(entry, wanted) { ListenerMode::TerminateTls } else { ListenerMode::Plain },
    };
    let strict = gateway.switches.strict_host_port;
    let services = compile_services(compiler, entry, number);
    let mut hosts = HostIndex::new(wanted.port, strict);
    for (n, service) in services.iter().enumerate() {
        for domain in &service.host.domains {
            hosts.insert(domain, n as u32);
        }
    }
    Some(CompiledListener { listener, services, hosts })
}

fn uses_tls(entry: &IngressGateway, listener: &IngressListener) -> bool {
    let own = listener.tls.as_ref();
    entry.tls.enabled || entry.tls.sds.is_some() || own.is_some_and(|t| t.enabled || t.sds.is_some())
}

/// The services in the order of the entry; `*` stands for every service with an instance that has the listener's protocol
/// and is not named on the listener itself.
fn compile_services(compiler: &mut ServiceCompiler<'_>, entry: &Arc<IngressGateway>, number: usize) -> Vec<Arc<CompiledService>> {
    let listener = &entry.listeners[number];
    let named: HashSet<ServiceKey> = listener.services.iter().map(|s| ServiceKey::of(&s.name)).collect();
    let gateway = EntryRef::new(EntryKind::IngressGateway, &entry.common.name);
    let mut out = Vec::new();
    for (n, service) in listener.services.iter().enumerate() {
        let behind = Behind { rule: gateway.at(format!("Listeners[{number}].Services[{n}]")), service, protocol: &listener.protocol };
        if service.name == "*" {
            let all = compiler.resources().services.iter().filter(|(key, s)| !s.instances.is_empty() && !named.contains(key));
            let names: Vec<String> = all.map(|(_, s)| s.name.to_string()).collect();
            let fitting = names.iter().filter(|name| compiler.protocol_of(name).as_deref() == Some(&listener.protocol));
            let fitting: Vec<&String> = fitting.collect();
            out.extend(fitting.into_iter().filter_map(|name| compiler.compile(&behind, name, vec![default_domain(name)])));
        } else {
            out.extend(compiler.compile(&behind, &service.name, domains(service)));
        }
    }
    out
}

fn domains(service: &IngressService) -> Vec<String> {
    if service.hosts.is_empty() { vec![default_domain(&service.name)] } else { service.hosts.clone() }
}

fn default_domain(service: &str) -> String {
    format!("{service}.ingress.*")
}
