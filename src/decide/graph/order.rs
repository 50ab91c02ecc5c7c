//! In which order Consul takes a set of changes, of which it judges each by itself, and what has to go for a moment where it takes
//! them in none: services under one router cannot change their protocol one after the other.

use std::sync::Arc;

#[cfg(not(test))]
use super::check;
use super::looks::Looks;
use super::{Change, Checker, GraphError};
use crate::decide::chain::ChainError;
use crate::id::ServiceKey;
use crate::model::entry::{ConfigEntry, Entries, EntryKind, EntryRef, IngressGateway};
use crate::model::level::Level;
#[cfg(test)]
use tests::counted as check;

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

/// So many times something is set aside for a change that has nothing to do with it, to see what comes of it, and no more.
const MOST_TRIALS: usize = 3_000;

/// What brings a set from what exists to where all changes are made, each step of which Consul takes; or why there is none.
pub fn order(existing: &Entries, changes: &[Change<'_>]) -> Result<Vec<Step>, GraphError> {
    let first = order_after(existing, changes, &[]);
    first.or_else(|why| LAST_RESORTS.iter().find_map(|kinds| order_after(existing, changes, kinds).ok()).ok_or(why))
}

/// The same where entries of some kinds go first.
fn order_after(existing: &Entries, changes: &[Change<'_>], kinds: &[EntryKind]) -> Result<Vec<Step>, GraphError> {
    let mut left: Vec<usize> = (0..changes.len()).collect();
    left.sort_by_key(|n| rank(&changes[*n]));
    let (state, checker) = (Arc::new(existing.clone()), Checker::default());
    let (verdicts, trials) = (changes.iter().map(|_| None).collect(), changes.iter().map(|_| None).collect());
    let (back, aside, steps) = Default::default();
    let mut way = Way { state, changes, left, back, aside, steps, checker, errors: 0, verdicts, trials };
    way.errors = way.errors_of(&way.state.clone());
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

/// What came of looking at a change, and what that hangs on.
struct Found<T> {
    what: T,
    looks: Looks,
}

/// Something that may be set aside, and what of it stays.
type Aside = (ConfigEntry, Option<ConfigEntry>);

/// What may be set aside for a change that is refused.
#[derive(Clone, Default)]
struct Trial {
    /// After this it is taken.
    taken: Option<Aside>,
    /// After this it is refused for another reason.
    nearer: Option<Aside>,
    /// This belongs to what is refused, and may go.
    alike: Option<Aside>,
    /// This may go.
    any: Option<Aside>,
}

struct Way<'a> {
    /// What Consul has after the steps.
    state: Arc<Entries>,
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
    /// By change: whether it is taken now, and what would help. A thousand that wait for one another are not asked again for each step,
    /// but those alone that it concerns.
    verdicts: Vec<Option<Found<Result<(), GraphError>>>>,
    trials: Vec<Option<Found<Trial>>>,
}

impl Way<'_> {
    /// Makes every change that is taken, until none is. One that breaks what Consul does not look at waits: out of a state in which
    /// a chain does not compile there is often no way, for every step that touches the chain is refused.
    fn what_is_taken(&mut self) {
        loop {
            let before = self.left.len();
            for n in std::mem::take(&mut self.left) {
                let after = self.verdict(n).is_ok().then(|| self.after(&self.changes[n]));
                match after.map(|state| (self.errors_of(&state), state)) {
                    Some((errors, state)) if errors <= self.errors => {
                        self.goes_to(&self.changes[n], state, errors);
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
        let Some(at) = (0..self.left.len()).find(|at| self.verdict(self.left[*at]).is_ok()) else { return false };
        let n = self.left.remove(at);
        self.makes(&self.changes[n]);
        self.steps.push(Step::Change(n));
        true
    }

    /// Whether a change is taken now.
    fn verdict(&mut self, n: usize) -> Result<(), GraphError> {
        let (state, change) = (&self.state, &self.changes[n]);
        let found = self.verdicts[n].get_or_insert_with(|| Found { what: check(state, change), looks: Looks::at(state, change) });
        found.what.clone()
    }

    /// Makes a change that is taken.
    fn makes(&mut self, change: &Change<'_>) {
        let state = self.after(change);
        let errors = self.errors_of(&state);
        self.goes_to(change, state, errors);
    }

    /// Goes on from the state that a change has led to.
    fn goes_to(&mut self, change: &Change<'_>, state: Arc<Entries>, errors: usize) {
        let touched = Looks::touched(&self.state, &state, change);
        self.verdicts.iter_mut().for_each(|found| drop(found.take_if(|found| found.looks.meets(&touched))));
        self.trials.iter_mut().for_each(|found| drop(found.take_if(|found| found.looks.meets(&touched))));
        (self.state, self.errors) = (state, errors);
    }

    fn after(&self, change: &Change<'_>) -> Arc<Entries> {
        let mut state = (*self.state).clone();
        make(&mut state, change);
        Arc::new(state)
    }

    fn errors_of(&mut self, state: &Arc<Entries>) -> usize {
        self.checker.check_set(state).iter().filter(|finding| finding.level == Level::Error).count()
    }

    /// Sets something aside after which a change is taken, or at least refused for another reason; or, where several things are in
    /// the way alike, one of them, rather one that belongs to what is refused. False: there is nothing.
    fn one_aside(&mut self) -> bool {
        let found = self.best(Self::trial).or_else(|| {
            // What is in the way of what is in the way is nothing that the refusal hangs on.
            let few = self.left.len() * self.whole().len() <= MOST_TRIALS;
            few.then(|| self.best(Self::trial_of_all)).flatten()
        });
        found.is_some_and(|(was, left)| self.set_aside(was, left))
    }

    /// The best of what may be set aside for the changes that are left.
    fn best(&mut self, trial: fn(&mut Self, usize) -> Trial) -> Option<Aside> {
        let mut best = Trial::default();
        for n in self.left.clone() {
            let Trial { taken, nearer, alike, any } = trial(self, n);
            if taken.is_some() {
                return taken;
            }
            best = Trial { taken, nearer: best.nearer.or(nearer), alike: best.alike.or(alike), any: best.any.or(any) };
        }
        best.nearer.or(best.alike).or(best.any)
    }

    /// What may be set aside for a change, of what its refusal hangs on. Nothing for one that is taken.
    fn trial(&mut self, n: usize) -> Trial {
        if let Some(found) = &self.trials[n] {
            return found.what.clone();
        }
        let Err(why) = self.verdict(n) else { return Trial::default() };
        let change = &self.changes[n];
        let mut looks = Looks::at(&self.state, change);
        let candidates = self.candidates(&why, |entry| looks.has(&entry.common().name));
        for (was, left) in &candidates {
            // What may stay of a gateway hangs on all of its services.
            looks.extend(Looks::at(&self.state, &if left.is_some() { Change::Write(was) } else { aside(was, None) }));
        }
        let what = self.tries(n, &why, candidates);
        self.trials[n].insert(Found { what, looks }).what.clone()
    }

    /// The same of whatever there is.
    fn trial_of_all(&mut self, n: usize) -> Trial {
        self.verdict(n).err().map(|why| self.tries(n, &why, self.candidates(&why, |_| true))).unwrap_or_default()
    }

    /// What comes of setting each of these aside, until the change is taken.
    fn tries(&self, n: usize, why: &GraphError, candidates: Vec<Aside>) -> Trial {
        let mut trial = Trial::default();
        for (was, left) in candidates {
            let change_aside = aside(&was, left.as_ref());
            if check(&self.state, &change_aside).is_err() {
                continue;
            }
            match check(&self.after(&change_aside), &self.changes[n]) {
                Ok(()) => {
                    trial.taken = Some((was, left));
                    break;
                }
                Err(other) if other != *why => trial.nearer = trial.nearer.or(Some((was, left))),
                Err(_) if belongs(&was, why) => trial.alike = trial.alike.or(Some((was, left))),
                Err(_) => trial.any = trial.any.or(Some((was, left))),
            }
        }
        trial
    }

    /// Sets all entries of some kinds aside that Consul lets go.
    fn all_aside(&mut self, kinds: &[EntryKind]) {
        loop {
            let lets_go = |was: &ConfigEntry| kinds.contains(&was.kind()) && check(&self.state, &aside(was, None)).is_ok();
            let gateways = self.state.ingress_gateways.values().cloned().map(ConfigEntry::IngressGateway);
            let Some(was) = gateways.chain(self.whole()).find(lets_go) else { return };
            self.set_aside(was, None);
        }
    }

    fn set_aside(&mut self, was: ConfigEntry, left: Option<ConfigEntry>) -> bool {
        self.makes(&aside(&was, left.as_ref()));
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

    /// What could be in the way of what is refused, of what may be, with what may stay of it: of an ingress gateway all
    /// but the service that does not fit, for a gateway has other services, too. Intentions never go: nothing is opened for a moment.
    fn candidates(&self, why: &GraphError, may_be: impl Fn(&ConfigEntry) -> bool) -> Vec<Aside> {
        let mut out: Vec<Aside> = Vec::new();
        if let GraphError::IngressProtocol { service, .. } = why {
            let left =
                |gateway: &Arc<IngressGateway>| Some((ConfigEntry::IngressGateway(gateway.clone()), Some(self.reduced(gateway, service)?)));
            out.extend(self.state.ingress_gateways.values().filter_map(left));
        }
        out.extend(self.whole().into_iter().filter(may_be).map(|entry| (entry, None)));
        // A gateway may stand in the way of several services; and what was written in place of what went, once more.
        let times = |was: &ConfigEntry| self.aside.iter().filter(|gone| is_same(gone, &was.entry_ref())).count();
        out.retain(|(was, left)| left.is_some() || times(was) < 2);
        out
    }

    /// What may go as a whole, rather the first than the last.
    fn whole(&self) -> Vec<ConfigEntry> {
        let Entries { routers, splitters, resolvers, .. } = &*self.state;
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
                    self.makes(&Change::Write(&entry));
                    self.steps.push(Step::Back(entry));
                    return Ok(());
                }
                Err(error) => why = why.or(Some(error)),
            }
        }
        let first = self.left.first().copied().and_then(|n| self.verdict(n).err());
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::decide::fixture::Set;

    thread_local! {
        static ASKED: Cell<usize> = const { Cell::new(0) };
    }

    /// What Consul says of a change, and how often that was asked.
    pub(super) fn counted(existing: &Entries, change: &Change<'_>) -> Result<(), GraphError> {
        ASKED.set(ASKED.get() + 1);
        super::super::check(existing, change)
    }

    /// Services that lead to one another in a ring, all of one protocol.
    fn ring(length: usize, protocol: &str) -> Set {
        (0..length).fold(Set::new(), |set, n| {
            let next = format!("s{}", (n + 1) % length);
            set.protocol(&format!("s{n}"), protocol).router(&format!("s{n}"), &[("/next", &next, "")])
        })
    }

    #[test]
    fn a_ring_that_changes_its_protocol_is_looked_at_only_where_a_step_was_made() {
        const LENGTH: usize = 300;
        let (before, after) = (ring(LENGTH, "http").0, ring(LENGTH, "http2").0);
        let defaults: Vec<ConfigEntry> = after.service_defaults.values().cloned().map(ConfigEntry::ServiceDefaults).collect();
        let changes: Vec<Change<'_>> = defaults.iter().map(Change::Write).collect();
        ASKED.set(0);
        let steps = order(&before, &changes).unwrap();
        let asked = ASKED.get();
        let mut state = before;
        for step in &steps {
            let change = match step {
                Step::Change(n) => changes[*n],
                Step::Aside { was, left } => aside(was, left.as_ref()),
                Step::Back(entry) => Change::Write(entry),
            };
            assert_eq!(counted(&state, &change), Ok(()), "{step:?}");
            make(&mut state, &change);
        }
        assert_eq!(state, after);
        // Every service changes, and its router goes and comes back.
        assert_eq!(steps.len(), 3 * LENGTH);
        assert!(asked < 50 * LENGTH, "asked {asked} times");
    }
}
