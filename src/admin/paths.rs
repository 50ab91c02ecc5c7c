//! The pages of the admin listener.

use std::sync::PoisonError;

use http::StatusCode;

use super::Subject;
use crate::decide::listing::{GatewayRoutes, Routes};

type Page = (StatusCode, &'static str, String);
type Make = fn(&Subject) -> Page;

/// Every page. Envoy's names answer too, so that probes work unchanged.
const PAGES: &[(&str, Make)] = &[("/ready", ready), ("/livez", live), ("/v1/routes", routes)];

/// The page at a path.
pub(super) fn find(path: &str) -> Option<Make> {
    PAGES.iter().find(|(name, _)| *name == path).map(|(_, make)| *make)
}

/// All paths, to tell who asks for another.
pub(super) fn names() -> String {
    PAGES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// 200 `LIVE` while requests are taken, 503 `DRAINING` when the process ends, as Envoy says it.
fn ready(subject: &Subject) -> Page {
    if subject.shutdown.is_triggered() {
        return (StatusCode::SERVICE_UNAVAILABLE, "text/plain", "DRAINING\n".to_owned());
    }
    (StatusCode::OK, "text/plain", "LIVE\n".to_owned())
}

/// 200 as long as the process answers at all.
fn live(_: &Subject) -> Page {
    (StatusCode::OK, "text/plain", "ok\n".to_owned())
}

/// What `gw inspect routes --admin` prints.
fn routes(subject: &Subject) -> Page {
    let (gateways, refused) = {
        let standing = subject.standing.lock().unwrap_or_else(PoisonError::into_inner);
        (standing.gateways.clone(), standing.refused.clone())
    };
    let listed = gateways.iter().map(|(name, live)| {
        let state = live.current();
        GatewayRoutes::of(name, state.generation, &state.snapshot)
    });
    json(&Routes { refused, ..Routes::new(listed.collect()) })
}

fn json(value: &impl serde::Serialize) -> Page {
    match serde_json::to_string_pretty(value) {
        Ok(text) => (StatusCode::OK, "application/json", text + "\n"),
        Err(e) => (StatusCode::INTERNAL_SERVER_ERROR, "text/plain", format!("{e}\n")),
    }
}
