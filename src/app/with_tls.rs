//! Listeners of ingress gateways that begin with TLS: what they speak, and for which of their hosts there is no certificate.

use crate::id::{ListenerName, ServiceKey};
use crate::model::entry::{IngressGateway, IngressListener, TlsParameters, certified_name};
use crate::model::gateway::GatewayKind;
use crate::model::resources::Resources;
use crate::tls::Credentials;

/// What can be done about it.
const HELP: &str = "name the gRPC port of a Consul server (--grpc-addr, CONSUL_GRPC_ADDR), whose CA certifies hosts, or give a [[certificate]] \
                    in gw.toml";

/// Hosts that are named in a sentence.
const SHOWN: usize = 5;

/// Versions and suites of the listeners whose entry says something about them.
pub(super) fn spoken(resources: &Resources) -> Vec<(ListenerName, TlsParameters)> {
    let all = with_tls(resources).map(|(name, entry, listener)| (name, entry.tls_parameters(listener)));
    all.filter(|(_, said)| *said != TlsParameters::default()).collect()
}

fn with_tls(resources: &Resources) -> impl Iterator<Item = (ListenerName, &IngressGateway, &IngressListener)> {
    let gateway = &resources.gateway;
    let entry = resources.entries.ingress_gateways.get(&ServiceKey::of(&gateway.name));
    let entry = entry.filter(|_| gateway.kind == GatewayKind::Ingress).into_iter();
    entry.flat_map(|entry| {
        let begins = entry.listeners.iter().filter(|listener| entry.begins_with_tls(listener));
        begins.map(|listener| (ListenerName::of(&resources.gateway.name, listener.port), &**entry, listener))
    })
}

/// What is wrong, a sentence each.
pub(super) fn uncertified(resources: &Resources, credentials: &Credentials) -> Vec<String> {
    let mut out = Vec::new();
    for (name, _, listener) in with_tls(resources) {
        if !credentials.shows_something() {
            out.push(format!(
                "listener {name} begins with TLS, and there is no certificate to show, so that no handshake ends well: {HELP}"
            ));
            continue;
        }
        let hosts = listener.services.iter().flat_map(|service| &service.hosts).filter_map(|host| certified_name(host));
        let mut without: Vec<String> = hosts.filter(|host| !credentials.certifies(host)).collect();
        without.dedup();
        if !without.is_empty() {
            let more = without.len().saturating_sub(SHOWN);
            let hosts = without[..without.len() - more].join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() };
            out.push(format!(
                "listener {name}: no certificate is for {hosts}, and the first one is shown there, which clients refuse: {HELP}"
            ));
        }
    }
    out
}
