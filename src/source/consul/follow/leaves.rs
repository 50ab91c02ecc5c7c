//! Leaves: asked for when they are needed, again when the roots are others, and now and then, for the agent renews them when it is asked.
//! One is asked for after the other: Consul signs so many a second and no more, for everybody. Where a server signs, the keys are the
//! gateway's own (`signed`), and the agent is asked only while it does not.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Follow;
use super::keep::Asked;
use super::shared::Told;
use super::signed::{OwnLeaf, Whose, watched};
use crate::id::{Identity, SpiffeId, TargetId};
use crate::model::ca::{CaRoots, IssuedLeaf};
use crate::rt::log::with_causes;
use crate::source::consul::answer::Why;
use crate::source::consul::call::Call;
use crate::source::consul::client::Wait;
use crate::source::consul::convert;
use crate::source::consul::known::Known;

/// How often a leaf is asked for: far more often than it could end, for it lives an hour at least.
const EVERY: Duration = Duration::from_secs(300);
/// How long a question waits that has an index: an agent has the leaf renewed because of it, and says the old one meanwhile.
const SHORT: Duration = Duration::from_millis(1);
/// The pause after a refusal, or while the leaf is not yet of the root that signs by now.
const AGAIN: Duration = Duration::from_secs(2);
/// The first pause after the CA has signed too many, which a moment mends.
const BUSY: Duration = Duration::from_millis(30);
/// For how long that is asked for so often: newer agents renew within half a minute.
const RENEWED: Duration = Duration::from_secs(120);

/// A leaf that is in use, or was asked for.
#[derive(Debug, Default)]
struct Leaf {
    index: u64,
    /// When it is asked for next; `None`: at once.
    due: Option<Instant>,
    /// It could not be had at the last time.
    refused: bool,
    /// The pause while the CA has too much to do.
    busy: Duration,
    /// The root that signed when it came.
    root: Option<String>,
    /// Until when one of another root is expected.
    renewed: Option<Instant>,
    own: OwnLeaf,
}

/// Keeps leaves fresh.
pub(super) async fn run(follow: Rc<Follow>) {
    let mut leaves: BTreeMap<String, Leaf> = BTreeMap::new();
    let mut asked_for = BTreeMap::new();
    loop {
        if let Some(mut wanted) = wanted(&follow) {
            see_to(&follow, &mut leaves, &mut wanted).await;
            asked_for = wanted.whose;
        }
        // Of one that nobody wants by now nothing is to be done.
        let pause = leaves.iter().filter(|(name, _)| asked_for.contains_key(*name)).filter_map(|(_, leaf)| leaf.pause()).min();
        tokio::select! {
            () = sleep(pause.unwrap_or(EVERY).min(EVERY)) => {}
            () = follow.shared.leaves.notified() => {}
        }
    }
}

/// Asks for what is due until nothing is.
async fn see_to(follow: &Follow, leaves: &mut BTreeMap<String, Leaf>, wanted: &mut Wanted) {
    let (shared, root) = (&follow.shared, wanted.root.clone());
    // Those that an earlier run had are good, and are asked for when it is their time.
    let kept = |name: &&String| !shared.subject.own.contains(*name) && shared.look(|known, _| known.leaves.contains_key(*name));
    for name in wanted.whose.keys().filter(|name| !leaves.contains_key(*name)).filter(kept).cloned().collect::<Vec<_>>() {
        leaves.insert(name, Leaf::of_an_earlier_run(Instant::now() + within(follow, EVERY), root.clone()));
    }
    if shared.missing().is_empty() {
        leaves.retain(|name, _| wanted.whose.contains_key(name));
        forget_all_but(follow, &wanted.whose);
    }
    for name in &shared.subject.own {
        leaves.entry(name.clone()).or_default();
    }
    leaves.values_mut().for_each(|leaf| leaf.rotate(root.as_ref()));
    while let Some(name) = next(follow, leaves, wanted) {
        let whose = wanted.whose.get(&name).cloned().flatten();
        keep(follow, &name, leaves.entry(name.clone()).or_default(), whose.as_ref(), root.as_deref()).await;
    }
}

impl Leaf {
    /// One that was kept, and is good until then at least.
    fn of_an_earlier_run(due: Instant, root: Option<String>) -> Self {
        Self { due: Some(due), root, own: OwnLeaf::not_before(due), ..Self::default() }
    }

    /// Another root signs: the agent will have another leaf soon.
    fn rotate(&mut self, root: Option<&String>) {
        if self.root.is_none() {
            // It came before the roots did.
            self.root = root.cloned();
        }
        if self.index > 0 && self.root.as_ref() != root && self.renewed.is_none() {
            (self.due, self.renewed) = (None, Some(Instant::now() + RENEWED));
        }
    }

    /// Whether nobody has answered for it yet, with a refusal either. One that was kept may not be good enough.
    const fn is_new(&self) -> bool {
        self.index == 0 && !self.refused && !self.own.is_certified()
    }

    /// Whether the server or the agent is to be asked.
    fn is_due(&self, whose: Option<&Whose>, root: Option<&str>) -> bool {
        whose.is_some_and(|whose| self.own.is_due(whose, root))
            || (!whose.is_some_and(|whose| self.own.holds(whose)) && self.is_due_of_the_agent())
    }

    fn is_due_of_the_agent(&self) -> bool {
        self.due.is_none_or(|due| due <= Instant::now())
    }

    /// After how long something is to be done.
    fn pause(&self) -> Option<Duration> {
        let due = self.due.map(|due| due.saturating_duration_since(Instant::now()));
        due.into_iter().chain(self.own.pause()).min()
    }
}

/// Whose leaf is asked for next: what a client waits for, then what is due.
fn next(follow: &Follow, leaves: &mut BTreeMap<String, Leaf>, wanted: &mut Wanted) -> Option<String> {
    while let Some(service) = follow.shared.next_named() {
        let name = service.as_str().to_owned();
        // One that was answered is asked for again in its time.
        let is_new = leaves.get(&name).is_none_or(Leaf::is_new);
        if is_new && follow.shared.look(|known, _| known.is_outside(&service)) && wanted.includes(follow, &name) {
            leaves.insert(name.clone(), Leaf::default());
            return Some(name);
        }
    }
    let whose = |name: &String| wanted.whose.get(name);
    let is_due = |(name, leaf): &(&String, &Leaf)| whose(name).is_some_and(|whose| leaf.is_due(whose.as_ref(), wanted.root.as_deref()));
    leaves.iter().find(is_due).map(|(name, _)| name.clone())
}

/// Sees to it that there is a leaf.
async fn keep(follow: &Follow, name: &str, leaf: &mut Leaf, whose: Option<&Whose>, root: Option<&str>) {
    if let (Some(signing), Some(whose)) = (&follow.signing, whose) {
        signing.keep(follow, name, &mut leaf.own, whose, root).await;
        if leaf.own.holds(whose) {
            if leaf.due.take().is_some() {
                follow.shared.recovered(&Asked::Leaf(name.to_owned()).to_string());
            }
            return;
        }
    }
    if leaf.is_due_of_the_agent() {
        ask(follow, name, leaf, root.map(str::to_owned)).await;
    }
}

/// Whose leaves may be wanted.
struct Wanted {
    /// By service; what is to be certified where a server signs.
    whose: BTreeMap<String, Option<Whose>>,
    /// The root that signs now.
    root: Option<String>,
}

impl Wanted {
    /// Whether the leaf of a linked service is among them, which may be known just since.
    fn includes(&mut self, follow: &Follow, service: &str) -> bool {
        if !self.whose.contains_key(service) {
            let whose = follow.shared.look(|known, _| certified(known, service, Vec::new()));
            if whose.is_none() && follow.signing.is_some() {
                return false;
            }
            self.whose.insert(service.to_owned(), whose.filter(|_| follow.signing.is_some()));
        }
        true
    }
}

/// `None`: it is not known yet what they are to say.
fn wanted(follow: &Follow) -> Option<Wanted> {
    let subject = &follow.shared.subject;
    follow.shared.look(|known, _| {
        let linked = known.outside().filter(|_| subject.linked).map(|name| (name.to_owned(), Some(Vec::new())));
        let own = subject.own.iter().map(|name| (name.clone(), known.certified_names(name)));
        let named = linked.chain(own);
        let whose = match &follow.signing {
            None => named.map(|(name, _)| (name, None)).collect(),
            Some(_) => named.map(|(name, dns)| Some((name.clone(), Some(certified(known, &name, dns?)?)))).collect::<Option<_>>()?,
        };
        Some(Wanted { whose, root: known.roots.as_ref().and_then(active) })
    })
}

fn certified(known: &Known, service: &str, dns: Vec<String>) -> Option<Whose> {
    let mesh = &known.roots.as_ref()?.trust_domain;
    let id = SpiffeId::of_target(&TargetId::service(service, &known.datacenter), mesh);
    (!known.datacenter.is_empty()).then_some(Whose { identity: Identity::Service(id), dns })
}

fn active(roots: &CaRoots) -> Option<String> {
    roots.roots.iter().find(|root| root.active).map(|root| root.pem.clone())
}

async fn ask(follow: &Follow, name: &str, leaf: &mut Leaf, root: Option<String>) {
    // Without an index an older agent says the old one for a while.
    let wait = if leaf.index == 0 { Wait::Not } else { Wait::Index(leaf.index, SHORT) };
    let asked = Asked::Leaf(name.to_owned());
    let answer = match follow.client.ask_when(&Call::leaf(name), wait).await {
        Ok(answer) => answer,
        Err(error) => {
            // The CA signs one at a time, and so many a second for everybody: that passes at once.
            let is_busy = error.why().is_some_and(|why| matches!(why, Why::Busy { .. }));
            leaf.refused = !is_busy;
            leaf.busy = if is_busy { (leaf.busy * 2).clamp(BUSY, AGAIN) } else { Duration::ZERO };
            if is_busy && leaf.busy < AGAIN {
                leaf.due = Some(Instant::now() + leaf.busy);
                return;
            }
            follow.shared.answered(&asked.to_string(), 0, Some(Told::trouble(&error)));
            leaf.due = Some(Instant::now() + if error.why().is_some_and(|why| !why.is_passing()) { 10 * AGAIN } else { AGAIN });
            return;
        }
    };
    let index = answer.meta.index.unwrap_or_default();
    let awaited = index == leaf.index && leaf.renewed.is_some_and(|until| until > Instant::now());
    if awaited {
        leaf.due = Some(Instant::now() + AGAIN + within(follow, AGAIN));
    } else {
        // Whether it is of the new root is not looked at: whose it is shows where it is used.
        *leaf = Leaf {
            index,
            due: Some(Instant::now() + EVERY + within(follow, EVERY / 5)),
            root,
            own: std::mem::take(&mut leaf.own),
            ..Leaf::default()
        };
    }
    match answer.what.as_ref().map(convert::leaf) {
        Some(Ok(issued)) => {
            follow.shared.answered(&asked.to_string(), index, Some(Told::Well));
            let new = take(follow, name, issued);
            if new {
                follow.keep(&asked, &answer.body);
            }
        }
        Some(Err(why)) => follow.shared.answered(&asked.to_string(), index, Some(Told::Trouble(with_causes(&why).into()))),
        None => {}
    }
}

/// Up to that time, by chance: what came together is not asked for together.
fn within(follow: &Follow, time: Duration) -> Duration {
    Duration::from_millis(follow.rng().below(u32::try_from(time.as_millis()).unwrap_or(u32::MAX)).into())
}

/// It is the one that is shown from now on. False: it was before.
pub(super) fn take(follow: &Follow, name: &str, issued: IssuedLeaf) -> bool {
    let mut new = false;
    follow.shared.change(|known| {
        new = known.leaves.get(name) != Some(&issued);
        known.leaves.insert(name.to_owned(), issued);
        new
    });
    new
}

fn forget_all_but(follow: &Follow, wanted: &BTreeMap<String, Option<Whose>>) {
    let mut gone = Vec::new();
    follow.shared.change(|known| {
        gone.extend(known.leaves.keys().filter(|name| !wanted.contains_key(*name)).cloned());
        gone.iter().for_each(|name| drop(known.leaves.remove(name)));
        !gone.is_empty()
    });
    gone.iter().for_each(|name| follow.shared.recovered(&watched(name)));
    if let Some(keeping) = &follow.keeping {
        gone.into_iter().for_each(|name| keeping.forget(&Asked::Leaf(name)));
    }
}
