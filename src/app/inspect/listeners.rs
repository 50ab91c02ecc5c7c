//! `gw inspect listeners`: where gateways listen, what is spoken there, and how connections begin.

use serde_json::{Value, json};

use crate::app::world::{Asked, OneGateway, Unanswered, Verb, World};
use crate::decide::snapshot::CompiledListener;
use crate::model::gateway::ListenerMode;

/// The listeners of each gateway.
pub const LISTENERS: Verb = Verb { page: "/v1/listeners", answer };

fn answer(world: &World, _: &Asked) -> Result<Value, Unanswered> {
    let listeners: Vec<Value> = world.gateways.iter().flat_map(of).collect();
    Ok(json!({ "schema": "gw.listeners/v1", "listeners": listeners }))
}

fn of(gateway: &OneGateway) -> Vec<Value> {
    let mut listeners: Vec<&CompiledListener> = gateway.snapshot().listeners.values().map(AsRef::as_ref).collect();
    listeners.sort_by(|a, b| a.listener.name.cmp(&b.listener.name));
    let one = |compiled: &CompiledListener| {
        let listener = &compiled.listener;
        let services: Vec<&str> = compiled.services.iter().map(|service| service.host.service.as_str()).collect();
        json!({
            "gateway": gateway.said.gateway.name,
            "kind": gateway.said.gateway.kind.as_str(),
            "generation": gateway.generation(),
            "listener": listener.name.as_str(),
            "bind": listener.bind.to_string(),
            "protocol": listener.protocol.as_str(),
            "begins": begins(listener.mode),
            "services": services,
            "server_names": compiled.names.as_ref().map(|names| names.whole().count()),
        })
    };
    listeners.into_iter().map(one).collect()
}

/// `plain`, `tls`, `mtls` or `passthrough`
const fn begins(mode: ListenerMode) -> &'static str {
    match mode {
        ListenerMode::Plain => "plain",
        ListenerMode::TerminateTls => "tls",
        ListenerMode::TerminateMtls => "mtls",
        ListenerMode::Passthrough => "passthrough",
    }
}
