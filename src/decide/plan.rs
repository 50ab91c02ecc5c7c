//! What is decided: everything that the data path will do, or why it does nothing.

use std::sync::Arc;
use std::time::Duration;

use super::code::Code;
use super::edits::Edits;
use super::snapshot::{Endpoint, Leg, Route, Upstream};
use crate::model::entry::RuleRef;

/// Everything that the data path does with a connection or request. Made by `Snapshot::plan`, obeyed by `proxy`.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The route that was taken: its rule, edits, timeouts and retries.
    pub route: Arc<Route>,
    /// The leg of the splitter that the dice chose, if a splitter stands on the way.
    pub leg: Option<Arc<Leg>>,
    /// Where it goes: the targets in order, with their instances.
    pub upstream: Arc<Upstream>,
    /// The first of `upstream.targets` that has an instance in use.
    pub target: usize,
    /// The instance of that target that was chosen first.
    pub first: usize,
    /// Path and query to send, where `PrefixRewrite` changes them.
    pub rewritten: Option<String>,
    /// What the dice showed for the splitter, 0 to 9999; replay it with `gw inspect route --roll`.
    pub roll: Option<u32>,
}

impl Plan {
    /// The instances to try, best first: the chosen one, the others of its target, then the failover targets in order.
    /// Each but the first only after a connection was refused before a byte was sent (`docs/differences.md`, try-next).
    pub fn hops(&self) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.upstream.targets.iter().enumerate().skip(self.target).flat_map(move |(n, target)| {
            let start = if n == self.target { self.first } else { 0 };
            let (before, after) = target.endpoints.split_at(start.min(target.endpoints.len()));
            after.iter().chain(before)
        })
    }

    /// Header edits of the request, in the order they run: split leg, route, ingress service (semantics 5).
    pub fn request_edits(&self) -> impl Iterator<Item = &Edits> {
        let leg = self.leg.as_ref().and_then(|l| l.request_edits.as_ref());
        leg.into_iter().chain(&self.route.request_edits).chain(&self.route.host.request_edits)
    }

    /// Header edits of the answer, in the order they run.
    pub fn response_edits(&self) -> impl Iterator<Item = &Edits> {
        let leg = self.leg.as_ref().and_then(|l| l.response_edits.as_ref());
        leg.into_iter().chain(&self.route.response_edits).chain(&self.route.host.response_edits)
    }

    /// The rules that led here, outermost first: ingress service, route, split legs, resolvers.
    pub fn rules(&self) -> impl Iterator<Item = &RuleRef> {
        let leg = self.leg.iter().flat_map(|l| &l.rules);
        [&self.route.host.rule, &self.route.rule].into_iter().chain(leg).chain(&self.upstream.rules)
    }
}

/// The times within which things must happen. `None` is without limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the complete request to the complete answer, all attempts together; 15 s unless an entry says otherwise.
    pub request: Option<Duration>,
    /// Without any byte in either direction; 5 min unless an entry says otherwise.
    pub idle: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { request: Some(Duration::from_secs(15)), idle: Some(Duration::from_secs(300)) }
    }
}

/// When a request is tried again, in Consul's words (semantics 5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How many attempts may follow the first.
    pub retries: u32,
    /// `RetryOn` words, and `connect-failure` where `RetryOnConnectFailure` is set.
    pub on: Vec<String>,
    /// `RetryOnStatusCodes`.
    pub statuses: Vec<u32>,
}

/// Why nothing is done.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The stable reason.
    pub code: Code,
    /// The rule that led to it, where there is one.
    pub rule: Option<RuleRef>,
    /// The route that was taken before it turned out that nothing can answer: its answer edits apply (wire 5).
    pub route: Option<Arc<Route>>,
    /// What was looked for: the Host, the path, the target.
    pub subject: String,
}

impl Refusal {
    /// A refusal before any rule was found.
    pub fn new(code: Code, subject: impl Into<String>) -> Self {
        Self { code, rule: None, route: None, subject: subject.into() }
    }
}
