//! Instances: whom to ask for, told by two watches of each datacenter, and the asking.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::Follow;
use super::keep::Asked;
use super::shared::Told;
use crate::model::federation::Servers;
use crate::model::needs::Needed;
use crate::rt::task::{self, Held};
use crate::source::consul::answer::Answer;
use crate::source::consul::call::Call;
use crate::source::consul::client::{AskError, MOST_QUICK};
use crate::source::consul::known::side_of;
use crate::source::consul::touched::Placed;
use crate::source::consul::watch::{Content, News, Rules, Verdict, Watch};
use crate::source::consul::wire::HealthRow;

/// Questions at a time over plain HTTP, where there are few connections: while one is answered the answer to another one is read.
const LANES: usize = MOST_QUICK;
/// The same over HTTP/2, which carries them all on one.
const LANES_OF_ONE: usize = 8;
/// For how long after its own agent came back instances that turned critical stay in use: newer agents call their sidecars critical until
/// they have looked again (consul-1.21 2, `docs/differences.md` agent-restart).
const SPARED: Duration = Duration::from_secs(15);
/// A registration that changes a check as well is told by the check within this time.
const TOLD_BY_CHECK: Duration = Duration::from_millis(150);
/// The pause between two rounds that ask for every service, as a part of what a round takes, and the shortest.
const ROUNDS: (u32, Duration) = (10, Duration::from_secs(1));
/// The longest time that a registration without a check, which came together with one that has some, goes unnoticed.
const ANYWAY: Duration = Duration::from_secs(60);
/// The pause before a service is asked for again, of which there was no answer, or one that is not believed.
const AGAIN: Duration = Duration::from_secs(2);

/// What is known of where a datacenter's instances are.
pub(super) struct Catalog {
    datacenter: String,
    placed: RefCell<Placed>,
    /// The checks were heard of, or cannot be: from now on nothing is missed that can be noticed.
    ready: Cell<bool>,
    is_ready: Notify,
    /// The index at which checks told of a change last.
    told_index: Cell<u64>,
    names_index: Cell<u64>,
    /// Indexes of the names that no check had: what was registered then had none.
    untold: RefCell<BTreeSet<u64>>,
    rounds: Rounds,
}

/// When every service of a datacenter is asked for.
#[derive(Default)]
struct Rounds {
    wanted: Notify,
    /// A check told of something that may be a part of any service.
    unknown: Cell<bool>,
}

/// Services that are to be asked for, each once, in turn.
#[derive(Default)]
pub(super) struct Queue {
    waiting: RefCell<VecDeque<Needed>>,
    among: RefCell<BTreeSet<Needed>>,
    /// Those that are asked for right now, and whether they are to be asked for once more: of two answers on two connections the older
    /// one could come last.
    asking: RefCell<HashMap<Needed, bool>>,
    /// Those that are asked for again in a while, and when.
    resting: RefCell<HashMap<Needed, Instant>>,
    more: Notify,
    emptied: Notify,
    /// Of services that were asked for.
    rules: RefCell<HashMap<Needed, Rules>>,
    hasher: RandomState,
}

impl Queue {
    pub(super) fn push(&self, of: Needed) {
        if let Some(again) = self.asking.borrow_mut().get_mut(&of) {
            *again = true;
        } else if self.among.borrow_mut().insert(of.clone()) {
            self.waiting.borrow_mut().push_back(of);
            self.more.notify_one();
        }
    }

    /// Whether it was never asked for, is not right now, and will not be either.
    fn is_new(&self, of: &Needed) -> bool {
        !self.rules.borrow().contains_key(of) && !self.resting.borrow().contains_key(of) && !self.asking.borrow().contains_key(of)
    }

    /// Has it rest until then. False: it rests already, and not for longer.
    fn rest(&self, of: &Needed, until: Instant) -> bool {
        let mut resting = self.resting.borrow_mut();
        let shorter = resting.get(of).is_none_or(|earlier| until < *earlier);
        if shorter {
            resting.insert(of.clone(), until);
        }
        shorter
    }

    /// Its rest until then is over.
    fn rested(&self, of: &Needed, until: Instant) {
        let is_over = self.resting.borrow().get(of) == Some(&until);
        if is_over {
            self.resting.borrow_mut().remove(of);
            self.push(of.clone());
        }
    }

    fn forget(&self, of: &Needed) {
        self.rules.borrow_mut().remove(of);
        self.resting.borrow_mut().remove(of);
    }

    async fn next(&self) -> Needed {
        loop {
            let first = self.waiting.borrow_mut().pop_front();
            if let Some(of) = first {
                self.among.borrow_mut().remove(&of);
                self.asking.borrow_mut().insert(of.clone(), false);
                if !self.waiting.borrow().is_empty() {
                    // For another lane.
                    self.more.notify_one();
                }
                return of;
            }
            self.emptied.notify_waiters();
            self.more.notified().await;
        }
    }

    /// It is asked for no more.
    fn done(&self, of: &Needed) {
        let again = self.asking.borrow_mut().remove(of).unwrap_or(false);
        if again {
            self.push(of.clone());
        }
    }

    /// Resolves when nobody waits in line.
    async fn emptied(&self) {
        let emptied = self.emptied.notified();
        if !self.waiting.borrow().is_empty() {
            emptied.await;
        }
    }
}

/// Asks for what is needed, whenever something else is.
pub(super) async fn run(follow: Rc<Follow>) {
    let lanes = if follow.client.is_one_connection() { LANES_OF_ONE } else { LANES };
    for _ in 0..lanes {
        task::spawn(lane(follow.clone(), |follow| &follow.queue));
    }
    // Another datacenter may take its time, and hold up nobody here.
    task::spawn(lane(follow.clone(), |follow| &follow.far_queue));
    let mut running: HashMap<String, Vec<Held>> = HashMap::new();
    loop {
        if follow.shared.look(|known, _| known.datacenter.is_empty()) {
            // Nor is it known whose instances are far away.
            follow.shared.needs.notified().await;
            continue;
        }
        let (wanted, gone) = follow.shared.wanted();
        let own = follow.shared.look(|known, needs| (needs.all || needs.all_outside).then(|| known.datacenter.clone()));
        let datacenters: BTreeSet<&str> =
            wanted.iter().map(|of| of.datacenter.as_str()).chain(own.as_deref()).filter(|d| !d.is_empty()).collect();
        running.retain(|datacenter, _| datacenters.contains(datacenter.as_str()));
        follow.forget_catalogs_but(&datacenters);
        for datacenter in datacenters.into_iter().filter(|d| !running.contains_key(*d)).collect::<Vec<_>>() {
            let catalog = Rc::new(Catalog::of(datacenter));
            follow.catalogs.borrow_mut().insert(datacenter.to_owned(), catalog.clone());
            let (checks, names) = (catalog.clone().checks(follow.clone()), catalog.clone().names(follow.clone()));
            running.insert(datacenter.to_owned(), vec![task::hold(checks), task::hold(names), task::hold(catalog.rounds(follow.clone()))]);
        }
        let before = follow.wanted.replace(wanted.clone());
        for gone in gone.iter().chain(before.difference(&wanted)) {
            follow.forget(gone);
        }
        wanted.into_iter().filter(|of| follow.queue(of).is_new(of)).for_each(|of| follow.queue(&of).push(of));
        follow.shared.needs.notified().await;
    }
}

/// Asks for one service after the other.
async fn lane(follow: Rc<Follow>, queue: fn(&Follow) -> &Queue) {
    loop {
        let of = queue(&follow).next().await;
        let again = follow.ask(&of).await;
        queue(&follow).done(&of);
        if let Some(pause) = again {
            follow.ask_again(of, Instant::now() + pause);
        }
    }
}

impl Follow {
    /// Where a service waits to be asked for.
    fn queue(&self, of: &Needed) -> &Queue {
        let far = of.peer.is_empty() && self.shared.look(|known, _| known.datacenter != of.datacenter);
        if far { &self.far_queue } else { &self.queue }
    }

    fn is_wanted(&self, of: &Needed) -> bool {
        self.wanted.borrow().contains(of)
    }

    /// Asks for a service. After how long it is to be asked for again, if it is.
    async fn ask(&self, of: &Needed) -> Option<Duration> {
        let catalog = self.catalogs.borrow().get(&of.datacenter).cloned();
        if let Some(catalog) = &catalog {
            catalog.heard_of().await;
        }
        if !self.is_wanted(of) {
            return None;
        }
        let call = Call::instances(side_of(of), of.service.as_str());
        let own = self.shared.look(|known, _| known.datacenter == of.datacenter);
        let call = match (of.peer.as_str(), own) {
            ("", true) => call,
            ("", false) => call.in_datacenter(&of.datacenter),
            (peer, _) => call.of_peer(peer),
        };
        let asked = self.client.ask(&call).await;
        if !self.is_wanted(of) {
            // What is forgotten is not to be known again.
            return None;
        }
        match asked {
            Ok(answer) => self.answered(of, catalog.as_deref(), answer),
            Err(error) => {
                self.unanswered(of, &error);
                Some(AGAIN)
            }
        }
    }

    /// Asks for a service again at a time; once, however often it is said.
    fn ask_again(self: &Rc<Self>, of: Needed, at: Instant) {
        if self.queue(&of).rest(&of, at) {
            let follow = self.clone();
            task::spawn(async move {
                tokio::time::sleep_until(at).await;
                follow.queue(&of).rested(&of, at);
            });
        }
    }

    /// Forgets the datacenters that nobody needs any more.
    fn forget_catalogs_but(&self, datacenters: &BTreeSet<&str>) {
        self.catalogs.borrow_mut().retain(|datacenter, catalog| {
            let stays = datacenters.contains(datacenter.as_str());
            if !stays {
                // Who waits for it waits no more, and has others to ask for.
                catalog.is_heard();
                for asked in [Asked::Checks(datacenter.clone()), Asked::Names(datacenter.clone())] {
                    self.shared.forgotten(&asked.to_string());
                }
            }
            stays
        });
    }

    /// An answer about a service. After how long it is to be asked for again, if it is.
    fn answered(&self, of: &Needed, catalog: Option<&Catalog>, answer: Answer<Vec<HealthRow>>) -> Option<Duration> {
        let Answer { meta, what, body } = answer;
        let rows = what.unwrap_or_default();
        let content = Content { hash: self.queue(of).hasher.hash_one(&body), empty: rows.is_empty() };
        let mut all = self.queue(of).rules.borrow_mut();
        let rules = all.entry(of.clone()).or_insert_with(|| Rules::new(self.rng()));
        let verdict = rules.answered(&meta, content, Instant::now());
        drop(all);
        let asked = Asked::Instances(of.clone());
        match verdict {
            Verdict::Doubted => {
                self.shared.answered(&asked.to_string(), 0, Some(Told::doubted()));
                return Some(AGAIN);
            }
            Verdict::NewsOfAHole => self.shared.answered(&asked.to_string(), 0, Some(Told::hole())),
            // Who may see no service is given an empty list by 1.8, with an index that nothing else has.
            Verdict::Same | Verdict::News if meta.filtered || (content.empty && meta.index.is_some_and(|index| index <= 1)) => {
                self.shared.answered(&asked.to_string(), 0, Some(Told::hidden()));
            }
            Verdict::Same | Verdict::News => self.shared.recovered(&asked.to_string()),
        }
        if verdict != Verdict::Same {
            self.keep(&asked, &body);
        }
        if let Some(catalog) = catalog {
            catalog.placed.borrow_mut().place(&of.service, of.outside, &rows);
        }
        let sparing = self.since_back().and_then(|since| SPARED.checked_sub(since));
        let mut spared = false;
        let mut changed = false;
        self.shared.change_service(of, |known| {
            (changed, spared) = known.instances_sparing(of.clone(), &rows, sparing.is_some());
            changed
        });
        if changed && of.outside {
            // It may be the first instance, and then its leaf is wanted; or the last one.
            self.shared.leaves.notify_one();
        }
        sparing.filter(|_| spared)
    }

    fn unanswered(&self, of: &Needed, error: &AskError) {
        self.shared.answered(&Asked::Instances(of.clone()).to_string(), 0, Some(Told::trouble(error)));
        if error.why().is_some_and(|why| !why.is_passing()) {
            // Waiting for it would be waiting for a permission.
            self.shared.asked(of);
        }
    }

    fn forget(&self, of: &Needed) {
        self.queue(of).forget(of);
        self.shared.forgotten(&Asked::Instances(of.clone()).to_string());
        if let Some(catalog) = self.catalogs.borrow().get(&of.datacenter) {
            catalog.placed.borrow_mut().place(&of.service, of.outside, &[]);
        }
        if let Some(keeping) = &self.keeping {
            keeping.forget(&Asked::Instances(of.clone()));
        }
    }

    /// Asks for these of a datacenter, as far as they are needed.
    fn ask_for(&self, datacenter: &str, mut concerned: impl FnMut(&Needed) -> bool) {
        for queue in [&self.queue, &self.far_queue] {
            let known = queue.rules.borrow();
            known.keys().filter(|of| of.datacenter == datacenter && concerned(of)).for_each(|of| queue.push(of.clone()));
        }
    }
}

impl Catalog {
    fn of(datacenter: &str) -> Self {
        let (placed, ready, is_ready, told_index, names_index, untold, rounds) = Default::default();
        Self { datacenter: datacenter.to_owned(), placed, ready, is_ready, told_index, names_index, untold, rounds }
    }

    /// Resolves when a change is noticed from now on: what is asked for before that may be outdated for ever.
    async fn heard_of(&self) {
        while !self.ready.get() {
            self.is_ready.notified().await;
        }
        self.is_ready.notify_one();
    }

    fn is_heard(&self) {
        self.ready.set(true);
        self.is_ready.notify_one();
    }

    /// Where its services wait to be asked for.
    fn queue<'a>(&self, follow: &'a Follow) -> &'a Queue {
        if follow.shared.look(|known, _| known.datacenter == self.datacenter) { &follow.queue } else { &follow.far_queue }
    }

    fn watch<T>(&self, follow: &Follow, call: Call<T>, is_empty: fn(&T) -> bool) -> Watch<T> {
        if follow.shared.look(|known, _| known.datacenter == self.datacenter) {
            return Watch::new(call, is_empty, follow.rng());
        }
        Watch::new(call.in_datacenter(&self.datacenter), is_empty, follow.rng()).in_turn(&follow.far)
    }

    /// All checks.
    async fn checks(self: Rc<Self>, follow: Rc<Follow>) {
        let name = Asked::Checks(self.datacenter.clone()).to_string();
        let mut watch = self.watch(&follow, Call::checks(), Vec::is_empty);
        loop {
            let mut news = watch.once(&follow.client).await;
            let told = news.as_ref().map(|news| match news {
                // Each node has a check of its own: who sees none may see no node. 1.8 says it by nothing else.
                News::Is { what: Some(all), .. } if all.is_empty() => Told::hidden(),
                news => Told::of(news),
            });
            follow.shared.asked_again(&name, &watch, told);
            if let Some(News::Is { what, .. }) = &mut news {
                let touched = self.placed.borrow_mut().heard(what.take().unwrap_or_default());
                if !touched.services.is_empty() {
                    // A deregistration raises this index as well, where there was no check, and nobody is touched.
                    self.told_index.set(watch.index());
                    self.untold.borrow_mut().remove(&watch.index());
                }
                follow.ask_for(&self.datacenter, |of| touched.services.contains(&of.service));
                if touched.unknown && self.ready.get() {
                    self.rounds.unknown.set(true);
                    self.rounds.wanted.notify_one();
                }
            }
            if news.is_some() {
                self.is_heard();
            }
            if follow.is_enough(news.as_ref()) {
                return;
            }
        }
    }

    /// The names of all services, and that something was registered.
    async fn names(self: Rc<Self>, follow: Rc<Follow>) {
        let asked = Asked::Names(self.datacenter.clone());
        let name = asked.to_string();
        let mut watch = self.watch(&follow, Call::services(), |all| all.is_empty());
        loop {
            let news = watch.once(&follow.client).await;
            let told = news.as_ref().map(|news| match news {
                // The servers are a service in every datacenter: who does not see them may see no service.
                News::Is { what: Some(names), .. } if !names.contains_key(Servers::SERVICE) => Told::hidden(),
                news => Told::of(news),
            });
            follow.shared.asked_again(&name, &watch, told);
            if let Some(News::Is { what: Some(names), body, .. }) = &news {
                follow.keep(&asked, body);
                let mut other = false;
                follow.shared.change(|known| {
                    other = known.datacenter == self.datacenter && known.names(names);
                    other
                });
                if other {
                    follow.shared.needs.notify_one();
                }
            }
            // Whose registration it was that the index rises for, nobody says.
            let before = self.names_index.replace(watch.index());
            if before > 0 && watch.index() != before {
                if watch.index() != self.told_index.get() {
                    self.untold.borrow_mut().insert(watch.index());
                }
                self.rounds.wanted.notify_one();
            }
            if follow.is_enough(news.as_ref()) {
                return;
            }
        }
    }

    /// Asks for every service when something was registered that no check tells of.
    async fn rounds(self: Rc<Self>, follow: Rc<Follow>) {
        let mut anyway: Option<Instant> = None;
        loop {
            tokio::select! {
                () = self.rounds.wanted.notified() => {}
                () = task::at(anyway) => {}
            }
            sleep(TOLD_BY_CHECK).await;
            // What is registered with a check has the same index there. What came with it in one answer may have had none, and is found
            // a little later.
            let is_told = self.untold.borrow().is_empty() && !self.rounds.unknown.take();
            if is_told && anyway.is_none_or(|at| at > Instant::now()) {
                anyway = anyway.or_else(|| Instant::now().checked_add(ANYWAY));
                continue;
            }
            anyway = None;
            self.untold.borrow_mut().clear();
            let start = Instant::now();
            follow.ask_for(&self.datacenter, |_| true);
            self.queue(&follow).emptied().await;
            let (times, least) = ROUNDS;
            sleep((start.elapsed() * times).max(least)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ServiceKey;

    #[tokio::test]
    async fn a_service_that_is_asked_for_is_asked_for_again_only_when_it_was_answered() {
        let queue = Queue::default();
        let [web, api] = ["web", "api"].map(|name| Needed::of(ServiceKey::of(name), "dc1"));
        queue.push(web.clone());
        assert_eq!(queue.next().await, web);
        assert!(!queue.is_new(&web));
        queue.push(web.clone());
        queue.push(web.clone());
        queue.push(api.clone());
        assert_eq!(queue.next().await, api, "another lane does not ask for it meanwhile");
        queue.done(&api);
        assert!(tokio::time::timeout(Duration::ZERO, queue.next()).await.is_err());
        queue.done(&web);
        assert_eq!(queue.next().await, web);
        queue.done(&web);
        assert!(tokio::time::timeout(Duration::ZERO, queue.next()).await.is_err(), "once, however often it was said");
    }
}
