//! A whole set at once, for `gw config validate`: every chain must compile, in whatever order the entries are written.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::circles::circle_of;
use super::judged::{Judged, whole_service};
use super::{Finding, GraphError, Level, codes, exported, hosts, intentions, protocols, spelling};
use crate::decide::chain::{ChainError, Crash, View};
use crate::decide::changes::Changes;
use crate::decide::links;
use crate::id::{ServiceKey, Table};
use crate::model::entry::{Entries, EntryKind, EntryRef, IngressGateway, RuleRef};

/// Checks a set again and again, with the findings that [`check_set`] has. Of a service nothing is looked at again whose entries
/// are the very same as the last time, with those of all services that it leads to.
#[derive(Debug, Default)]
pub struct Checker {
    last: Option<(Arc<Entries>, Vec<Finding>)>,
    /// By their keys, in order.
    services: Vec<(ServiceKey, Judged)>,
    /// The gateways with what is wrong with their hosts.
    gateways: Vec<(Arc<IngressGateway>, Vec<Finding>)>,
}

/// What is wrong with a set, and what is odd: errors first, each once, however many chains it is part of.
pub fn check_set(entries: &Entries) -> Vec<Finding> {
    Checker::default().check(entries)
}

impl Checker {
    /// What is wrong with a set now.
    pub fn check_set(&mut self, entries: &Arc<Entries>) -> Vec<Finding> {
        if let Some((_, findings)) = self.last.as_ref().filter(|(last, _)| Arc::ptr_eq(last, entries)) {
            return findings.clone();
        }
        let changes = self.last.as_ref().map_or(Changes::Everything, |(last, _)| Changes::between(entries, last));
        self.services.retain(|(_, judged)| !judged.concerns(&changes));
        let findings = self.check(entries);
        self.last = Some((entries.clone(), findings.clone()));
        findings
    }

    fn check(&mut self, entries: &Entries) -> Vec<Finding> {
        let services = services(entries);
        self.judge(entries, &services);
        let numbers: Table<&str, usize> = services.iter().enumerate().map(|(n, (key, _))| (&**key, n)).collect();
        let mut findings = self.compile_all(entries, &services, &served(entries, &numbers));
        findings.extend(protocols::check(entries, |key| self.services[*numbers.get(key)?].1.spoken()));
        findings.extend(intentions::check_set(entries, |name| match numbers.get(&*ServiceKey::text(name)) {
            Some(number) => self.services[*number].1.spoken().map(|spoken| Cow::Borrowed(spoken.protocol.as_str())),
            None => Some(View::of(entries).protocol(name)),
        }));
        findings.extend(one_name(entries));
        findings.extend(exported::check_set(entries));
        findings.extend(self.hosts(entries));
        let odd: Vec<_> = self.services.iter().filter_map(|(_, judged)| judged.odd()).collect();
        findings.extend(odd.iter().flat_map(|odd| odd.shadows.iter().cloned()));
        for part in 0..3 {
            findings.extend(odd.iter().flat_map(|odd| odd.spellings[part].iter().cloned()));
        }
        findings.extend(entries.ingress_gateways.values().flat_map(|g| spelling::of_ingress(entries, g)));
        findings.extend(entries.terminating_gateways.values().flat_map(|g| spelling::of_terminating(entries, g)));
        findings.extend(entries.intentions.values().flat_map(|i| spelling::of_intentions(entries, i)));
        let mut seen = HashSet::new();
        findings.retain(|f| seen.insert((f.code, f.rule.clone(), f.message.clone())));
        findings.sort_by_key(|f| f.level);
        findings
    }

    /// Looks at every service for itself, but for those that were looked at; forgets those that are gone. Both lists are in the
    /// order of the keys.
    fn judge(&mut self, entries: &Entries, services: &[(Cow<'_, str>, &str)]) {
        let mut known = std::mem::take(&mut self.services).into_iter().peekable();
        self.services.reserve_exact(services.len());
        for (key, service) in services {
            while known.next_if(|(last, _)| last.as_str() < &**key).is_some() {}
            let same = known.next_if(|(last, judged)| last.as_str() == &**key && judged.is_of(service));
            self.services.push(same.unwrap_or_else(|| Judged::look(entries, service)));
        }
    }

    /// Compiles the chains of all services, but for those that are part of another one, and says what is wrong.
    fn compile_all(&mut self, entries: &Entries, services: &[(Cow<'_, str>, &str)], served: &[bool]) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut circles = HashSet::new();
        let mut proven: HashSet<String> = HashSet::new();
        let order = outside_in(entries, services);
        let mut left = order.iter();
        for number in left.by_ref() {
            let ((key, service), (_, judged)) = (&services[*number], &mut self.services[*number]);
            if is_part(entries, key, service, &proven) && !served[*number] {
                continue;
            }
            if let Err(failure) = judged.compile(entries, service) {
                let (error, rule) = &**failure;
                if let ChainError::CircularRedirect(passed) = error {
                    proven.extend(passed.iter().cloned());
                }
                // Every service of a circle finds it; once is enough.
                if circle_of(error).is_none_or(|circle| circles.insert(circle)) {
                    findings.push(broken(error, rule.clone(), service));
                }
                if matches!(error, ChainError::TooManyLegs { .. }) {
                    break; // all the others that lead there would take as long
                }
            } else if let Some(odd) = judged.odd() {
                findings.extend(odd.crashes.iter().map(crash));
                proven.extend(odd.passed.iter().cloned());
            }
        }
        // Of those that were not looked at nothing is known, whatever was known of them before.
        left.for_each(|number| self.services[*number].1.forget_chain());
        findings
    }

    fn hosts(&mut self, entries: &Entries) -> Vec<Finding> {
        let mut known = std::mem::take(&mut self.gateways);
        for gateway in entries.ingress_gateways.values() {
            let same = known.iter().position(|(g, _)| Arc::ptr_eq(g, gateway));
            self.gateways.push(same.map_or_else(|| (gateway.clone(), hosts::check(gateway)), |at| known.swap_remove(at)));
        }
        self.gateways.iter().flat_map(|(_, findings)| findings.iter().cloned()).collect()
    }
}

/// Ingress and terminating gateways of one name.
fn one_name(entries: &Entries) -> impl Iterator<Item = Finding> {
    entries.terminating_gateways.iter().filter_map(|(key, gateway)| {
        let (kind, other) = (EntryKind::TerminatingGateway, EntryKind::IngressGateway);
        let ingress = entries.ingress_gateways.get(key)?;
        let name = &gateway.common.name;
        let error = GraphError::GatewayName { kind, name: name.clone(), other };
        let finding = Finding::new(codes::GATEWAY_NAME, Level::Error, EntryRef::new(kind, name).at("Name"), error.to_string());
        Some(finding.help("give one of them another name").related([EntryRef::new(other, &ingress.common.name).at("Name")]))
    })
}

/// Which of the services stand behind an ingress gateway.
fn served(entries: &Entries, numbers: &Table<&str, usize>) -> Vec<bool> {
    let mut served = vec![false; numbers.len()];
    for line in entries.ingress_gateways.values().flat_map(|g| links::of_ingress(g)) {
        if let Some(number) = numbers.get(&*ServiceKey::text(line.service)) {
            served[*number] = true;
        }
    }
    served
}

/// Whether a service is only a resolver that the chain of another one has passed, and so was looked at with it. Chains of
/// redirects would otherwise be walked from every one of their services.
fn is_part(entries: &Entries, key: &str, service: &str, proven: &HashSet<String>) -> bool {
    let shaped = entries.routers.contains_key(key) || entries.splitters.contains_key(key);
    !shaped && !proven.is_empty() && proven.contains(&whole_service(service))
}

/// The numbers of all services, of those that no resolver names before the others.
fn outside_in(entries: &Entries, services: &[(Cow<'_, str>, &str)]) -> Vec<usize> {
    let links = entries.resolvers.values().flat_map(|r| links::of_resolver(r));
    let inner: HashSet<Cow<'_, str>> = links.map(|l| ServiceKey::text(l.service)).collect();
    let mut numbers: Vec<usize> = (0..services.len()).collect();
    if !inner.is_empty() {
        numbers.sort_by_key(|n| inner.contains(&services[*n].0));
    }
    numbers
}

/// Every service that an entry shapes, or that an ingress gateway serves, in the order of their keys and in the spelling of that
/// entry: the router's, else the splitter's, the resolver's, the last line's of a gateway.
fn services(entries: &Entries) -> Vec<(Cow<'_, str>, &str)> {
    let Entries { routers, splitters, resolvers, ingress_gateways, .. } = entries;
    let mut services: Vec<(Cow<'_, str>, &str)> = Vec::with_capacity(routers.len() + splitters.len() + resolvers.len());
    services.extend(routers.iter().map(|(k, e)| (Cow::Borrowed(k.as_str()), e.common.name.as_str())));
    services.extend(splitters.iter().map(|(k, e)| (Cow::Borrowed(k.as_str()), e.common.name.as_str())));
    services.extend(resolvers.iter().map(|(k, e)| (Cow::Borrowed(k.as_str()), e.common.name.as_str())));
    let shaped = |key: &str| routers.contains_key(key) || splitters.contains_key(key) || resolvers.contains_key(key);
    let lines = ingress_gateways.values().flat_map(|g| links::of_ingress(g)).map(|l| (ServiceKey::text(l.service), l.service));
    let mut lines: Vec<_> = lines.filter(|(key, _)| !shaped(key)).collect();
    lines.reverse();
    services.extend(lines);
    // Sorting keeps the order of equals, and of equals the first counts.
    services.sort_by(|(a, _), (b, _)| a.cmp(b));
    services.dedup_by(|(later, _), (first, _)| later == first);
    services
}

fn broken(error: &ChainError, rule: Option<RuleRef>, service: &str) -> Finding {
    let rule = rule.unwrap_or_else(|| EntryRef::new(EntryKind::ServiceSplitter, service).at(""));
    let (code, help) = match error {
        ChainError::CircularRedirect(_) => (codes::CIRCULAR_REDIRECT, "let one of these resolvers redirect elsewhere"),
        ChainError::CircularReference(_) => (codes::CIRCULAR_REFERENCE, "let one of these splitters name a subset, or another service"),
        ChainError::InconsistentProtocols { .. } => (
            codes::INCONSISTENT_PROTOCOLS,
            "give all services of a chain the same protocol, in service-defaults or for all in proxy-defaults",
        ),
        ChainError::NoAdvancedRouting { .. } => {
            (codes::NO_ADVANCED_ROUTING, "set Protocol http, http2 or grpc in its service-defaults, or in proxy-defaults")
        }
        ChainError::MissingSubset { .. } => (codes::MISSING_SUBSET, "define the subset in the service-resolver of that service"),
        ChainError::External { .. } => {
            (codes::EXTERNAL, "take the section out of the service-resolver, or ExternalSNI out of the service-defaults")
        }
        ChainError::TooManyLegs { .. } => (codes::TOO_MANY_LEGS, "splitters of splitters multiply: name fewer services on each level"),
    };
    let members = members(error, &rule);
    Finding::new(code, Level::Error, rule, error.to_string()).help(help).related(members)
}

/// The other entries of a circle.
fn members(error: &ChainError, rule: &RuleRef) -> Vec<RuleRef> {
    let (kind, nodes, path) = match error {
        ChainError::CircularRedirect(ids) => (EntryKind::ServiceResolver, ids, "Redirect"),
        ChainError::CircularReference(keys) => (EntryKind::ServiceSplitter, keys, ""),
        _ => return Vec::new(),
    };
    let services = nodes.iter().filter_map(|node| super::circles::service_of(node));
    let rules: BTreeSet<RuleRef> = services.map(|service| EntryRef::new(kind, service).at(path)).collect();
    rules.into_iter().filter(|r| r.entry != rule.entry).collect()
}

fn crash(crash: &Crash) -> Finding {
    let Crash { outer, inner, field } = crash;
    let message =
        format!("the {field} of these nested splits kill a Consul 1.21 server: one has edits without the Add or Set that the other has");
    Finding::new(codes::CRASH, Level::Error, inner.clone(), message)
        .help(format!("give both splits the same kinds of {field}"))
        .related([outer.clone()])
}
