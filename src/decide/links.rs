//! Which services an entry names, and where in it.

use std::fmt;

use crate::model::entry::{
    EntryKind, EntryRef, IngressGateway, RuleRef, ServiceIntentions, ServiceResolver, ServiceRouter, ServiceSplitter, TerminatingGateway,
};

/// A place where an entry names a service.
pub(in crate::decide) struct Link<'a> {
    /// The service, as it is spelled there.
    pub(in crate::decide) service: &'a str,
    entry: (EntryKind, &'a str),
    path: Path<'a>,
}

/// Where in the entry; put into words only for what is wrong.
enum Path<'a> {
    Route(usize),
    Split(usize),
    Redirect,
    Failover(&'a str),
    FailoverTarget(&'a str, usize),
    Listener(usize, usize),
    Linked(usize),
    Destination,
    Source(usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route(i) => write!(f, "Routes[{i}].Destination.Service"),
            Self::Split(i) => write!(f, "Splits[{i}].Service"),
            Self::Redirect => f.write_str("Redirect.Service"),
            Self::Failover(key) => write!(f, "Failover.{key}.Service"),
            Self::FailoverTarget(key, i) => write!(f, "Failover.{key}.Targets[{i}].Service"),
            Self::Listener(l, s) => write!(f, "Listeners[{l}].Services[{s}].Name"),
            Self::Linked(i) => write!(f, "Services[{i}].Name"),
            Self::Destination => f.write_str("Name"),
            Self::Source(i) => write!(f, "Sources[{i}].Name"),
        }
    }
}

impl Link<'_> {
    /// The place.
    pub(in crate::decide) fn rule(&self) -> RuleRef {
        EntryRef::new(self.entry.0, self.entry.1).at(self.path.to_string())
    }
}

/// The services that a router sends to.
pub(in crate::decide) fn of_router(router: &ServiceRouter) -> impl Iterator<Item = Link<'_>> {
    let entry = (EntryKind::ServiceRouter, router.common.name.as_str());
    let named = router.routes.iter().enumerate().filter_map(|(i, route)| Some((i, route.destination.as_ref()?.service.as_str())));
    named.filter(|(_, s)| !s.is_empty()).map(move |(i, service)| Link { service, entry, path: Path::Route(i) })
}

/// The services that a splitter sends to.
pub(in crate::decide) fn of_splitter(splitter: &ServiceSplitter) -> impl Iterator<Item = Link<'_>> {
    let entry = (EntryKind::ServiceSplitter, splitter.common.name.as_str());
    let named = splitter.splits.iter().enumerate().map(|(i, split)| (i, split.service.as_str()));
    named.filter(|(_, s)| !s.is_empty()).map(move |(i, service)| Link { service, entry, path: Path::Split(i) })
}

/// The services that a resolver redirects to and fails over to. Consul knows nothing of failover targets at peers; a redirect
/// to a peer names the service here all the same.
pub(in crate::decide) fn of_resolver(resolver: &ServiceResolver) -> Vec<Link<'_>> {
    let entry = (EntryKind::ServiceResolver, resolver.common.name.as_str());
    let mut links = Vec::new();
    let mut link = |service, path| links.push(Link { service, entry, path });
    if let Some(redirect) = &resolver.redirect {
        link(redirect.service.as_str(), Path::Redirect);
    }
    for (key, failover) in &resolver.failover {
        if failover.targets.is_empty() {
            link(&failover.service, Path::Failover(key));
        }
        for (i, target) in failover.targets.iter().enumerate().filter(|(_, t)| t.peer.is_empty()) {
            link(&target.service, Path::FailoverTarget(key, i));
        }
    }
    links.retain(|l| !l.service.is_empty());
    links
}

/// The services behind an ingress gateway, but for the wildcard.
pub(in crate::decide) fn of_ingress(gateway: &IngressGateway) -> impl Iterator<Item = Link<'_>> {
    let entry = (EntryKind::IngressGateway, gateway.common.name.as_str());
    let services = gateway.listeners.iter().enumerate().flat_map(|(l, listener)| {
        listener.services.iter().enumerate().map(move |(s, service)| (service.name.as_str(), Path::Listener(l, s)))
    });
    services.filter(|(name, _)| *name != "*").map(move |(service, path)| Link { service, entry, path })
}

/// The services that a terminating gateway links, but for the wildcard.
pub(in crate::decide) fn of_terminating(gateway: &TerminatingGateway) -> impl Iterator<Item = Link<'_>> {
    let entry = (EntryKind::TerminatingGateway, gateway.common.name.as_str());
    let named = gateway.services.iter().enumerate().filter(|(_, s)| s.name != "*");
    named.map(move |(i, service)| Link { service: &service.name, entry, path: Path::Linked(i) })
}

/// The destination of intentions and their sources, but for wildcards and what is of peers.
pub(in crate::decide) fn of_intentions(intentions: &ServiceIntentions) -> impl Iterator<Item = Link<'_>> {
    let name = intentions.common.name.as_str();
    let entry = (EntryKind::ServiceIntentions, name);
    let sources = intentions.sources.iter().filter(|s| s.peer.is_empty());
    let sources = sources.map(move |s| Link { service: &s.name, entry, path: Path::Source(s.index) });
    std::iter::once(Link { service: name, entry, path: Path::Destination }).chain(sources).filter(|l| l.service != "*")
}
