//! Hosts of an ingress listener that are one and the same: Consul compares them byte for byte, requests do not.

use std::collections::HashMap;

use super::{Finding, Level, codes};
use crate::model::entry::{Entries, EntryKind, EntryRef, IngressListener, RuleRef};

/// Every host that another service of the listener, or the same one, has already.
pub(super) fn check(entries: &Entries) -> Vec<Finding> {
    let mut findings = Vec::new();
    for gateway in entries.ingress_gateways.values() {
        let entry = EntryRef::new(EntryKind::IngressGateway, &gateway.common.name);
        for (l, listener) in gateway.listeners.iter().enumerate().filter(|(_, l)| l.protocol != "tcp") {
            findings.extend(on_listener(&entry, l, listener));
        }
    }
    findings
}

fn on_listener(entry: &EntryRef, l: usize, listener: &IngressListener) -> Vec<Finding> {
    let mut first: HashMap<String, RuleRef> = HashMap::new();
    let mut findings = Vec::new();
    for (s, service) in listener.services.iter().enumerate().filter(|(_, s)| s.name != "*") {
        let default = format!("{}.ingress.*", service.name);
        let named = service.hosts.iter().enumerate().map(|(h, host)| (host.as_str(), format!("Listeners[{l}].Services[{s}].Hosts[{h}]")));
        let unnamed = service.hosts.is_empty().then(|| (default.as_str(), format!("Listeners[{l}].Services[{s}].Name")));
        for (host, path) in named.chain(unnamed) {
            let rule = entry.at(path);
            match first.get(&plain(host, listener.port)) {
                Some(earlier) => findings.push(
                    Finding::new(
                        codes::HOST_TWICE,
                        Level::Finding,
                        rule,
                        format!("host {host:?} is on this listener already, and the earlier one gets its requests"),
                    )
                    .help("give each host of a listener to one service; case and the listener's own port make no difference")
                    .related([earlier.clone()]),
                ),
                None => drop(first.insert(plain(host, listener.port), rule)),
            }
        }
    }
    findings
}

/// A host as requests see it: without case, and without the listener's own port, which goes without saying.
fn plain(host: &str, port: i64) -> String {
    let host = host.to_lowercase();
    match host.strip_suffix(&format!(":{port}")) {
        Some(bare) => bare.to_owned(),
        None => host,
    }
}
