//! What is served: the gateways of a process. One state of the world takes the place of another as a whole, or not at all, whether
//! the source says something else or the checks have found something else.

use std::net::SocketAddr;

use super::listeners::Listeners;
use super::run::StartError;
use super::with_tls::{spoken, uncertified};
use crate::admin;
use crate::check::Found;
use crate::decide::compile::keys;
use crate::decide::needs::needs;
use crate::id::ListenerName;
use crate::model::entry::{EntryKind, EntryRef};
use crate::model::gateway::{Certificate, GatewayKind, Listener};
use crate::model::needs::Needs;
use crate::model::resources::{Rejected, Resources};
use crate::net::{Followed, Names};
use crate::proxy::Orders;
use crate::state::{Live, Publisher, State, publisher};
use crate::tls::{self, Credentials, Unusable};

/// The gateways and their listeners.
#[derive(Debug)]
pub(super) struct Served {
    generation: u64,
    gateways: Vec<Gateway>,
    listeners: Listeners,
    /// The listeners close, and none is opened or changed any more.
    draining: bool,
    /// What the checks had found when this was published.
    found: Found,
    names: Names,
    /// The host names of all instances, kept fresh as long as they are served.
    followed: Vec<Followed>,
}

#[derive(Debug)]
struct Gateway {
    said: Said,
    publisher: Publisher,
    live: Live,
}

/// What the source says of a gateway, and the keys that belong to it.
#[derive(Clone, Debug)]
struct Said {
    resources: Resources,
    credentials: Credentials,
    /// Listeners and hosts for which there is no certificate.
    uncertified: Vec<String>,
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
    New(Box<Publisher>, Live),
}

impl Served {
    /// Nothing yet, to be served by these workers.
    pub(super) fn nothing(workers: Vec<Orders>, names: Names) -> Self {
        let (gateways, followed) = (Vec::new(), Vec::new());
        let listeners = Listeners::none(workers);
        Self { generation: 0, gateways, listeners, draining: false, found: Found::default(), names, followed }
    }

    /// From now on what is published is for those who are connected.
    pub(super) const fn drain(&mut self) {
        self.draining = true;
    }

    /// The generation that is in effect.
    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    /// The gateways, as pages tell of them.
    pub(super) fn gateways(&self) -> Vec<admin::Gateway> {
        self.gateways.iter().map(|g| admin::Gateway { said: g.said.resources.clone(), live: g.live.clone() }).collect()
    }

    /// The same with what the checks have found.
    pub(super) fn found(&self) -> Vec<(Resources, Live)> {
        self.gateways.iter().map(|g| (self.found.over(&g.said.resources).into_owned(), g.live.clone())).collect()
    }

    /// What the source says of each gateway.
    pub(super) fn said(&self) -> impl Iterator<Item = &Resources> {
        self.gateways.iter().map(|g| &g.said.resources)
    }

    /// Whose instances the gateways need.
    pub(super) fn needs(&self) -> Needs {
        let mut all = Needs::default();
        for gateway in &self.gateways {
            all.extend(needs(&gateway.said.resources, &gateway.live.current().snapshot));
        }
        all
    }

    /// What files of keys cannot be used, and what follows.
    pub(super) fn unusable(&self) -> Vec<String> {
        let unusable =
            |g: &Gateway| g.said.credentials.unusable().iter().map(left_out).chain(g.said.uncertified.clone()).collect::<Vec<_>>();
        self.gateways.iter().flat_map(unusable).collect()
    }

    /// Frees what was replaced. False: a worker still uses some of it.
    pub(super) fn release(&mut self) -> bool {
        // Each of them, also after one of which something is still in use.
        self.gateways.iter_mut().filter_map(|g| (!g.publisher.release()).then_some(())).count() == 0
    }

    /// Serves what the source says from now on, with what the checks have found of it. `None`, and nothing is done, if the source
    /// says the same as before. On an error nothing has changed.
    pub(super) fn replace(
        &mut self,
        gateways: Vec<Resources>,
        certificates: &[Certificate],
        found: &Found,
    ) -> Result<Option<Changed>, StartError> {
        let said: Vec<Said> = gateways.into_iter().map(|resources| self.with_keys(resources, certificates)).collect::<Result<_, _>>()?;
        let same = |(new, old): (&Said, &Gateway)| new.credentials.is(&old.said.credentials) && new.resources == old.said.resources;
        if self.generation > 0 && said.len() == self.gateways.len() && said.iter().zip(&self.gateways).all(same) {
            return Ok(None);
        }
        // Before they are published: the first request that wants to go there may find them resolved.
        let followed = self.names.follow_instances(said.iter().flat_map(|said| said.resources.instances()));
        let changed = self.put(said, found)?;
        self.followed = followed;
        Ok(Some(changed))
    }

    /// Serves what the source says with what the checks have found by now.
    pub(super) fn heal(&mut self, found: &Found) -> Result<(), StartError> {
        if self.found != *found {
            let said = self.gateways.iter().map(|g| g.said.clone()).collect();
            self.put(said, found)?;
        }
        Ok(())
    }

    /// With the keys of its files; the very ones that are in use, if they are the same.
    fn with_keys(&self, resources: Resources, certificates: &[Certificate]) -> Result<Said, tls::Error> {
        let older = self.number_of(&resources).map(|n| &self.gateways[n].said.credentials);
        let outgoing = resources.entries.mesh.as_ref().and_then(|mesh| mesh.outgoing_tls().cloned()).unwrap_or_default();
        let own = resources.gateway.identity.as_ref().map(|identity| (identity, &outgoing));
        let new = match self.generation {
            0 => Credentials::build(certificates, own)?,
            // Whatever else changed, such as a deny, is not held up by a leaf.
            _ => Credentials::rebuild(certificates, own, older)?,
        };
        let new = if let Some(older) = older { new.keep(older) } else { new };
        let new = new.speaking(&spoken(&resources), older);
        let (inbound, outside) = keys(&resources);
        let credentials = new.between(inbound.as_ref(), &outside, &resources.trust_domain, older)?;
        let uncertified = uncertified(&resources, &credentials);
        let mut resources = without(resources, &credentials);
        let entry = EntryRef::new(EntryKind::IngressGateway, &resources.gateway.name);
        resources.rejected.extend(uncertified.iter().map(|why| Rejected { what: entry.clone(), why: why.clone() }));
        Ok(Said { resources, credentials, uncertified })
    }

    /// Which one of the gateways it is that is served already.
    fn number_of(&self, resources: &Resources) -> Option<usize> {
        self.gateways.iter().position(|g| g.said.resources.gateway.name == resources.gateway.name)
    }

    /// The one way to what is in effect. On an error nothing has changed.
    fn put(&mut self, said: Vec<Said>, found: &Found) -> Result<Changed, StartError> {
        let generation = self.generation + 1;
        let next = self.prepare(generation, &said, found);
        let plan = if self.draining { None } else { Some(self.listeners.plan(self.wanted(&next))?) };
        // Nothing can fail any more.
        self.publish(said, next);
        (self.generation, self.found) = (generation, found.clone());
        let moved = plan.map(|plan| self.listeners.carry_out(plan)).unwrap_or_default();
        self.listeners.look();
        Ok(Changed { generation, added: moved.added, changed: moved.changed, removed: moved.removed })
    }

    fn prepare(&mut self, generation: u64, said: &[Said], found: &Found) -> Vec<Next> {
        let mut next = Vec::new();
        for Said { resources, credentials, .. } in said {
            let (served, credentials) = (self.number_of(resources), credentials.clone());
            let resources = found.over(resources);
            next.push(match served {
                Some(n) => Next::State(n, Box::new(self.gateways[n].publisher.prepare(generation, &resources, credentials))),
                None => {
                    let (publisher, live) = publisher(generation, &resources, credentials);
                    Next::New(Box::new(publisher), live)
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

    fn publish(&mut self, said: Vec<Said>, next: Vec<Next>) {
        let mut before: Vec<Option<Gateway>> = std::mem::take(&mut self.gateways).into_iter().map(Some).collect();
        for (said, next) in said.into_iter().zip(next) {
            let (publisher, live) = match next {
                Next::New(publisher, live) => (*publisher, live),
                Next::State(n, state) => {
                    let Some(Gateway { mut publisher, live, .. }) = before[n].take() else { continue };
                    publisher.publish(*state);
                    (publisher, live)
                }
            };
            self.gateways.push(Gateway { said, publisher, live });
        }
    }
}

/// What a gateway would run without, for the files that its entry names for services outside the mesh.
pub(super) fn without_files(resources: &Resources) -> Vec<Rejected> {
    let resources = Resources { rejected: Vec::new(), ..resources.clone() };
    let (_, outside) = keys(&resources);
    let built = Credentials::build(&[], None).and_then(|none| none.between(None, &outside, &resources.trust_domain, None));
    built.map(|credentials| without(resources, &credentials).rejected).unwrap_or_default()
}

/// What files of keys could not be used stands among what is left out.
fn without(mut resources: Resources, credentials: &Credentials) -> Resources {
    let kind = match resources.gateway.kind {
        GatewayKind::Ingress => EntryKind::IngressGateway,
        GatewayKind::Mesh | GatewayKind::Terminating => EntryKind::TerminatingGateway,
    };
    let entry = EntryRef::new(kind, &resources.gateway.name);
    let left_out = credentials.unusable().iter().map(left_out);
    resources.rejected.extend(left_out.map(|why| Rejected { what: entry.clone(), why }));
    resources
}

fn left_out(unusable: &Unusable) -> String {
    let then = if unusable.kept { "what it was before is still in use" } else { "what needs it is not served yet" };
    format!("{}: {}; {then}", unusable.what, unusable.why)
}
