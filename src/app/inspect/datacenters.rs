//! `gw inspect datacenters`: other datacenters and peers, and by which mesh gateways they are reached.

use serde_json::{Value, json};

use crate::app::world::{Asked, Unanswered, Verb, World};
use crate::model::service::Instance;

/// Each datacenter and peer.
pub const DATACENTERS: Verb = Verb { page: "/v1/datacenters", answer };

fn answer(world: &World, _: &Asked) -> Result<Value, Unanswered> {
    let base = &world.base;
    let own = base.datacenter.as_str();
    let federation = &base.federation;
    let known = federation.datacenters.iter().map(|(name, known)| {
        json!({
            "datacenter": name.as_str(),
            "own": name.as_str() == own,
            "gateways": gateways(&known.gateways),
            "services": if name.as_str() == own { base.services.len() } else { known.services.len() },
        })
    });
    let mut datacenters: Vec<Value> = known.collect();
    if !federation.datacenters.contains_key(own) {
        datacenters.insert(0, json!({"datacenter": own, "own": true, "gateways": [], "services": base.services.len()}));
    }
    let peers = federation
        .peers
        .iter()
        .map(|(name, peer)| json!({"peer": &**name, "trust_domain": peer.trust_domain.as_str(), "gateways": gateways(&peer.gateways)}));
    Ok(json!({
        "schema": "gw.datacenters/v1",
        "trust_domain": base.trust_domain.as_str(),
        "datacenters": datacenters,
        "peers": peers.collect::<Vec<_>>(),
    }))
}

fn gateways(gateways: &[Instance]) -> Vec<Value> {
    let one = |gateway: &Instance| json!({"id": gateway.id, "address": gateway.address.to_string(), "health": gateway.health.as_str()});
    gateways.iter().map(one).collect()
}
