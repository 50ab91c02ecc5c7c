//! Protocols across entries: ingress listeners and the services behind them, and defaults that undo each other.

use super::{Finding, Level, codes};
use crate::decide::chain::{View, is_http_like};
use crate::id::ServiceKey;
use crate::model::entry::{Entries, EntryKind, EntryRef};

/// What a listener must know of a service's chain; the chains themselves are too big to be kept for all services at once.
#[derive(Clone, Debug)]
pub(super) struct Spoken {
    /// The chain's protocol.
    pub(super) protocol: String,
    /// Whether neither router nor splitter stands before the resolver.
    pub(super) plain: bool,
}

/// Listeners against the chains of their services, then service-defaults that turn http services into tcp ones.
pub(super) fn check<'a>(entries: &Entries, spoken: impl Fn(&str) -> Option<&'a Spoken>) -> Vec<Finding> {
    let mut findings = listeners(entries, spoken);
    findings.extend(forgotten(entries));
    findings
}

fn listeners<'a>(entries: &Entries, spoken: impl Fn(&str) -> Option<&'a Spoken>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for gateway in entries.ingress_gateways.values() {
        let entry = EntryRef::new(EntryKind::IngressGateway, &gateway.common.name);
        for (l, listener) in gateway.listeners.iter().enumerate() {
            for (s, service) in listener.services.iter().enumerate() {
                let Some(chain) = spoken(&ServiceKey::text(&service.name)) else { continue };
                if chain.protocol == listener.protocol {
                    continue;
                }
                let rule = entry.at(format!("Listeners[{l}].Services[{s}].Name"));
                let message = format!(
                    "service {:?} has protocol {:?}, which does not match defined listener protocol {:?}",
                    service.name, chain.protocol, listener.protocol
                );
                // A tcp listener passes the bytes of any service that has neither router nor splitter.
                let level = if listener.protocol == "tcp" && chain.plain { Level::Warning } else { Level::Error };
                let finding = Finding::new(codes::LISTENER_PROTOCOL, level, rule, message);
                findings.push(match level {
                    Level::Warning => finding.help("it is served as bytes; a Consul refuses to write the gateway like this, but keeps it"),
                    _ => finding.help("change the listener's Protocol, or the service's in its service-defaults"),
                });
            }
        }
    }
    findings
}

/// An entry without Protocol beats proxy-defaults with one (semantics 4.3): mostly nobody meant it.
fn forgotten(entries: &Entries) -> Vec<Finding> {
    let Some(global) = View::of(entries).proxy_defaults().filter(|d| is_http_like(&d.protocol)) else { return Vec::new() };
    let silent = entries.service_defaults.values().filter(|d| d.protocol.is_empty());
    let finding = |name: &str| {
        let message = format!(
            "service {name:?} speaks tcp: its service-defaults have no Protocol, and so {:?} of proxy-defaults is lost",
            global.protocol
        );
        Finding::new(codes::PROTOCOL_UNSET, Level::Warning, EntryRef::new(EntryKind::ServiceDefaults, name).at(""), message)
            .help(format!("write Protocol = \"{}\", or Protocol = \"tcp\" if that is meant", global.protocol))
            .related([EntryRef::new(EntryKind::ProxyDefaults, "global").at("Config.protocol")])
    };
    silent.map(|d| finding(&d.common.name)).collect()
}
