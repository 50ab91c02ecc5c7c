//! Who may talk to whom: the intentions of a destination, compiled, and the one question that is asked of them (semantics 11).
//!
//! Consul's own order holds always: an intention for the destination goes before one for `*`, and then one for the source before one
//! for `*`. The first whose source is the caller decides, alone: if none of its permissions matches, the default policy does, and
//! not the next intention. (Envoy's rules, as Consul writes them, have a hole there: wire 1.6.)

mod compile;
mod reach;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;

pub use self::compile::Judges;
pub use self::reach::Reach;
use super::facts::RequestHead;
use super::matcher::Matcher;
use super::normalize::{Normalization, Normalized, Unfit};
use super::witness::{Near, Step, Witness};
use crate::id::{DEFAULT_NAMESPACE, DEFAULT_PARTITION, ServiceKey, SpiffeId, Table, TrustDomain};
use crate::model::entry::{Entries, IntentionAction, RuleRef, ServiceIntentions};

/// `*`: every source, every destination.
const EVERY: &str = "*";

/// Judges who may talk to one destination. Made by [`Judges`], shared, and the same object as long as nothing changes that it
/// judges by.
#[derive(Debug)]
pub struct Judge {
    destination: String,
    trust_domain: TrustDomain,
    default: IntentionAction,
    /// The entry of the destination.
    own: Option<Arc<Intentions>>,
    /// The entry of `*`.
    every: Option<Arc<Intentions>>,
}

/// A service-intentions entry, compiled.
#[derive(Debug)]
struct Intentions {
    entry: Arc<ServiceIntentions>,
    list: Vec<Intention>,
    /// Which of them a service of this cluster finds by its name, or by `*`.
    by_source: Table<String, usize>,
    /// Whether a request can make a difference: one of them has permissions.
    look_at_requests: bool,
}

/// One intention: what a source may do at a destination.
#[derive(Debug)]
pub struct Intention {
    /// `service-intentions/web Sources[0]`
    pub rule: RuleRef,
    /// The source as written: a name or `*`.
    pub source: String,
    /// The destination as written.
    pub destination: String,
    /// 9, 8, 6 or 5 (semantics 11.2).
    pub precedence: i64,
    /// The cluster the source is of; empty is this one. A peer's source is never a local service.
    pub peer: String,
    says: Says,
}

/// What an intention says.
#[derive(Debug)]
enum Says {
    Action(IntentionAction),
    Permissions(Vec<Permission>),
    /// It asks for a JWT, which cannot be verified here: nobody passes.
    Jwt,
}

/// One permission of an intention.
#[derive(Debug)]
pub struct Permission {
    /// `service-intentions/web Sources[0].Permissions[1]`
    pub rule: RuleRef,
    /// What follows if it matches.
    pub action: IntentionAction,
    matcher: Matcher,
}

/// The answer.
#[derive(Clone, Copy, Debug)]
pub struct Verdict<'a> {
    /// Whether the source may.
    pub allowed: bool,
    /// What decided.
    pub by: By<'a>,
}

/// What decided.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// An intention with an action, or one with permissions that was asked without a request: that is a no.
    Intention(&'a Intention),
    /// A permission of an intention.
    Permission(&'a Intention, &'a Permission),
    /// The default policy: there is no intention for the source, or this one, of which no permission matches.
    Default(Option<&'a Intention>),
    /// Nobody had to decide: the caller is no service of the own trust domain, and those pass nowhere.
    Foreign,
}

impl Judge {
    /// What a request is before it is judged, and sent on as: its path in one spelling, its headers without what the mesh does not
    /// take. Where no intention for the destination has permissions, nobody looks at a request, and it is what it is.
    pub fn prepare<'a>(
        &self,
        normalization: &Normalization,
        target: &'a str,
        headers: &mut HeaderMap,
        witness: &mut impl Witness,
    ) -> Result<Normalized<'a>, Unfit> {
        if !self.looks_at_requests() {
            return Ok(Normalized::Forward(target.into()));
        }
        normalization.headers(headers)?;
        Ok(normalization.target(target, witness))
    }

    /// Whether one of its intentions has permissions.
    pub fn looks_at_requests(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.look_at_requests)
    }

    /// The one question: may this caller, of whom the handshake has proved who it is, connect to the destination; and on a listener
    /// that reads requests, send this request, which was normalized (`decide/normalize`)?
    ///
    /// Without a request an intention with permissions is a no: on a tcp listener nothing could be matched.
    pub fn judge(&self, source: &SpiffeId, request: Option<&RequestHead<'_>>, witness: &mut impl Witness) -> Verdict<'_> {
        let local = *source.partition == *DEFAULT_PARTITION && *source.namespace == *DEFAULT_NAMESPACE;
        if !local || source.trust_domain != self.trust_domain {
            witness.saw(|| Step::Foreign { source: source.to_string(), trust_domain: self.trust_domain.to_string() });
            return Verdict { allowed: false, by: By::Foreign };
        }
        self.judge_service(&source.service, request, witness)
    }

    /// Whether there is anything that the caller may ask for: a connection on which there is not may be closed, whatever is under way
    /// on it.
    pub fn may_ask(&self, source: &SpiffeId) -> bool {
        match self.judge(source, None, &mut ()) {
            Verdict { by: By::Intention(Intention { says: Says::Permissions(permissions), .. }), .. } => {
                let allows = |permission: &Permission| permission.action == IntentionAction::Allow;
                self.default == IntentionAction::Allow || permissions.iter().any(allows)
            }
            verdict => verdict.allowed,
        }
    }

    /// The same of a service of the own trust domain, by its name.
    pub fn judge_service(&self, source: &str, request: Option<&RequestHead<'_>>, witness: &mut impl Witness) -> Verdict<'_> {
        let Some(intention) = self.intentions(source).next() else {
            witness.saw(|| Step::NoIntention { near: self.near(source) });
            return self.by_default(None, witness);
        };
        witness.saw(|| Step::Intention {
            rule: intention.rule.to_string(),
            source: intention.source.clone(),
            destination: intention.destination.clone(),
            precedence: intention.precedence,
            shadows: self.intentions(source).skip(1).map(|i| i.rule.to_string()).collect(),
        });
        match (&intention.says, request) {
            (Says::Action(action), _) => Verdict { allowed: *action == IntentionAction::Allow, by: By::Intention(intention) },
            (Says::Permissions(_), None) | (Says::Jwt, _) => Verdict { allowed: false, by: By::Intention(intention) },
            (Says::Permissions(permissions), Some(request)) => self.permitted(intention, permissions, request, witness),
        }
    }

    fn permitted<'a>(
        &'a self,
        intention: &'a Intention,
        permissions: &'a [Permission],
        request: &RequestHead<'_>,
        witness: &mut impl Witness,
    ) -> Verdict<'a> {
        for permission in permissions {
            match permission.matcher.miss(request) {
                Some(miss) => witness.saw(|| Step::missed(&permission.rule, Some(miss), request)),
                None => {
                    witness.saw(|| Step::Permission { rule: permission.rule.to_string(), conditions: permission.matcher.to_string() });
                    return Verdict { allowed: permission.action == IntentionAction::Allow, by: By::Permission(intention, permission) };
                }
            }
        }
        self.by_default(Some(intention), witness)
    }

    fn by_default<'a>(&self, intention: Option<&'a Intention>, witness: &mut impl Witness) -> Verdict<'a> {
        witness.saw(|| Step::DefaultPolicy { action: self.default.as_str().into() });
        Verdict { allowed: self.default == IntentionAction::Allow, by: By::Default(intention) }
    }

    /// The intentions that are for a source, the one that decides first. Names are compared in their case, as Consul does.
    pub fn intentions(&self, source: &str) -> impl Iterator<Item = &Intention> {
        [&self.own, &self.every].into_iter().flatten().flat_map(move |intentions| {
            let found = |name: &str| intentions.by_source.get(name).map(|n| &intentions.list[*n]);
            let named = found(source);
            // Looked up only where somebody asks for more than the one that decides.
            let any = std::iter::once_with(move || found(EVERY)).flatten();
            named.into_iter().chain(any.filter(move |any| named.is_none_or(|named| !std::ptr::eq(named, *any))))
        })
    }

    /// Every intention that may say something about the destination, also those of peers: first those of the destination itself.
    pub fn all(&self) -> impl Iterator<Item = &Intention> {
        [&self.own, &self.every].into_iter().flatten().flat_map(|intentions| &intentions.list)
    }

    /// The destination.
    pub fn destination(&self) -> &str {
        &self.destination
    }

    /// What the default policy says.
    pub fn default_action(&self) -> IntentionAction {
        self.default
    }

    /// Intentions that one may have thought were for the source: in another case, or of a peer.
    pub fn near(&self, source: &str) -> Vec<Near> {
        let local = |i: &Intention| i.peer.is_empty() && i.source != source && i.source.eq_ignore_ascii_case(source);
        let peer = |i: &Intention| !i.peer.is_empty() && (i.source == source || i.source == EVERY);
        let named = self.all().filter(|i| local(i) || peer(i));
        let why = |i: &Intention| {
            if i.peer.is_empty() {
                format!("its source is {:?}, and names of sources are compared in their case", i.source)
            } else {
                format!("its source is one of the peer {}", i.peer)
            }
        };
        named.map(|i| Near { rule: i.rule.to_string(), why: why(i) }).collect()
    }
}

impl Intention {
    /// The permissions, where it has such.
    pub fn permissions(&self) -> &[Permission] {
        if let Says::Permissions(permissions) = &self.says { permissions } else { &[] }
    }

    /// The action, where it has one.
    pub fn action(&self) -> Option<IntentionAction> {
        if let Says::Action(action) = self.says { Some(action) } else { None }
    }
}

/// `SOURCE -> DESTINATION`
impl fmt::Display for Intention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.source, self.destination)
    }
}

impl Permission {
    /// Its conditions in words.
    pub fn conditions(&self) -> String {
        self.matcher.to_string()
    }
}

impl<'a> By<'a> {
    /// The intention that decided; none where the default policy did.
    pub fn intention(&self) -> Option<&'a Intention> {
        match self {
            Self::Intention(intention) | Self::Permission(intention, _) => Some(intention),
            Self::Default(_) | Self::Foreign => None,
        }
    }

    /// The rule that decided. Of the default policy it is that of the intention, if there is one, whose permissions did not match.
    pub fn rule(&self) -> Option<&'a RuleRef> {
        match self {
            Self::Permission(_, permission) => Some(&permission.rule),
            Self::Intention(intention) | Self::Default(Some(intention)) => Some(&intention.rule),
            Self::Default(None) | Self::Foreign => None,
        }
    }
}

/// `SOURCE -> DESTINATION` of the intention that decided, or `default`.
impl fmt::Display for By<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Intention(intention) | Self::Permission(intention, _) => intention.fmt(f),
            Self::Default(_) => f.write_str("default"),
            Self::Foreign => f.write_str("foreign"),
        }
    }
}

/// Consul's `/v1/connect/intentions/check`: what a gateway does, but that the destination is compared in its case too, and that one
/// that is a Destination of service-defaults is no service of the mesh, so that only intentions for `*` are for it (semantics 11.3).
pub fn check(entries: &Entries, default: IntentionAction, source: &str, destination: &str) -> (bool, String) {
    let key = ServiceKey::of(destination);
    let outside = entries.service_defaults.get(&key).is_some_and(|d| d.destination.is_some());
    let own = entries.intentions.get(&key).filter(|entry| entry.common.name == destination && !outside);
    let judge = compile::alone(own, entries, default, destination);
    let verdict = judge.judge_service(source, None, &mut ());
    (verdict.allowed, verdict.by.to_string())
}
