//! Keeping what Consul said on disk, beside the thread that asks; and taking it for known when Consul is away.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::shared::Following;
use crate::id::ServiceKey;
use crate::model::ca::IssuedLeaf;
use crate::model::entry::EntryKind;
use crate::model::federation::Servers;
use crate::model::needs::Needed;
use crate::source::consul::call::{Call, Side};
use crate::source::consul::convert;
use crate::source::consul::kept::{Kept, KeptAnswer};
use crate::source::consul::known::{Known, side_of};
use crate::tls;

/// A kept leaf that ends sooner is asked for anew: within this time it is renewed, or nothing can be had.
const STILL_GOOD: Duration = Duration::from_secs(600);
/// Of services outside the mesh.
const OUTSIDE: &str = "instances-outside";

/// What is asked for, as its answer is kept and as an operator reads it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asked {
    Agent,
    Entries(EntryKind),
    Intentions,
    Roots,
    Gateways,
    Servers,
    Leaf(String),
    Checks(String),
    Names(String),
    Instances(Needed),
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent => f.write_str("agent"),
            Self::Entries(kind) => write!(f, "entries {kind}"),
            Self::Intentions => f.write_str("intentions"),
            Self::Roots => f.write_str("roots"),
            Self::Gateways => f.write_str("mesh-gateways"),
            Self::Servers => f.write_str("servers"),
            Self::Leaf(of) => write!(f, "leaf {of}"),
            Self::Checks(datacenter) => write!(f, "checks {datacenter}"),
            Self::Names(datacenter) => write!(f, "services {datacenter}"),
            Self::Instances(Needed { service, datacenter, peer, outside }) if peer.is_empty() => {
                write!(f, "{} {datacenter} {}", if *outside { OUTSIDE } else { "instances" }, service.as_str())
            }
            Self::Instances(Needed { service, peer, .. }) => write!(f, "instances-of-peer {peer} {}", service.as_str()),
        }
    }
}

impl Asked {
    /// Whether the answer is short, and rarely another one.
    pub(super) const fn is_short(&self) -> bool {
        use EntryKind::{Mesh, ProxyDefaults};
        matches!(self, Self::Entries(ProxyDefaults | Mesh) | Self::Roots | Self::Gateways)
    }

    /// Whether it takes turns where several gateways ask for more than can wait at a time: four at most, and none of them has a long answer.
    pub(super) const fn is_rare(&self) -> bool {
        use EntryKind::{IngressGateway, ServiceSplitter, TerminatingGateway};
        matches!(self, Self::Entries(IngressGateway | TerminatingGateway | ServiceSplitter) | Self::Servers)
    }

    fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        Some(match *words.as_slice() {
            ["agent"] => Self::Agent,
            ["entries", kind] => Self::Entries(EntryKind::parse(kind)?),
            ["intentions"] => Self::Intentions,
            ["roots"] => Self::Roots,
            ["mesh-gateways"] => Self::Gateways,
            ["servers"] => Self::Servers,
            ["leaf", of] => Self::Leaf(of.to_owned()),
            ["services", datacenter] => Self::Names(datacenter.to_owned()),
            [OUTSIDE, datacenter, service] => Self::Instances(Needed::outside(ServiceKey::of(service), datacenter)),
            ["instances", datacenter, service] => Self::Instances(Needed::of(ServiceKey::of(service), datacenter)),
            ["instances-of-peer", peer, service] => {
                Self::Instances(Needed { peer: peer.to_owned(), ..Needed::of(ServiceKey::of(service), "") })
            }
            _ => return None,
        })
    }
}

/// Writes answers, the last one of each question, on a thread of its own: a disk may be slow.
pub(super) struct Keeping(Arc<Desk>);

#[derive(Default)]
struct Desk {
    /// What is to be written; nothing is to be forgotten. No more than there are questions.
    waiting: Mutex<Waiting>,
    more: Condvar,
}

#[derive(Default)]
struct Waiting {
    answers: BTreeMap<String, Option<Bytes>>,
    ended: bool,
}

impl Keeping {
    pub(super) fn start(kept: Kept) -> io::Result<Self> {
        let desk = Arc::new(Desk::default());
        let writes = desk.clone();
        std::thread::Builder::new().name("consul-kept".to_owned()).spawn(move || writes.run(&kept))?;
        Ok(Self(desk))
    }

    /// Keeps an answer.
    pub(super) fn put(&self, asked: &Asked, body: &Bytes) {
        self.0.add(asked, Some(body.clone()));
    }

    /// Forgets an answer.
    pub(super) fn forget(&self, asked: &Asked) {
        self.0.add(asked, None);
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
        self.0.more.notify_one();
    }
}

impl Desk {
    fn add(&self, asked: &Asked, body: Option<Bytes>) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).answers.insert(asked.to_string(), body);
        self.more.notify_one();
    }

    fn run(&self, kept: &Kept) {
        let mut failed = false;
        loop {
            let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let waits = |waiting: &mut Waiting| waiting.answers.is_empty() && !waiting.ended;
            let mut waiting = self.more.wait_while(waiting, waits).unwrap_or_else(PoisonError::into_inner);
            let answers = std::mem::take(&mut waiting.answers);
            if answers.is_empty() {
                return;
            }
            drop(waiting);
            for (asked, body) in answers {
                let done = match body {
                    Some(body) => kept.put(&asked, &body),
                    None => kept.forget(&asked),
                };
                match done {
                    Ok(()) => failed = false,
                    Err(error) if !std::mem::replace(&mut failed, true) => {
                        tracing::warn!("cannot keep what Consul says, so that a restart without Consul serves what is older: {error}");
                    }
                    Err(_) => {}
                }
            }
        }
    }
}

/// Takes what an earlier run kept for what is known, where nothing is known yet. How many answers that were.
pub fn restore(following: &Following, folder: &Path) -> io::Result<usize> {
    let answers = Kept::open(folder)?.all(|_| true)?;
    let mut taken = 0;
    following.take_for_known(|known| {
        let mut read: Vec<(Asked, KeptAnswer)> =
            answers.into_iter().filter_map(|answer| Some((Asked::parse(&answer.asked)?, answer))).collect();
        // The agent first: whose instances are those of the own datacenter hangs on it.
        read.sort_by(|a, b| a.0.cmp(&b.0));
        for (asked, answer) in read {
            taken += usize::from(take(known, asked, &answer.body).is_some());
        }
        if taken > 0 && !known.has_gateways() {
            // The earlier run was not told of any.
            known.of_gateways().refused();
        }
    });
    Ok(taken)
}

/// The leaves that an earlier run kept, as far as they are still good for a while.
pub(super) fn leaves(kept: &Kept) -> io::Result<BTreeMap<String, IssuedLeaf>> {
    let read = |answer: KeptAnswer| {
        let Asked::Leaf(of) = Asked::parse(&answer.asked)? else { return None };
        let leaf = convert::leaf(&(Call::leaf(&of).decode)(&answer.body).ok()?).ok()?;
        tls::lasts(&leaf.chain, STILL_GOOD).then_some((of, leaf))
    };
    Ok(kept.all(|asked| matches!(Asked::parse(asked), Some(Asked::Leaf(_))))?.into_iter().filter_map(read).collect())
}

/// `None`: it is no answer, or something newer is known.
fn take(known: &mut Known, asked: Asked, body: &[u8]) -> Option<()> {
    fn read<T>(call: &Call<T>, body: &[u8]) -> Option<T> {
        (call.decode)(body).ok()
    }
    match asked {
        Asked::Agent if known.datacenter.is_empty() => {
            let agent = read(&Call::agent_self(), body)?;
            known.default_action = convert::default_action(Some(&agent), &super::super::answer::Meta::default());
            known.domains = convert::domains(&agent);
            known.datacenter = agent.config.datacenter;
        }
        Asked::Entries(kind) if !known.has(kind) => drop(known.entries(kind, read(&Call::entries(kind), body)?)),
        Asked::Intentions if !known.has(EntryKind::ServiceIntentions) => known.intentions(&read(&Call::intentions(), body)?),
        Asked::Roots if known.roots.is_none() => known.roots = Some(convert::roots(&read(&Call::roots(), body)?).ok()?),
        Asked::Gateways if !known.has_gateways() => drop(known.gateways(&read(&Call::mesh_gateways(), body)?)),
        Asked::Servers if !known.has_servers() => {
            known.servers(&read(&Call::instances(Side::Plain, Servers::SERVICE), body)?);
        }
        Asked::Leaf(of) if !known.leaves.contains_key(&of) => {
            known.leaves.insert(of.clone(), convert::leaf(&read(&Call::leaf(&of), body)?).ok()?);
        }
        Asked::Names(datacenter) if datacenter == known.datacenter && !known.has_names() => {
            known.names(&read(&Call::services(), body)?);
        }
        Asked::Instances(of) if known.service(&of).is_none() => {
            let rows = read(&Call::instances(side_of(&of), of.service.as_str()), body)?;
            known.instances(of, &rows);
        }
        _ => return None,
    }
    Some(())
}
