//! Hosts of an ingress listener that are one and the same: Consul compares them byte for byte, requests do not.

use std::borrow::Cow;

use super::{Finding, Level, codes};
use crate::id::Table;
use crate::model::entry::{EntryKind, EntryRef, IngressGateway, IngressListener};

/// Every host that another service of the listener, or the same one, has already.
pub(super) fn check(gateway: &IngressGateway) -> Vec<Finding> {
    let http = gateway.listeners.iter().enumerate().filter(|(_, l)| l.protocol != "tcp");
    http.flat_map(|(l, listener)| on_listener(&gateway.common.name, l, listener)).collect()
}

/// The number of a service, and of one of its hosts; without one it answers to its default host.
type Place = (usize, Option<usize>);

fn on_listener(gateway: &str, l: usize, listener: &IngressListener) -> Vec<Finding> {
    let entry = EntryRef::new(EntryKind::IngressGateway, gateway);
    let rule = |(s, h): Place| match h {
        Some(h) => entry.at(format!("Listeners[{l}].Services[{s}].Hosts[{h}]")),
        None => entry.at(format!("Listeners[{l}].Services[{s}].Name")),
    };
    let own_port = format!(":{}", listener.port);
    let hosts = listener.services.iter().map(|s| s.hosts.len().max(1)).sum();
    let mut first: Table<Cow<'_, str>, Place> = Table::with_capacity_and_hasher(hosts, Default::default());
    let mut findings = Vec::new();
    for (s, service) in listener.services.iter().enumerate().filter(|(_, s)| s.name != "*") {
        let named = service.hosts.iter().enumerate().map(|(h, host)| (Cow::Borrowed(host.as_str()), (s, Some(h))));
        let unnamed = service.hosts.is_empty().then(|| (Cow::Owned(format!("{}.ingress.*", service.name)), (s, None)));
        for (host, place) in named.chain(unnamed) {
            let earlier = *first.entry(plain(host.clone(), &own_port)).or_insert(place);
            if earlier != place {
                findings.push(
                    Finding::new(
                        codes::HOST_TWICE,
                        Level::Finding,
                        rule(place),
                        format!("host {host:?} is on this listener already, and the earlier one gets its requests"),
                    )
                    .help("give each host of a listener to one service; case and the listener's own port make no difference")
                    .related([rule(earlier)]),
                );
            }
        }
    }
    findings
}

/// A host as requests see it: without case, and without the listener's own port, which goes without saying.
fn plain<'a>(host: Cow<'a, str>, own_port: &str) -> Cow<'a, str> {
    let lower = host.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase());
    let host = if lower { host } else { Cow::Owned(host.to_lowercase()) };
    match (host.ends_with(own_port), host) {
        (false, host) => host,
        (true, Cow::Borrowed(text)) => Cow::Borrowed(&text[..text.len() - own_port.len()]),
        (true, Cow::Owned(text)) => Cow::Owned(text[..text.len() - own_port.len()].to_owned()),
    }
}
