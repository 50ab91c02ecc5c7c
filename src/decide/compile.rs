//! Resources to a snapshot: everything that can be done once is done here and not per request.

mod elsewhere;
mod health;
mod ingress;
mod mesh;
mod named;
mod outside;
mod service;
mod target;
mod terminating;
mod world;

use self::service::Memo;
use self::world::World;
use super::snapshot::Snapshot;
use crate::id::ServiceKey;
use crate::model::gateway::{GatewayKind, InboundKeys, OutsideFiles};
use crate::model::resources::Resources;

/// Compiles one gateway again and again. A service whose entries, instances and line in the gateway's entry are the very same
/// as the last time is not compiled again: one changed route among ten thousand services costs one service.
#[derive(Debug, Default)]
pub struct Compiler {
    memo: Memo,
    last: Option<World>,
    mesh: mesh::Kept,
    terminating: terminating::Kept,
}

impl Compiler {
    /// Never fails as a whole: what cannot be served is left out and stands in `Snapshot::rejected`.
    pub fn compile(&mut self, resources: &Resources) -> Snapshot {
        match resources.gateway.kind {
            GatewayKind::Ingress => self.ingress(resources),
            GatewayKind::Mesh => mesh::compile(resources, &mut self.mesh),
            GatewayKind::Terminating => terminating::compile(resources, &mut self.terminating),
        }
    }

    fn ingress(&mut self, resources: &Resources) -> Snapshot {
        let world = World::of(resources);
        // Of its own defaults its UpstreamConfig says how each service is reached.
        let own = ServiceKey::of(&resources.gateway.name);
        let changes = world.changes_since(self.last.as_ref()).all_if(&own);
        let gateway = resources.entries.ingress_gateways.get(&own);
        self.memo.forget(&changes, gateway);
        let snapshot = ingress::compile(resources, &mut self.memo);
        self.last = Some(world);
        snapshot
    }
}

/// Compiles one gateway once.
pub fn compile(resources: &Resources) -> Snapshot {
    Compiler::default().compile(resources)
}

/// Which files a gateway shows itself by, besides its own identity: to who connects from the mesh, and to services outside it.
pub fn keys(resources: &Resources) -> (Option<InboundKeys>, Vec<OutsideFiles>) {
    match resources.gateway.kind {
        GatewayKind::Terminating => terminating::keys(resources),
        GatewayKind::Ingress | GatewayKind::Mesh => (None, Vec::new()),
    }
}
