//! Names that somebody follows. Whoever holds a [`Followed`] keeps its name fresh: a published state those of its instances, a
//! worker those it connects to, a check its own. A name that nobody follows any more is forgotten.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::Instant;

use super::addresses::Addresses;
use super::known::Known;
use super::lookup::{Lookup, Patience};
use crate::model::service::Instance;
use crate::rt::rng::Rng;
use crate::rt::task;

/// How many names are asked for at once.
const AT_ONCE: usize = 64;

/// What is known of a name.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// Nothing yet: it is being asked for the first time.
    Asked,
    /// Its addresses, at least one.
    Addresses(Arc<Addresses>),
    /// It has none, and why.
    None(Arc<str>),
}

/// The names of a process, on any thread. The lock is for who meets a name the first time.
#[derive(Clone, Debug)]
pub struct Names(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    followed: Mutex<HashMap<Arc<str>, watch::Sender<Answer>>>,
    lookups: AtomicU64,
    failed_lookups: AtomicU64,
    /// Names that are followed from now on. Not without bound: they come from the configuration.
    new: mpsc::UnboundedSender<(Arc<str>, watch::Sender<Answer>)>,
}

/// How the names of a process stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Names that have addresses.
    pub resolved: u64,
    /// Names that have none.
    pub unresolved: u64,
    /// Names that are asked for the first time.
    pub asked: u64,
    /// How often names were asked for, with an answer.
    pub lookups: u64,
    /// Without one.
    pub failed_lookups: u64,
}

/// A name, kept fresh while this lives.
#[derive(Clone, Debug)]
pub struct Followed {
    receiver: watch::Receiver<Answer>,
    /// What was there when it was last looked at, so that looking again takes no lock.
    seen: Answer,
}

/// Keeps names fresh; runs on the control thread.
#[derive(Debug)]
pub struct Resolver {
    names: Names,
    new: mpsc::UnboundedReceiver<(Arc<str>, watch::Sender<Answer>)>,
    servers: Vec<SocketAddr>,
}

/// The names of a process, and who keeps them fresh. Without servers those of `/etc/resolv.conf` are asked.
pub fn names(servers: Vec<SocketAddr>) -> (Names, Resolver) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let names = Names(Arc::new(Shared {
        followed: Mutex::default(),
        lookups: AtomicU64::default(),
        failed_lookups: AtomicU64::default(),
        new: sender,
    }));
    (names.clone(), Resolver { names, new: receiver, servers })
}

impl Names {
    /// The names that have no address, and why, in their order.
    pub fn unresolved(&self) -> Vec<(String, String)> {
        let followed = self.0.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let none = |(host, sender): (&Arc<str>, &watch::Sender<Answer>)| match &*sender.borrow() {
            Answer::None(why) => Some((host.to_string(), why.to_string())),
            Answer::Asked | Answer::Addresses(_) => None,
        };
        let mut names: Vec<(String, String)> = followed.iter().filter_map(none).collect();
        names.sort();
        names
    }

    /// A name to be kept fresh. It is asked for at once if nobody follows it yet.
    pub fn follow(&self, host: &str) -> Followed {
        let mut followed = self.0.followed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = followed.get(host) {
            let receiver = sender.subscribe();
            let seen = receiver.borrow().clone();
            return Followed { receiver, seen };
        }
        let (sender, receiver) = watch::channel(Answer::Asked);
        let host: Arc<str> = host.into();
        followed.insert(host.clone(), sender.clone());
        // An error is a resolver that has ended, and the process with it.
        let _ = self.0.new.send((host, sender));
        Followed { receiver, seen: Answer::Asked }
    }

    /// The names of all these instances: held while they are served, they are resolved when they are published and not when the
    /// first request wants to go there.
    pub fn follow_instances<'a>(&self, instances: impl Iterator<Item = &'a Instance>) -> Vec<Followed> {
        let hosts: BTreeSet<&str> = instances.filter_map(|i| i.address.host()).collect();
        hosts.into_iter().map(|host| self.follow(host)).collect()
    }

    /// How they stand.
    pub fn counted(&self) -> Counted {
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        let mut counted = Counted { lookups: count(&self.0.lookups), failed_lookups: count(&self.0.failed_lookups), ..Counted::default() };
        for sender in self.0.followed.lock().unwrap_or_else(PoisonError::into_inner).values() {
            match &*sender.borrow() {
                Answer::Asked => counted.asked += 1,
                Answer::Addresses(_) => counted.resolved += 1,
                Answer::None(_) => counted.unresolved += 1,
            }
        }
        counted
    }

    /// Forgets a name unless somebody came to follow it.
    fn forget(&self, host: &str) -> bool {
        let mut followed = self.0.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let unused = followed.get(host).is_none_or(|sender| sender.receiver_count() == 0);
        if unused {
            followed.remove(host);
        }
        unused
    }
}

impl Followed {
    /// Its addresses, or why it has none; `None` if nothing is known yet.
    pub(super) fn known(&mut self) -> Option<io::Result<Arc<Addresses>>> {
        if self.receiver.has_changed().unwrap_or(false) {
            self.seen = self.receiver.borrow_and_update().clone();
        }
        self.seen.result()
    }

    /// The same, once something is known.
    pub(super) async fn resolved(&mut self) -> io::Result<Arc<Addresses>> {
        match self.receiver.wait_for(|answer| !matches!(answer, Answer::Asked)).await {
            Ok(answer) => answer.result().unwrap_or_else(|| Err(io::ErrorKind::NotFound.into())),
            Err(_) => Err(io::Error::other("nobody resolves names any more")),
        }
    }
}

impl Answer {
    fn result(&self) -> Option<io::Result<Arc<Addresses>>> {
        match self {
            Self::Asked => None,
            Self::Addresses(addresses) => Some(Ok(addresses.clone())),
            Self::None(why) => Some(Err(io::Error::new(io::ErrorKind::NotFound, why.to_string()))),
        }
    }
}

impl Resolver {
    /// The next name that is followed from now on.
    pub(super) async fn next(&mut self) -> Option<(Arc<str>, watch::Sender<Answer>)> {
        self.new.recv().await
    }

    /// Keeps every followed name fresh, until the thread ends.
    pub async fn run(mut self) {
        let lookup = Rc::new(Lookup::new(std::mem::take(&mut self.servers)));
        let permits = Rc::new(Semaphore::new(AT_ONCE));
        while let Some((host, sender)) = self.next().await {
            let keeper = Keeper { host, sender, names: self.names.clone(), lookup: lookup.clone(), permits: permits.clone() };
            task::spawn(keeper.run());
        }
    }
}

/// Keeps one name fresh.
struct Keeper {
    host: Arc<str>,
    sender: watch::Sender<Answer>,
    names: Names,
    lookup: Rc<Lookup>,
    permits: Rc<Semaphore>,
}

impl Keeper {
    async fn run(self) {
        let mut known = Known::default();
        let mut rng = Rng::from_entropy();
        loop {
            let patience = if known.is_first() { Patience::First } else { Patience::Refresh };
            let found = {
                // The semaphore is never closed.
                let _permit = self.permits.acquire().await;
                self.lookup.look_up(&self.host, patience).await
            };
            let failed = found.v4.failure().and(found.v6.failure()).is_some();
            let asked = if failed { &self.names.0.failed_lookups } else { &self.names.0.lookups };
            asked.fetch_add(1, Ordering::Relaxed);
            let next = known.take(&self.host, found, Instant::now());
            self.publish(&known);
            // Names that were published together need not be asked for together for ever; asked before they expire, never after.
            let pause = next.mul_f64(0.75 + 0.2 * f64::from(rng.below(1000)) / 1000.0);
            tokio::select! {
                () = tokio::time::sleep(pause.max(super::known::SHORTEST)) => {}
                () = self.sender.closed() => if self.names.forget(&self.host) { return },
            }
        }
    }

    /// Tells followers, if something is new to them.
    fn publish(&self, known: &Known) {
        let addresses = known.addresses();
        self.sender.send_if_modified(|answer| {
            match answer {
                Answer::Addresses(old) if old.ips().eq(addresses.iter().copied()) => return false,
                Answer::None(old) if addresses.is_empty() && **old == *known.why() => return false,
                _ => {}
            }
            *answer = if addresses.is_empty() {
                Answer::None(known.why().into())
            } else {
                Answer::Addresses(Arc::new(Addresses::new(&addresses)))
            };
            true
        });
    }
}
