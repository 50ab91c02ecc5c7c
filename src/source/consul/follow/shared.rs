//! What the thread that follows Consul shares with who makes a gateway of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Subject;
use crate::model::needs::{Needed, Needs};
use crate::rt::log::with_causes;
use crate::source::consul::answer::Why;
use crate::source::consul::client::AskError;
use crate::source::consul::known::{Known, World};
use crate::source::consul::watch::News;

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
    /// Other leaves may be wanted: other roots are trusted, other services have instances, an ingress gateway has other hosts.
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

#[derive(Debug, Default)]
struct Watched {
    index: u64,
    answered: Option<Instant>,
    trouble: Option<String>,
}

/// What is told of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Well,
    /// It is not believed yet, or is a hole.
    Doubted(&'static str),
    Trouble(String),
    /// Nobody answers at all.
    Unreached(String),
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
        let mut said = with_causes(error);
        if let Some(rule) = error.missing() {
            said = format!("{said}; add to the token's policy: {rule}");
        }
        if error.why().is_none() { Self::Unreached(said) } else { Self::Trouble(said) }
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
                Some(why.to_owned())
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
        let first = !state.watches.iter().any(|(other, watched)| other != name && watched.trouble == trouble);
        drop(state);
        match trouble {
            // One agent that is away is one trouble, however many questions wait for it.
            Some(why) if before.as_ref() != Some(&why) && first => tracing::warn!("Consul: {name}: {why}"),
            None if before.is_some() => tracing::info!("Consul: {name}: answered again"),
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

    /// When the agent came back.
    pub(super) fn back(&self) -> Option<Instant> {
        self.state().back
    }

    /// A service was asked for.
    pub(super) fn asked(&self, of: &Needed) {
        let mut state = self.state();
        if state.asked.insert(of.clone()) {
            self.happened(state);
        }
    }

    /// What is to be asked for by now, and what is needed no more.
    pub(super) fn wanted(&self) -> (BTreeSet<Needed>, Vec<Needed>) {
        let mut state = self.state();
        let wanted = state.known.wanted(&state.needs);
        let gone = state.known.forget_all_but(&wanted);
        state.asked.retain(|asked| wanted.contains(asked));
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
            state.needs = needs;
            drop(state);
            self.0.needs.notify_one();
        }
    }

    /// Everything that is known, and the number of its changes so far.
    pub fn world(&self) -> (World, u64) {
        let state = self.0.state();
        (state.known.world(), state.version)
    }

    /// What a gateway cannot be started without and is not known yet, in words. Services count as known once they were asked for.
    pub fn missing(&self) -> Vec<String> {
        let state = self.0.state();
        let mut missing = state.known.missing(&self.0.subject.required());
        if (state.needs.all || state.needs.all_outside) && !state.known.has_names() {
            missing.push("the names of all services".to_owned());
        }
        let (done, all) = progress(&state);
        if missing.is_empty() && done < all {
            missing.push(format!("the instances of {} of {all} services", all - done));
        }
        missing
    }

    /// How many services were asked for, of how many.
    pub fn progress(&self) -> (usize, usize) {
        progress(&self.0.state())
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
            trouble: watched.trouble.clone(),
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
        state.stale = true;
        self.0.happened(state);
    }
}

fn progress(state: &State) -> (usize, usize) {
    let wanted = state.known.wanted(&state.needs);
    let done = wanted.iter().filter(|wanted| state.asked.contains(wanted) || state.known.service(wanted).is_some()).count();
    (done, wanted.len())
}
