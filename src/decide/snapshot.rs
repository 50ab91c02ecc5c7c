//! The compiled state of a gateway: immutable, indexed, asked once per connection or request.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::balance::{Dice, Load};
use super::edits::Edits;
use super::facts::Facts;
use super::plan::{Plan, Refusal, RetryPolicy, Timeouts};
use super::witness::Witness;
use crate::id::{ListenerName, TargetId};
use crate::model::entry::RuleRef;
use crate::model::gateway::{Listener, Protocol, Switches};
use crate::model::resources::Rejected;
use crate::model::service::Address;

/// Everything one gateway does, compiled from one `Resources`.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The listeners, by name.
    pub listeners: HashMap<ListenerName, Arc<CompiledListener>>,
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
    /// The services behind it.
    pub hosts: Vec<Arc<Host>>,
}

/// A service on a listener: what Envoy calls a virtual host.
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
    /// `service-resolver/web`, and the redirects before it.
    pub rules: Vec<RuleRef>,
}

/// A target and the instances of it that are in use.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its id.
    pub id: TargetId,
    /// The server name for mTLS.
    pub sni: String,
    /// What is spoken with its instances: HTTP/2 for http2 and grpc.
    pub protocol: Protocol,
    /// The healthy instances. Empty: the target is passed over.
    pub endpoints: Vec<Arc<Endpoint>>,
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
    /// Whether it is spoken to with mTLS.
    pub mesh: bool,
}

impl Snapshot {
    /// The one question: what is to be done with this connection or request?
    ///
    /// Pure: the same facts, load and rolls give the same plan. The data path passes `()` as witness, `gw inspect` one that
    /// records.
    pub fn plan(&self, facts: &Facts<'_>, _load: &impl Load, _dice: &mut impl Dice, _witness: &mut impl Witness) -> Result<Plan, Refusal> {
        Err(Refusal::new(super::code::Code::NoListener, facts.listener.as_str()))
    }
}
