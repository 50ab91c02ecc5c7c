//! One question to a world, and its answer: as `gw inspect route`, `sni` and `authz` give it.

use serde::{Deserialize, Serialize};

use crate::app::authz::{AuthzAnswer, PAIR};
use crate::app::inspect::{self, ExplainedOutcome, Explanation};
use crate::app::world::{Asked, Unanswered, World};
use crate::source::expect::{Expectation, Kind};

/// What a gateway does with a request or connection, or whether a service may speak to another.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// Where it goes, and why.
    Way(Box<Explanation>),
    /// Whether it may, and why.
    May(Box<AuthzAnswer>),
}

/// The names and values of a question; `gateway` is asked where the expectation names none.
pub(super) fn asked(one: &Expectation, gateway: Option<&str>) -> Vec<(&'static str, String)> {
    let mut asked = one.asked.clone();
    if one.kind == Kind::Request && !asked.iter().any(|(name, _)| *name == "method") {
        asked.push(("method", "GET".to_owned()));
    }
    if one.kind != Kind::Authz && !asked.iter().any(|(name, _)| *name == "service") {
        asked.extend(gateway.map(|gateway| ("service", gateway.to_owned())));
    }
    asked
}

/// Asks it.
pub(super) fn ask(world: &World, kind: Kind, asked: Vec<(&'static str, String)>) -> Result<Answer, Unanswered> {
    let asked = Asked::of_pairs(&asked);
    if kind == Kind::Authz {
        let answer = AuthzAnswer::deserialize(world.ask(PAIR, &asked)?).map_err(|why| Unanswered::Wrong(why.to_string()))?;
        return Ok(Answer::May(Box::new(answer)));
    }
    let gateway = world.which(&asked)?;
    let mut explanation = if kind == Kind::Request { inspect::explained(gateway, &asked)? } else { inspect::connection(gateway, &asked)? };
    explanation.places = world.places.of_printed(explanation.rules());
    Ok(Answer::Way(Box::new(explanation)))
}

impl Answer {
    /// In a line: `forwarded to web.default.default.dc1, web-1 at 127.0.0.1:3001`.
    pub(super) fn line(&self) -> String {
        match self {
            Self::May(answer) => answer.why.clone(),
            Self::Way(explanation) => match &explanation.outcome {
                ExplainedOutcome::Forward { target, instances, .. } => {
                    format!("forwarded to {target}, {}", instances.first().map_or("", String::as_str))
                }
                ExplainedOutcome::Refuse { .. } => explanation.refused().unwrap_or_default(),
            },
        }
    }
}
