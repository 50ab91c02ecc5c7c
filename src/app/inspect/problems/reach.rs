//! What cannot be reached, or not for long: services without instances, datacenters without gateways, listeners on one port.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::{Problems, word};
use crate::app::world::{OneGateway, World};
use crate::decide::Snapshot;
use crate::decide::snapshot::{Next, Target, Upstream};
use crate::model::entry::RuleRef;
use crate::model::service::Health;

pub(super) fn of_gateways(world: &World, problems: &mut Problems) {
    for gateway in &world.gateways {
        of_targets(world, gateway, problems);
    }
    of_plain_text(world, problems);
    of_datacenters(world, problems);
    of_ports(world, problems);
}

/// Where requests and connections are sent, and by which rule.
pub(super) fn upstreams(snapshot: &Snapshot) -> impl Iterator<Item = (&RuleRef, &Upstream)> {
    let rules = snapshot.listeners.values().flat_map(|listener| &listener.services).flat_map(|service| service.routes.rules());
    rules.flat_map(|rule| {
        let upstreams: Vec<&Upstream> = match &rule.next {
            Next::Upstream(upstream) => vec![upstream],
            Next::Split(split) => split.legs.iter().map(|(_, _, upstream)| &**upstream).collect(),
        };
        upstreams.into_iter().map(|upstream| (upstream.rules.last().unwrap_or(&rule.route.rule), upstream))
    })
}

/// Targets that nothing can be sent to. Where another one stands in for it, nothing is lost yet.
fn of_targets(world: &World, gateway: &OneGateway, problems: &mut Problems) {
    for (rule, upstream) in upstreams(gateway.snapshot()) {
        let stands_in = upstream.targets.iter().find(|target| !target.endpoints.is_empty());
        for target in upstream.targets.iter().filter(|target| target.endpoints.is_empty()) {
            let what = why(target);
            let place = world.places.of(rule).or_else(|| Some(rule.to_string()));
            let next = format!("gw inspect chain {}", word(&target.id.service));
            match stands_in {
                Some(other) => {
                    let matters = format!("{} takes its requests", other.id);
                    problems.warning("no_healthy_endpoint", &what, place, &matters, &next);
                }
                None => {
                    let matters = "requests that are led there are answered with 503, connections closed";
                    problems.error("no_healthy_endpoint", &what, place, matters, &next);
                }
            }
        }
    }
}

fn why(target: &Target) -> String {
    match (&target.unreached, target.unused.as_slice()) {
        (Some(why), _) => format!("{}: {why}", target.id),
        (None, []) => format!("{} has no instance", target.id),
        (None, unused) => {
            let unused: Vec<String> = unused.iter().take(3).map(|unused| format!("{} is {}", unused.id, unused.why)).collect();
            format!("{} has no healthy instance: {}", target.id, unused.join(", "))
        }
    }
}

/// Services outside the mesh that are spoken to without TLS at the port of https: what answers there understands nothing of it.
fn of_plain_text(world: &World, problems: &mut Problems) {
    for gateway in &world.gateways {
        let terminating = gateway.snapshot().listeners.values().filter(|listener| listener.inbound.is_some());
        for service in terminating.flat_map(|listener| &listener.services) {
            let upstreams = service.routes.rules().iter().filter_map(|rule| match &rule.next {
                Next::Upstream(upstream) => Some(upstream),
                Next::Split(_) => None,
            });
            let endpoints = upstreams.flat_map(|upstream| &upstream.targets).flat_map(|target| &target.endpoints);
            let Some(plain) = endpoints.clone().find(|e| e.tls.is_none() && e.address.port() == 443) else { continue };
            let rule = &service.host.rule;
            let name = &service.host.service;
            let what = format!("{name} is spoken to in plain text at {}, the port of https", plain.address);
            let place = world.places.of(rule).or_else(|| Some(rule.to_string()));
            let next = format!("write CAFile = \"system\" (or the CA of {name}) and SNI = \"the name in its certificate\" to {rule}");
            problems.warning("plain_text", &what, place, "a server that wants TLS resets the connection or answers with 400", &next);
        }
    }
}

fn of_datacenters(world: &World, problems: &mut Problems) {
    let base = &world.base;
    for (name, known) in base.federation.datacenters.iter().filter(|(name, _)| **name != base.datacenter) {
        let matters = "what is there is reached by mode none alone";
        let next = "gw inspect datacenters";
        if known.gateways.is_empty() {
            problems.warning("no_gateway", &format!("no mesh gateway of {name} is known"), None, matters, next);
        } else if known.gateways.iter().all(|gateway| gateway.health == Health::Critical) {
            problems.error("no_gateway", &format!("every mesh gateway of {name} is critical"), None, matters, next);
        }
    }
}

/// Listeners of several gateways that want one address.
fn of_ports(world: &World, problems: &mut Problems) {
    let mut taken: BTreeMap<SocketAddr, Vec<String>> = BTreeMap::new();
    for listener in world.gateways.iter().flat_map(|gateway| gateway.snapshot().listeners.values()) {
        let bind = listener.listener.bind;
        if bind.port() != 0 {
            taken.entry(bind).or_default().push(listener.listener.name.to_string());
        }
    }
    for (bind, mut names) in taken.into_iter().filter(|(_, names)| names.len() > 1) {
        names.sort();
        let what = format!("{} all want {bind}", names.join(", "));
        problems.error("port", &what, None, "one of them alone can listen", "gw inspect listeners");
    }
}
