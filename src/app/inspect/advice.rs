//! What to write where a request is answered by the gateway itself: the cause in the words of the entries, and what mends it.

use super::{ExplainedOutcome, Explanation};
use crate::app::world::OneGateway;
use crate::decide::code::Code;
use crate::decide::snapshot::{CompiledListener, Next, Target, Upstream};
use crate::id::{ServiceKey, SpiffeId};
use crate::model::resources::Written;
use crate::source::entry::nearest;

/// One sentence, where there is something to say that the steps do not say already.
pub(super) fn advice(gateway: &OneGateway, explanation: &Explanation) -> Option<String> {
    let ExplainedOutcome::Refuse { code, subject, .. } = &explanation.outcome else { return None };
    let name = &explanation.facts.listener;
    let listener = gateway.snapshot().listeners.values().find(|l| l.listener.name.as_str() == name)?;
    match Code::ALL.iter().find(|known| known.as_str() == code)? {
        Code::NoHost => no_host(listener, &explanation.facts.authority),
        Code::NoHealthyEndpoint => no_endpoint(gateway, listener, subject),
        Code::Denied => denied(explanation),
        Code::NoSni | Code::ServersNotExposed => {
            Some(format!("gw inspect sni {subject} says what the name means, and why it leads nowhere"))
        }
        _ => None,
    }
}

fn no_host(listener: &CompiledListener, authority: &str) -> Option<String> {
    let host = without_port(authority);
    let services = &listener.services;
    let mut domains = services.iter().flat_map(|service| &service.host.domains);
    if let Some(domain) = domains.clone().find(|domain| without_port(domain).eq_ignore_ascii_case(host)) {
        return Some(format!(
            "the Host is {authority}, and Hosts has {domain}: Hosts = [\"{host}\"] takes it with every port and without one"
        ));
    }
    let write = format!("Hosts = [\"{host}\"] of the service takes this one, Hosts = [\"*\"] every one");
    match services.iter().find(|service| service.host.domains.iter().any(|domain| domain.ends_with(".ingress.*"))) {
        Some(service) => {
            let name = &service.host.service;
            Some(format!(
                "without Hosts {name} is meant by {name}.ingress.DOMAIN alone: send -H 'Host: {name}.ingress.consul', or write: {write}"
            ))
        }
        None => domains.next().map(|domain| format!("send a Host that is served, as {domain}, or write: {write}")),
    }
}

/// A host without the port behind it; what has more than one colon is an address.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((before, port)) if port.bytes().all(|b| b.is_ascii_digit()) && (!before.contains(':') || before.ends_with(']')) => before,
        _ => host,
    }
}

fn no_endpoint(gateway: &OneGateway, listener: &CompiledListener, subject: &str) -> Option<String> {
    let target = targets(listener).find(|target| target.id.to_string() == subject)?;
    if target.unreached.is_some() {
        return None;
    }
    let (service, subset) = (&target.id.service, &target.id.subset);
    if !target.unused.is_empty() {
        let next = "gw inspect services -o wide says what is known of them";
        return Some(format!("{next}; Failover in service-resolver/{service} names who stands in for {service}"));
    }
    let said = &gateway.said;
    let key = ServiceKey::of(service);
    let known = said.services.get(&key).map_or(0, |service| service.instances.len());
    if known > 0 && !subset.is_empty() {
        let resolver = said.entries.resolvers.get(&key);
        let filter = resolver.and_then(|resolver| resolver.subsets.get(&**subset)).map(|subset| subset.filter.as_str()).unwrap_or_default();
        return Some(format!("of {known} known instances of {service} the Filter of subset {subset} lets none through: {filter}"));
    }
    if known > 0 {
        return None;
    }
    let meant = nearest(service, said.services.values().map(|known| known.name.as_str())).map(|name| format!("; is {name} meant?"));
    let add = match said.written {
        Written::Files => format!("add [[service]] with name = \"{service}\" and an instance to gw.toml"),
        Written::Consul => format!("register one with its agent (consul services register), and give the token service:read for {service}"),
    };
    Some(format!("no instance of {service} is known at all: {add}{}", meant.unwrap_or_default()))
}

fn targets(listener: &CompiledListener) -> impl Iterator<Item = &Target> {
    let rules = listener.services.iter().flat_map(|service| service.routes.rules());
    let upstreams = rules.flat_map(|rule| match &rule.next {
        Next::Upstream(upstream) => vec![upstream],
        Next::Split(split) => split.legs.iter().map(|(_, _, upstream)| upstream).collect(),
    });
    upstreams.flat_map(|upstream| upstream_targets(upstream))
}

fn upstream_targets(upstream: &Upstream) -> impl Iterator<Item = &Target> {
    upstream.targets.iter().map(AsRef::as_ref)
}

fn denied(explanation: &Explanation) -> Option<String> {
    let facts = &explanation.facts;
    let destination = facts.sni.as_deref()?.split('.').next()?;
    let Some(peer) = &facts.peer else {
        return Some("who connects shows a certificate of the mesh: --peer SERVICE asks as a service".to_owned());
    };
    let source = SpiffeId::parse(peer)?.service;
    let asked = if facts.method.is_empty() { String::new() } else { format!(" --method {} --path {}", facts.method, facts.target) };
    Some(format!(
        "gw inspect authz {source} {destination}{asked} says which intention decides; what is allowed is written in service-intentions/{destination}"
    ))
}
