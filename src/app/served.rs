//! What is served: the gateways of a process. One state of the world takes the place of another as a whole, or not at all.

use std::net::SocketAddr;

use super::listeners::Listeners;
use super::run::StartError;
use crate::id::ListenerName;
use crate::model::gateway::{Certificate, Listener};
use crate::model::resources::Resources;
use crate::proxy::Orders;
use crate::state::{Live, Publisher, State, publisher};
use crate::tls::{self, Credentials};

/// The gateways and their listeners.
#[derive(Debug)]
pub(super) struct Served {
    generation: u64,
    gateways: Vec<Gateway>,
    listeners: Listeners,
    credentials: Credentials,
}

#[derive(Debug)]
struct Gateway {
    resources: Resources,
    publisher: Publisher,
    live: Live,
}

/// What a change did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The generation that is in effect.
    pub generation: u64,
    /// Listeners that there were none of before, and where they are.
    pub added: Vec<(ListenerName, SocketAddr)>,
    /// Listeners that are others than before: of another protocol or name, with TLS or without.
    pub changed: Vec<(ListenerName, SocketAddr)>,
    /// Listeners that are no more, and where they were.
    pub removed: Vec<(ListenerName, SocketAddr)>,
}

/// The next state of a gateway, not yet in effect.
#[derive(Debug)]
enum Next {
    /// Of the gateway of that number.
    State(usize, Box<State>),
    /// Of one that there was none of before: nobody looks at it yet.
    New(Publisher, Live),
}

impl Served {
    /// Nothing yet, to be served by these workers.
    pub(super) fn nothing(workers: Vec<Orders>) -> Result<Self, StartError> {
        let credentials = Credentials::build(&[])?;
        Ok(Self { generation: 0, gateways: Vec::new(), listeners: Listeners::none(workers), credentials })
    }

    /// The generation that is in effect.
    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    /// The gateways: their names and states.
    pub(super) fn gateways(&self) -> Vec<(String, Live)> {
        self.gateways.iter().map(|g| (g.resources.gateway.name.clone(), g.live.clone())).collect()
    }

    /// Frees what was replaced. False: a worker still uses some of it.
    pub(super) fn release(&mut self) -> bool {
        let free = self.gateways.iter_mut().map(|g| g.publisher.release());
        free.fold(true, |all, free| all && free)
    }

    /// Serves this from now on. `None`, and nothing is done, if it is the same as before. On an error nothing has changed.
    pub(super) fn replace(&mut self, gateways: Vec<Resources>, certificates: &[Certificate]) -> Result<Option<Changed>, StartError> {
        let credentials = self.keys(certificates)?;
        let same_keys = credentials.show_the_same_as(&self.credentials);
        if self.generation > 0 && same_keys && gateways.iter().eq(self.gateways.iter().map(|g| &g.resources)) {
            return Ok(None);
        }
        let generation = self.generation + 1;
        let next = self.prepare(generation, &gateways, &credentials);
        let plan = self.listeners.plan(self.wanted(&next))?;
        // Nothing can fail any more.
        self.publish(gateways, next);
        (self.generation, self.credentials) = (generation, credentials);
        let moved = self.listeners.carry_out(plan);
        Ok(Some(Changed { generation, added: moved.added, changed: moved.changed, removed: moved.removed }))
    }

    /// The keys of these certificates; the very ones that are in use, if they are the same.
    fn keys(&self, certificates: &[Certificate]) -> Result<Credentials, tls::Error> {
        let new = Credentials::build(certificates)?;
        Ok(if new.show_the_same_as(&self.credentials) { self.credentials.clone() } else { new })
    }

    fn prepare(&mut self, generation: u64, gateways: &[Resources], credentials: &Credentials) -> Vec<Next> {
        let mut next = Vec::new();
        for resources in gateways {
            let served = self.gateways.iter().position(|g| g.resources.gateway.name == resources.gateway.name);
            next.push(match served {
                Some(n) => Next::State(n, Box::new(self.gateways[n].publisher.prepare(generation, resources, credentials.clone()))),
                None => {
                    let (publisher, live) = publisher(generation, resources, credentials.clone());
                    Next::New(publisher, live)
                }
            });
        }
        next
    }

    /// The listeners of what comes next, a gateway's in the order of their names.
    fn wanted(&self, next: &[Next]) -> Vec<(Listener, Live)> {
        let mut out = Vec::new();
        for next in next {
            let (mut listeners, live) = match next {
                Next::State(n, state) => (state.listeners(), &self.gateways[*n].live),
                Next::New(_, live) => (live.current().listeners(), live),
            };
            listeners.sort_by(|a, b| a.name.cmp(&b.name));
            out.extend(listeners.into_iter().map(|listener| (listener, live.clone())));
        }
        out
    }

    fn publish(&mut self, gateways: Vec<Resources>, next: Vec<Next>) {
        let mut before: Vec<Option<Gateway>> = std::mem::take(&mut self.gateways).into_iter().map(Some).collect();
        for (resources, next) in gateways.into_iter().zip(next) {
            let (publisher, live) = match next {
                Next::New(publisher, live) => (publisher, live),
                Next::State(n, state) => {
                    let Some(Gateway { mut publisher, live, .. }) = before[n].take() else { continue };
                    publisher.publish(*state);
                    (publisher, live)
                }
            };
            self.gateways.push(Gateway { resources, publisher, live });
        }
    }
}
