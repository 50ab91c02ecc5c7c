//! Leaves: asked for when their service is known, again when the roots are others, and now and then, for the agent renews them when it is
//! asked. Where a server signs, the keys are the gateway's own (`signed`), and the agent is asked only while it does not.

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
use crate::source::consul::call::Call;
use crate::source::consul::client::Wait;
use crate::source::consul::convert;
use crate::source::consul::known::Known;

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
    own: OwnLeaf,
}

impl Leaf {
    /// Whether the agent is to be asked.
    fn is_due(&self, root: Option<&str>) -> bool {
        self.due.is_none_or(|due| due <= Instant::now()) || (self.root.as_deref() != root && self.index > 0)
    }

    /// After how long something is to be done.
    fn pause(&self) -> Option<Duration> {
        let due = self.due.map(|due| due.saturating_duration_since(Instant::now()));
        due.into_iter().chain(self.own.pause()).min()
    }
}

/// Keeps leaves fresh.
pub(super) async fn run(follow: Rc<Follow>) {
    let mut leaves: BTreeMap<String, Leaf> = BTreeMap::new();
    loop {
        if let Some(Wanted { whose, root }) = wanted(&follow) {
            leaves.retain(|name, _| whose.contains_key(name));
            forget_all_but(&follow, &whose);
            for (name, whose) in whose {
                let leaf = leaves.entry(name.clone()).or_default();
                keep(&follow, &name, leaf, whose.as_ref(), root.as_deref()).await;
            }
        }
        let pause = leaves.values().filter_map(Leaf::pause).min();
        tokio::select! {
            () = sleep(pause.unwrap_or(EVERY).min(EVERY)) => {}
            () = follow.shared.leaves.notified() => {}
        }
    }
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
    if leaf.is_due(root) {
        ask(follow, name, leaf, root.map(str::to_owned)).await;
    }
}

/// Whose leaves are wanted.
struct Wanted {
    /// By service; what is to be certified where a server signs.
    whose: BTreeMap<String, Option<Whose>>,
    /// The root that signs now.
    root: Option<String>,
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
            take(follow, name, issued);
        }
        Some(Err(why)) => follow.shared.answered(&asked.to_string(), index, Some(Told::Trouble(with_causes(&why)))),
        None => {}
    }
}

/// It is the one that is shown from now on.
pub(super) fn take(follow: &Follow, name: &str, issued: IssuedLeaf) {
    follow.shared.change(|known| {
        let new = known.leaves.get(name) != Some(&issued);
        known.leaves.insert(name.to_owned(), issued);
        new
    });
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
