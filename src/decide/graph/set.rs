//! A whole set at once, for `gw config validate`: every chain must compile, in whatever order the entries are written.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::check::is_plain;
use super::circles::circle_of;
use super::protocols::Spoken;
use super::{Finding, Level, codes, hosts, protocols, shadow, spelling};
use crate::decide::chain::{self, ChainError, Compiled, Crash, Failure, Overrides, Question, View};
use crate::decide::links;
use crate::id::{ServiceKey, TargetId, TrustDomain};
use crate::model::entry::{Entries, EntryKind, EntryRef, RuleRef};

/// The datacenter that the set is looked at in: the one Consul takes when it checks writes.
const DATACENTER: &str = "dc1";

/// What is wrong with a set, and what is odd: errors first, each once, however many chains it is part of.
pub fn check_set(entries: &Entries) -> Vec<Finding> {
    let (chains, mut findings) = compile_all(entries);
    findings.extend(protocols::check(entries, &chains));
    findings.extend(hosts::check(entries));
    findings.extend(entries.routers.values().flat_map(|r| shadow::check(r)));
    findings.extend(spelling::check(entries));
    let mut seen = HashSet::new();
    findings.retain(|f| seen.insert((f.code, f.rule.clone(), f.message.clone())));
    findings.sort_by_key(|f| f.level);
    findings
}

/// Compiles the chains of all services, but for those that are part of another one: what the served ones speak, and what is wrong.
fn compile_all(entries: &Entries) -> (BTreeMap<ServiceKey, Spoken>, Vec<Finding>) {
    let (mut chains, mut findings) = (BTreeMap::new(), Vec::new());
    let mut circles = HashSet::new();
    let mut proven: HashSet<String> = HashSet::new();
    let gateways = entries.ingress_gateways.values();
    let served: HashSet<ServiceKey> = gateways.flat_map(|g| links::of_ingress(g)).map(|l| ServiceKey::of(l.service)).collect();
    for (key, service) in outside_in(entries) {
        if is_part(entries, &key, service, &proven, &served) {
            continue;
        }
        match compile(entries, service) {
            Ok(compiled) => {
                findings.extend(compiled.crashes.iter().map(crash));
                proven.extend(compiled.passed);
                if served.contains(&key) {
                    let plain = is_plain(&compiled.chain);
                    chains.insert(key, Spoken { protocol: compiled.chain.protocol, plain });
                }
            }
            Err(failure) => {
                let (error, rule) = failure.into_parts();
                if let ChainError::CircularRedirect(passed) = &error {
                    proven.extend(passed.iter().cloned());
                }
                // Every service of a circle finds it; once is enough.
                if circle_of(&error).is_none_or(|circle| circles.insert(circle)) {
                    findings.push(broken(&error, rule, service));
                }
                if matches!(error, ChainError::TooManyLegs { .. }) {
                    break; // all the others that lead there would take as long
                }
            }
        }
    }
    (chains, findings)
}

/// Whether a service is only a resolver that the chain of another one has passed, and so was looked at with it. Chains of
/// redirects would otherwise be walked from every one of their services.
fn is_part(entries: &Entries, key: &ServiceKey, service: &str, proven: &HashSet<String>, served: &HashSet<ServiceKey>) -> bool {
    let shaped = entries.routers.contains_key(key) || entries.splitters.contains_key(key);
    !shaped && proven.contains(&TargetId::service(service, DATACENTER).to_string()) && !served.contains(key)
}

/// All services, those that no resolver names before the others.
fn outside_in(entries: &Entries) -> Vec<(ServiceKey, &str)> {
    let inner: HashSet<ServiceKey> =
        entries.resolvers.values().flat_map(|r| links::of_resolver(r)).map(|l| ServiceKey::of(l.service)).collect();
    let mut services: Vec<_> = services(entries).into_iter().collect();
    services.sort_by_key(|(key, _)| inner.contains(key));
    services
}

/// Every service that an entry shapes, or that an ingress gateway serves, in the spelling of that entry.
fn services(entries: &Entries) -> BTreeMap<ServiceKey, &str> {
    let Entries { routers, splitters, resolvers, ingress_gateways, .. } = entries;
    let mut services = BTreeMap::new();
    let gateways = ingress_gateways.values();
    services.extend(gateways.flat_map(|g| links::of_ingress(g)).map(|l| (ServiceKey::of(l.service), l.service)));
    services.extend(resolvers.iter().map(|(k, e)| (k.clone(), e.common.name.as_str())));
    services.extend(splitters.iter().map(|(k, e)| (k.clone(), e.common.name.as_str())));
    services.extend(routers.iter().map(|(k, e)| (k.clone(), e.common.name.as_str())));
    services
}

fn compile(entries: &Entries, service: &str) -> Result<Compiled, Failure> {
    let trust_domain = &TrustDomain::new("check.consul");
    let question = Question { service, datacenter: DATACENTER, trust_domain, overrides: Overrides::default() };
    chain::compile_in(View::of(entries), &question)
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
