//! The world of files, nothing running.

use std::path::Path;

use super::{Note, OneGateway, Places, World};
use crate::app::load::Loader;
use crate::model::gateway::{GatewayConfig, GatewayKind};
use crate::source::diagnostic::Diagnostic;

/// What a `gw.toml`, a file of entries or a folder of them says; all that is wrong, where they are refused.
pub(super) fn read(path: &Path) -> Result<World, Vec<Diagnostic>> {
    let mut loader = Loader::default();
    let loaded = loader.load(path, &[])?;
    let base = loaded.world(GatewayConfig::of(GatewayKind::Ingress, ""));
    let gateways = loaded.every().into_iter().map(|said| OneGateway::alone(said, 0)).collect();
    let mut world = World::of(path.display().to_string(), base, gateways);
    world.places = Places::Files(loader.places());
    world.certificates.clone_from(&loaded.configuration.certificates);
    world.notes = loaded.notes.iter().map(Note::of).collect();
    Ok(world)
}
