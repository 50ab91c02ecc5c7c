//! From a service on through its router and splitters (semantics 4.2), and the protocol that all of them must share (4.3).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::customized::Customized;
use super::{ChainError, Failure, Question, View, is_http_like};
use crate::id::{DEFAULT_NAMESPACE, DEFAULT_PARTITION, Table, TargetId};
use crate::model::chain::{ChainNode, ChainRoute, ChainSplit, ChainTarget, NodeKey};
use crate::model::entry::{
    EntryKind, EntryRef, HttpMatch, LoadBalancer, RouteDestination, RouteMatch, RuleRef, ServiceRoute, ServiceRouter, ServiceSplit,
    ServiceSplitter,
};

/// Nodes and targets before circles are looked for and splitters folded.
pub(super) struct Assembled {
    pub(super) start: NodeKey,
    pub(super) nodes: BTreeMap<NodeKey, ChainNode>,
    pub(super) targets: BTreeMap<TargetId, ChainTarget>,
    /// The splitters, in the order in which they were found.
    pub(super) splitters: Vec<NodeKey>,
    /// The printed ids of all targets that were passed.
    pub(super) passed: Vec<String>,
    /// Of every service that was passed, in lower case.
    pub(super) protocol: String,
    /// Whether there is a router or a splitter.
    pub(super) advanced: bool,
    pub(super) customized: Customized,
}

/// Makes the nodes of a chain.
pub(super) fn assemble(view: View<'_>, question: &Question<'_>) -> Result<Assembled, Failure> {
    let mut assembly = Assembly::new(view, question);
    let start = match view.router(question.service) {
        Some(_) if assembly.routing_is_off() => {
            assembly.customized.protocol = true;
            assembly.splitter_or_resolver(TargetId::service(question.service, question.datacenter))?
        }
        Some(router) => assembly.router(router)?,
        None => assembly.splitter_or_resolver(TargetId::service(question.service, question.datacenter))?,
    };
    let Assembly { nodes, targets, splitters, arrivals, protocol, advanced, customized, .. } = assembly;
    Ok(Assembled {
        passed: arrivals.into_keys().collect(),
        start,
        nodes,
        targets,
        splitters,
        protocol: protocol.unwrap_or_default(),
        advanced,
        customized,
    })
}

/// A chain in the making.
pub(super) struct Assembly<'a> {
    pub(super) view: View<'a>,
    pub(super) question: &'a Question<'a>,
    pub(super) nodes: BTreeMap<NodeKey, ChainNode>,
    /// The node that a target's redirects and default subset end in, by the printed id.
    pub(super) arrivals: Table<String, NodeKey>,
    /// The id of a peer's target names no subset, so the first subset that got there stands for all.
    pub(super) at_peers: HashMap<String, TargetId>,
    pub(super) targets: BTreeMap<TargetId, ChainTarget>,
    /// The services whose entries Consul reads for this chain; only peers' targets can be others, so only they ask.
    pub(super) read: Option<HashSet<&'a str>>,
    pub(super) customized: Customized,
    /// The reference that is being followed and the field in it, for errors.
    pub(super) here: Option<(RuleRef, &'static str)>,
    splitters: Vec<NodeKey>,
    protocol: Option<String>,
    advanced: bool,
}

/// A splitter whose legs are being followed.
struct Frame<'a> {
    service: String,
    key: NodeKey,
    entry: &'a ServiceSplitter,
    splits: Vec<ChainSplit>,
    load_balancer: Option<LoadBalancer>,
}

impl<'a> Assembly<'a> {
    fn new(view: View<'a>, question: &'a Question<'a>) -> Self {
        Self {
            view,
            question,
            nodes: BTreeMap::new(),
            arrivals: Table::default(),
            at_peers: HashMap::new(),
            targets: BTreeMap::new(),
            read: None,
            customized: Customized::default(),
            here: None,
            splitters: Vec::new(),
            protocol: None,
            advanced: false,
        }
    }

    pub(super) fn fail<T>(&self, error: ChainError) -> Result<T, Failure> {
        let rule = self.here.as_ref().map(|(rule, field)| rule.entry.at(format!("{}{field}", rule.path)));
        Err(Failure::new(error, rule))
    }

    /// All services of a chain speak one protocol; http, http2 and grpc are three.
    pub(super) fn record_protocol(&mut self, service: &str) -> Result<(), Failure> {
        let protocol = self.view.protocol(service);
        match &self.protocol {
            None => self.protocol = Some(protocol.into_owned()),
            Some(expected) if **expected != *protocol => {
                let chain = self.question.service.to_owned();
                return self.fail(ChainError::InconsistentProtocols {
                    chain,
                    service: service.to_owned(),
                    protocol: protocol.into_owned(),
                    expected: expected.clone(),
                });
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// Whether the caller treats the chain as bytes, so that neither router nor splitters count.
    fn routing_is_off(&self) -> bool {
        let word = &self.question.overrides.protocol;
        !word.is_empty() && !is_http_like(word)
    }

    fn router(&mut self, router: &'a ServiceRouter) -> Result<NodeKey, Failure> {
        let entry = EntryRef::new(EntryKind::ServiceRouter, &router.common.name);
        self.here = Some((entry.whole(), ""));
        self.advanced = true;
        self.record_protocol(&router.common.name)?;
        let name = node_name(&router.common.name);
        let key = ["router:", &name].concat();
        let mut routes = Vec::with_capacity(router.routes.len() + 1);
        for (i, route) in router.routes.iter().enumerate() {
            let rule = entry.at(format!("Routes[{i}]"));
            let named = route.destination.as_ref().map(|d| (d.service.as_str(), d.service_subset.as_str()));
            let field = match named {
                Some((_, subset)) if !subset.is_empty() => ".Destination.ServiceSubset",
                Some((service, _)) if !service.is_empty() => ".Destination.Service",
                _ => "",
            };
            self.here = Some((rule.clone(), field));
            let next_node = self.destination(route.destination.as_ref())?;
            routes.push(ChainRoute { definition: route.clone(), next_node, rule });
        }
        let rule = entry.whole();
        self.here = Some((rule.clone(), ""));
        let next_node = self.splitter_or_resolver(TargetId::service(&router.common.name, self.question.datacenter))?;
        routes.push(ChainRoute { definition: catch_all(&router.common.name), next_node, rule });
        self.nodes.insert(key.clone(), ChainNode::Router { name, routes });
        Ok(key)
    }

    /// Where a route goes on: with a subset past all splitters.
    fn destination(&mut self, destination: Option<&RouteDestination>) -> Result<NodeKey, Failure> {
        let mut target = TargetId::service(self.question.service, self.question.datacenter);
        let Some(destination) = destination else { return self.splitter_or_resolver(target) };
        for (given, part) in [
            (&destination.service, &mut target.service),
            (&destination.namespace, &mut target.namespace),
            (&destination.partition, &mut target.partition),
            (&destination.service_subset, &mut target.subset),
        ] {
            if !given.is_empty() {
                *part = given.as_str().into();
            }
        }
        if target.subset.is_empty() { self.splitter_or_resolver(target) } else { self.resolver(target) }
    }

    fn splitter_or_resolver(&mut self, target: TargetId) -> Result<NodeKey, Failure> {
        match self.splitter(&target.service)? {
            Some(key) => Ok(key),
            None => self.resolver(target),
        }
    }

    /// The splitter entry that counts for a service.
    fn splitter_entry(&mut self, service: &str) -> Option<&'a ServiceSplitter> {
        let entry = self.view.splitter(service)?;
        if self.routing_is_off() {
            self.customized.protocol = true;
            return None;
        }
        Some(entry)
    }

    /// The node of a service's splitter, with all splitters below it. Nesting is as deep as the entries say, so no recursion.
    fn splitter(&mut self, service: &str) -> Result<Option<NodeKey>, Failure> {
        if self.view.splitter(service).is_none() {
            return Ok(None); // as it is with most services
        }
        let start = format!("splitter:{}", node_name(service));
        if self.nodes.contains_key(&start) {
            return Ok(Some(start));
        }
        let Some(entry) = self.splitter_entry(service) else { return Ok(None) };
        self.advanced = true;
        let mut frames = vec![self.open(service, entry)];
        while let Some(frame) = frames.last_mut() {
            let Some(split) = frame.entry.splits.get(frame.splits.len()) else {
                let Some(Frame { service, key, splits, load_balancer, .. }) = frames.pop() else { break };
                self.nodes.insert(key, ChainNode::Splitter { name: node_name(&service), splits, load_balancer });
                continue;
            };
            if let Some(inner) = self.leg(frame, split)? {
                frames.push(inner);
            }
        }
        Ok(Some(start))
    }

    /// Starts a splitter. It is known from here on, so that a circle ends instead of going round.
    fn open(&mut self, service: &str, entry: &'a ServiceSplitter) -> Frame<'a> {
        let name = node_name(service);
        let key = format!("splitter:{name}");
        self.nodes.insert(key.clone(), ChainNode::Splitter { name, splits: Vec::new(), load_balancer: None });
        self.splitters.push(key.clone());
        let splits = Vec::with_capacity(entry.splits.len());
        Frame { service: service.to_owned(), key, entry, splits, load_balancer: None }
    }

    /// Follows one leg; a splitter that is not known yet comes back to be followed in turn.
    fn leg(&mut self, frame: &mut Frame<'a>, split: &ServiceSplit) -> Result<Option<Frame<'a>>, Failure> {
        let rule = EntryRef::new(EntryKind::ServiceSplitter, &frame.entry.common.name).at(format!("Splits[{}]", frame.splits.len()));
        let field = match (split.service_subset.is_empty(), split.service.is_empty()) {
            (false, _) => ".ServiceSubset",
            (true, false) => ".Service",
            (true, true) => "",
        };
        self.here = Some((rule.clone(), field));
        let service = if split.service.is_empty() { &frame.service } else { &split.service };
        let mut inner = None;
        // A leg to the own service, or to a subset, passes all splitters (semantics 4.2).
        let nested = if *service != frame.service && split.service_subset.is_empty() {
            let key = format!("splitter:{}", node_name(service));
            if !self.nodes.contains_key(&key) {
                inner = self.splitter_entry(service).map(|entry| self.open(service, entry));
            }
            self.nodes.contains_key(&key).then_some(key)
        } else {
            None
        };
        let next_node = match nested {
            Some(key) => key,
            None => {
                let mut target = TargetId::service(service, self.question.datacenter);
                target.subset = split.service_subset.as_str().into();
                let key = self.resolver(target)?;
                self.inherit(frame, &key);
                key
            }
        };
        frame.splits.push(ChainSplit { definition: split.clone(), weight: split.weight, next_node, rules: vec![rule] });
        Ok(inner)
    }

    /// A splitter picks by hash as the first of its legs does that picks by hash.
    fn inherit(&self, frame: &mut Frame<'a>, resolver: &str) {
        if let Some(ChainNode::Resolver(node)) = self.nodes.get(resolver)
            && frame.load_balancer.is_none()
            && let Some(balancer) = node.load_balancer.as_ref().filter(|lb| lb.is_hash_based())
        {
            frame.load_balancer = Some(balancer.clone());
        }
    }
}

/// Routers and splitters are those of a name; a namespace or partition that a reference gives is without effect on them.
fn node_name(service: &str) -> String {
    [service, ".", DEFAULT_NAMESPACE, ".", DEFAULT_PARTITION].concat()
}

/// What follows the routes of every router.
fn catch_all(service: &str) -> Arc<ServiceRoute> {
    let http = HttpMatch { path_prefix: "/".to_owned(), ..HttpMatch::default() };
    let destination = RouteDestination {
        service: service.to_owned(),
        namespace: DEFAULT_NAMESPACE.to_owned(),
        partition: DEFAULT_PARTITION.to_owned(),
        ..RouteDestination::default()
    };
    Arc::new(ServiceRoute { r#match: Some(RouteMatch { http: Some(http) }), destination: Some(destination) })
}
