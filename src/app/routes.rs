//! `gw inspect routes`: what gateways serve, or would serve.

use serde_json::{Value, json};

use super::world::{Asked, OneGateway, Unanswered, Verb, World};
use crate::decide::listing::{GatewayRoutes, Routes};

pub use crate::admin::client::AskError;

/// Everything that is served. A process that runs has a page of its own for it.
pub const ROUTES: Verb = Verb { page: "/v1/routes", answer };

fn answer(world: &World, _: &Asked) -> Result<Value, Unanswered> {
    Ok(json!(listed(world)))
}

/// The routes of each gateway.
pub(super) fn listed(world: &World) -> Routes {
    let one = |gateway: &OneGateway| GatewayRoutes::of(&gateway.said.gateway.name, gateway.generation(), gateway.snapshot());
    Routes { refused: world.refused.clone(), ..Routes::new(world.gateways.iter().map(one).collect()) }
}
