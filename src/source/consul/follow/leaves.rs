//! Leaves: asked for when their service is known, again when the roots are others, and now and then, for the agent renews them when it is
//! asked.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::keep::Asked;
use super::shared::Told;
use super::{Follow, Leaves};
use crate::model::ca::CaRoots;
use crate::rt::log::with_causes;
use crate::source::consul::call::Call;
use crate::source::consul::client::Wait;
use crate::source::consul::convert;

/// How often a leaf is asked for: far more often than it could end, for it lives an hour at least.
const EVERY: Duration = Duration::from_secs(300);
/// How long a question waits for a leaf of other roots: an older agent gives the old one for a while if it is asked without an index.
const ROTATED: Duration = Duration::from_secs(10);
/// The pause after a refusal.
const AGAIN: Duration = Duration::from_secs(2);

/// A leaf that was asked for.
#[derive(Debug, Default)]
struct Leaf {
    index: u64,
    due: Option<Instant>,
    /// The root that signed when it was asked for last.
    root: Option<String>,
}

/// Keeps leaves fresh.
pub(super) async fn run(follow: Rc<Follow>) {
    let mut leaves: BTreeMap<String, Leaf> = BTreeMap::new();
    loop {
        let (wanted, root) = wanted(&follow);
        leaves.retain(|name, _| wanted.contains(name));
        forget_all_but(&follow, &wanted);
        for name in &wanted {
            leaves.entry(name.clone()).or_default();
        }
        let now = Instant::now();
        let is_due = |leaf: &Leaf| leaf.due.is_none_or(|due| due <= now) || (leaf.root != root && leaf.index > 0);
        let due: Vec<String> = leaves.iter().filter(|(_, leaf)| is_due(leaf)).map(|(name, _)| name.clone()).collect();
        for name in due {
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

/// Whose leaves are wanted, and which root signs now.
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
    let rotated = leaf.index > 0 && leaf.root != root;
    let wait = match leaf.index {
        0 => Wait::Not,
        index => Wait::Index(index, if rotated { ROTATED } else { Duration::from_millis(1) }),
    };
    let asked = Asked::Leaf(name.to_owned());
    let spread = Duration::from_millis(follow.rng().below(60_000).into());
    let answer = match follow.client.ask_when(&Call::leaf(name), wait).await {
        Ok(answer) => answer,
        Err(error) => {
            follow.shared.answered(&asked.to_string(), 0, Some(Told::trouble(&error)));
            leaf.due = Some(Instant::now() + if error.why().is_some_and(|why| !why.is_passing()) { 10 * AGAIN } else { AGAIN });
            return;
        }
    };
    let index = answer.meta.index.unwrap_or_default();
    // Whether it is of the new root is not looked at: whose it is shows where it is used.
    (leaf.index, leaf.root, leaf.due) = (index, root, Some(Instant::now() + EVERY + spread));
    match answer.what.as_ref().map(convert::leaf) {
        Some(Ok(issued)) => {
            follow.keep(&asked, &answer.body);
            follow.shared.answered(&asked.to_string(), index, Some(Told::Well));
            follow.shared.change(|known| {
                let new = known.leaves.get(name) != Some(&issued);
                known.leaves.insert(name.to_owned(), issued);
                new
            });
        }
        Some(Err(why)) => follow.shared.answered(&asked.to_string(), index, Some(Told::Trouble(with_causes(&why)))),
        None => {}
    }
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
