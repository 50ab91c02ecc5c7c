//! What the thread that follows Consul shares with who makes a gateway of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Subject;
use super::keep::Asked;
use crate::id::ServiceKey;
use crate::model::ca::IssuedLeaf;
use crate::model::entry::EntryKind;
use crate::model::needs::{Needed, Needs};
use crate::rt::log::with_causes;
use crate::source::consul::answer::Why;
use crate::source::consul::client::AskError;
use crate::source::consul::known::{Known, World};
use crate::source::consul::watch::{News, Watch};

/// A Consul that is followed.
#[derive(Clone, Debug)]
pub struct Following(pub(super) Arc<Shared>);

/// How one of the watches stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchStatus {
    /// What is asked for.
    pub what: String,
    /// The index of what is known; 0 is none.
    pub index: u64,
    /// How long ago it was answered last; `None`: never.
    pub age: Option<Duration>,
    /// What is wrong, if something is.
    pub trouble: Option<String>,
    /// Whether that is what the token may.
    pub of_token: bool,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) subject: Subject,
    state: Mutex<State>,
    /// For a thread that waits, and for a task that does.
    changed: Condvar,
    news: Notify,
    /// Others are needed.
    pub(super) needs: Notify,
    /// Other leaves may be wanted: other roots are trusted, other services have instances, an ingress gateway has other hosts, a client
    /// named a service.
    pub(super) leaves: Notify,
    /// Nobody follows any more.
    pub(super) ended: Notify,
}

#[derive(Debug, Default)]
struct State {
    known: Known,
    needs: Needs,
    /// Services that were asked for at least once since they are needed, whatever came.
    asked: BTreeSet<Needed>,
    /// How far that is; nothing: to be counted anew. It is asked after each answer, and a thousand are counted once for a thousand answers.
    sought: Option<Sought>,
    /// Services that clients named whose leaves are not there: in the order in which they did.
    named: VecDeque<ServiceKey>,
    watches: BTreeMap<String, Watched>,
    /// Counts changes of what is known.
    version: u64,
    /// When the agent answered again after it did not.
    back: Option<Instant>,
    /// Since when nothing is answered.
    away: Option<Instant>,
    /// What is known of what was kept from an earlier run, and not confirmed yet.
    stale: bool,
}

/// How far asking for services is.
#[derive(Debug)]
struct Sought {
    /// How many are wanted.
    all: usize,
    /// Those of which nothing is known yet, for nobody has answered.
    open: BTreeSet<Needed>,
}

#[derive(Debug, Default)]
struct Watched {
    index: u64,
    answered: Option<Instant>,
    trouble: Option<Trouble>,
}

impl State {
    /// A service was asked for. Whether it was not before.
    fn asked(&mut self, of: &Needed) -> bool {
        if let Some(sought) = &mut self.sought {
            sought.open.remove(of);
        }
        self.asked.insert(of.clone())
    }

    /// How many services are known or were asked for, of how many.
    fn progress(&mut self) -> (usize, usize) {
        let Self { known, needs, asked, sought, .. } = self;
        let sought = sought.get_or_insert_with(|| {
            let mut open = known.wanted(needs);
            let all = open.len();
            open.retain(|wanted| !asked.contains(wanted) && known.service(wanted).is_none());
            Sought { all, open }
        });
        (sought.all - sought.open.len(), sought.all)
    }
}

/// What is told of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Well,
    /// It is not believed yet, or is a hole.
    Doubted(&'static str),
    Trouble(Trouble),
    /// Nobody answers at all.
    Unreached(Trouble),
}

/// What is wrong with a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Trouble {
    /// All of it, with what was asked.
    said: String,
    /// What is wrong, which may be the same for many questions.
    cause: String,
    of_token: bool,
}

impl From<String> for Trouble {
    fn from(said: String) -> Self {
        Self { cause: said.clone(), said, of_token: false }
    }
}

impl Trouble {
    /// One that another token does not have.
    pub(super) fn of_token(said: String) -> Self {
        Self { of_token: true, ..Self::from(said) }
    }
}

impl Told {
    pub(super) fn of<T>(news: &News<T>) -> Self {
        match news {
            News::Is { hole: true, .. } => Self::hole(),
            News::Is { meta, .. } if meta.filtered => Self::hidden(),
            News::Is { .. } | News::Well => Self::Well,
            News::Doubted => Self::doubted(),
            // An older Consul, and nothing to be done: there are no entries of it.
            News::Trouble(error) if matches!(error.why(), Some(Why::UnknownKind(_))) => Self::Well,
            News::Trouble(error) => Self::trouble(error),
        }
    }

    pub(super) const fn hole() -> Self {
        Self::Doubted("it was there, and has been empty for half a minute: the token may probably not see it any more (service:read)")
    }

    pub(super) const fn doubted() -> Self {
        Self::Doubted("it is said to be empty, which a token causes that may not see it: not believed for half a minute")
    }

    /// Which of the two it is, Consul does not say.
    pub(super) const fn hidden() -> Self {
        Self::Doubted(
            "there is more than the token may see; add to its policy: service_prefix \"\" { policy = \"read\" } and \
             node_prefix \"\" { policy = \"read\" }",
        )
    }

    pub(super) fn trouble(error: &AskError) -> Self {
        let of_token = error.is_of_token();
        let advice = match error.missing() {
            Some(rule) => format!("; add to the token's policy: {rule}"),
            None if of_token => error.advice().map(|advice| format!("; {advice}")).unwrap_or_default(),
            None => String::new(),
        };
        let cause = std::error::Error::source(error).map(with_causes).unwrap_or_else(|| error.to_string());
        let trouble = Trouble { said: with_causes(error) + &advice, cause: cause + &advice, of_token };
        if error.why().is_none() { Self::Unreached(trouble) } else { Self::Trouble(trouble) }
    }
}

impl Shared {
    pub(super) fn new(subject: Subject) -> Self {
        let (state, changed) = (Mutex::default(), Condvar::new());
        let (news, needs, leaves, ended) = Default::default();
        Self { subject, state, changed, news, needs, leaves, ended }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is known; `change` says whether it did.
    pub(super) fn change(&self, change: impl FnOnce(&mut Known) -> bool) {
        let mut state = self.state();
        if change(&mut state.known) {
            // Which services are wanted hangs on what is known.
            state.sought = None;
            self.happened(state);
        }
    }

    /// The same of the instances of a service, which was asked for.
    pub(super) fn change_service(&self, of: &Needed, change: impl FnOnce(&mut Known) -> bool) {
        let mut state = self.state();
        let changed = change(&mut state.known);
        if state.asked(of) || changed {
            self.happened(state);
        }
    }

    fn happened(&self, mut state: MutexGuard<'_, State>) {
        state.version += 1;
        drop(state);
        self.changed.notify_all();
        self.news.notify_one();
    }

    /// Looks at what is known.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Known, &Needs) -> T) -> T {
        let state = self.state();
        look(&state.known, &state.needs)
    }

    /// What a watch has to tell of its last question. The same trouble once more is nothing new, and no answer either.
    pub(super) fn asked_again<T>(&self, name: &str, watch: &Watch<T>, told: Option<Told>) {
        if told.is_some() || watch.is_answered() {
            self.answered(name, watch.index(), told);
        }
    }

    /// A question was answered, or not. Says what is wrong once, and when it is over.
    pub(super) fn answered(&self, name: &str, index: u64, told: Option<Told>) {
        let mut state = self.state();
        let now = Instant::now();
        match &told {
            Some(Told::Unreached(_)) => drop(state.away.get_or_insert(now)),
            _ => {
                if state.away.take().is_some() {
                    state.back = Some(now);
                }
            }
        }
        let watched = state.watches.entry(name.to_owned()).or_default();
        if index > 0 {
            watched.index = index;
        }
        let trouble = match told {
            Some(Told::Trouble(why) | Told::Unreached(why)) => Some(why),
            Some(Told::Doubted(why)) => {
                watched.answered = Some(now);
                Some(Trouble::of_token(why.to_owned()))
            }
            Some(Told::Well) => {
                watched.answered = Some(now);
                None
            }
            // Whatever was told holds.
            None => {
                if watched.trouble.is_none() {
                    watched.answered = Some(now);
                }
                return;
            }
        };
        let before = std::mem::replace(&mut watched.trouble, trouble.clone());
        let is_same = |one: &Trouble, other: Option<&Trouble>| other.is_some_and(|other| one.cause == other.cause);
        let others = |trouble: &Trouble| state.watches.iter().any(|(other, is)| other != name && is_same(trouble, is.trouble.as_ref()));
        // One agent that is away, or one token that is none any more, is one trouble, however many questions meet it.
        let is_told = trouble.as_ref().or(before.as_ref()).is_some_and(|trouble| !others(trouble));
        drop(state);
        match (trouble, before) {
            (Some(why), before) if is_told && !is_same(&why, before.as_ref()) => tracing::warn!("Consul: {name}: {}", why.said),
            (None, Some(_)) if is_told => tracing::info!("Consul: {name}: answered again"),
            _ => {}
        }
    }

    /// What was told of a question that is not asked for ever is over; nothing is noted of one that was always well.
    pub(super) fn recovered(&self, name: &str) {
        let had = self.state().watches.remove(name).is_some_and(|watched| watched.trouble.is_some());
        if had {
            tracing::info!("Consul: {name}: answered again");
        }
    }

    /// A question that is not asked any more, whatever was told of it.
    pub(super) fn forgotten(&self, name: &str) {
        self.state().watches.remove(name);
    }

    /// When the agent came back.
    pub(super) fn back(&self) -> Option<Instant> {
        self.state().back
    }

    /// A service was asked for.
    pub(super) fn asked(&self, of: &Needed) {
        let mut state = self.state();
        if state.asked(of) {
            self.happened(state);
        }
    }

    /// What a gateway cannot be started without and is not known yet, in words.
    pub(super) fn missing(&self) -> Vec<String> {
        let mut state = self.state();
        let mut missing = state.known.missing(&self.subject.required());
        if (state.needs.all || state.needs.all_outside) && !state.known.has_names() {
            missing.push("the names of all services".to_owned());
        }
        let (done, all) = state.progress();
        if missing.is_empty() && done < all {
            missing.push(format!("the instances of {} of {all} services", all - done));
        }
        missing
    }

    /// The next service whose leaf somebody waits for.
    pub(super) fn next_named(&self) -> Option<ServiceKey> {
        self.state().named.pop_front()
    }

    /// Takes leaves for known that an earlier run had.
    pub(super) fn had_leaves(&self, leaves: BTreeMap<String, IssuedLeaf>) {
        self.change(|known| {
            known.leaves.extend(leaves);
            true
        });
    }

    /// What is to be asked for by now, and what is needed no more.
    pub(super) fn wanted(&self) -> (BTreeSet<Needed>, Vec<Needed>) {
        let mut state = self.state();
        let wanted = state.known.wanted(&state.needs);
        let gone = state.known.forget_all_but(&wanted);
        state.asked.retain(|asked| wanted.contains(asked));
        state.sought = None;
        (wanted, gone)
    }
}

impl Following {
    /// Ends following.
    pub fn end(&self) {
        self.0.ended.notify_one();
    }

    /// Says whose instances are needed from now on.
    pub fn want(&self, needs: Needs) {
        let mut state = self.0.state();
        if state.needs != needs {
            (state.needs, state.sought) = (needs, None);
            drop(state);
            self.0.needs.notify_one();
        }
    }

    /// Has the leaf of a service asked for, which a client named. Of a gateway that has no use for it, it is not.
    pub fn want_leaf(&self, service: &str) {
        let service = ServiceKey::of(service);
        let mut state = self.0.state();
        // Whoever waits for the same is one, and there are no more than there are services.
        if self.0.subject.linked && !state.named.contains(&service) {
            state.named.push_back(service);
            drop(state);
            self.0.leaves.notify_one();
        }
    }

    /// Everything that is known, and the number of its changes so far.
    pub fn world(&self) -> (World, u64) {
        let state = self.0.state();
        (state.known.world(), state.version)
    }

    /// The number of changes of what is known so far.
    pub fn version(&self) -> u64 {
        self.0.state().version
    }

    /// What a gateway cannot be started without and is not known yet, in words. Services count as known once they were asked for.
    pub fn missing(&self) -> Vec<String> {
        self.0.missing()
    }

    /// The same for who only looks: with kinds of entries that it can be without, as long as nothing says why they do not come.
    pub fn missing_to_look_at(&self) -> Vec<String> {
        let mut missing = self.missing();
        let state = self.0.state();
        let troubled = |kind: EntryKind| {
            // 1.8 has them in a table of their own.
            let elsewhere = (kind == EntryKind::ServiceIntentions).then_some(Asked::Intentions);
            let mut names = std::iter::once(Asked::Entries(kind)).chain(elsewhere).map(|asked| asked.to_string());
            names.any(|name| state.watches.get(&name).is_some_and(|watched| watched.trouble.is_some()))
        };
        let waits = |kind: &&EntryKind| !state.known.has(**kind) && !troubled(**kind);
        missing.extend(self.0.subject.beside.iter().filter(waits).map(|kind| format!("the {kind} entries")));
        let asked = state.watches.get(&Asked::Gateways.to_string());
        if self.0.subject.gateways && !state.known.has_gateways() && asked.is_none_or(|watched| watched.trouble.is_none()) {
            missing.push("the mesh gateways of all datacenters".to_owned());
        }
        missing
    }

    /// The index of the last write of an entry.
    pub fn modify_index(&self, kind: EntryKind, name: &str) -> Option<u64> {
        self.0.state().known.modify_index(kind, name)
    }

    /// How many services were asked for, of how many.
    pub fn progress(&self) -> (usize, usize) {
        self.0.state().progress()
    }

    /// Waits until something is known that was not at that version, or until the time is over.
    pub fn wait(&self, version: u64, most: Duration) {
        let state = self.0.state();
        drop(self.0.changed.wait_timeout_while(state, most, |state| state.version == version));
    }

    /// Resolves when something is known that was not known at the last time. For one task.
    pub async fn changed(&self) {
        self.0.news.notified().await;
    }

    /// How the watches stand.
    pub fn watches(&self) -> Vec<WatchStatus> {
        let (state, now) = (self.0.state(), Instant::now());
        let status = |(what, watched): (&String, &Watched)| WatchStatus {
            what: what.clone(),
            index: watched.index,
            age: watched.answered.map(|at| now.duration_since(at)),
            trouble: watched.trouble.as_ref().map(|trouble| trouble.said.clone()),
            of_token: watched.trouble.as_ref().is_some_and(|trouble| trouble.of_token),
        };
        state.watches.iter().map(status).collect()
    }

    /// Since when the agent does not answer, if it does not.
    pub fn away(&self) -> Option<Duration> {
        self.0.state().away.map(|since| since.elapsed())
    }

    /// What is known is what was known to an earlier run.
    pub fn is_stale(&self) -> bool {
        self.0.state().stale
    }

    /// Takes what was kept for what is known, where nothing else is.
    pub(super) fn take_for_known(&self, fill: impl FnOnce(&mut Known)) {
        let mut state = self.0.state();
        fill(&mut state.known);
        (state.stale, state.sought) = (true, None);
        self.0.happened(state);
    }
}
