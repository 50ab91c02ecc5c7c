//! The pages of the admin listener.

use std::sync::PoisonError;

use http::StatusCode;

use super::{Asked, Question, Subject};
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
pub(super) fn names(subject: &Subject) -> String {
    let names = PAGES.iter().map(|(name, _)| *name).chain(subject.questions.iter().map(|(name, _)| *name));
    names.collect::<Vec<_>>().join(", ")
}

/// The answer to a question. Some take a while: this thread has names, checks and signals to look after.
pub(super) async fn ask(question: Question, subject: &Subject, asked: Asked) -> Page {
    let gateways = subject.standing.lock().unwrap_or_else(PoisonError::into_inner).gateways.clone();
    match tokio::task::spawn_blocking(move || question(&gateways, &asked)).await {
        Ok(Ok(answer)) => json(&answer),
        Ok(Err(why)) => (StatusCode::BAD_REQUEST, "text/plain", format!("{why}\n")),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "a bug: there is no answer\n".to_owned()),
    }
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
    let listed = gateways.iter().map(|gateway| {
        let state = gateway.live.current();
        GatewayRoutes::of(&gateway.said.gateway.name, state.generation, &state.snapshot)
    });
    json(&Routes { refused, ..Routes::new(listed.collect()) })
}

fn json(value: &impl serde::Serialize) -> Page {
    match serde_json::to_string_pretty(value) {
        Ok(text) => (StatusCode::OK, "application/json", text + "\n"),
        Err(e) => (StatusCode::INTERNAL_SERVER_ERROR, "text/plain", format!("{e}\n")),
    }
}
