//! Why a server name means nothing to a gateway, and what was perhaps meant.

use std::sync::Arc;

use crate::id::{DEFAULT_NAMESPACE, DEFAULT_PARTITION, NoSuchForm, ServiceKey, Sni, TargetId, TrustDomain, server_sni};
use crate::model::entry::{ExportedService, ServiceResolver};
use crate::model::federation::Servers;
use crate::model::gateway::GatewayKind;
use crate::model::resources::Resources;
use crate::source::entry::nearest;

/// What is wrong with a name that is in no table, and what to do about it.
pub(super) fn why_unknown(resources: &Resources, read: &Result<Sni, NoSuchForm>) -> (String, Option<String>) {
    let sni = match read {
        Ok(sni) => sni,
        Err(form) => return (form.to_string(), None),
    };
    let own = &resources.trust_domain;
    match sni {
        Sni::Target(id, trust_domain) if !id.peer.is_empty() && trust_domain == own => exported(resources, id),
        Sni::Target(id, trust_domain) if !id.peer.is_empty() => of_a_peer(resources, trust_domain),
        Sni::Server { node, datacenter, domain } => of_servers(resources, node.as_deref(), datacenter, domain),
        Sni::Peering { .. } => {
            (format!("{sni} is how peers name the servers of a datacenter, and this version of gw routes no peering"), None)
        }
        _ if sni.trust_domain().is_some_and(|trust_domain| trust_domain != own) => {
            let foreign = sni.trust_domain().map(TrustDomain::as_str).unwrap_or_default();
            (format!("{foreign} is a foreign trust domain: this mesh's is {own}"), Some(format!("did you mean one that ends in {own}?")))
        }
        Sni::Query { .. } => ("it names a prepared query, which the caller resolves: no gateway routes it".to_owned(), None),
        Sni::Gateways { .. } => (
            format!("{sni} is what names of that datacenter end in: the service before it is missing"),
            Some(format!("SERVICE.default.{sni}")),
        ),
        Sni::Target(id, _) if *id.datacenter == *resources.datacenter.as_str() => of_the_own(resources, id),
        Sni::Target(id, _) => elsewhere(resources, id),
    }
}

fn of_a_peer(resources: &Resources, trust_domain: &TrustDomain) -> (String, Option<String>) {
    let known: Vec<String> = resources.federation.peers.iter().map(|(name, peer)| format!("{} of {name}", peer.trust_domain)).collect();
    let why = format!("no [[peer]] has the trust domain {trust_domain}");
    (why, Some(only("trust domain", &known)))
}

fn of_servers(resources: &Resources, node: Option<&str>, datacenter: &str, domain: &str) -> (String, Option<String>) {
    let gateway = &resources.gateway;
    if gateway.kind != GatewayKind::Mesh {
        let why = format!("it names servers of Consul, and a {} gateway carries nothing for them", gateway.kind.as_str());
        return (why, Some("mesh gateways do, with --expose-servers".to_owned()));
    }
    let Servers { domain: own, instances } = &resources.federation.servers;
    if *domain != **own {
        return (format!("{domain} is not the domain of these servers, which is {own}"), Some(server_sni(node, datacenter, own)));
    }
    if !gateway.exposes_servers {
        let why = format!("it names servers of Consul, and the gateway {} does not expose servers", gateway.name);
        return (why, Some("start it with --expose-servers, or say expose_servers = true in its [[gateway]]".to_owned()));
    }
    if *datacenter == *resources.datacenter.as_str() {
        let known: Vec<String> = instances.iter().map(|server| server.node.clone()).collect();
        let node = node.unwrap_or_default();
        let meant = nearest(node, known.iter().map(String::as_str)).map(|name| format!("did you mean {name}?"));
        return (format!("{datacenter} has no server on a node {node}"), Some(meant.unwrap_or_else(|| only("server", &known))));
    }
    no_datacenter(resources, datacenter)
}

/// What the own mesh exports has such a name: the peer in it is who imports it, as it is called here (wan-federation 5).
fn exported(resources: &Resources, id: &TargetId) -> (String, Option<String>) {
    let TargetId { service, peer, .. } = id;
    let entries = resources.entries.exported_services.iter().flat_map(|entry| &entry.services);
    let to_the_peer = |entry: &&ExportedService| entry.consumers.iter().any(|consumer| consumer.peer == **peer);
    let exported: Vec<&str> = entries.filter(to_the_peer).map(|entry| entry.name.as_str()).collect();
    if exported.iter().any(|name| *name == "*" || ServiceKey::of(name) == ServiceKey::of(service)) {
        let why = format!("exported-services exports {service} to the peer {peer}, and gw does not route what others import");
        return (why, Some("a mesh gateway of Consul with Envoy, beside this one, does".to_owned()));
    }
    let known: Vec<String> = exported.iter().map(|name| (*name).to_owned()).collect();
    (format!("exported-services exports no {service} to a peer {peer}"), Some(format!("to it {}", only("service", &known))))
}

/// The own datacenter is never sent to other gateways, whatever they may know.
fn of_the_own(resources: &Resources, id: &TargetId) -> (String, Option<String>) {
    let TargetId { service, subset, namespace, partition, datacenter, .. } = id;
    if **namespace != *DEFAULT_NAMESPACE || **partition != *DEFAULT_PARTITION {
        let why = format!("namespace {namespace}, partition {partition}: here there is only default of both");
        return (why, Some("namespaces and partitions are of Consul Enterprise".to_owned()));
    }
    let here = format!("{datacenter} is this gateway's own datacenter");
    let Some(known) = resources.services.get(&*ServiceKey::text(service)) else {
        let names = resources.services.values().map(|service| service.name.as_str());
        let meant = nearest(service, names.clone()).map(|name| format!("did you mean {name}?"));
        let help = meant.unwrap_or_else(|| only("service", &names.map(str::to_owned).collect::<Vec<_>>()));
        return (format!("{here}, and it has no service {service}"), Some(help));
    };
    let resolver = resources.entries.resolvers.get(&*ServiceKey::text(service));
    let subsets: Vec<String> = resolver.into_iter().flat_map(|resolver| resolver.subsets.keys().cloned()).collect();
    if !subset.is_empty() && subsets.is_empty() {
        let without = if resolver.is_some() { "its service-resolver has none" } else { "it has no service-resolver" };
        return (format!("{} has no subsets: {without}", known.name), Some(with_subsets(resources)));
    }
    if !subset.is_empty() && !subsets.contains(&subset.to_string()) {
        let meant = nearest(subset, subsets.iter().map(String::as_str)).map(|name| format!("did you mean {name}?"));
        return (format!("service-resolver/{service} has no subset {subset}"), Some(meant.unwrap_or_else(|| only("subset", &subsets))));
    }
    // Only a terminating gateway knows of services that it does not offer.
    let why =
        format!("{} is a service of {datacenter}, and this {} gateway is not linked with it", known.name, resources.gateway.kind.as_str());
    (why, Some("Services of its terminating-gateway entry links it".to_owned()))
}

/// Which services have subsets, and which: one of them may be meant.
fn with_subsets(resources: &Resources) -> String {
    let resolvers = resources.entries.resolvers.values().filter(|resolver| !resolver.subsets.is_empty());
    let of = |resolver: &Arc<ServiceResolver>| {
        format!("{} ({})", resolver.common.name, resolver.subsets.keys().cloned().collect::<Vec<_>>().join(", "))
    };
    match resolvers.map(of).collect::<Vec<_>>().as_slice() {
        [] => "no service has subsets; Subsets of a service-resolver makes some".to_owned(),
        known => format!("of the services with subsets {}", only("service", known)),
    }
}

fn elsewhere(resources: &Resources, id: &TargetId) -> (String, Option<String>) {
    let datacenter = &id.datacenter;
    if resources.gateway.kind != GatewayKind::Mesh {
        let why =
            format!("{datacenter} is another datacenter, and a {} gateway has services of its own one", resources.gateway.kind.as_str());
        return (why, Some(format!("here it is {}", resources.datacenter)));
    }
    if resources.federation.datacenters.contains_key(&**datacenter) {
        let why = format!("partition {} of {datacenter}: only default is known there", id.partition);
        return (why, Some("partitions are of Consul Enterprise".to_owned()));
    }
    no_datacenter(resources, datacenter)
}

fn no_datacenter(resources: &Resources, datacenter: &str) -> (String, Option<String>) {
    let known: Vec<String> = resources.federation.datacenters.keys().map(ToString::to_string).collect();
    let help = format!("{}; [[datacenter]] with name = \"{datacenter}\" and its gateways adds one", only("datacenter", &known));
    (format!("no [[datacenter]] is called {datacenter}"), Some(help))
}

/// `there is no datacenter`, `there are dc2, dc3`: the first few.
fn only(what: &str, known: &[String]) -> String {
    const SHOWN: usize = 8;
    match known.len() {
        0 => format!("there is no {what}"),
        1 => format!("there is only {}", known[0]),
        more if more > SHOWN => format!("there are {} and {} more", known[..SHOWN].join(", "), more - SHOWN),
        _ => format!("there are {}", known.join(", ")),
    }
}
