//! `gw inspect status`: where the state of a process comes from, how fresh it is, and what is wrong with it.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::register::{self, Registered};
use crate::admin::{Standing, Status, client};
use crate::source::consul::follow::Following;
use crate::tls;

pub use crate::admin::client::AskError;

/// What is told at `/v1/status`.
pub(super) fn status(origin: String, following: Option<Following>, registered: Vec<(String, Registered)>) -> Status {
    Status(Arc::new(move |standing| of(&origin, standing, following.as_ref(), &registered)))
}

/// `"schema": "gw.status/v1"`; ages in seconds.
fn of(origin: &str, standing: &Standing, following: Option<&Following>, registered: &[(String, Registered)]) -> Value {
    let gateways = standing.gateways.iter().map(|gateway| {
        let state = gateway.live.current();
        let config = &gateway.said.gateway;
        json!({
            "gateway": config.name, "kind": config.kind.as_str(), "generation": state.generation,
            "rejected": state.snapshot.rejected.len(),
        })
    });
    let consul = following.map(|following| {
        let watches = following.watches().into_iter().map(|watch| {
            json!({
                "what": watch.what, "index": watch.index, "age": watch.age.map(|age| age.as_secs_f64()), "trouble": watch.trouble,
            })
        });
        json!({
            "away": following.away().map(|away| away.as_secs_f64()),
            "stale": following.is_stale(),
            "missing": following.missing(),
            "watches": watches.collect::<Vec<_>>(),
        })
    });
    let registration = |(gateway, registered): &(String, Registered)| {
        let register::Standing { since, trouble } = registered.standing();
        json!({"gateway": gateway, "age": since.map(|since| since.elapsed().as_secs_f64()), "trouble": trouble})
    };
    let registrations: Vec<Value> = registered.iter().map(registration).collect();
    json!({
        "schema": "gw.status/v1",
        "from": origin,
        "refused": standing.refused,
        "gateways": gateways.collect::<Vec<_>>(),
        "consul": consul,
        "registration": registrations.first(),
        "registrations": registrations,
    })
}

/// Asks a running gateway.
pub fn of_running(address: SocketAddr) -> Result<Value, AskError> {
    tls::install();
    client::get_blocking(address, "/v1/status")
}
