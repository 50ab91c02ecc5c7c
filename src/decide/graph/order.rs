//! In which order Consul takes a set of changes, of which it judges each by itself, and what has to go for a moment where it takes
//! them in none: services under one router cannot change their protocol one after the other.

use std::sync::Arc;

use super::{Change, GraphError, check};
use crate::id::ServiceKey;
use crate::model::entry::{ConfigEntry, Entries, EntryKind, EntryRef, IngressGateway};

/// One thing that is written or deleted.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The change of that number.
    Change(usize),
    /// An entry that is in the way goes, or is replaced by what of it is not in the way.
    Aside {
        /// As it is before.
        was: ConfigEntry,
        /// What may stay of it.
        left: Option<ConfigEntry>,
    },
    /// An entry comes back as it was.
    Back(ConfigEntry),
}

/// What brings a set from what exists to where all changes are made, each step of which Consul takes; or why there is none.
pub fn order(existing: &Entries, changes: &[Change<'_>]) -> Result<Vec<Step>, GraphError> {
    let mut left: Vec<usize> = (0..changes.len()).collect();
    left.sort_by_key(|n| rank(&changes[*n]));
    let mut way = Way { state: existing.clone(), changes, left, back: Vec::new(), aside: Vec::new(), steps: Vec::new() };
    loop {
        way.what_is_taken();
        if way.left.is_empty() && way.back.is_empty() {
            return Ok(way.steps);
        }
        if !way.left.is_empty() && way.one_aside() {
            continue;
        }
        way.one_back()?;
    }
}

/// Where changes usually go: what others need first, and deletes afterwards in the other direction.
fn rank(change: &Change<'_>) -> i32 {
    let (kind, written) = match change {
        Change::Write(entry) => (entry.kind(), true),
        Change::WriteOther(kind, _) => (*kind, true),
        Change::Delete(kind, _) => (*kind, false),
    };
    let rank = match kind {
        EntryKind::Mesh | EntryKind::JwtProvider => 1,
        EntryKind::ProxyDefaults => 2,
        EntryKind::ServiceDefaults => 3,
        EntryKind::ServiceResolver => 4,
        EntryKind::ServiceSplitter => 5,
        EntryKind::ServiceRouter => 6,
        // A service is let in before it can be reached.
        EntryKind::ServiceIntentions => 7,
        EntryKind::TerminatingGateway => 8,
        EntryKind::IngressGateway => 9,
        _ => 10,
    };
    if written { rank } else { 100 - rank }
}

struct Way<'a> {
    /// What Consul has after the steps.
    state: Entries,
    changes: &'a [Change<'a>],
    /// The changes that are still to be made.
    left: Vec<usize>,
    /// What has to come back.
    back: Vec<ConfigEntry>,
    /// What went, once each: so this ends.
    aside: Vec<EntryRef>,
    steps: Vec<Step>,
}

impl Way<'_> {
    /// Makes every change that is taken, until none is.
    fn what_is_taken(&mut self) {
        loop {
            let before = self.left.len();
            for n in std::mem::take(&mut self.left) {
                let change = &self.changes[n];
                if check(&self.state, change).is_ok() {
                    make(&mut self.state, change);
                    self.steps.push(Step::Change(n));
                } else {
                    self.left.push(n);
                }
            }
            if self.left.len() == before {
                return;
            }
        }
    }

    /// Sets something aside after which a change is taken, or at least refused for another reason. False: there is nothing.
    fn one_aside(&mut self) -> bool {
        let refused: Vec<(usize, GraphError)> =
            self.left.iter().filter_map(|n| Some((*n, check(&self.state, &self.changes[*n]).err()?))).collect();
        let mut nearer = None;
        for (n, why) in &refused {
            for (was, left) in self.candidates(why) {
                let mut state = self.state.clone();
                let change = aside(&was, left.as_ref());
                if check(&state, &change).is_err() {
                    continue;
                }
                make(&mut state, &change);
                match check(&state, &self.changes[*n]) {
                    Ok(()) => return self.set_aside(state, was, left),
                    Err(other) if other != *why && nearer.is_none() => nearer = Some((state, was, left)),
                    Err(_) => {}
                }
            }
        }
        nearer.is_some_and(|(state, was, left)| self.set_aside(state, was, left))
    }

    fn set_aside(&mut self, state: Entries, was: ConfigEntry, left: Option<ConfigEntry>) -> bool {
        self.state = state;
        let entry = was.entry_ref();
        let is_written = |n: &usize| matches!(self.changes[*n], Change::Write(e) if is_same(&e.entry_ref(), &entry));
        let again = self.aside.iter().any(|gone| is_same(gone, &entry));
        if !again && !self.left.iter().any(is_written) {
            self.back.push(was.clone());
        }
        self.aside.push(entry);
        self.steps.push(Step::Aside { was, left });
        true
    }

    /// What could be in the way, with what may stay of it: of an ingress gateway all but the service that does not fit, for a
    /// gateway has other services, too. Intentions never go: nothing is opened for a moment.
    fn candidates(&self, why: &GraphError) -> Vec<(ConfigEntry, Option<ConfigEntry>)> {
        let Entries { routers, splitters, resolvers, ingress_gateways, .. } = &self.state;
        let mut out: Vec<(ConfigEntry, Option<ConfigEntry>)> = Vec::new();
        if let GraphError::IngressProtocol { service, .. } = why {
            let of = |gateway: &Arc<IngressGateway>| Some(ConfigEntry::IngressGateway(Arc::new(without(gateway, service)?)));
            let reduced = ingress_gateways.values().filter_map(|g| Some((ConfigEntry::IngressGateway(g.clone()), Some(of(g)?))));
            out.extend(reduced);
        }
        out.extend(routers.values().map(|e| (ConfigEntry::ServiceRouter(e.clone()), None)));
        out.extend(splitters.values().map(|e| (ConfigEntry::ServiceSplitter(e.clone()), None)));
        out.extend(resolvers.values().map(|e| (ConfigEntry::ServiceResolver(e.clone()), None)));
        // A gateway may stand in the way of several services.
        out.retain(|(was, left)| left.is_some() || !self.aside.iter().any(|gone| is_same(gone, &was.entry_ref())));
        out
    }

    /// Brings something back; or says why nothing goes on.
    fn one_back(&mut self) -> Result<(), GraphError> {
        let mut why = None;
        for (n, entry) in self.back.iter().enumerate() {
            match check(&self.state, &Change::Write(entry)) {
                Ok(()) => {
                    let entry = self.back.remove(n);
                    make(&mut self.state, &Change::Write(&entry));
                    self.steps.push(Step::Back(entry));
                    return Ok(());
                }
                Err(error) => why = why.or(Some(error)),
            }
        }
        let first = self.left.first().and_then(|n| check(&self.state, &self.changes[*n]).err());
        // One of them is there: nothing is left that is taken.
        first.or(why).map_or(Ok(()), Err)
    }
}

fn is_same(a: &EntryRef, b: &EntryRef) -> bool {
    a.kind == b.kind && ServiceKey::text(&a.name) == ServiceKey::text(&b.name)
}

fn aside<'a>(was: &'a ConfigEntry, left: Option<&'a ConfigEntry>) -> Change<'a> {
    left.map_or(Change::Delete(was.kind(), &was.common().name), Change::Write)
}

/// The gateway without a service, and without listeners that have no other; nothing if it does not have the service.
fn without(gateway: &IngressGateway, service: &str) -> Option<IngressGateway> {
    let mut gateway = gateway.clone();
    let count = |gateway: &IngressGateway| gateway.listeners.iter().map(|l| l.services.len()).sum::<usize>();
    let before = count(&gateway);
    gateway.listeners.iter_mut().for_each(|listener| listener.services.retain(|s| s.name != service));
    gateway.listeners.retain(|listener| !listener.services.is_empty());
    (count(&gateway) < before).then_some(gateway)
}

/// Makes a change.
pub fn make(entries: &mut Entries, change: &Change<'_>) {
    match *change {
        Change::Write(entry) => entries.insert(entry.clone()),
        Change::WriteOther(EntryKind::JwtProvider, name) => drop(entries.jwt_providers.insert(ServiceKey::of(name), name.to_owned())),
        Change::WriteOther(..) => {}
        Change::Delete(kind, name) => entries.remove(kind, name),
    }
}
