//! A compiled discovery chain: what the entries say about one service, in Consul's own shape (semantics 4).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::id::TargetId;
use crate::model::duration::GoDuration;
use crate::model::entry::{EnvoyExtension, FailoverPolicy, LoadBalancer, RuleRef, ServiceRoute, ServiceSplit, Subset};

/// The key of a node, as Consul prints it: `router:web.default.default`, `splitter:..`, `resolver:<target id>`.
pub type NodeKey = String;

/// The chain of one service. Everything is spelled as in Consul's `/v1/discovery-chain` answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DiscoveryChain {
    /// The service that was asked for, as it was spelled.
    pub service_name: String,
    /// `default`.
    pub namespace: String,
    /// `default`.
    pub partition: String,
    /// The datacenter the chain was compiled in.
    pub datacenter: String,
    /// Eight hex digits over the overrides that took effect; empty without any.
    pub customization_hash: String,
    /// Whether nothing shapes the service (semantics 4.8).
    pub default: bool,
    /// The protocol, in lower case.
    pub protocol: String,
    /// Meta of the service's service-defaults.
    pub service_meta: BTreeMap<String, String>,
    /// The extensions of proxy-defaults and service-defaults.
    pub envoy_extensions: Vec<EnvoyExtension>,
    /// Where a request starts.
    pub start_node: NodeKey,
    /// All nodes in use.
    pub nodes: BTreeMap<NodeKey, ChainNode>,
    /// All targets in use, by their ids.
    pub targets: BTreeMap<TargetId, ChainTarget>,
}

/// A node of a chain.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "most nodes are resolvers, and chains live as long as a compilation")]
pub enum ChainNode {
    /// The router of the chain's service.
    Router {
        /// `<service>.<namespace>.<partition>`
        name: String,
        /// First match wins; the last one catches all.
        routes: Vec<ChainRoute>,
    },
    /// A splitter, with the splitters below it folded in.
    Splitter {
        /// `<service>.<namespace>.<partition>`
        name: String,
        /// Its legs.
        splits: Vec<ChainSplit>,
        /// Inherited from the first leg whose resolver picks by hash.
        load_balancer: Option<LoadBalancer>,
    },
    /// A resolver.
    Resolver(Box<ChainResolver>),
}

/// A route of a router node.
#[derive(Clone, Debug, PartialEq)]
pub struct ChainRoute {
    /// The route as written, or the catch-all.
    pub definition: Arc<ServiceRoute>,
    /// Where it goes on.
    pub next_node: NodeKey,
    /// `service-router/web Routes[2]`; for the catch-all the router as a whole.
    pub rule: RuleRef,
}

/// A leg of a splitter node.
#[derive(Clone, Debug, PartialEq)]
pub struct ChainSplit {
    /// The leg with the header edits of all splitters it was folded through.
    pub definition: ServiceSplit,
    /// Percent; relative, since folding rounds.
    pub weight: f32,
    /// Where it goes on: always a resolver.
    pub next_node: NodeKey,
    /// The legs it was folded through, outermost first: `service-splitter/web Splits[0]`.
    pub rules: Vec<RuleRef>,
}

/// A resolver node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChainResolver {
    /// The target id.
    pub name: String,
    /// Whether the resolver entry says nothing.
    pub default: bool,
    /// Never zero.
    pub connect_timeout: GoDuration,
    /// Zero is none of its own.
    pub request_timeout: GoDuration,
    /// The first choice.
    pub target: Option<TargetId>,
    /// What follows when the target has no healthy instance.
    pub failover: Option<ChainFailover>,
    /// How an instance is chosen.
    pub load_balancer: Option<LoadBalancer>,
    /// The resolver and redirects that led here, in order: `service-resolver/web Redirect`.
    pub rules: Vec<RuleRef>,
}

/// Failover of a resolver node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChainFailover {
    /// The legs, in strict order; doubles stay.
    pub targets: Vec<TargetId>,
    /// The section's policy, or the one of proxy-defaults.
    pub policy: Option<FailoverPolicy>,
    /// `service-resolver/web Failover.*`
    pub rule: Option<RuleRef>,
}

/// A target of a chain.
#[derive(Clone, Debug, PartialEq)]
pub struct ChainTarget {
    /// Its id; service, subset, namespace, partition, datacenter and peer are its parts.
    pub id: TargetId,
    /// `MeshGateway.Mode`; empty is none.
    pub mesh_gateway: String,
    /// The subset's definition; empty without one.
    pub subset: Subset,
    /// The connect timeout of its resolver.
    pub connect_timeout: GoDuration,
    /// Whether `sni` is the service's ExternalSNI.
    pub external: bool,
    /// The server name; empty at a peer.
    pub sni: String,
    /// The name of its cluster in Envoy; empty at a peer.
    pub name: String,
    /// `TransparentProxy.DialedDirectly`, from either defaults; never of an external one.
    pub dialed_directly: bool,
}
