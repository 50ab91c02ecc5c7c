//! The compiled state of a gateway: immutable, indexed, shared by everything that asks it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::HeaderValue;

use super::authz::Judge;
use super::edits::Edits;
use super::hosts::HostIndex;
use super::names::NameTable;
use super::normalize::Normalization;
use super::plan::{RetryPolicy, Timeouts};
use super::routes::RouteTable;
use crate::id::{ListenerName, SpiffeId, Table, TargetId};
use crate::model::entry::RuleRef;
use crate::model::federation::MeshGatewayMode;
use crate::model::gateway::{Listener, OutsideFiles, Protocol, Switches};
use crate::model::resources::Rejected;
use crate::model::service::{Address, Health};

/// Everything one gateway does, compiled from one `Resources`. `Snapshot::plan` is its one question.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The listeners, by name.
    pub listeners: Table<ListenerName, Arc<CompiledListener>>,
    /// Where the gateway differs on purpose.
    pub switches: Switches,
    /// What was left out, and why.
    pub rejected: Vec<Rejected>,
}

/// A listener and what it serves.
#[derive(Clone, Debug)]
pub struct CompiledListener {
    /// Where it is bound and how connections begin.
    pub listener: Listener,
    /// The services behind it, in the order of the entry; a tcp listener has one at most.
    pub services: Vec<Arc<CompiledService>>,
    /// Which of them a Host means.
    pub hosts: Arc<HostIndex>,
    /// Which of them a server name means, on a listener where it is the name alone that says so.
    pub names: Option<Arc<NameTable>>,
    /// Names of Consul's servers that could be among these and are not, for the gateway does not expose servers.
    pub unexposed: Option<Arc<NameTable>>,
    /// What is asked of who connects by mTLS of the mesh; `None` on every other listener.
    pub inbound: Option<Arc<Inbound>>,
}

/// A mesh-mTLS listener.
#[derive(Clone, Debug)]
pub struct Inbound {
    /// What a request is before it is judged.
    pub normalization: Normalization,
    /// Whether the client's certificate is told to services; what clients claim of others goes where it is not.
    pub forwards_client_cert: bool,
}

/// A service behind a listener: Envoy's virtual host with its routes.
#[derive(Clone, Debug)]
pub struct CompiledService {
    /// The service itself.
    pub host: Arc<Host>,
    /// Its routes; one that catches all where there is no router.
    pub routes: RouteTable,
    /// What is spoken with it: on a listener of its own protocol that of the listener.
    pub protocol: Protocol,
    /// Who may speak to it, where that is this gateway's to judge.
    pub judge: Option<Arc<Judge>>,
}

/// What a service on a listener is called and what it does to all its requests.
#[derive(Clone, Debug)]
pub struct Host {
    /// The service's name.
    pub service: String,
    /// `ingress-gateway/edge Listeners[0].Services[1]`
    pub rule: RuleRef,
    /// The domains it answers to, as written or by default.
    pub domains: Vec<String>,
    /// RequestHeaders of the ingress service.
    pub request_edits: Option<Edits>,
    /// ResponseHeaders of the ingress service.
    pub response_edits: Option<Edits>,
}

/// A route of a service, or its only one.
#[derive(Clone, Debug)]
pub struct Route {
    /// The service it stands in.
    pub host: Arc<Host>,
    /// `service-router/web Routes[2]`; the ingress service where there is no router.
    pub rule: RuleRef,
    /// RequestHeaders of the destination.
    pub request_edits: Option<Edits>,
    /// ResponseHeaders of the destination.
    pub response_edits: Option<Edits>,
    /// Request and idle timeout.
    pub timeouts: Timeouts,
    /// When to try again; `None` is never.
    pub retry: Option<RetryPolicy>,
    /// What access records say of it: made by the first of them, and there as long as the route.
    pub told: OnceLock<Box<Told>>,
}

/// The rules of a route as they stand in access records.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its own, in JSON.
    pub rule: Box<str>,
    /// Its service's and its own, in JSON, with a comma between them.
    pub rules: Box<str>,
}

/// Where a route goes.
#[derive(Clone, Debug)]
pub enum Next {
    /// Straight to a resolver.
    Upstream(Arc<Upstream>),
    /// To one of several, by chance.
    Split(Arc<Split>),
}

/// A splitter, with all splitters below it folded in.
#[derive(Clone, Debug)]
pub struct Split {
    /// The legs that can be chosen, each with the upper end of its share; the last one's is `total`.
    pub legs: Vec<(u32, Arc<Leg>, Arc<Upstream>)>,
    /// The sum of the weights in hundredths of a percent: 10000, or little less or more where folding rounded.
    pub total: u32,
}

/// A leg of a splitter.
#[derive(Clone, Debug)]
pub struct Leg {
    /// `service-splitter/web Splits[0]`, outermost first.
    pub rules: Vec<RuleRef>,
    /// RequestHeaders of the leg.
    pub request_edits: Option<Edits>,
    /// ResponseHeaders of the leg.
    pub response_edits: Option<Edits>,
}

/// A resolver with its instances: what a request is sent to.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// The target, then the failover targets, in order. Never empty.
    pub targets: Vec<Arc<Target>>,
    /// Within which a connection must stand.
    pub connect_timeout: Duration,
    /// How an instance is chosen.
    pub policy: Policy,
    /// `service-resolver/web`, and the redirects before it.
    pub rules: Arc<[RuleRef]>,
    /// `service-resolver/web Failover.*`, where there is one.
    pub failover_rule: Option<RuleRef>,
}

/// How an instance of a target is chosen (semantics 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// In turn, by weight.
    RoundRobin,
    /// Any, weights not looked at.
    Random,
    /// Of so many drawn at random the one with the least requests in flight; by weight where weights differ.
    LeastRequest {
        /// How many are drawn, at least 1.
        choices: u32,
    },
}

/// A target and the instances of it that are in use.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its number, unique among all snapshots of one compiler, for the caller's round-robin counters.
    pub number: u32,
    /// Its id.
    pub id: TargetId,
    /// The server name for mTLS; empty at a peer.
    pub sni: String,
    /// What is spoken with its instances: HTTP/2 for http2 and grpc.
    pub protocol: Protocol,
    /// Whether mesh gateways stand for its instances, and whose. What is in the own datacenter is reached directly.
    pub mode: MeshGatewayMode,
    /// The healthy instances, or the mesh gateways that lead to them. Empty: the target is passed over.
    pub endpoints: Vec<Arc<Endpoint>>,
    /// The instances that would be among them, if they were well.
    pub unused: Vec<Unused>,
    /// Why there is no way to it, whatever its instances are like, and what to write.
    pub unreached: Option<String>,
    /// The turns of one round: numbers of endpoints, each as often as its weight says, well mixed.
    pub turns: Vec<u16>,
    /// How it is called: made when it is first asked for.
    pub named: OnceLock<Arc<Named>>,
}

/// How a target is called. What is told of a request when it ends holds no more of the target, which may be large and long replaced.
#[derive(Debug, PartialEq, Eq)]
pub struct Named {
    /// Its id, as it is printed.
    pub id: String,
    /// The server name for mTLS; empty at a peer.
    pub sni: String,
}

impl Target {
    /// How it is called.
    pub fn named(&self) -> &Arc<Named> {
        self.named.get_or_init(|| Arc::new(Named { id: self.id.text(), sni: self.sni.clone() }))
    }
}

/// TLS towards the instances of a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum UpstreamTls {
    /// mTLS with sidecars: the same for all instances of a target.
    Mesh {
        /// As whom the gateway shows itself: gateways of one process share no connection.
        from: String,
        /// The server name that is sent (semantics 2.1).
        sni: String,
        /// Who must answer (semantics 2.2).
        id: SpiffeId,
    },
    /// TLS with a service outside the mesh.
    Outside {
        /// By which entry: gateways of one process share no connection.
        rule: RuleRef,
        /// Whom to trust, and what to show.
        files: OutsideFiles,
        /// The server name that is sent and that the certificate must be for; `None`: no name is sent, and any will do.
        name: Option<String>,
        /// What will be spoken.
        protocol: Protocol,
    },
}

/// An instance that is not chosen, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unused {
    /// The instance's id.
    pub id: String,
    /// Where it answers.
    pub address: Address,
    /// `critical`, `warning` where only passing ones are wanted, or `weight 0`.
    pub why: &'static str,
}

/// An instance that may be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The service's name, as in the catalog.
    pub service: String,
    /// The instance's id: `web-1`.
    pub id: String,
    /// Where it answers.
    pub address: Address,
    /// How it is spoken to with TLS, if it is.
    pub tls: Option<Arc<UpstreamTls>>,
    /// The Host that it is told instead of the client's.
    pub host: Option<HeaderValue>,
    /// Passing or warning; critical where no instance is better and a bad one is better than none.
    pub health: Health,
    /// Its weight, 1 to 128.
    pub weight: u32,
}
