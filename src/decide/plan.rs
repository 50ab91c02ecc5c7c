//! The one question, and its answer: everything that the data path will do, or why it does nothing.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

use super::authz::Judge;
use super::balance::{Dice, Load, choose};
use super::code::Code;
use super::edits::Edits;
use super::facts::Facts;
use super::normalize::{Normalized, Unfit};
use super::snapshot::{CompiledListener, CompiledService, Endpoint, Leg, Next, Route, Snapshot, Split, Target, Upstream};
use super::witness::{Step, Witness};
use crate::id::ListenerName;
use crate::model::entry::RuleRef;
use crate::model::federation::MeshGatewayMode;

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
    /// What the dice showed for the splitter, in `0..total`; replay it with `gw inspect route --roll`.
    pub roll: Option<u32>,
}

/// Where an instance stands in a plan. Who holds the plan needs no pointer to the instance, whose counter all workers share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    target: usize,
    endpoint: usize,
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
    /// The leg that was chosen before, likewise.
    pub leg: Option<Arc<Leg>>,
    /// What the dice showed for it.
    pub roll: Option<u32>,
    /// What was looked for: the Host, the path, the target.
    pub subject: String,
    /// Where the answer sends the client instead.
    pub location: Option<String>,
}

/// What there is to do with each request of a connection of who has shown who he is: the same for all, as long as nothing is published.
#[derive(Clone, Copy, Debug)]
pub struct Before {
    /// Services are told of the certificate of who connected.
    pub client_cert: bool,
    /// It goes through `Snapshot::prepare`; else that would leave it as it is.
    pub prepare: bool,
}

impl Snapshot {
    /// The one question: what is to be done with this connection or request?
    ///
    /// Pure: the same facts, load and rolls give the same plan. The data path passes `()` as witness, `gw inspect` one that
    /// records.
    pub fn plan(&self, facts: &Facts<'_>, load: &impl Load, dice: &mut impl Dice, witness: &mut impl Witness) -> Result<Plan, Refusal> {
        let service = self.permitted(facts, witness)?;

        // A connection has no head to match: a tcp listener's service has one route, which catches all.
        let rule = match &facts.request {
            Some(request) => service.routes.find(request, witness),
            None => service.routes.rules().first(),
        };
        let rule = rule.ok_or_else(|| Refusal::no_route(service, facts))?;
        witness.saw(|| Step::Route { rule: rule.route.rule.to_string() });

        let (leg, upstream, roll) = match &rule.next {
            Next::Upstream(upstream) => (None, upstream, None),
            Next::Split(split) => split.draw(dice, witness),
        };
        witness.saw(|| Step::Resolver { rules: printed(&upstream.rules), target: upstream.targets[0].id.to_string() });

        let Some((target, first)) = upstream.first_in_use(load, dice, witness) else {
            return Err(Refusal { roll, ..Refusal::no_endpoint(&rule.route, leg, upstream) });
        };
        let rewritten = facts.request.as_ref().zip(rule.rewrite.as_ref()).and_then(|(r, to)| rule.matcher.rewrite(r.target, to));
        Ok(Plan { route: rule.route.clone(), leg: leg.cloned(), upstream: upstream.clone(), target, first, rewritten, roll })
    }
}

impl Snapshot {
    /// The first half of the question: which service is meant, and whether it may be spoken to. Asked again of connections that are
    /// open when something has changed.
    pub fn permitted(&self, facts: &Facts<'_>, witness: &mut impl Witness) -> Result<&Arc<CompiledService>, Refusal> {
        let listener = self.listener(facts.listener)?;
        witness
            .saw(|| Step::Listener { listener: listener.listener.name.to_string(), protocol: listener.listener.protocol.as_str().into() });
        let service = listener.service(facts, witness)?;
        witness.saw(|| Step::Service {
            rule: service.host.rule.to_string(),
            service: service.host.service.clone(),
            domains: service.host.domains.clone(),
        });
        service.admits(facts, witness)?;
        Ok(service)
    }

    /// Whether there is anything that who connected may still ask for on a connection whose requests are judged one by one.
    pub fn admits(&self, facts: &Facts<'_>) -> bool {
        let service = self.listener(facts.listener).and_then(|listener| listener.service(facts, &mut ()));
        let judged = |service: &Arc<CompiledService>| match (&service.judge, facts.peer) {
            (Some(judge), peer) => peer.is_some_and(|peer| judge.may_ask(peer)),
            (None, _) => true,
        };
        service.is_ok_and(judged)
    }

    /// Where who is connected by mTLS of the mesh would come in by now: at the listener it came to, or at the one in its place.
    pub fn entrance(&self, listener: &ListenerName) -> Option<&ListenerName> {
        let same = self.listeners.get(listener).filter(|same| same.inbound.is_some());
        let other = || self.listeners.values().find(|other| other.inbound.is_some());
        same.or_else(other).map(|found| &found.listener.name)
    }

    /// Who judges at a server name of such a listener.
    pub fn judge(&self, listener: &ListenerName, sni: Option<&str>) -> Option<&Arc<Judge>> {
        self.named(listener, sni).ok()?.judge.as_ref()
    }

    /// Which service a server name means: asked on a mesh-mTLS listener when a handshake begins, of who is not known yet.
    pub fn named(&self, listener: &ListenerName, sni: Option<&str>) -> Result<&Arc<CompiledService>, Refusal> {
        self.listener(listener)?.of_name(sni)
    }

    /// What a request is before it is judged, and sent on as: its path in one spelling, where that is another; its headers without
    /// what the mesh does not take. Where nobody looks at a request it is what it is.
    pub fn prepare(
        &self,
        listener: &ListenerName,
        sni: Option<&str>,
        target: &str,
        headers: &mut HeaderMap,
        witness: &mut impl Witness,
    ) -> Result<Option<String>, Refusal> {
        let listener = self.listener(listener)?;
        let Some(inbound) = &listener.inbound else { return Ok(None) };
        let Some(judge) = &listener.of_name(sni)?.judge else { return Ok(None) };
        let unfit = |unfit: Unfit| Refusal::new(Code::BadRequest, unfit.to_string());
        match judge.prepare(&inbound.normalization, target, headers, witness).map_err(unfit)? {
            Normalized::Forward(Cow::Borrowed(_)) => Ok(None),
            Normalized::Forward(Cow::Owned(target)) => Ok(Some(target)),
            Normalized::Redirect(location) => Err(Refusal { location: Some(location), ..Refusal::new(Code::PathSpelling, target) }),
            Normalized::Reject(why) => Err(unfit(why)),
        }
    }

    /// What there is to do with each request of a connection before it is decided.
    pub fn before(&self, listener: &ListenerName, sni: Option<&str>) -> Before {
        let Some(listener) = self.listeners.get(listener) else { return Before { client_cert: false, prepare: true } };
        let client_cert = listener.inbound.as_ref().is_some_and(|inbound| inbound.forwards_client_cert);
        let judge = listener.of_name(sni).map(|service| service.judge.as_ref());
        Before { client_cert, prepare: judge.map_or(true, |judge| judge.is_some_and(|judge| judge.looks_at_requests())) }
    }

    fn listener(&self, name: &ListenerName) -> Result<&Arc<CompiledListener>, Refusal> {
        self.listeners.get(name).ok_or_else(|| Refusal::new(Code::NoListener, name.as_str()))
    }
}

impl CompiledListener {
    /// The service that a server name means. Names come from the table alone (`docs/differences.md`, sni-names).
    fn of_name(&self, sni: Option<&str>) -> Result<&Arc<CompiledService>, Refusal> {
        let Some(name) = sni else { return Err(Refusal::new(Code::SniAbsent, "no server name")) };
        let found = self.names.as_ref().and_then(|names| names.find(name));
        found.and_then(|n| self.services.get(n as usize)).ok_or_else(|| {
            let unexposed = self.unexposed.as_ref().is_some_and(|names| names.find(name).is_some());
            Refusal::new(if unexposed { Code::ServersNotExposed } else { Code::NoSni }, name)
        })
    }

    /// The service that a connection or request means.
    fn service(&self, facts: &Facts<'_>, witness: &mut impl Witness) -> Result<&Arc<CompiledService>, Refusal> {
        if self.names.is_some() {
            return self.of_name(facts.sni);
        }
        let Some(request) = &facts.request else {
            return self.services.first().ok_or_else(|| Refusal::new(Code::NoRoute, facts.listener.as_str()));
        };
        let found = self.hosts.find(request.authority).and_then(|n| self.services.get(n as usize));
        if found.is_none() {
            for service in &self.services {
                witness.saw(|| Step::Missed {
                    rule: service.host.rule.to_string(),
                    why: format!("the Host is none of {}", service.host.domains.join(", ")),
                });
            }
        }
        found.ok_or_else(|| Refusal::new(Code::NoHost, request.authority))
    }
}

impl CompiledService {
    /// Whether who connected may speak to it. Nobody who has not shown who he is, where that is to be judged.
    fn admits(&self, facts: &Facts<'_>, witness: &mut impl Witness) -> Result<(), Refusal> {
        let Some(judge) = &self.judge else { return Ok(()) };
        let Some(peer) = facts.peer else {
            return Err(Refusal { rule: Some(self.host.rule.clone()), ..Refusal::new(Code::Denied, "nobody has shown who he is") });
        };
        let verdict = judge.judge(peer, facts.request.as_ref(), witness);
        if verdict.allowed {
            return Ok(());
        }
        let by = verdict.by;
        let subject = format!("{peer} to {}, by {by}", self.host.service);
        Err(Refusal { rule: by.rule().cloned(), ..Refusal::new(Code::Denied, subject) })
    }
}

impl Split {
    /// The leg that the dice choose.
    fn draw<'a>(&'a self, dice: &mut impl Dice, witness: &mut impl Witness) -> (Option<&'a Arc<Leg>>, &'a Arc<Upstream>, Option<u32>) {
        let roll = dice.roll(self.total);
        let last = self.legs.len() - 1;
        let chosen = self.legs.partition_point(|(end, ..)| *end <= roll).min(last);
        let (_, leg, upstream) = &self.legs[chosen];
        witness.saw(|| Step::Split { rules: printed(&leg.rules), roll, of: self.total });
        (Some(leg), upstream, Some(roll))
    }
}

impl Upstream {
    /// The first target that has an instance in use, and which instance is tried first. Failover is strict: a leg counts only
    /// when all before it have no healthy instance (semantics 4.6).
    fn first_in_use(&self, load: &impl Load, dice: &mut impl Dice, witness: &mut impl Witness) -> Option<(usize, usize)> {
        if let [target] = self.targets.as_slice()
            && target.endpoints.len() == 1
        {
            // There is no other to prefer, whether it rests or not.
            witness.saw(|| target.chose(0));
            return Some((0, 0));
        }
        let mut resting = None;
        for (n, target) in self.targets.iter().enumerate() {
            match choose(target, self.policy, load, dice) {
                Some((first, true)) => {
                    witness.saw(|| target.chose(first));
                    return Some((n, first));
                }
                // Every instance refused lately: a failover target that has an awake one goes before (`docs/differences.md`, try-next).
                Some((first, false)) => resting = resting.or(Some((n, first))),
                None => {}
            }
            witness.saw(|| Step::PassedOver {
                target: target.id.to_string(),
                rule: self.failover_rule.as_ref().map(ToString::to_string),
                why: target.why_passed_over(),
            });
        }
        let (n, first) = resting?;
        witness.saw(|| self.targets[n].chose(first));
        Some((n, first))
    }
}

impl Target {
    /// `no healthy instance (web-1 is critical)`
    fn why_passed_over(&self) -> String {
        if let Some(why) = &self.unreached {
            return why.clone();
        }
        let unused: Vec<String> = self.unused.iter().map(|u| format!("{} is {}", u.id, u.why)).collect();
        match (self.endpoints.is_empty(), unused.is_empty()) {
            (false, _) => "every instance refused connections lately".to_owned(),
            (true, true) => "no healthy instance".to_owned(),
            (true, false) => format!("no healthy instance ({})", unused.join(", ")),
        }
    }

    /// The mode, where mesh gateways stand for its instances.
    pub fn through(&self) -> Option<&'static str> {
        (self.mode != MeshGatewayMode::None).then(|| self.mode.as_str())
    }

    fn chose(&self, first: usize) -> Step {
        let endpoint = &self.endpoints[first];
        Step::Instance {
            target: self.id.to_string(),
            instance: endpoint.id.clone(),
            address: endpoint.address.to_string(),
            mesh_gateway: self.through().map(Into::into),
            of: self.endpoints.len(),
        }
    }
}

impl Plan {
    /// The instances to try, best first: the chosen one, the others of its target, then the failover targets in order.
    /// Each but the first only after a connection was refused before a byte was sent (`docs/differences.md`, try-next).
    pub fn hops(&self) -> impl Iterator<Item = (&Arc<Target>, &Arc<Endpoint>)> {
        self.order().map(|hop| self.at(hop))
    }

    /// The same by their places.
    pub fn order(&self) -> impl Iterator<Item = Hop> {
        self.upstream.targets.iter().enumerate().skip(self.target).flat_map(move |(target, found)| {
            let count = found.endpoints.len();
            let start = if target == self.target { self.first.min(count) } else { 0 };
            (start..count).chain(0..start).map(move |endpoint| Hop { target, endpoint })
        })
    }

    /// The instance of this plan at a place, and its target.
    pub fn at(&self, hop: Hop) -> (&Arc<Target>, &Arc<Endpoint>) {
        let target = &self.upstream.targets[hop.target];
        (target, &target.endpoints[hop.endpoint])
    }

    /// The target of the first hop.
    pub fn first_target(&self) -> &Arc<Target> {
        &self.upstream.targets[self.target]
    }

    /// Header edits of the request, in the order they run: split leg, route, ingress service (semantics 5).
    pub fn request_edits(&self) -> impl Iterator<Item = &Edits> {
        let leg = self.leg.as_ref().and_then(|l| l.request_edits.as_ref());
        leg.into_iter().chain(&self.route.request_edits).chain(&self.route.host.request_edits)
    }

    /// Header edits of the answer, in the order they run.
    pub fn response_edits(&self) -> impl Iterator<Item = &Edits> {
        response_edits(self.leg.as_deref(), Some(&self.route))
    }

    /// The rules that led here, outermost first: ingress service, route, split legs, resolvers, and the failover section if a
    /// failover target was chosen. A service without router has its ingress service as route, which is named once.
    pub fn rules(&self) -> impl Iterator<Item = &RuleRef> {
        let leg = self.leg.iter().flat_map(|l| &l.rules);
        let route = Some(&self.route.rule).filter(|rule| **rule != self.route.host.rule);
        let failover = self.upstream.failover_rule.as_ref().filter(|_| self.target > 0);
        std::iter::once(&self.route.host.rule).chain(route).chain(leg).chain(self.upstream.rules.iter()).chain(failover)
    }
}

impl Refusal {
    /// A refusal before any rule was found.
    pub fn new(code: Code, subject: impl Into<String>) -> Self {
        Self { code, rule: None, route: None, leg: None, roll: None, subject: subject.into(), location: None }
    }

    fn no_route(service: &CompiledService, facts: &Facts<'_>) -> Self {
        let subject = facts.request.map_or("", |r| r.target);
        Self { rule: Some(service.host.rule.clone()), ..Self::new(Code::NoRoute, subject) }
    }

    fn no_endpoint(route: &Arc<Route>, leg: Option<&Arc<Leg>>, upstream: &Upstream) -> Self {
        let subject = upstream.targets[0].id.to_string();
        let rule = upstream.rules.last().or(leg.and_then(|l| l.rules.last())).unwrap_or(&route.rule);
        Self { rule: Some(rule.clone()), route: Some(route.clone()), leg: leg.cloned(), ..Self::new(Code::NoHealthyEndpoint, subject) }
    }

    /// Header edits of the answer that gw makes, in the order they run.
    pub fn response_edits(&self) -> impl Iterator<Item = &Edits> {
        response_edits(self.leg.as_deref(), self.route.as_deref())
    }
}

fn response_edits<'a>(leg: Option<&'a Leg>, route: Option<&'a Route>) -> impl Iterator<Item = &'a Edits> {
    let leg = leg.and_then(|l| l.response_edits.as_ref());
    let route_edits = route.and_then(|r| r.response_edits.as_ref());
    leg.into_iter().chain(route_edits).chain(route.and_then(|r| r.host.response_edits.as_ref()))
}

fn printed(rules: &[RuleRef]) -> Vec<String> {
    rules.iter().map(ToString::to_string).collect()
}
