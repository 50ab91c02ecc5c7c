//! What a process that runs tells of: set by who publishes, read by who is asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::{Asked, Note, OneGateway, Places, Unanswered, Verb, World};
use crate::admin::Question;
use crate::app::generations::{Cause, Generations};
use crate::id::ServiceKey;
use crate::model::gateway::{Certificate, GatewayKind};
use crate::model::resources::Resources;
use crate::model::service::Service;
use crate::state::Live;

/// What is served, for questions.
#[derive(Clone, Debug, Default)]
pub(in crate::app) struct Held(Arc<Mutex<Serving>>);

/// What is served, and where it stands.
#[derive(Debug, Default)]
pub(in crate::app) struct Serving {
    /// Each gateway, with what checks have found.
    gateways: Vec<(Resources, Live)>,
    pub(in crate::app) certificates: Vec<Certificate>,
    pub(in crate::app) places: Places,
    pub(in crate::app) notes: Vec<Note>,
    refused: Option<String>,
    generations: Generations,
}

impl Serving {
    /// Served from now on, and why.
    pub(in crate::app) fn serve(&mut self, gateways: Vec<(Resources, Live)>, cause: Cause) {
        let before: Vec<&Resources> = self.gateways.iter().map(|(said, _)| said).collect();
        let now: Vec<&Resources> = gateways.iter().map(|(said, _)| said).collect();
        if let Some(number) = gateways.iter().map(|(_, live)| live.current().generation).max() {
            self.generations.served(number, cause, &before, &now);
        }
        self.gateways = gateways;
    }

    /// What the source says is not served, and why; `None`: it is.
    pub(in crate::app) fn refuse(&mut self, refused: Option<String>, cause: Cause) {
        if let Some(why) = refused.as_ref().filter(|_| self.refused != refused) {
            self.generations.refused(cause, why);
        }
        self.refused = refused;
    }
}

impl Held {
    pub(in crate::app) fn change(&self) -> MutexGuard<'_, Serving> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A question of this process: `standing` tells how its source stands.
    pub(in crate::app) fn question(&self, verb: Verb, from: String, standing: Arc<dyn Fn() -> Value + Send + Sync>) -> Question {
        let held = self.clone();
        Question(Arc::new(move |asked: &Asked| {
            let mut world = held.world(&from)?;
            world.standing = standing();
            world.ask(verb, asked)
        }))
    }

    /// The services that each gateway knows. Those of terminating gateways, which know instances outside the mesh, are first.
    pub(in crate::app) fn services(&self) -> Vec<Arc<BTreeMap<ServiceKey, Arc<Service>>>> {
        let serving = self.change();
        let mut said: Vec<&Resources> = serving.gateways.iter().map(|(said, _)| said).collect();
        said.sort_by_key(|said| said.gateway.kind != GatewayKind::Terminating);
        said.into_iter().map(|said| said.services.clone()).collect()
    }

    fn world(&self, from: &str) -> Result<World, Unanswered> {
        let serving = self.change();
        let gateways: Vec<OneGateway> =
            serving.gateways.iter().map(|(said, live)| OneGateway::running(said.clone(), live.current())).collect();
        let base = in_common(&gateways).ok_or_else(|| Unanswered::Wrong("nothing is served yet".to_owned()))?;
        let mut world = World::of(from.to_owned(), base, gateways);
        world.certificates.clone_from(&serving.certificates);
        world.places = serving.places.clone();
        world.notes.clone_from(&serving.notes);
        world.refused.clone_from(&serving.refused);
        world.generations.clone_from(&serving.generations);
        Ok(world)
    }
}

/// The gateways of a process have their entries in common, and what there is of services. A Consul tells terminating gateways of instances
/// outside the mesh, and the others of those in it: a service that is known as both is the one in the mesh.
fn in_common(gateways: &[OneGateway]) -> Option<Resources> {
    let is_outside = |gateway: &&OneGateway| gateway.said.gateway.kind == GatewayKind::Terminating;
    let (outside, inside): (Vec<_>, Vec<_>) = gateways.iter().partition(is_outside);
    let mut all = inside.into_iter().chain(outside);
    let mut base = all.next()?.said.clone();
    for other in all {
        let missing = other.said.services.iter().filter(|(name, _)| !base.services.contains_key(*name));
        let missing: Vec<_> = missing.map(|(name, service)| (name.clone(), service.clone())).collect();
        if !missing.is_empty() {
            Arc::make_mut(&mut base.services).extend(missing);
        }
    }
    Some(base)
}
