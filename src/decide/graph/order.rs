//! In which order Consul takes a set of changes, of which it judges each by itself, and what has to go for a moment where it takes
//! them in none: services under one router cannot change their protocol one after the other.

use std::sync::Arc;

use super::{Change, Checker, GraphError, check};
use crate::decide::chain::ChainError;
use crate::id::ServiceKey;
use crate::model::entry::{ConfigEntry, Entries, EntryKind, EntryRef, IngressGateway};
use crate::model::level::Level;

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

/// What is set aside before anything is changed, where nothing else helps: without these kinds nothing is in the way of anything.
const LAST_RESORTS: [&[EntryKind]; 3] = [
    &[EntryKind::ServiceRouter, EntryKind::ServiceSplitter],
    &[EntryKind::ServiceRouter, EntryKind::ServiceSplitter, EntryKind::ServiceResolver],
    &[EntryKind::IngressGateway, EntryKind::ServiceRouter, EntryKind::ServiceSplitter, EntryKind::ServiceResolver],
];

/// What brings a set from what exists to where all changes are made, each step of which Consul takes; or why there is none.
pub fn order(existing: &Entries, changes: &[Change<'_>]) -> Result<Vec<Step>, GraphError> {
    let first = order_after(existing, changes, &[]);
    first.or_else(|why| LAST_RESORTS.iter().find_map(|kinds| order_after(existing, changes, kinds).ok()).ok_or(why))
}

/// The same where entries of some kinds go first.
fn order_after(existing: &Entries, changes: &[Change<'_>], kinds: &[EntryKind]) -> Result<Vec<Step>, GraphError> {
    let mut left: Vec<usize> = (0..changes.len()).collect();
    left.sort_by_key(|n| rank(&changes[*n]));
    let (state, checker) = (existing.clone(), Checker::default());
    let mut way = Way { state, changes, left, back: Vec::new(), aside: Vec::new(), steps: Vec::new(), checker, errors: 0 };
    way.errors = way.errors_of(existing);
    way.all_aside(kinds);
    loop {
        way.what_is_taken();
        if way.left.is_empty() && way.back.is_empty() {
            return Ok(way.steps);
        }
        if !way.left.is_empty() && (way.one_aside() || way.one_unseen()) {
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
    /// What went, twice each at most: so this ends.
    aside: Vec<EntryRef>,
    steps: Vec<Step>,
    checker: Checker,
    /// What is wrong with the state as a whole.
    errors: usize,
}

impl Way<'_> {
    /// Makes every change that is taken, until none is. One that breaks what Consul does not look at waits: out of a state in which
    /// a chain does not compile there is often no way, for every step that touches the chain is refused.
    fn what_is_taken(&mut self) {
        loop {
            let before = self.left.len();
            for n in std::mem::take(&mut self.left) {
                let change = &self.changes[n];
                let after = check(&self.state, change).is_ok().then(|| self.after(change));
                match after.map(|state| (self.errors_of(&state), state)) {
                    Some((errors, state)) if errors <= self.errors => {
                        (self.state, self.errors) = (state, errors);
                        self.steps.push(Step::Change(n));
                    }
                    _ => self.left.push(n),
                }
            }
            if self.left.len() == before {
                return;
            }
        }
    }

    /// Makes a change that Consul takes, although something breaks that it does not look at. False: there is none.
    fn one_unseen(&mut self) -> bool {
        let Some(at) = self.left.iter().position(|n| check(&self.state, &self.changes[*n]).is_ok()) else { return false };
        let n = self.left.remove(at);
        self.state = self.after(&self.changes[n]);
        self.errors = self.errors_of(&self.state.clone());
        self.steps.push(Step::Change(n));
        true
    }

    fn after(&self, change: &Change<'_>) -> Entries {
        let mut state = self.state.clone();
        make(&mut state, change);
        state
    }

    fn errors_of(&mut self, state: &Entries) -> usize {
        self.checker.check_set(&Arc::new(state.clone())).iter().filter(|finding| finding.level == Level::Error).count()
    }

    /// Sets something aside after which a change is taken, or at least refused for another reason; or, where several things are in
    /// the way alike, one of them, rather one that belongs to what is refused. False: there is nothing.
    fn one_aside(&mut self) -> bool {
        let refused: Vec<(usize, GraphError)> =
            self.left.iter().filter_map(|n| Some((*n, check(&self.state, &self.changes[*n]).err()?))).collect();
        let (mut nearer, mut alike, mut any) = (None, None, None);
        for (n, why) in &refused {
            for (was, left) in self.candidates(why) {
                let change = aside(&was, left.as_ref());
                if check(&self.state, &change).is_err() {
                    continue;
                }
                let state = self.after(&change);
                match check(&state, &self.changes[*n]) {
                    Ok(()) => return self.set_aside(state, was, left),
                    Err(other) if other != *why && nearer.is_none() => nearer = Some((state, was, left)),
                    Err(_) if alike.is_none() && belongs(&was, why) => alike = Some((state, was, left)),
                    Err(_) if any.is_none() => any = Some((state, was, left)),
                    Err(_) => {}
                }
            }
        }
        nearer.or(alike).or(any).is_some_and(|(state, was, left)| self.set_aside(state, was, left))
    }

    /// Sets all entries of some kinds aside that Consul lets go.
    fn all_aside(&mut self, kinds: &[EntryKind]) {
        loop {
            let lets_go = |was: &ConfigEntry| kinds.contains(&was.kind()) && check(&self.state, &aside(was, None)).is_ok();
            let gateways = self.state.ingress_gateways.values().cloned().map(ConfigEntry::IngressGateway);
            let Some(was) = gateways.chain(self.whole()).find(lets_go) else { return };
            self.set_aside(self.after(&aside(&was, None)), was, None);
        }
    }

    fn set_aside(&mut self, state: Entries, was: ConfigEntry, left: Option<ConfigEntry>) -> bool {
        self.errors = self.errors_of(&state);
        self.state = state;
        let entry = was.entry_ref();
        let is_written = |n: &usize| matches!(self.changes[*n], Change::Write(e) if is_same(&e.entry_ref(), &entry));
        let is_deleted = |n: &usize| matches!(self.changes[*n], Change::Delete(kind, name) if is_same(&EntryRef::new(kind, name), &entry));
        if let (None, Some(at)) = (&left, self.left.iter().position(is_deleted)) {
            // It goes for good.
            self.steps.push(Step::Change(self.left.remove(at)));
            return true;
        }
        let comes_back = self.back.iter().any(|was| is_same(&was.entry_ref(), &entry));
        if !comes_back && !self.left.iter().any(is_written) {
            self.back.push(was.clone());
        }
        self.aside.push(entry);
        self.steps.push(Step::Aside { was, left });
        true
    }

    /// What could be in the way, with what may stay of it: of an ingress gateway all but the service that does not fit, for a
    /// gateway has other services, too. Intentions never go: nothing is opened for a moment.
    fn candidates(&self, why: &GraphError) -> Vec<(ConfigEntry, Option<ConfigEntry>)> {
        let mut out: Vec<(ConfigEntry, Option<ConfigEntry>)> = Vec::new();
        if let GraphError::IngressProtocol { service, .. } = why {
            let left =
                |gateway: &Arc<IngressGateway>| Some((ConfigEntry::IngressGateway(gateway.clone()), Some(self.reduced(gateway, service)?)));
            out.extend(self.state.ingress_gateways.values().filter_map(left));
        }
        out.extend(self.whole().into_iter().map(|entry| (entry, None)));
        // A gateway may stand in the way of several services; and what was written in place of what went, once more.
        let times = |was: &ConfigEntry| self.aside.iter().filter(|gone| is_same(gone, &was.entry_ref())).count();
        out.retain(|(was, left)| left.is_some() || times(was) < 2);
        out
    }

    /// What may go as a whole, rather the first than the last.
    fn whole(&self) -> Vec<ConfigEntry> {
        let Entries { routers, splitters, resolvers, .. } = &self.state;
        let routers = routers.values().cloned().map(ConfigEntry::ServiceRouter);
        let splitters = splitters.values().cloned().map(ConfigEntry::ServiceSplitter);
        routers.chain(splitters).chain(resolvers.values().cloned().map(ConfigEntry::ServiceResolver)).collect()
    }

    /// The gateway without a service, and without others that do not fit either: when a service changes, Consul does not look at the
    /// gateways of those that redirect to it, but when the gateway is written.
    fn reduced(&self, gateway: &IngressGateway, service: &str) -> Option<ConfigEntry> {
        let mut left = without(gateway, service)?;
        loop {
            let entry = ConfigEntry::IngressGateway(Arc::new(left.clone()));
            match check(&self.state, &Change::Write(&entry)) {
                Err(GraphError::IngressProtocol { service, .. }) => left = without(&left, &service)?,
                _ => return Some(entry),
            }
        }
    }

    /// Brings something back; or says why nothing goes on.
    fn one_back(&mut self) -> Result<(), GraphError> {
        let mut why = None;
        for (n, entry) in self.back.iter().enumerate() {
            match check(&self.state, &Change::Write(entry)) {
                Ok(()) => {
                    let entry = self.back.remove(n);
                    self.state = self.after(&Change::Write(&entry));
                    self.errors = self.errors_of(&self.state.clone());
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

/// Whether an entry shapes the chain that does not compile.
fn belongs(entry: &ConfigEntry, why: &GraphError) -> bool {
    let GraphError::Chain(ChainError::InconsistentProtocols { chain, service, .. }) = why else { return false };
    let name = ServiceKey::text(&entry.common().name);
    name == ServiceKey::text(chain) || name == ServiceKey::text(service)
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
