//! Intentions to judges: conditions are parsed and regexes compiled here, once per configuration.

use std::sync::Arc;

use super::{EVERY, Intention, Intentions, Judge, Permission, Says};
use crate::decide::matcher::Matcher;
use crate::id::{ServiceKey, Table, TrustDomain};
use crate::model::entry::{
    Entries, EntryKind, EntryRef, IntentionAction, IntentionPermission, RuleRef, ServiceIntentions, SourceIntention,
};
use crate::model::resources::Rejected;

/// Makes the judges of destinations, configuration after configuration. What is judged by the very same as the last time is judged
/// by the very same object, so that an unchanged destination is known by its pointer.
#[derive(Debug)]
pub struct Judges {
    entries: Arc<Entries>,
    trust_domain: TrustDomain,
    default: IntentionAction,
    now: Made,
    last: Made,
}

/// What was made of a configuration.
#[derive(Debug, Default)]
struct Made {
    intentions: Table<ServiceKey, (Arc<Intentions>, Vec<Rejected>)>,
    judges: Table<String, Arc<Judge>>,
}

impl Default for Judges {
    fn default() -> Self {
        Self {
            entries: Arc::default(),
            trust_domain: TrustDomain::new(TrustDomain::OF_FILES),
            default: IntentionAction::Deny,
            now: Made::default(),
            last: Made::default(),
        }
    }
}

impl Judges {
    /// Begins with another configuration. Whoever is not asked for until the next one is forgotten then.
    pub fn begin(&mut self, entries: Arc<Entries>, trust_domain: &TrustDomain, default: IntentionAction) {
        self.entries = entries;
        self.trust_domain = trust_domain.clone();
        self.default = default;
        self.last = std::mem::take(&mut self.now);
    }

    /// The judge of a destination. The entry of that name is found in any case.
    pub fn of(&mut self, destination: &str) -> Arc<Judge> {
        if let Some(judge) = self.now.judges.get(destination) {
            return judge.clone();
        }
        let own = self.intentions(&ServiceKey::of(destination));
        let every = self.intentions(&ServiceKey::of(EVERY)).filter(|_| destination != EVERY);
        let same = |judge: &Arc<Judge>| {
            let Judge { trust_domain, default, .. } = &**judge;
            let settings = *trust_domain == self.trust_domain && *default == self.default;
            settings && is_same(judge.own.as_ref(), own.as_ref()) && is_same(judge.every.as_ref(), every.as_ref())
        };
        let judge = self.last.judges.get(destination).filter(|judge| same(judge)).cloned();
        let judge = judge.unwrap_or_else(|| {
            let (trust_domain, default) = (self.trust_domain.clone(), self.default);
            Arc::new(Judge { destination: destination.to_owned(), trust_domain, default, own: own.clone(), every: every.clone() })
        });
        self.now.judges.insert(destination.to_owned(), judge.clone());
        judge
    }

    /// What cannot be judged by as it is written, of the entries that were asked for.
    pub fn rejected(&self) -> impl Iterator<Item = &Rejected> {
        self.now.intentions.values().flat_map(|(_, rejected)| rejected)
    }

    fn intentions(&mut self, key: &ServiceKey) -> Option<Arc<Intentions>> {
        let entry = self.entries.intentions.get(key)?;
        if let Some((made, _)) = self.now.intentions.get(key) {
            return Some(made.clone());
        }
        let same = |(made, _): &(Arc<Intentions>, _)| Arc::ptr_eq(&made.entry, entry) || made.entry == *entry;
        let made = self.last.intentions.remove(key).filter(same).unwrap_or_else(|| {
            let mut rejected = Vec::new();
            (Arc::new(Intentions::compile(entry, &mut rejected)), rejected)
        });
        let intentions = made.0.clone();
        self.now.intentions.insert(key.clone(), made);
        Some(intentions)
    }
}

fn is_same(one: Option<&Arc<Intentions>>, other: Option<&Arc<Intentions>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}

/// A judge of one destination by these entries, of which only the one for `*` is looked up.
pub(super) fn alone(own: Option<&Arc<ServiceIntentions>>, entries: &Entries, default: IntentionAction, destination: &str) -> Judge {
    let compile = |entry: &Arc<ServiceIntentions>| Arc::new(Intentions::compile(entry, &mut Vec::new()));
    let every = entries.intentions.get(&ServiceKey::of(EVERY)).filter(|_| destination != EVERY);
    let trust_domain = TrustDomain::new(TrustDomain::OF_FILES);
    Judge { destination: destination.to_owned(), trust_domain, default, own: own.map(compile), every: every.map(compile) }
}

impl Intentions {
    fn compile(entry: &Arc<ServiceIntentions>, rejected: &mut Vec<Rejected>) -> Self {
        let reference = EntryRef::new(EntryKind::ServiceIntentions, &entry.common.name);
        let list: Vec<Intention> = entry.sources.iter().map(|source| Intention::compile(entry, &reference, source, rejected)).collect();
        let mut by_source = Table::default();
        for (number, intention) in list.iter().enumerate().filter(|(_, i)| i.peer.is_empty()) {
            by_source.entry(intention.source.clone()).or_insert(number);
        }
        let look_at_requests = list.iter().any(|intention| matches!(intention.says, Says::Permissions(_)));
        Self { entry: entry.clone(), list, by_source, look_at_requests }
    }
}

impl Intention {
    fn compile(entry: &ServiceIntentions, reference: &EntryRef, source: &SourceIntention, rejected: &mut Vec<Rejected>) -> Self {
        let place = format!("Sources[{}]", source.index);
        let mut reject = |why: String| rejected.push(Rejected { what: reference.clone(), why });
        let says = if entry.jwt.is_some() {
            reject(format!("{place}: JWT cannot be verified by gw, so nobody passes"));
            Says::Jwt
        } else if let Some(action) = source.action {
            Says::Action(action)
        } else {
            let permissions = source.permissions.iter().enumerate();
            let compile = |(n, permission)| Permission::compile(reference.at(format!("{place}.Permissions[{n}]")), permission, &mut reject);
            Says::Permissions(permissions.map(compile).collect())
        };
        Self {
            rule: reference.at(place.as_str()),
            source: source.name.clone(),
            destination: entry.common.name.clone(),
            precedence: source.precedence,
            peer: source.peer.clone(),
            says,
        }
    }
}

impl Permission {
    /// What cannot be judged never opens: a permission that asks for a JWT denies what it matches, one that allows with a regex
    /// that is none matches nothing, and one that denies with such a regex denies whatever its other conditions match.
    fn compile(rule: RuleRef, permission: &IntentionPermission, reject: &mut impl FnMut(String)) -> Self {
        let mut problems = Vec::new();
        let http = permission.http.clone().unwrap_or_default();
        let matcher = Matcher::of_permission(&http, &mut problems);
        let mut action = permission.action.unwrap_or(IntentionAction::Deny);
        if permission.jwt.is_some() {
            reject(format!("{}: JWT cannot be verified by gw, so what it matches is denied", rule.path));
            action = IntentionAction::Deny;
        }
        let denies = action == IntentionAction::Deny;
        for problem in problems {
            let what = if denies { "whatever else it says is denied without that condition" } else { "it allows nothing" };
            reject(format!("{}: {problem}; {what}", rule.path));
        }
        Self { rule, action, matcher: if denies { matcher.without_broken() } else { matcher } }
    }
}
