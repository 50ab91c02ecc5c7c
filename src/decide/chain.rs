//! Entries to discovery chains, by the rules of semantics 4.
//!
//! The life of a chain, in order: `assembly` walks the entries from the service on and makes nodes, `resolver` follows
//! redirects to targets, `circle` refuses circles, `flatten` folds splitters into each other, and what nothing reaches
//! any more is dropped.

mod assembly;
mod circle;
mod customized;
mod flatten;
mod reads;
mod resolver;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{DEFAULT_NAMESPACE, DEFAULT_PARTITION, TargetId, TrustDomain};
use crate::model::chain::{ChainNode, DiscoveryChain, NodeKey};
use crate::model::duration::GoDuration;
use crate::model::entry::{Entries, RuleRef};

pub(super) use flatten::Crash;
#[cfg(test)]
use flatten::MOST_LEGS;
pub(super) use view::{Proposed, View};

/// What a chain is compiled for.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The service, in any spelling.
    pub service: &'a str,
    /// The datacenter that it is evaluated in.
    pub datacenter: &'a str,
    /// The trust domain, for server names.
    pub trust_domain: &'a TrustDomain,
    /// Consul's overrides.
    pub overrides: Overrides,
}

/// Consul's `OverrideMeshGateway`, `OverrideProtocol` and `OverrideConnectTimeout`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// `OverrideMeshGateway.Mode`; empty is none.
    pub mesh_gateway: String,
    /// `OverrideProtocol`; empty is none.
    pub protocol: String,
    /// `OverrideConnectTimeout`; zero is none.
    pub connect_timeout: GoDuration,
}

/// Why a set of entries has no chain, in Consul's own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// Resolvers redirect in a circle: the ids on the way.
    #[error("detected circular resolver redirect: [{}]", .0.join(" -> "))]
    CircularRedirect(Vec<String>),
    /// Splitters lead back to themselves: the nodes from the start on.
    #[error("detected circular reference: [{}]", .0.join(" -> "))]
    CircularReference(Vec<NodeKey>),
    /// Two services of the chain speak different protocols.
    #[error("discovery chain {chain:?} uses inconsistent protocols; service {service:?} has {protocol:?} which is not {expected:?}")]
    InconsistentProtocols {
        /// The chain's service.
        chain: String,
        /// The service that differs.
        service: String,
        /// What it speaks.
        protocol: String,
        /// What the first one speaks.
        expected: String,
    },
    /// A router or splitter of a service that is not http-like.
    #[error("discovery chain {chain:?} uses a protocol {protocol:?} that does not permit advanced routing or splitting behavior")]
    NoAdvancedRouting {
        /// The chain's service.
        chain: String,
        /// Its protocol.
        protocol: String,
    },
    /// A reference to a subset that the service's resolver does not define.
    #[error("service {service:?} does not have a subset named {subset:?}")]
    MissingSubset {
        /// The service.
        service: String,
        /// The subset.
        subset: String,
    },
    /// A service outside the mesh has no instances to choose from.
    #[error("service {service:?} has an external SNI set; cannot define {what} for external services")]
    External {
        /// The service.
        service: String,
        /// `redirects`, `subsets` or `failover`.
        what: &'static str,
    },
    /// More legs than a chain may have: splitters of splitters multiply. A limit of gw's own.
    #[error("discovery chain {chain:?} splits into more than {limit} legs")]
    TooManyLegs {
        /// The chain's service.
        chain: String,
        /// The limit.
        limit: usize,
    },
}

/// An error, and the reference that was followed when it showed. Boxed: it is big, and rare.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failure(Box<(ChainError, Option<RuleRef>)>);

impl Failure {
    fn new(error: ChainError, rule: Option<RuleRef>) -> Self {
        Self(Box::new((error, rule)))
    }

    pub(super) fn into_parts(self) -> (ChainError, Option<RuleRef>) {
        *self.0
    }
}

/// A chain, and what would kill a Consul that compiles it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Compiled {
    pub(super) chain: DiscoveryChain,
    pub(super) crashes: Vec<Crash>,
    /// The printed ids of all targets that were passed on the way to a resolver.
    pub(super) passed: Vec<String>,
}

/// Compiles the chain of one service.
pub fn compile(entries: &Entries, question: &Question<'_>) -> Result<DiscoveryChain, ChainError> {
    compile_in(View::of(entries), question).map(|c| c.chain).map_err(|f| f.into_parts().0)
}

/// The protocol of a service as its entries say it (semantics 4.3).
pub fn protocol(entries: &Entries, service: &str) -> String {
    View::of(entries).protocol(service).into_owned()
}

/// Whether a protocol has requests that can be routed: exactly http, http2 and grpc, in lower case (semantics 1).
pub fn is_http_like(protocol: &str) -> bool {
    matches!(protocol, "http" | "http2" | "grpc")
}

/// The same over a set with one change in it.
pub(super) fn compile_in(view: View<'_>, question: &Question<'_>) -> Result<Compiled, Failure> {
    let assembly::Assembled { start, mut nodes, targets, splitters, passed, mut protocol, advanced, mut customized } =
        assembly::assemble(view, question)?;
    let mut crashes = Vec::new();
    // A circle has a splitter in it, and only what a splitter led to can be left behind.
    if !splitters.is_empty() {
        circle::refuse_circles(&nodes, &start).map_err(|error| Failure::new(error, None))?;
        crashes = flatten::flatten(&mut nodes, &splitters, question.service)?;
        drop_unreached(&mut nodes, &start);
    }

    if advanced && !is_http_like(&protocol) {
        let error = ChainError::NoAdvancedRouting { chain: question.service.to_owned(), protocol };
        return Err(Failure::new(error, view.advanced_rule(question.service)));
    }
    let overrides = &question.overrides;
    if !overrides.protocol.is_empty() && overrides.protocol != protocol {
        protocol = overrides.protocol.clone();
        customized.protocol = true;
    }
    let defaults = view.service_defaults(question.service);
    let extensions = view.proxy_defaults().into_iter().flat_map(|d| &d.envoy_extensions);
    let extensions = extensions.chain(defaults.into_iter().flat_map(|d| &d.envoy_extensions));
    let chain = DiscoveryChain {
        service_name: question.service.to_owned(),
        namespace: DEFAULT_NAMESPACE.to_owned(),
        partition: DEFAULT_PARTITION.to_owned(),
        datacenter: question.datacenter.to_owned(),
        customization_hash: customized.hash(overrides),
        default: is_default(&nodes, &start, question.service),
        protocol,
        service_meta: defaults.map(|d| d.common.meta.clone()).unwrap_or_default(),
        envoy_extensions: extensions.cloned().collect(),
        start_node: start,
        nodes,
        targets,
    };
    Ok(Compiled { chain, crashes, passed })
}

/// Semantics 4.8: the start is a resolver that says nothing and whose target is the service itself.
fn is_default(nodes: &BTreeMap<NodeKey, ChainNode>, start: &str, service: &str) -> bool {
    let Some(ChainNode::Resolver(resolver)) = nodes.get(start) else { return false };
    let own = |t: &TargetId| *t.service == *service && *t.namespace == *DEFAULT_NAMESPACE && *t.partition == *DEFAULT_PARTITION;
    resolver.default && resolver.target.as_ref().is_some_and(own)
}

/// Splitters that were folded into all that led to them are in no request's way any more.
fn drop_unreached(nodes: &mut BTreeMap<NodeKey, ChainNode>, start: &str) {
    let mut reached = BTreeSet::new();
    let mut todo = vec![start];
    while let Some(key) = todo.pop() {
        if !reached.insert(key) {
            continue;
        }
        todo.extend(circle::successors(nodes, key));
    }
    let dropped: Vec<_> = nodes.keys().filter(|k| !reached.contains(k.as_str())).cloned().collect();
    for key in dropped {
        nodes.remove(&key);
    }
}
