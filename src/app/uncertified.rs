//! Listeners that begin with TLS, and hosts of theirs, for which there is no certificate.

use crate::id::{ListenerName, ServiceKey};
use crate::model::entry::certified_name;
use crate::model::gateway::GatewayKind;
use crate::model::resources::Resources;
use crate::tls::Credentials;

/// What can be done about it.
const HELP: &str = "name the gRPC port of a Consul server (--grpc-addr, CONSUL_GRPC_ADDR), whose CA certifies hosts, or give a [[certificate]] \
                    in gw.toml";

/// Hosts that are named in a sentence.
const SHOWN: usize = 5;

/// What is wrong, a sentence each.
pub(super) fn uncertified(resources: &Resources, credentials: &Credentials) -> Vec<String> {
    let gateway = &resources.gateway;
    let entry = resources.entries.ingress_gateways.get(&ServiceKey::of(&gateway.name));
    let Some(entry) = entry.filter(|_| gateway.kind == GatewayKind::Ingress) else { return Vec::new() };
    let mut out = Vec::new();
    for listener in entry.listeners.iter().filter(|listener| entry.begins_with_tls(listener)) {
        let name = ListenerName::of(&gateway.name, listener.port);
        if !credentials.shows_something() {
            out.push(format!("listener {name} begins with TLS, and there is no certificate to show, so that no handshake ends well: {HELP}"));
            continue;
        }
        let hosts = listener.services.iter().flat_map(|service| &service.hosts).filter_map(|host| certified_name(host));
        let mut without: Vec<String> = hosts.filter(|host| !credentials.certifies(host)).collect();
        without.dedup();
        if !without.is_empty() {
            let more = without.len().saturating_sub(SHOWN);
            let hosts = without[..without.len() - more].join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() };
            out.push(format!("listener {name}: no certificate is for {hosts}, and the first one is shown there, which clients refuse: {HELP}"));
        }
    }
    out
}
