//! The world of files, nothing running.

use std::path::Path;

use super::{AskPlaceError, Note, OneGateway, Places, Unanswered, World};
use crate::app::chain;
use crate::app::load::{self, Loader, WhichGateway};
use crate::model::gateway::{GatewayConfig, GatewayKind};

/// What a `gw.toml`, a file of entries or a folder of them says; all that is wrong, where they are refused. A file that takes everything
/// from Consul says nothing that could be asked for.
pub(super) fn read(path: &Path) -> Result<World, AskPlaceError> {
    let mut loader = Loader::default();
    let loaded = loader.load(path, &[]).map_err(AskPlaceError::Files)?;
    if loaded.configuration.consul.is_some() {
        return Err(Unanswered::of_which(WhichGateway::OfConsul).into());
    }
    let base = loaded.world(GatewayConfig::of(GatewayKind::Ingress, ""));
    let gateways = loaded.every().into_iter().map(|said| OneGateway::alone(said, 0)).collect();
    let mut world = World::of(path.display().to_string(), base, gateways);
    world.places = Places::Files(loader.places());
    world.certificates.clone_from(&loaded.configuration.certificates);
    world.notes = loaded.notes.iter().map(Note::of).collect();
    Ok(world)
}

/// The same of entries alone, which are not judged as a set.
pub(super) fn entries(path: &Path) -> Result<World, AskPlaceError> {
    if load::of_consul(path).is_ok_and(|file| file.is_some()) {
        return Err(Unanswered::of_which(WhichGateway::OfConsul).into());
    }
    chain::read_unjudged(path).map_err(AskPlaceError::Files)
}
