//! Services that are exported to peers: their chains may not lead to another datacenter or peer (semantics 14).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::check::compile;
use super::{Change, Finding, GraphError, Level, codes};
use crate::decide::chain::{View, is_http_like};
use crate::decide::links;
use crate::id::TargetId;
use crate::model::chain::{ChainNode, DiscoveryChain};
use crate::model::entry::{ConfigEntry, Entries, ExportedServices, RuleRef, ServiceResolver};

const EVERY: &str = "*";

/// The services that peers may use, as they are spelled: those that are named, and where every service is, those whose chains have
/// an entry.
fn exported<'a>(entries: &'a Entries, exports: Option<&'a Arc<ExportedServices>>) -> BTreeSet<&'a str> {
    let for_peers = || exports.into_iter().flat_map(|e| &e.services).filter(|s| s.is_for_peers()).map(|s| s.name.as_str());
    let mut names: BTreeSet<&str> = for_peers().filter(|name| *name != EVERY).collect();
    if for_peers().any(|name| name == EVERY) {
        names.extend(entries.routers.values().map(|e| e.common.name.as_str()));
        names.extend(entries.splitters.values().map(|e| e.common.name.as_str()));
        names.extend(entries.resolvers.values().map(|e| e.common.name.as_str()));
    }
    names
}

/// Which chains of a change must stay what peers can use.
pub(super) struct Exports<'a> {
    named: BTreeSet<&'a str>,
}

impl<'a> Exports<'a> {
    /// Where every service is exported, Consul counts the one of the changed entry among them, whatever the entry's kind, and one of a
    /// deleted entry not, whatever it has left.
    pub(super) fn of(existing: &'a Entries, changed: &'a str, is_write: bool) -> Self {
        let exports = existing.exported_services.as_ref();
        let mut named = exported(existing, exports);
        let every = exports.is_some_and(|e| e.services.iter().any(|s| s.name == EVERY && s.is_for_peers()));
        let by_name = || exports.is_some_and(|e| e.services.iter().any(|s| s.name == changed && s.is_for_peers()));
        if every && is_write {
            named.insert(changed);
        } else if every && !by_name() {
            named.remove(changed);
        }
        Self { named }
    }

    /// Whether the chain of a service may become that one.
    pub(super) fn check(&self, existing: &Entries, changed: View<'_>, service: &str, chain: &DiscoveryChain) -> Result<(), GraphError> {
        if !self.named.contains(service) {
            return Ok(());
        }
        check_service(changed, service)?;
        if is_http_like(&chain.protocol) {
            return Ok(());
        }
        // Who is spoken to without HTTP is known to the peer by its identity: no other one may come in.
        let before = compile(View::of(existing), service)?;
        let known: BTreeSet<_> = identities(&before).map(|(identity, _)| identity).collect();
        match identities(chain).find(|(identity, _)| !known.contains(identity)) {
            Some((_, target)) => Err(GraphError::ExportedTarget {
                service: service.to_owned(),
                protocol: chain.protocol.clone(),
                target: target.to_string(),
            }),
            None => Ok(()),
        }
    }
}

/// Whether an exported-services entry may be written.
pub(super) fn check_write(existing: &Entries, change: &Change<'_>) -> Result<(), GraphError> {
    let Change::Write(ConfigEntry::ExportedServices(written)) = *change else { return Ok(()) };
    exported(existing, Some(written)).into_iter().try_for_each(|service| check_service(View::of(existing), service))
}

fn check_service(view: View<'_>, service: &str) -> Result<(), GraphError> {
    match leads_away(view, service) {
        Some((_, how)) => Err(GraphError::Exported { service: service.to_owned(), how }),
        None => Ok(()),
    }
}

/// Every exported service of a set whose chain leads away, once a resolver.
pub(super) fn check_set(entries: &Entries) -> Vec<Finding> {
    let exported = exported(entries, entries.exported_services.as_ref());
    let away = exported.into_iter().filter_map(|service| Some((service, leads_away(View::of(entries), service)?)));
    let finding = |(service, (rule, how)): (&str, (RuleRef, &'static str))| {
        let message = GraphError::Exported { service: service.to_owned(), how }.to_string();
        let help = "peers reach a service in this datacenter alone: export another one, or let its chain stay here";
        let related = entries.exported_services.iter().map(|e| ConfigEntry::ExportedServices(e.clone()).entry_ref().at("Services"));
        Finding::new(codes::EXPORTED, Level::Error, rule, message).help(help).related(related)
    };
    away.map(finding).collect()
}

/// The first resolver below a service that leads to another datacenter or peer.
fn leads_away(view: View<'_>, service: &str) -> Option<(RuleRef, &'static str)> {
    // A splitter counts wherever it stands, of routers only the first. Neither need be reached: Consul looks at all there is.
    let mut left = vec![service];
    left.extend(view.router(service).into_iter().flat_map(|r| links::of_router(r)).map(|l| l.service));
    let mut split: BTreeSet<&str> = BTreeSet::new();
    while let Some(name) = left.pop() {
        if split.insert(name) {
            left.extend(view.splitter(name).into_iter().flat_map(|s| links::of_splitter(s)).map(|l| l.service));
        }
    }
    let mut below: Vec<&str> = split.into_iter().collect();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    while let Some(name) = below.pop() {
        let Some(resolver) = view.resolver(name).filter(|_| seen.insert(name)) else { continue };
        if let Some((path, how)) = away(resolver) {
            return Some((ConfigEntry::ServiceResolver(resolver.clone()).entry_ref().at(path), how));
        }
        below.extend(links::of_resolver(resolver).into_iter().map(|l| l.service));
    }
    None
}

/// Where a resolver leads to another datacenter, even to its own by name, or to a peer. Failover to a peer is allowed: a mesh gateway
/// never takes it.
fn away(resolver: &ServiceResolver) -> Option<(String, &'static str)> {
    if let Some(redirect) = &resolver.redirect {
        if !redirect.datacenter.is_empty() {
            return Some(("Redirect.Datacenter".to_owned(), "cross-datacenter resolver redirect"));
        }
        if !redirect.peer.is_empty() {
            return Some(("Redirect.Peer".to_owned(), "cross-peer resolver redirect"));
        }
    }
    let elsewhere = resolver.failover.iter().find(|(_, f)| !f.datacenters.is_empty() || f.targets.iter().any(|t| !t.datacenter.is_empty()));
    elsewhere.map(|(key, _)| (format!("Failover[{key}]"), "cross-datacenter failover"))
}

/// Whom a chain may lead to while nothing fails: datacenter or peer, and service, with the target.
fn identities(chain: &DiscoveryChain) -> impl Iterator<Item = ([&str; 3], &TargetId)> {
    let resolvers = chain.nodes.values().filter_map(|node| if let ChainNode::Resolver(resolver) = node { Some(resolver) } else { None });
    let failed_over: BTreeSet<_> = resolvers.filter_map(|r| r.failover.as_ref()).flat_map(|f| &f.targets).collect();
    let targets = chain.targets.keys().filter(move |id| !failed_over.contains(id));
    targets.map(|id| ([&*id.peer, if id.peer.is_empty() { &*id.datacenter } else { "" }, &*id.service], id))
}
