//! A service behind a listener: its discovery chain as routes, splits and upstreams.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::uri::PathAndQuery;

use super::target::TargetCompiler;
use crate::decide::chain::{self, Overrides, Question};
use crate::decide::changes::{Changes, DependsOn};
use crate::decide::edits::Edits;
use crate::decide::matcher::Matcher;
use crate::decide::plan::{RetryPolicy, Timeouts};
use crate::decide::routes::{RouteRule, RouteTable};
use crate::decide::snapshot::{CompiledListener, CompiledService, Host, Leg, Next, Policy, Route, Split, Upstream};
use crate::id::{ServiceKey, ServiceName, Table};
use crate::model::chain::{ChainNode, ChainResolver, ChainRoute, ChainSplit, DiscoveryChain};
use crate::model::duration::GoDuration;
use crate::model::entry::{EntryKind, EntryRef, HeaderEdits, IngressGateway, LoadBalancer, RouteDestination, RuleRef};
use crate::model::gateway::Protocol;
use crate::model::resources::{Rejected, Resources};

/// A line of the gateway's entry, by the numbers of its listener and of itself; of a line for every service, which one.
type Line = (usize, usize, Option<ServiceName>);

/// The services of the last compilation.
#[derive(Debug, Default)]
pub(super) struct Memo {
    gateway: Option<Arc<IngressGateway>>,
    services: Table<Line, Remembered>,
    /// The listeners as they were compiled, by their numbers.
    pub(super) listeners: Table<usize, Arc<CompiledListener>>,
    /// How many targets were numbered so far.
    targets: u32,
}

#[derive(Debug)]
struct Remembered {
    depends_on: DependsOn,
    compiled: Option<Arc<CompiledService>>,
    rejected: Vec<Rejected>,
}

impl Memo {
    /// Drops what the changes concern, and what stands in a line of the gateway's entry that is another one now.
    pub(super) fn forget(&mut self, changes: &Changes, gateway: Option<&Arc<IngressGateway>>) {
        let last = std::mem::replace(&mut self.gateway, gateway.cloned());
        let (Some(last), Some(now)) = (&last, gateway) else { return self.services.clear() };
        let all = Arc::ptr_eq(last, now);
        let named = last.common.name == now.common.name;
        let same = |l: usize, s: usize| {
            let (Some(last), Some(now)) = (last.listeners.get(l), now.listeners.get(l)) else { return false };
            named && last.protocol == now.protocol && now.services.get(s).is_some_and(|line| last.services.get(s) == Some(line))
        };
        self.services.retain(|(l, s, _), service| !service.depends_on.is_touched(changes) && (all || same(*l, *s)));
    }
}

/// Compiles services one after the other; targets that they share are built once.
pub(super) struct ServiceCompiler<'a> {
    resources: &'a Resources,
    memo: &'a mut Memo,
    targets: TargetCompiler<'a>,
    rejected: Vec<Rejected>,
}

/// Where a service stands: on which listener, by which line of the entry.
#[derive(Clone, Copy)]
pub(super) struct Behind<'a> {
    /// The gateway's entry.
    pub(super) entry: &'a IngressGateway,
    /// The number of the listener.
    pub(super) listener: usize,
    /// The number of the line.
    pub(super) line: usize,
}

impl Behind<'_> {
    /// `ingress-gateway/edge Listeners[0].Services[1]`
    fn rule(&self) -> RuleRef {
        let entry = EntryRef::new(EntryKind::IngressGateway, &self.entry.common.name);
        entry.at(format!("Listeners[{}].Services[{}]", self.listener, self.line))
    }
}

impl<'a> ServiceCompiler<'a> {
    pub(super) fn new(resources: &'a Resources, memo: &'a mut Memo) -> Self {
        let targets = TargetCompiler::new(resources, memo.targets);
        Self { resources, memo, targets, rejected: Vec::new() }
    }

    pub(super) fn resources(&self) -> &'a Resources {
        self.resources
    }

    pub(super) fn reject(&mut self, what: EntryRef, why: &str) {
        self.rejected.push(Rejected { what, why: why.to_owned() });
    }

    /// The same of a place in an entry, or of all of it.
    fn reject_at(&mut self, rule: &RuleRef, why: &str) {
        let place = if rule.path.is_empty() { String::new() } else { format!("{}: ", rule.path) };
        self.reject(rule.entry.clone(), &(place + why));
    }

    /// The listener of that number as it was the last time.
    pub(super) fn last_listener(&self, number: usize) -> Option<&Arc<CompiledListener>> {
        self.memo.listeners.get(&number)
    }

    /// Makes room for so many lines at once; those that are remembered have theirs.
    pub(super) fn expect(&mut self, lines: usize) {
        let new = lines.saturating_sub(self.memo.services.len());
        self.memo.services.reserve(new);
        self.targets.expect(new);
    }

    /// What was left out; the memo keeps the listeners.
    pub(super) fn finish(self, listeners: Table<usize, Arc<CompiledListener>>) -> Vec<Rejected> {
        self.memo.listeners = listeners;
        self.memo.targets = self.targets.numbered();
        self.rejected
    }

    /// The protocol of a service's chain as its entries say it; `None` where it does not compile.
    pub(super) fn protocol_of(&self, service: &str) -> Option<String> {
        self.chain(service, "").ok().map(|c| c.protocol)
    }

    /// Consul compiles the chains of an ingress with the listener's protocol, so that the service of a tcp listener is passed
    /// through even when it speaks http (semantics 4.9).
    fn chain(&self, service: &str, protocol: &str) -> Result<DiscoveryChain, chain::ChainError> {
        let Resources { datacenter, trust_domain, entries, .. } = self.resources;
        let mesh_gateway = self.mode_towards(service).to_owned();
        let overrides = Overrides { protocol: protocol.to_owned(), mesh_gateway, ..Overrides::default() };
        chain::compile(entries, &Question { service, datacenter: datacenter.as_str(), trust_domain, overrides })
    }

    /// What the gateway's own service-defaults say of the way to a service, before what that service's say (semantics 9).
    fn mode_towards(&self, service: &str) -> &'a str {
        let own = self.resources.entries.service_defaults.get(&*ServiceKey::text(&self.resources.gateway.name));
        let Some(config) = own.and_then(|own| own.upstream_config.as_ref()) else { return "" };
        let key = ServiceKey::text(service);
        let overriding = config.overrides.iter().filter(|o| o.peer.is_empty() && ServiceKey::text(&o.name) == key);
        let modes = overriding.chain(&config.defaults).map(|upstream| upstream.mesh_gateway.as_str());
        modes.into_iter().find(|mode| !mode.is_empty()).unwrap_or_default()
    }

    /// The service of a line, compiled now or the last time; `None`, with a word in `rejected`, where its entries have no chain.
    pub(super) fn named(&mut self, behind: &Behind<'_>) -> Option<Arc<CompiledService>> {
        let line = &behind.entry.listeners[behind.listener].services[behind.line];
        self.compile(behind, None, &line.name, || if line.hosts.is_empty() { vec![default_domain(&line.name)] } else { line.hosts.clone() })
    }

    /// The same of one of all services, where the line means them all.
    pub(super) fn one_of_all(&mut self, behind: &Behind<'_>, name: &ServiceName) -> Option<Arc<CompiledService>> {
        self.compile(behind, Some(name), name.as_str(), || vec![default_domain(name.as_str())])
    }

    fn compile(
        &mut self,
        behind: &Behind<'_>,
        of_all: Option<&ServiceName>,
        name: &str,
        domains: impl FnOnce() -> Vec<String>,
    ) -> Option<Arc<CompiledService>> {
        let key = (behind.listener, behind.line, of_all.cloned());
        if let Some(remembered) = self.memo.services.get(&key) {
            self.rejected.extend(remembered.rejected.iter().cloned());
            return remembered.compiled.clone();
        }
        let before = self.rejected.len();
        let compiled = self.compile_anew(behind, name, domains()).map(Arc::new);
        let rejected = self.rejected[before..].to_vec();
        let depends_on = DependsOn::of(&self.resources.entries, &ServiceKey::of(name));
        self.memo.services.insert(key, Remembered { depends_on, compiled: compiled.clone(), rejected });
        compiled
    }

    fn compile_anew(&mut self, behind: &Behind<'_>, name: &str, domains: Vec<String>) -> Option<CompiledService> {
        let listener = &behind.entry.listeners[behind.listener];
        let (line, rule) = (&listener.services[behind.line], behind.rule());
        let chain = match self.chain(name, &listener.protocol) {
            Ok(chain) => chain,
            Err(e) => {
                self.reject(rule.entry, &format!("{name} is not served: {e}"));
                return None;
            }
        };
        let host = Arc::new(Host {
            service: name.to_owned(),
            domains,
            request_edits: self.edits(line.request_headers.as_deref(), &rule),
            response_edits: self.edits(line.response_headers.as_deref(), &rule),
            rule,
        });
        let mut upstreams = Table::default();
        let rules = match chain.nodes.get(&chain.start_node) {
            Some(ChainNode::Router { routes, .. }) => {
                routes.iter().filter_map(|route| self.route(&host, &chain, route, &mut upstreams)).collect()
            }
            Some(start) => vec![self.only_route(&host, &chain, start, &mut upstreams)?],
            None => Vec::new(),
        };
        Some(CompiledService { host, routes: RouteTable::new(rules), protocol: Protocol::of(&chain.protocol), judge: None })
    }

    /// A route of a router.
    fn route<'c>(
        &mut self,
        host: &Arc<Host>,
        chain: &'c DiscoveryChain,
        route: &'c ChainRoute,
        upstreams: &mut Upstreams<'c>,
    ) -> Option<RouteRule> {
        let definition = &route.definition;
        let mut problems = Vec::new();
        let matcher = Matcher::compile(definition.r#match.as_ref().and_then(|m| m.http.as_ref()), &mut problems);
        for problem in problems {
            self.reject_at(&route.rule, &format!("{problem}; the route matches nothing"));
        }
        let destination = definition.destination.as_ref();
        let compiled = Route {
            host: host.clone(),
            rule: route.rule.clone(),
            request_edits: self.edits(destination.and_then(|d| d.request_headers.as_deref()), &route.rule),
            response_edits: self.edits(destination.and_then(|d| d.response_headers.as_deref()), &route.rule),
            timeouts: destination.map(timeouts).unwrap_or_default(),
            retry: destination.and_then(retry),
            told: OnceLock::new(),
        };
        let rewrite = destination.and_then(|d| self.rewrite(&d.prefix_rewrite, &route.rule));
        let next = self.next(chain, chain.nodes.get(&route.next_node)?, upstreams)?;
        Some(RouteRule { matcher, route: Arc::new(compiled), rewrite, next })
    }

    /// `PrefixRewrite`. Consul takes any text; what no request can be sent to is left out and told.
    fn rewrite(&mut self, to: &str, rule: &RuleRef) -> Option<String> {
        if to.is_empty() || to.starts_with('/') && PathAndQuery::try_from(to).is_ok() {
            return Some(to.to_owned()).filter(|t| !t.is_empty());
        }
        let why = format!("{}.Destination.PrefixRewrite {to:?} is no path that begins with /; the path is sent as it came", rule.path);
        self.reject(rule.entry.clone(), &why);
        None
    }

    /// The one route of a service without router. The resolver's RequestTimeout counts only here (semantics 18.13).
    fn only_route<'c>(
        &mut self,
        host: &Arc<Host>,
        chain: &'c DiscoveryChain,
        start: &'c ChainNode,
        upstreams: &mut Upstreams<'c>,
    ) -> Option<RouteRule> {
        let mut timeouts = Timeouts::default();
        if let ChainNode::Resolver(resolver) = start {
            timeouts.request = resolver.request_timeout.positive().or(timeouts.request);
        }
        let route = Route {
            host: host.clone(),
            rule: host.rule.clone(),
            request_edits: None,
            response_edits: None,
            timeouts,
            retry: None,
            told: OnceLock::new(),
        };
        let next = self.next(chain, start, upstreams)?;
        Some(RouteRule { matcher: Matcher::compile(None, &mut Vec::new()), route: Arc::new(route), rewrite: None, next })
    }

    fn next<'c>(&mut self, chain: &'c DiscoveryChain, node: &'c ChainNode, upstreams: &mut Upstreams<'c>) -> Option<Next> {
        match node {
            ChainNode::Resolver(resolver) => self.upstream(chain, resolver, upstreams).map(Next::Upstream),
            ChainNode::Splitter { splits, .. } => self.split(chain, splits, upstreams).map(|s| Next::Split(Arc::new(s))),
            // Only the top service's router counts, and it is the start (semantics 4.2).
            ChainNode::Router { .. } => None,
        }
    }

    fn split<'c>(&mut self, chain: &'c DiscoveryChain, splits: &'c [ChainSplit], upstreams: &mut Upstreams<'c>) -> Option<Split> {
        let mut legs = Vec::new();
        let mut total = 0u32;
        for split in splits {
            let Some(ChainNode::Resolver(resolver)) = chain.nodes.get(&split.next_node) else { continue };
            let share = (split.weight * 100.0).round() as u32;
            if share == 0 {
                continue;
            }
            total = total.saturating_add(share);
            let rule = split.rules.last();
            let leg = Leg {
                rules: split.rules.clone(),
                request_edits: rule.and_then(|r| self.edits(split.definition.request_headers.as_ref(), r)),
                response_edits: rule.and_then(|r| self.edits(split.definition.response_headers.as_ref(), r)),
            };
            legs.push((total, Arc::new(leg), self.upstream(chain, resolver, upstreams)?));
        }
        (!legs.is_empty()).then_some(Split { legs, total })
    }

    fn upstream<'c>(
        &mut self,
        chain: &'c DiscoveryChain,
        resolver: &'c ChainResolver,
        upstreams: &mut Upstreams<'c>,
    ) -> Option<Arc<Upstream>> {
        if let Some(upstream) = upstreams.get(resolver.name.as_str()) {
            return Some(upstream.clone());
        }
        let protocol = Protocol::of(&chain.protocol);
        let failover = resolver.failover.as_ref();
        let ids = resolver.target.iter().chain(failover.into_iter().flat_map(|f| &f.targets));
        let mut targets = Vec::new();
        for id in ids {
            let Some(target) = chain.targets.get(id) else { continue };
            let target = self.targets.compile(target, protocol, &mut self.rejected);
            let rule = if targets.is_empty() { resolver.rules.last() } else { failover.and_then(|f| f.rule.as_ref()) };
            if let (Some(why), Some(rule)) = (&target.unreached, rule) {
                self.reject_at(rule, &format!("{id} is not reached: {why}"));
            }
            targets.push(target);
        }
        let upstream = Arc::new(Upstream {
            connect_timeout: resolver.connect_timeout.positive().unwrap_or(Duration::from_secs(5)),
            policy: policy(resolver.load_balancer.as_ref(), resolver.rules.last(), &mut self.rejected),
            rules: resolver.rules.as_slice().into(),
            failover_rule: failover.and_then(|f| f.rule.clone()),
            targets,
        });
        (!upstream.targets.is_empty()).then(|| upstreams.entry(resolver.name.as_str()).or_insert(upstream).clone())
    }

    fn edits(&mut self, edits: Option<&HeaderEdits>, rule: &RuleRef) -> Option<Edits> {
        let mut problems = Vec::new();
        let compiled = Edits::compile(edits?, &mut problems);
        for problem in problems {
            self.reject_at(rule, &format!("header {problem}; this edit is left out"));
        }
        Some(compiled)
    }
}

/// How an instance is chosen.
pub(super) fn policy(balancer: Option<&LoadBalancer>, rule: Option<&RuleRef>, rejected: &mut Vec<Rejected>) -> Policy {
    let Some(balancer) = balancer else { return Policy::RoundRobin };
    match balancer.policy.as_str() {
        "random" => Policy::Random,
        "least_request" => {
            let choices = balancer.least_request_config.as_ref().map_or(0, |c| c.choice_count);
            Policy::LeastRequest { choices: if choices == 0 { 2 } else { choices } }
        }
        hashed @ ("ring_hash" | "maglev") => {
            let why = || format!("LoadBalancer.Policy {hashed} is not done yet; instances are drawn at random");
            rejected.extend(rule.map(|rule| Rejected { what: rule.entry.clone(), why: why() }));
            Policy::Random
        }
        _ => Policy::RoundRobin,
    }
}

/// The domain of a service that names none.
fn default_domain(service: &str) -> String {
    format!("{service}.ingress.*")
}

/// The upstreams of one chain, by the names of their resolver nodes.
type Upstreams<'c> = Table<&'c str, Arc<Upstream>>;

/// Zero is the default, negative is off (semantics 5).
fn timeouts(destination: &RouteDestination) -> Timeouts {
    let or_default = |given: GoDuration, default| if given.is_zero() { default } else { given.positive() };
    let default = Timeouts::default();
    Timeouts { request: or_default(destination.request_timeout, default.request), idle: or_default(destination.idle_timeout, default.idle) }
}

/// A condition without a number is one retry; a number without a condition never retries (semantics 5).
fn retry(destination: &RouteDestination) -> Option<RetryPolicy> {
    let mut on = destination.retry_on.clone();
    if destination.retry_on_connect_failure {
        on.push("connect-failure".to_owned());
    }
    let statuses = destination.retry_on_status_codes.clone();
    let conditions = !on.is_empty() || !statuses.is_empty();
    conditions.then(|| RetryPolicy { retries: destination.num_retries.max(1), on, statuses })
}
