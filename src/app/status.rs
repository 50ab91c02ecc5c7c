//! `gw inspect status`: where the state of gateways comes from, how fresh it is, and what is wrong with it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::register::{self, Registered};
use super::world::{Asked, OneGateway, Unanswered, Verb, World};
use crate::admin::Status;
use crate::model::service::Address;
use crate::net::Names;
use crate::source::consul::follow::Following;
use crate::state::refusals::{Refusal, Refusals};

/// How things stand. A process that runs has a page of its own for it.
pub const STATUS: Verb = Verb { page: "/v1/status", answer };

/// What is told at `/v1/status`.
pub(super) fn status(origin: String, standing_of: Arc<dyn Fn() -> Value + Send + Sync>) -> Status {
    Status(Arc::new(move |standing| {
        let one = |gateway: &crate::admin::Gateway| {
            let state = gateway.live.current();
            let config = &gateway.said.gateway;
            line(&config.name, config.kind.as_str(), state.generation, state.snapshot.rejected.len())
        };
        of(&origin, standing.refused.as_deref(), standing.gateways.iter().map(one).collect(), &standing_of())
    }))
}

fn answer(world: &World, _: &Asked) -> Result<Value, Unanswered> {
    let one = |gateway: &OneGateway| {
        let config = &gateway.said.gateway;
        line(&config.name, config.kind.as_str(), gateway.generation(), gateway.snapshot().rejected.len())
    };
    Ok(of(&world.from, world.refused.as_deref(), world.gateways.iter().map(one).collect(), &world.standing))
}

fn line(gateway: &str, kind: &str, generation: u64, rejected: usize) -> Value {
    json!({ "gateway": gateway, "kind": kind, "generation": generation, "rejected": rejected })
}

/// `"schema": "gw.status/v1"`; ages in seconds.
fn of(origin: &str, refused: Option<&str>, gateways: Vec<Value>, standing: &Value) -> Value {
    json!({
        "schema": "gw.status/v1",
        "from": origin,
        "refused": refused,
        "gateways": gateways,
        "consul": standing["consul"],
        "registration": standing["registration"],
        "registrations": standing["registrations"],
    })
}

/// How a process stands: `consul` and the registrations of a status, the names that have no address, and the instances that take no
/// connection.
pub(super) fn standing(
    following: Option<Following>,
    registered: Vec<(String, Registered)>,
    names: Names,
    refusals: Refusals,
) -> Arc<dyn Fn() -> Value + Send + Sync> {
    let registration = |(gateway, registered): &(String, Registered)| {
        let register::Standing { since, trouble } = registered.standing();
        json!({"gateway": gateway, "age": since.map(|since| since.elapsed().as_secs_f64()), "trouble": trouble})
    };
    Arc::new(move || {
        let registrations: Vec<Value> = registered.iter().map(registration).collect();
        let unresolved = names.unresolved().into_iter().map(|(name, why)| json!({"name": name, "why": why}));
        let unresolved: Vec<Value> = unresolved.collect();
        let refusing: Vec<Value> = refusals.recent().into_iter().map(refusing).collect();
        json!({
            "consul": following.as_ref().map(of_following),
            "registration": registrations.first(),
            "registrations": registrations,
            "unresolved": unresolved,
            "refusing": refusing,
        })
    })
}

fn refusing((address, service, refusal): (Address, String, Refusal)) -> Value {
    let Refusal { instance, code, why, times, last } = refusal;
    json!({
        "service": service, "instance": instance, "address": address.to_string(), "code": code.as_str(), "why": why, "times": times,
        "last": last.elapsed().as_secs(),
    })
}

/// The watches of a Consul.
pub(super) fn of_following(following: &Following) -> Value {
    let watches = following.watches().into_iter().map(|watch| {
        json!({
            "what": watch.what, "index": watch.index, "age": watch.age.map(|age| age.as_secs_f64()), "trouble": watch.trouble,
            "of_token": watch.of_token,
        })
    });
    json!({
        "away": following.away().map(|away| away.as_secs_f64()),
        "stale": following.is_stale(),
        "missing": following.missing(),
        "watches": watches.collect::<Vec<_>>(),
    })
}
