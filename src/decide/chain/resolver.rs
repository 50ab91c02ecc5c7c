//! Targets and the resolvers that lead to them: redirects, default subsets, failover (semantics 4.4 to 4.6).

use std::collections::HashSet;
use std::sync::Arc;

use super::Failure;
use super::assembly::Assembly;
use super::reads::services_read;
use crate::decide::chain::ChainError;
use crate::id::{DEFAULT_NAMESPACE, DEFAULT_PARTITION, TargetId, service_sni};
use crate::model::chain::{ChainFailover, ChainNode, ChainResolver, ChainTarget, NodeKey};
use crate::model::duration::GoDuration;
use crate::model::entry::{EntryKind, EntryRef, Failover, FailoverTarget, Redirect, RuleRef, ServiceDefaults, ServiceResolver, Subset};

/// Where no resolver says otherwise.
const CONNECT_TIMEOUT: GoDuration = GoDuration::from_secs(5);

/// What a redirect or a failover leg says about a target; empty is nothing.
#[derive(Clone, Copy, Default)]
struct Rewrite<'a> {
    service: &'a str,
    subset: &'a str,
    namespace: &'a str,
    partition: &'a str,
    datacenter: &'a str,
    peer: &'a str,
}

/// The end of a walk over redirects and default subsets.
struct Arrival<'a> {
    target: TargetId,
    entry: Option<&'a ServiceResolver>,
    /// The ids on the way, the last one included.
    passed: Vec<String>,
    rules: Vec<RuleRef>,
}

enum Walk<'a> {
    /// At a node that exists.
    Known(NodeKey),
    /// At a target without a node.
    New(Arrival<'a>),
}

/// Whether an id was passed before. Most ways are short; of a long one the ids are indexed.
#[derive(Default)]
struct Seen(HashSet<String>);

impl Seen {
    fn has(&mut self, passed: &[String], id: &str) -> bool {
        const SHORT: usize = 8;
        if passed.len() < SHORT {
            return passed.iter().any(|p| p == id);
        }
        self.0.extend(passed[self.0.len()..].iter().cloned());
        self.0.contains(id)
    }
}

impl<'a> Assembly<'a> {
    /// The resolver node that a target ends in.
    pub(super) fn resolver(&mut self, target: TargetId) -> Result<NodeKey, Failure> {
        let arrival = match self.walk(target)? {
            Walk::Known(key) => return Ok(key),
            Walk::New(arrival) => arrival,
        };
        let key = arrival.target.after("resolver:");
        let mut node = self.settle(&arrival)?;
        if let Some(entry) = arrival.entry {
            node.failover = self.failover(&arrival.target, entry)?;
        }
        for id in arrival.passed {
            self.arrivals.insert(id, key.clone());
        }
        self.nodes.insert(key.clone(), ChainNode::Resolver(Box::new(node)));
        Ok(key)
    }

    /// Follows redirects and default subsets to their end.
    fn walk(&mut self, mut target: TargetId) -> Result<Walk<'a>, Failure> {
        let mut passed: Vec<String> = Vec::new();
        let mut seen = Seen::default();
        let mut rules = Vec::new();
        loop {
            let id = target.text();
            if let Some(key) = self.arrivals.get(&id) {
                return Ok(Walk::Known(key.clone()));
            }
            if target.peer.is_empty() {
                self.record_protocol(&target.service)?;
            }
            let again = seen.has(&passed, &id);
            passed.push(id);
            if again {
                return self.fail(ChainError::CircularRedirect(passed));
            }
            let entry = self.resolver_of(&target);
            let Some(resolver) = entry else { return self.arrive(target, entry, passed, rules) };
            let name = EntryRef::new(EntryKind::ServiceResolver, &resolver.common.name);
            if let Some(redirect) = &resolver.redirect {
                let redirected = self.rewritten(&target, Rewrite::redirect(redirect));
                // A redirect to the target itself is passed over.
                if !same_id(&redirected, &target) {
                    let rule = name.at("Redirect");
                    self.here = Some((rule.clone(), ""));
                    rules.push(rule);
                    target = redirected;
                    continue;
                }
            }
            if target.subset.is_empty() && !resolver.default_subset.is_empty() {
                let rule = name.at("DefaultSubset");
                self.here = Some((rule.clone(), ""));
                rules.push(rule);
                target = self.rewritten(&target, Rewrite { subset: &resolver.default_subset, ..Rewrite::default() });
                continue;
            }
            rules.push(if target.subset.is_empty() { name.whole() } else { name.at(format!("Subsets.{}", target.subset)) });
            return self.arrive(target, entry, passed, rules);
        }
    }

    /// The entries of a target's name count, at a peer too, but only where Consul has read them for this chain.
    fn resolver_of(&mut self, target: &TargetId) -> Option<&'a ServiceResolver> {
        if self.is_read(target) { self.view.resolver(&target.service).map(AsRef::as_ref) } else { None }
    }

    fn defaults_of(&mut self, target: &TargetId) -> Option<&'a ServiceDefaults> {
        if self.is_read(target) { self.view.service_defaults(&target.service).map(AsRef::as_ref) } else { None }
    }

    fn is_read(&mut self, target: &TargetId) -> bool {
        if target.peer.is_empty() {
            return true;
        }
        let (view, service) = (self.view, self.question.service);
        self.read.get_or_insert_with(|| services_read(view, service)).contains(&*target.service)
    }

    fn arrive(
        &self,
        target: TargetId,
        entry: Option<&'a ServiceResolver>,
        passed: Vec<String>,
        rules: Vec<RuleRef>,
    ) -> Result<Walk<'a>, Failure> {
        if !target.subset.is_empty() && !entry.is_some_and(|e| e.subsets.contains_key(&*target.subset)) {
            return self.fail(ChainError::MissingSubset { service: target.service.to_string(), subset: target.subset.to_string() });
        }
        Ok(Walk::New(Arrival { target, entry, passed, rules }))
    }

    /// Keeps a target and makes the node that leads to it, without failover.
    fn settle(&mut self, arrival: &Arrival<'a>) -> Result<ChainResolver, Failure> {
        let Arrival { target, entry, rules, .. } = arrival;
        let mut connect_timeout = entry.map(|e| e.connect_timeout).filter(|t| *t > GoDuration::ZERO).unwrap_or(CONNECT_TIMEOUT);
        let wanted = self.question.overrides.connect_timeout;
        if wanted > GoDuration::ZERO && wanted != connect_timeout {
            connect_timeout = wanted;
            self.customized.connect_timeout = true;
        }
        let kept = self.target(target, *entry, connect_timeout)?;
        self.targets.insert(target.clone(), kept);
        Ok(ChainResolver {
            name: target.text(),
            default: entry.is_none_or(says_nothing),
            connect_timeout,
            request_timeout: entry.map(|e| e.request_timeout).unwrap_or_default(),
            target: Some(target.clone()),
            failover: None,
            load_balancer: entry.and_then(|e| e.load_balancer.clone()),
            rules: rules.clone(),
        })
    }

    fn target(&mut self, id: &TargetId, entry: Option<&ServiceResolver>, connect_timeout: GoDuration) -> Result<ChainTarget, Failure> {
        let sni = if id.peer.is_empty() { service_sni(id, self.question.trust_domain) } else { String::new() };
        let (own, all) = (self.defaults_of(id), self.view.proxy_defaults());
        let subset = entry.and_then(|e| e.subsets.get(&*id.subset)).cloned();
        let mut target = ChainTarget {
            id: id.clone(),
            mesh_gateway: String::new(),
            subset: subset.unwrap_or_else(Subset::default),
            connect_timeout,
            external: false,
            sni: sni.clone(),
            name: sni,
            dialed_directly: false,
        };
        if let Some(defaults) = own.filter(|d| !d.external_sni.is_empty()) {
            target.sni.clone_from(&defaults.external_sni);
            target.external = true;
            if let Some(what) = entry.and_then(forbidden_outside) {
                let rule = EntryRef::new(EntryKind::ServiceDefaults, &defaults.common.name).at("ExternalSNI");
                let error = ChainError::External { service: id.service.to_string(), what };
                return Err(Failure::new(error, Some(rule)));
            }
            return Ok(target);
        }
        let dialed = [own.map(|d| &d.transparent_proxy), all.map(|d| &d.transparent_proxy)];
        target.dialed_directly = dialed.into_iter().flatten().any(|t| t.dialed_directly);
        let modes = [own.map(|d| &d.mesh_gateway), all.map(|d| &d.mesh_gateway)];
        target.mesh_gateway = modes.into_iter().flatten().find(|m| !m.is_empty()).cloned().unwrap_or_default();
        let wanted = &self.question.overrides.mesh_gateway;
        if !wanted.is_empty() && *wanted != target.mesh_gateway {
            target.mesh_gateway.clone_from(wanted);
            self.customized.mesh_gateway = true;
        }
        Ok(target)
    }

    /// The legs of the section that covers a target. Their own failover is not looked at.
    fn failover(&mut self, target: &TargetId, entry: &'a ServiceResolver) -> Result<Option<ChainFailover>, Failure> {
        let Some((section, failover)) = section(entry, &target.subset) else { return Ok(None) };
        let rule = EntryRef::new(EntryKind::ServiceResolver, &entry.common.name).at(format!("Failover.{section}"));
        let mut targets = Vec::new();
        for leg in legs(failover) {
            let leg = self.rewritten(target, leg);
            // Before its own redirects: a leg that comes back over them stays (semantics 4.6).
            if same_id(&leg, target) {
                continue;
            }
            self.here = Some((rule.clone(), ""));
            let arrived = match self.walk(leg)? {
                Walk::Known(key) => match self.nodes.get(&key) {
                    Some(ChainNode::Resolver(node)) => node.target.clone(),
                    _ => None,
                },
                Walk::New(arrival) => self.settle(&arrival)?.target,
            };
            targets.extend(arrived);
        }
        if targets.is_empty() {
            return Ok(None);
        }
        let policy = failover.policy.as_ref().or_else(|| self.view.proxy_defaults()?.failover_policy.as_ref());
        Ok(Some(ChainFailover { targets, policy: policy.cloned(), rule: Some(rule) }))
    }

    /// Semantics 4.5. Another service leaves the subset behind; a peer is never kept.
    fn rewritten(&mut self, from: &TargetId, by: Rewrite<'_>) -> TargetId {
        let mut target = from.clone();
        if !by.service.is_empty() && *by.service != *target.service {
            target.service = by.service.into();
            target.subset = "".into();
        }
        for (given, part) in
            [(by.subset, &mut target.subset), (by.partition, &mut target.partition), (by.datacenter, &mut target.datacenter)]
        {
            if !given.is_empty() {
                *part = given.into();
            }
        }
        if !by.namespace.is_empty() || !by.peer.is_empty() {
            target.namespace = by.namespace.into();
        }
        target.peer = by.peer.into();
        let or_default = |part: &mut Arc<str>, default: &str| {
            if part.is_empty() {
                *part = default.into();
            }
        };
        or_default(&mut target.namespace, DEFAULT_NAMESPACE);
        if target.peer.is_empty() {
            or_default(&mut target.partition, DEFAULT_PARTITION);
            or_default(&mut target.datacenter, self.question.datacenter);
            return target;
        }
        target.datacenter = "".into();
        target.partition = DEFAULT_PARTITION.into();
        self.at_peers.entry(target.to_string()).or_insert(target).clone()
    }
}

impl<'a> Rewrite<'a> {
    fn redirect(r: &'a Redirect) -> Self {
        let Redirect { service, service_subset: subset, namespace, partition, datacenter, peer, .. } = r;
        Self { service, subset, namespace, partition, datacenter, peer }
    }

    fn leg(t: &'a FailoverTarget) -> Self {
        let FailoverTarget { service, service_subset: subset, namespace, partition, datacenter, peer } = t;
        Self { service, subset, namespace, partition, datacenter, peer }
    }
}

/// The section of a subset, else the one for all; the service as a whole has no key of its own.
fn section<'a>(entry: &'a ServiceResolver, subset: &str) -> Option<(&'a str, &'a Failover)> {
    let found = entry.failover.get_key_value(subset).or_else(|| entry.failover.get_key_value("*"));
    found.map(|(key, failover)| (key.as_str(), failover))
}

/// What a section lists: datacenters, else targets, else the section itself is the one leg.
fn legs(failover: &Failover) -> Vec<Rewrite<'_>> {
    let Failover { service, service_subset: subset, namespace, datacenters, targets, .. } = failover;
    let whole = Rewrite { service, subset, namespace, ..Rewrite::default() };
    if !datacenters.is_empty() {
        return datacenters.iter().map(|datacenter| Rewrite { datacenter, ..whole }).collect();
    }
    if !targets.is_empty() {
        return targets.iter().map(Rewrite::leg).collect();
    }
    vec![whole]
}

/// Ids are what Consul tells targets apart by; those at a peer name no subset.
fn same_id(a: &TargetId, b: &TargetId) -> bool {
    let subset = a.subset == b.subset || !a.peer.is_empty();
    fn parts(t: &TargetId) -> [&str; 5] {
        [&t.service, &t.namespace, &t.partition, &t.datacenter, &t.peer]
    }
    subset && parts(a) == parts(b)
}

/// Whether a resolver is a default one (semantics 3.3); Meta does not count.
fn says_nothing(entry: &ServiceResolver) -> bool {
    let ServiceResolver {
        common: _,
        default_subset,
        subsets,
        redirect,
        failover,
        connect_timeout,
        request_timeout,
        load_balancer,
        prioritize_by_locality,
    } = entry;
    default_subset.is_empty()
        && subsets.is_empty()
        && redirect.is_none()
        && failover.is_empty()
        && connect_timeout.is_zero()
        && request_timeout.is_zero()
        && load_balancer.is_none()
        && prioritize_by_locality.is_none()
}

/// What a resolver must not say of a service outside the mesh.
fn forbidden_outside(entry: &ServiceResolver) -> Option<&'static str> {
    match entry {
        ServiceResolver { redirect: Some(_), .. } => Some("redirects"),
        ServiceResolver { subsets, .. } if !subsets.is_empty() => Some("subsets"),
        ServiceResolver { failover, .. } if !failover.is_empty() => Some("failover"),
        _ => None,
    }
}
