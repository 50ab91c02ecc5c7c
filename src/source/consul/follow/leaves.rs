//! Leaves: asked for when they are needed, again when the roots are others, and now and then, for the agent renews them when it is asked.
//! One is asked for after the other: Consul signs so many a second and no more, for everybody.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::keep::Asked;
use super::shared::Told;
use super::{Follow, Leaves};
use crate::model::ca::CaRoots;
use crate::rt::log::with_causes;
use crate::source::consul::answer::Why;
use crate::source::consul::call::Call;
use crate::source::consul::client::Wait;
use crate::source::consul::convert;

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
}

/// Keeps leaves fresh.
pub(super) async fn run(follow: Rc<Follow>) {
    let mut leaves: BTreeMap<String, Leaf> = BTreeMap::new();
    loop {
        let (wanted, root) = wanted(&follow);
        // Those that an earlier run had are good, and are asked for when it is their time.
        let kept = |name: &&String| follow.shared.look(|known, _| known.leaves.contains_key(*name));
        for name in wanted.iter().filter(kept).filter(|name| !leaves.contains_key(*name)).cloned().collect::<Vec<_>>() {
            leaves.insert(name, Leaf { due: Some(Instant::now() + within(&follow, EVERY)), root: root.clone(), ..Leaf::default() });
        }
        if follow.shared.missing().is_empty() {
            leaves.retain(|name, _| wanted.contains(name));
            forget_all_but(&follow, &wanted);
        }
        if follow.shared.subject.leaves == Leaves::Own {
            for name in &wanted {
                leaves.entry(name.clone()).or_default();
            }
        }
        leaves.values_mut().for_each(|leaf| leaf.rotate(root.as_ref()));
        while let Some(name) = next(&follow, &leaves) {
            let leaf = leaves.entry(name.clone()).or_default();
            ask(&follow, &name, leaf, root.clone()).await;
        }
        let next = leaves.values().filter_map(|leaf| leaf.due).min();
        let pause = next.map_or(EVERY, |due| due.saturating_duration_since(Instant::now()));
        tokio::select! {
            () = sleep(pause) => {}
            () = follow.shared.roots.notified() => {}
            () = follow.shared.linked.notified() => {}
        }
    }
}

impl Leaf {
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
}

/// Whose leaf is asked for next: what a client waits for, then what is due.
fn next(follow: &Follow, leaves: &BTreeMap<String, Leaf>) -> Option<String> {
    while let Some(name) = follow.shared.next_named() {
        // One that was answered, also with a refusal, is asked for again in its time. One that was kept may not be good enough.
        let is_new = leaves.get(name.as_str()).is_none_or(|leaf| leaf.index == 0 && !leaf.refused);
        if is_new && follow.shared.look(|known, _| known.has_instances(&name)) {
            return Some(name.as_str().to_owned());
        }
    }
    let now = Instant::now();
    leaves.iter().find(|(_, leaf)| leaf.due.is_none_or(|due| due <= now)).map(|(name, _)| name.clone())
}

/// Whose leaves may be wanted, and which root signs now.
fn wanted(follow: &Follow) -> (BTreeSet<String>, Option<String>) {
    let shared = &follow.shared;
    shared.look(|known, _| {
        let names = match shared.subject.leaves {
            Leaves::None => BTreeSet::new(),
            Leaves::Own => BTreeSet::from([shared.gateway.clone()]),
            Leaves::Linked => known.with_instances().map(str::to_owned).collect(),
        };
        (names, known.roots.as_ref().and_then(active))
    })
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
        *leaf = Leaf { index, due: Some(Instant::now() + EVERY + within(follow, EVERY / 5)), root, ..Leaf::default() };
    }
    match answer.what.as_ref().map(convert::leaf) {
        Some(Ok(issued)) => {
            follow.shared.answered(&asked.to_string(), index, Some(Told::Well));
            let mut new = false;
            follow.shared.change(|known| {
                new = known.leaves.get(name) != Some(&issued);
                known.leaves.insert(name.to_owned(), issued);
                new
            });
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

fn forget_all_but(follow: &Follow, wanted: &BTreeSet<String>) {
    let mut gone = Vec::new();
    follow.shared.change(|known| {
        gone.extend(known.leaves.keys().filter(|name| !wanted.contains(*name)).cloned());
        gone.iter().for_each(|name| drop(known.leaves.remove(name)));
        !gone.is_empty()
    });
    if let Some(keeping) = &follow.keeping {
        gone.into_iter().for_each(|name| keeping.forget(&Asked::Leaf(name)));
    }
}
