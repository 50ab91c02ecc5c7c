//! The listeners of a process: which stay, which become others, which are opened and closed when others are wanted.

use std::net::SocketAddr;

use super::run::StartError;
use crate::id::ListenerName;
use crate::model::gateway::Listener;
use crate::proxy::{self, Order, Orders, Place, Socket};
use crate::state::Live;

/// Listeners by name, and where they are.
pub(super) type Where = Vec<(ListenerName, SocketAddr)>;

/// The listeners that are bound, and the workers that accept at them.
#[derive(Debug)]
pub(super) struct Listeners {
    bound: Vec<Bound>,
    /// Closed, but a worker still has a socket there.
    closing: Vec<Place>,
    next_id: u64,
    workers: Vec<Orders>,
}

#[derive(Debug)]
struct Bound {
    id: u64,
    /// As it was wanted: with port 0, where any port would do.
    listener: Listener,
    place: Place,
}

/// A change that can be carried out: all that there is to bind is bound.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Ids of those that stay, each with what it becomes, if it becomes another.
    kept: Vec<(u64, Option<(Listener, Live)>)>,
    opened: Vec<(Bound, Vec<Socket>)>,
}

/// What a change did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) added: Where,
    pub(super) changed: Where,
    pub(super) removed: Where,
}

impl Listeners {
    /// None yet.
    pub(super) const fn none(workers: Vec<Orders>) -> Self {
        Self { bound: Vec::new(), closing: Vec::new(), next_id: 0, workers }
    }

    /// Binds what is wanted and not there. On an error nothing has changed.
    pub(super) fn plan(&mut self, wanted: Vec<(Listener, Live)>) -> Result<Plan, StartError> {
        self.closing.retain(Place::is_held);
        let mut plan = Plan::default();
        let (same, rest): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|(l, _)| self.bound.iter().any(|b| b.listener == *l));
        let id_of = |listener: &Listener| self.bound.iter().find(|b| b.listener == *listener).map(|b| b.id);
        plan.kept.extend(same.iter().filter_map(|(listener, _)| Some((id_of(listener)?, None))));
        let mut missing = Vec::new();
        for (listener, live) in rest {
            // A port that any other would do for belongs to its name.
            let there = |b: &Bound| b.listener.bind == listener.bind && (listener.bind.port() != 0 || b.listener.name == listener.name);
            let free = |b: &Bound| plan.kept.iter().all(|(id, _)| *id != b.id);
            match self.bound.iter().find(|b| free(b) && there(b)) {
                Some(bound) => plan.kept.push((bound.id, Some((listener, live)))),
                None => missing.push((listener, live)),
            }
        }
        for (listener, live) in missing {
            let opened = self.open(&plan, listener, &live)?;
            plan.opened.push(opened);
        }
        Ok(plan)
    }

    fn open(&mut self, plan: &Plan, listener: Listener, live: &Live) -> Result<(Bound, Vec<Socket>), StartError> {
        self.next_id += 1;
        let ours = self.is_left(plan, listener.bind.port());
        let bound = proxy::bind(self.next_id, &listener, live, self.workers.len(), ours);
        match bound {
            Ok((place, sockets)) => Ok((Bound { id: self.next_id, listener, place }, sockets)),
            Err(source) => Err(StartError::Listen { listener: listener.name.to_string(), address: listener.bind, source }),
        }
    }

    /// Whether a port is one that is being left, and by nothing that stays: then it is in use, but not by another. The port
    /// and not the address, for 0.0.0.0 and 127.0.0.1 are in each other's way.
    fn is_left(&self, plan: &Plan, port: u16) -> bool {
        let stays = |b: &Bound| plan.kept.iter().any(|(id, _)| *id == b.id);
        let here = |b: &&Bound| b.place.address.port() == port;
        let opened = plan.opened.iter().any(|(b, _)| b.place.address.port() == port);
        let left = self.bound.iter().filter(here).any(|b| !stays(b)) || self.closing.iter().any(|p| p.address.port() == port);
        left && !opened && !self.bound.iter().filter(here).any(stays)
    }

    /// Carries a plan out, which cannot fail.
    pub(super) fn carry_out(&mut self, mut plan: Plan) -> Moved {
        let mut moved = Moved::default();
        for bound in std::mem::take(&mut self.bound) {
            match plan.kept.iter().position(|(id, _)| *id == bound.id).map(|n| plan.kept.swap_remove(n)) {
                Some((_, None)) => self.bound.push(bound),
                Some((_, Some((listener, live)))) => moved.changed.push(self.change(bound, listener, &live)),
                None => moved.removed.push(self.close(bound)),
            }
        }
        for (bound, sockets) in plan.opened {
            for (worker, socket) in self.workers.iter().zip(sockets) {
                worker.give(Order::Open(socket));
            }
            moved.added.push((bound.listener.name.clone(), bound.place.address));
            self.bound.push(bound);
        }
        moved
    }

    /// Has the workers look at what was published.
    pub(super) fn look(&self) {
        self.workers.iter().for_each(|worker| worker.give(Order::Look));
    }

    fn change(&mut self, before: Bound, listener: Listener, live: &Live) -> (ListenerName, SocketAddr) {
        let Bound { id, place, .. } = before;
        let there = Listener { bind: place.address, ..listener.clone() };
        self.workers.iter().for_each(|worker| worker.give(Order::Change(id, there.clone(), live.clone())));
        let told = (listener.name.clone(), place.address);
        self.bound.push(Bound { id, listener, place });
        told
    }

    fn close(&mut self, bound: Bound) -> (ListenerName, SocketAddr) {
        self.workers.iter().for_each(|worker| worker.give(Order::Close(bound.id)));
        let told = (bound.listener.name, bound.place.address);
        self.closing.push(bound.place);
        told
    }
}
