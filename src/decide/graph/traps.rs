//! Intentions that do not do what they seem to say (semantics 11.3): what the default policy decides where a lower intention was
//! meant to, permissions that no request reaches, sources that a stronger intention hides.

use std::collections::{HashMap, HashSet};

use super::intentions::EVERY;
use super::shadow;
use super::{Finding, Level, codes};
use crate::id::ServiceKey;
use crate::model::entry::{
    Entries, EntryKind, EntryRef, HttpMatch, IntentionAction, IntentionHttp, IntentionPermission, RuleRef, ServiceIntentions,
    SourceIntention,
};

/// Of earlier permissions of a source this many are looked at, so that thousands are not compared pair by pair.
const MOST_EARLIER: usize = 64;

/// Of hidden intentions this many are named.
const MOST_NAMED: usize = 3;

/// The intentions for every service, so that nothing is searched for among them once a destination.
#[derive(Default)]
struct ForEvery<'a> {
    entry: Option<&'a ServiceIntentions>,
    /// By source and peer.
    by_source: HashMap<(&'a str, &'a str), &'a SourceIntention>,
    allowed: Vec<&'a SourceIntention>,
    denied: Vec<&'a SourceIntention>,
}

impl<'a> ForEvery<'a> {
    fn of(entries: &'a Entries) -> Self {
        let Some(entry) = entries.intentions.get(&*ServiceKey::text(EVERY)) else { return Self::default() };
        let named = entry.sources.iter().filter(|s| s.name != EVERY && s.peer.is_empty());
        let (allowed, denied) = named.partition(|s| s.action == Some(IntentionAction::Allow));
        let by_source = entry.sources.iter().map(|s| ((s.name.as_str(), s.peer.as_str()), s)).collect();
        Self { entry: Some(entry), by_source, allowed, denied }
    }

    fn find(&self, name: &str, peer: &str) -> Option<(&'a ServiceIntentions, &'a SourceIntention)> {
        Some((self.entry?, *self.by_source.get(&(name, peer))?))
    }
}

/// Every trap of a set, where `default` is what holds if no intention decides.
pub fn traps(entries: &Entries, default: IntentionAction) -> Vec<Finding> {
    let every = ForEvery::of(entries);
    let mut findings = Vec::new();
    for own in entries.intentions.values().filter(|i| i.common.name != EVERY) {
        let everyone: Vec<_> = own.sources.iter().filter(|s| s.name == EVERY).collect();
        for source in own.sources.iter().filter(|s| !s.permissions.is_empty()) {
            findings.extend(to_default(own, source, lower((own, &everyone), &every, source), default));
            findings.extend(unreached(own, source));
        }
        let strong = everyone.iter().find(|s| s.peer.is_empty());
        findings.extend(strong.and_then(|strong| hides(own, strong, &every)));
    }
    findings
}

fn rule(intentions: &ServiceIntentions, source: &SourceIntention) -> RuleRef {
    EntryRef::new(EntryKind::ServiceIntentions, &intentions.common.name).at(format!("Sources[{}]", source.index))
}

const fn word(action: IntentionAction) -> &'static str {
    match action {
        IntentionAction::Allow => "allow",
        IntentionAction::Deny => "deny",
    }
}

const fn done(action: IntentionAction) -> &'static str {
    match action {
        IntentionAction::Allow => "allowed",
        IntentionAction::Deny => "denied",
    }
}

/// The intention that would decide for all of a source if this one were not there.
fn lower<'a>(
    (own, everyone): (&'a ServiceIntentions, &[&'a SourceIntention]),
    every: &ForEvery<'a>,
    source: &SourceIntention,
) -> Option<(&'a ServiceIntentions, &'a SourceIntention)> {
    let (name, peer) = (source.name.as_str(), source.peer.as_str());
    let here = everyone.iter().find(|s| name != EVERY && s.peer == peer).map(|found| (own, *found));
    here.or_else(|| every.find(name, peer)).or_else(|| every.find(EVERY, peer))
}

/// Requests that no permission matches: the default policy decides them, and no lower intention.
fn to_default(
    own: &ServiceIntentions,
    source: &SourceIntention,
    lower: Option<(&ServiceIntentions, &SourceIntention)>,
    default: IntentionAction,
) -> Option<Finding> {
    if source.permissions.iter().any(decides_the_rest) {
        return None;
    }
    let silenced = lower.filter(|(_, lower)| lower.action != Some(default));
    let name = if source.name == EVERY { "any source" } else { &source.name };
    let (denied, given) = (done(default), word(default));
    let idle = source.permissions.iter().all(|p| p.action == Some(default));
    let code = if idle { codes::ONLY_DEFAULT } else { codes::DEFAULT_DECIDES };
    let mut message = if idle {
        format!("every request of {name} is {denied}: all permissions {given}, and so does the default policy what none of them matches")
    } else {
        format!("requests of {name} that no permission matches are {denied}, by the default policy")
    };
    match silenced {
        Some((at, lower)) => {
            let says = lower.action.map_or("permissions", word);
            message.push_str(&format!("; {} -> {} ({says}) has no say", lower.name, at.common.name));
        }
        None if !idle => return None,
        None => {}
    }
    let other = word(if default == IntentionAction::Deny { IntentionAction::Allow } else { IntentionAction::Deny });
    let help = format!(
        "end with a permission for the rest: HTTP {{ PathPrefix = \"/\" }} with Action = \"{other}\", or with \"{given}\" if that is meant"
    );
    let finding = Finding::new(code, Level::Warning, rule(own, source), message).help(help);
    Some(finding.related(silenced.map(|(at, lower)| rule(at, lower))))
}

/// Whether a permission matches every request.
fn decides_the_rest(permission: &IntentionPermission) -> bool {
    let Some(http) = &permission.http else { return false };
    let every_path = http.path_prefix == "/" || matches!(http.path_regex.as_str(), ".*" | "/.*");
    every_path && http.header.is_empty() && http.methods.is_empty()
}

/// Permissions that no request reaches, because an earlier one of the same source always matches first.
fn unreached(own: &ServiceIntentions, source: &SourceIntention) -> Vec<Finding> {
    let entry = EntryRef::new(EntryKind::ServiceIntentions, &own.common.name);
    let place = |i: usize| entry.at(format!("Sources[{}].Permissions[{i}]", source.index));
    let mut findings = Vec::new();
    for (i, later) in source.permissions.iter().enumerate() {
        let earlier = source.permissions[..i].iter().take(MOST_EARLIER);
        let both = |earlier: &IntentionPermission| Some(covers(earlier.http.as_ref()?, later.http.as_ref()?));
        if let Some(j) = earlier.map(both).position(|covered| covered == Some(true)) {
            let message = format!("no request reaches this permission: Permissions[{j}] matches all that it matches, and comes first");
            let finding = Finding::new(codes::PERMISSION_SHADOWED, Level::Warning, place(i), message);
            findings.push(finding.help("put the narrower permission first").related([place(j)]));
        }
    }
    findings
}

/// Whether the earlier permission matches wherever the later one does. Says no where it is not sure.
fn covers(earlier: &IntentionHttp, later: &IntentionHttp) -> bool {
    let without_headers = |http: &IntentionHttp| HttpMatch {
        path_exact: http.path_exact.clone(),
        path_prefix: http.path_prefix.clone(),
        path_regex: http.path_regex.clone(),
        methods: http.methods.clone(),
        ..HttpMatch::default()
    };
    let header = earlier.header.iter().all(|e| {
        let present = e.rule.present && !e.rule.invert;
        later.header.iter().any(|l| e == l || (present && shadow::header_follows(&e.rule, &l.rule)))
    });
    header && shadow::covers(&without_headers(earlier), &without_headers(later))
}

/// Intentions of a source for every service that an intention of every source for this one hides: the destination counts before
/// the source, which few expect, and which Consul's own proxies do not always hold to (wire 1.6).
fn hides(own: &ServiceIntentions, strong: &SourceIntention, every: &ForEvery<'_>) -> Option<Finding> {
    let (allowed, denied) = (&every.allowed, &every.denied);
    let differing: [&[_]; 2] = match strong.action {
        Some(IntentionAction::Allow) => [&[], denied],
        Some(IntentionAction::Deny) => [allowed, &[]],
        None => [allowed, denied],
    };
    let named: HashSet<&str> = own.sources.iter().filter(|s| s.peer.is_empty()).map(|s| s.name.as_str()).collect();
    let hidden = differing.into_iter().flatten().filter(|weak| !named.contains(weak.name.as_str()));
    let mut hidden: Vec<&SourceIntention> = hidden.take(MOST_NAMED + 1).copied().collect();
    let more = if hidden.len() > MOST_NAMED { " and others" } else { "" };
    hidden.truncate(MOST_NAMED);
    if hidden.is_empty() {
        return None;
    }
    let names = hidden.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(", ");
    let to = &own.common.name;
    let message =
        format!("for {to} this decides, and not what service-intentions/* says of {names}{more}: the destination counts before the source");
    let help = format!(
        "write a source of its own in service-intentions/{to} for those it is not meant for; Consul's proxies may obey the other intention"
    );
    let related = hidden.iter().filter_map(|weak| Some(rule(every.entry?, weak)));
    Some(Finding::new(codes::HIDES, Level::Warning, rule(own, strong), message).help(help).related(related))
}
