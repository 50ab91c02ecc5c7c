//! What Consul 1.21 refuses when one entry is written or deleted on top of others (semantics 4.9).

use std::collections::{BTreeMap, BTreeSet};

use super::exported::{self, Exports};
use super::{Change, GraphError, intentions};
use crate::decide::chain::{self, Overrides, Proposed, Question, View};
use crate::decide::links;
use crate::id::{ServiceKey, TrustDomain};
use crate::model::chain::{ChainNode, DiscoveryChain};
use crate::model::entry::{ConfigEntry, Entries, EntryKind, IngressGateway, ServiceIntentions};

/// Consul compiles for this datacenter when it checks a write, wherever it is.
const DATACENTER: &str = "dc1";

const PERMISSIVE: &str = "permissive";

/// What has to be looked at because of a change.
#[derive(Default)]
struct Affected<'a> {
    /// Services whose chains must compile.
    chains: BTreeSet<&'a str>,
    /// Gateways whose listeners must fit.
    gateways: Vec<&'a IngressGateway>,
    /// Intentions whose permissions must fit the protocol.
    intentions: Vec<&'a ServiceIntentions>,
    /// Whether a tcp listener's service must be tcp: only when the gateway itself is written.
    equal_protocols: bool,
}

/// Whether Consul takes a change on top of what exists.
pub fn check(existing: &Entries, change: &Change<'_>) -> Result<(), GraphError> {
    let proposed = proposed(change);
    if proposed.kind == EntryKind::ProxyDefaults && proposed.name != "global" {
        return Err(GraphError::NotGlobal(proposed.name.to_owned()));
    }
    check_mutual_tls(existing, change)?;
    check_gateway_name(existing, change)?;
    intentions::check_providers(existing, change)?;
    exported::check_write(existing, change)?;
    let affected = affected(existing, &proposed);
    let view = View::with(existing, proposed);
    let exports = Exports::of(existing, proposed.name, !matches!(change, Change::Delete(..)));
    let mut chains = BTreeMap::new();
    for service in &affected.chains {
        let chain = compile(view, service)?;
        exports.check(existing, view, service, &chain)?;
        chains.insert(*service, chain);
    }
    for gateway in &affected.gateways {
        check_gateway(gateway, &chains, affected.equal_protocols)?;
    }
    for of_service in &affected.intentions {
        let chain = chains.get(of_service.common.name.as_str());
        intentions::check_protocol(of_service, chain.map_or("", |c| &c.protocol))?;
    }
    Ok(())
}

fn proposed<'a>(change: &Change<'a>) -> Proposed<'a> {
    match *change {
        Change::Write(entry) => Proposed { kind: entry.kind(), name: &entry.common().name, entry: Some(entry) },
        Change::WriteOther(kind, name) | Change::Delete(kind, name) => Proposed { kind, name, entry: None },
    }
}

/// The services whose chains are compiled for that.
pub(super) fn chains_for<'a>(existing: &'a Entries, change: &Change<'a>) -> BTreeSet<&'a str> {
    affected(existing, &proposed(change)).chains
}

/// Permissive needs the mesh's leave, unless the entry was permissive before.
fn check_mutual_tls(existing: &Entries, change: &Change<'_>) -> Result<(), GraphError> {
    let (now, before) = match change {
        Change::Write(ConfigEntry::ServiceDefaults(e)) => {
            let before = View::of(existing).service_defaults(&e.common.name);
            (&e.mutual_tls_mode, before.map(|b| &b.mutual_tls_mode))
        }
        Change::Write(ConfigEntry::ProxyDefaults(e)) => (&e.mutual_tls_mode, existing.proxy_defaults.as_ref().map(|b| &b.mutual_tls_mode)),
        _ => return Ok(()),
    };
    let kept = before.is_some_and(|b| b == PERMISSIVE);
    if now == PERMISSIVE && !kept && !existing.mesh.as_ref().is_some_and(|m| m.allow_enabling_permissive_mutual_tls) {
        Err(GraphError::PermissiveMutualTls)
    } else {
        Ok(())
    }
}

/// An ingress and a terminating gateway cannot share a name.
fn check_gateway_name(existing: &Entries, change: &Change<'_>) -> Result<(), GraphError> {
    let Change::Write(written) = *change else { return Ok(()) };
    let (kind, name) = (written.kind(), &written.common().name);
    let key = ServiceKey::text(name);
    let other = match kind {
        EntryKind::IngressGateway if existing.terminating_gateways.contains_key(&*key) => EntryKind::TerminatingGateway,
        EntryKind::TerminatingGateway if existing.ingress_gateways.contains_key(&*key) => EntryKind::IngressGateway,
        _ => return Ok(()),
    };
    Err(GraphError::GatewayName { kind, name: name.clone(), other })
}

/// One link back from the changed entry, and no further: neighbours that fit each other leave no longer chain to break.
fn affected<'a>(existing: &'a Entries, proposed: &Proposed<'a>) -> Affected<'a> {
    let mut affected = Affected::default();
    let Entries { routers, splitters, resolvers, ingress_gateways, intentions, .. } = existing;
    match proposed.kind {
        EntryKind::IngressGateway => {
            if let Some(ConfigEntry::IngressGateway(gateway)) = proposed.entry {
                affected.gateways.push(gateway);
                affected.equal_protocols = true;
            }
        }
        EntryKind::ServiceIntentions => {
            if let Some(ConfigEntry::ServiceIntentions(written)) = proposed.entry {
                affected.intentions.push(written);
            }
        }
        EntryKind::Mesh | EntryKind::ExportedServices => {}
        EntryKind::ProxyDefaults => {
            affected.chains.extend(routers.values().map(|e| e.common.name.as_str()));
            affected.chains.extend(splitters.values().map(|e| e.common.name.as_str()));
            affected.chains.extend(resolvers.values().map(|e| e.common.name.as_str()));
            affected.gateways.extend(ingress_gateways.values().map(AsRef::as_ref));
            affected.intentions.extend(intentions.values().map(AsRef::as_ref));
        }
        _ => {
            // Links are found in their own spelling only.
            let name = proposed.name;
            affected.chains.insert(name);
            for entry in routers.values().filter(|e| links::of_router(e).any(|l| l.service == name)) {
                affected.chains.insert(&entry.common.name);
            }
            for entry in splitters.values().filter(|e| links::of_splitter(e).any(|l| l.service == name)) {
                affected.chains.insert(&entry.common.name);
            }
            for entry in resolvers.values().filter(|e| links::of_resolver(e).iter().any(|l| l.service == name)) {
                affected.chains.insert(&entry.common.name);
            }
            let gateways = ingress_gateways.values().map(AsRef::as_ref);
            affected.gateways.extend(gateways.filter(|e: &&IngressGateway| links::of_ingress(e).any(|l| l.service == name)));
            // Consul looks at all of them, not only at those of the changed service.
            affected.intentions.extend(intentions.values().map(AsRef::as_ref));
        }
    }
    for gateway in &affected.gateways {
        affected.chains.extend(links::of_ingress(gateway).map(|l| l.service));
    }
    affected.chains.extend(affected.intentions.iter().map(|i| i.common.name.as_str()));
    affected
}

pub(super) fn compile(view: View<'_>, service: &str) -> Result<DiscoveryChain, GraphError> {
    let trust_domain = &TrustDomain::new("check.consul");
    let question = Question { service, datacenter: DATACENTER, trust_domain, overrides: Overrides::default() };
    chain::compile_in(view, &question).map(|c| c.chain).map_err(|f| f.into_parts().0.into())
}

fn check_gateway(gateway: &IngressGateway, chains: &BTreeMap<&str, DiscoveryChain>, equal: bool) -> Result<(), GraphError> {
    for listener in &gateway.listeners {
        for service in listener.services.iter().filter(|s| s.name != "*") {
            let Some(chain) = chains.get(service.name.as_str()) else { continue };
            if chain.protocol != listener.protocol && (equal || !passes_as_bytes(&listener.protocol, chain)) {
                return Err(GraphError::IngressProtocol {
                    service: service.name.clone(),
                    protocol: chain.protocol.clone(),
                    listener: listener.protocol.clone(),
                });
            }
        }
    }
    Ok(())
}

/// A tcp listener passes the bytes of any service that has neither router nor splitter.
fn passes_as_bytes(listener: &str, chain: &DiscoveryChain) -> bool {
    listener == "tcp" && is_plain(chain)
}

/// Whether neither router nor splitter stands before the resolver.
pub(super) fn is_plain(chain: &DiscoveryChain) -> bool {
    matches!(chain.nodes.get(&chain.start_node), Some(ChainNode::Resolver(_)))
}
