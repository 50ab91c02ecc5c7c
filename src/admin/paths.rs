//! The pages of the admin listener.

use std::sync::PoisonError;

use http::StatusCode;

use super::{Asked, Question, Subject, Unanswered, envoy};
use crate::decide::listing::{GatewayRoutes, Routes};
use crate::state::connections::Sort;

pub(super) type Page = (StatusCode, &'static str, String);

/// How a page is made.
#[derive(Clone, Debug)]
pub(super) enum Make {
    /// Of what is at hand.
    Now(fn(&Subject) -> Page),
    /// Of what is at hand, which may take a while.
    Slow(fn(&Subject) -> Page),
    /// Of what the workers say when they are asked.
    Connections,
    /// Of what somebody else answers.
    Answer(Question),
}

/// Every page. Envoy's names answer too, so that probes work unchanged.
const PAGES: &[(&str, Make)] = &[
    ("/ready", Make::Now(ready)),
    ("/livez", Make::Now(live)),
    ("/v1/routes", Make::Now(routes)),
    ("/v1/status", Make::Now(status)),
    ("/v1/connections", Make::Connections),
    ("/certs", Make::Slow(envoy::certs)),
    ("/clusters", Make::Slow(envoy::clusters)),
    ("/config_dump", Make::Slow(envoy::config_dump)),
];

/// What tells of the process alone, to who need not say who he is.
pub(super) const PROBES: &[&str] = &["/ready", "/livez"];

/// How many connections are listed where nobody says how many.
const CONNECTIONS: usize = 100;
/// The most that are: their workers do nothing else while they write them down.
const MOST_CONNECTIONS: usize = 10_000;

/// What is at a path.
pub(super) fn find(subject: &Subject, path: &str) -> Option<Make> {
    let own = PAGES.iter().find(|(name, _)| *name == path).map(|(_, make)| make.clone());
    let asked = || subject.questions.iter().find(|(name, _)| *name == path);
    own.or_else(|| asked().map(|(_, question)| Make::Answer(question.clone())))
}

impl Make {
    /// The page.
    pub(super) async fn page(self, subject: &Subject, query: &str) -> Page {
        match self {
            Self::Now(make) => make(subject),
            Self::Slow(make) => {
                let subject = subject.clone();
                tokio::task::spawn_blocking(move || make(&subject)).await.unwrap_or_else(|_| bug())
            }
            Self::Connections => match connections(query) {
                Ok((sort, limit)) => json(&subject.connections.list(gateways(subject), sort, limit).await),
                Err(wrong) => (StatusCode::BAD_REQUEST, "text/plain", wrong + "\n"),
            },
            Self::Answer(question) => ask(question, Asked::of(query)).await,
        }
    }
}

/// The names of those that are served.
fn gateways(subject: &Subject) -> Vec<String> {
    let standing = subject.standing.lock().unwrap_or_else(PoisonError::into_inner);
    standing.gateways.iter().map(|gateway| gateway.said.gateway.name.clone()).collect()
}

/// `sort=age&limit=20`
fn connections(query: &str) -> Result<(Sort, usize), String> {
    let (mut sort, mut limit) = (Sort::default(), CONNECTIONS);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sort", "age")) => sort = Sort::Age,
            Some(("sort", "bytes")) => sort = Sort::Bytes,
            Some(("limit", n)) if let Ok(n) = n.parse() => limit = MOST_CONNECTIONS.min(n),
            _ => return Err(format!("{pair} is not asked for here; sort=age, sort=bytes and limit=N are")),
        }
    }
    Ok((sort, limit))
}

/// All paths, to tell who asks for another.
pub(super) fn names(subject: &Subject) -> String {
    let names = PAGES.iter().map(|(name, _)| *name).chain(subject.questions.iter().map(|(name, _)| *name));
    names.collect::<Vec<_>>().join(", ")
}

/// The answer to a question. Some take a while: this thread has names, checks and signals to look after.
async fn ask(question: Question, asked: Asked) -> Page {
    match tokio::task::spawn_blocking(move || (question.0)(&asked)).await {
        Ok(Ok(answer)) => json(&answer),
        Ok(Err(Unanswered::Wrong(why))) => (StatusCode::BAD_REQUEST, "text/plain", format!("{why}\n")),
        Ok(Err(Unanswered::Refused(why))) => (StatusCode::UNPROCESSABLE_ENTITY, "text/plain", format!("{why}\n")),
        Err(_) => bug(),
    }
}

fn bug() -> Page {
    (StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "a bug: there is no answer\n".to_owned())
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

/// What `gw inspect status` prints.
fn status(subject: &Subject) -> Page {
    let standing = subject.standing.lock().unwrap_or_else(PoisonError::into_inner);
    let status = (subject.status.0)(&standing);
    drop(standing);
    json(&status)
}

/// What `gw inspect routes --admin` prints.
fn routes(subject: &Subject) -> Page {
    json(&listed(subject))
}

/// What is served, down to the instances.
pub(super) fn listed(subject: &Subject) -> Routes {
    let (gateways, refused) = {
        let standing = subject.standing.lock().unwrap_or_else(PoisonError::into_inner);
        (standing.gateways.clone(), standing.refused.clone())
    };
    let listed = gateways.iter().map(|gateway| {
        let state = gateway.live.current();
        GatewayRoutes::of(&gateway.said.gateway.name, state.generation, &state.snapshot)
    });
    Routes { refused, ..Routes::new(listed.collect()) }
}

pub(super) fn json(value: &impl serde::Serialize) -> Page {
    match serde_json::to_string_pretty(value) {
        Ok(text) => (StatusCode::OK, "application/json", text + "\n"),
        Err(e) => (StatusCode::INTERNAL_SERVER_ERROR, "text/plain", format!("{e}\n")),
    }
}
