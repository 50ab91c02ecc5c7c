//! The last generations: when each came into effect, what made it, what it changed; and what was refused in between.

mod differences;

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::{Value, json};

pub(super) use self::differences::Difference;
use super::world::{Asked, Unanswered, Verb, World};
use crate::model::resources::Resources;
use crate::tls::Moment;

/// The page of them.
pub const GENERATIONS: Verb = Verb { page: "/v1/generations", answer };

/// How many are kept, of each how many changes, and of a reason how many bytes.
const KEPT: usize = 100;
const CHANGES: usize = 50;
const REASON: usize = 2000;

/// What made a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Cause {
    /// The process began.
    Start,
    /// Somebody asked for the configuration to be read again.
    Asked,
    /// Files changed.
    Files,
    /// Consul says something else.
    Consul,
    /// Checks found something else.
    Checks,
}

/// A generation, or one that did not come into effect.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Generation {
    /// `None`: it was refused.
    number: Option<u64>,
    at: Moment,
    cause: Cause,
    changes: Vec<Difference>,
    /// Changes besides those.
    more: usize,
    why: Option<String>,
}

/// Those that are remembered, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct Generations(VecDeque<Generation>);

impl Generations {
    /// What is served is another one than before, unless the number is the last one's.
    pub(super) fn served(&mut self, number: u64, cause: Cause, before: &[&Resources], now: &[&Resources]) {
        let is_new = self.0.iter().rev().find_map(|generation| generation.number).is_none_or(|last| last < number);
        if !is_new {
            return;
        }
        let mut changes = if self.0.is_empty() { Vec::new() } else { differences::between(before, now) };
        let more = changes.len().saturating_sub(CHANGES);
        changes.truncate(CHANGES);
        self.push(Generation { number: Some(number), at: Moment::now(), cause, changes, more, why: None });
    }

    /// What the source says is not served.
    pub(super) fn refused(&mut self, cause: Cause, why: &str) {
        let mut end = why.len().min(REASON);
        while !why.is_char_boundary(end) {
            end -= 1;
        }
        let why = if end < why.len() { format!("{} ..", &why[..end]) } else { why.to_owned() };
        self.push(Generation { number: None, at: Moment::now(), cause, changes: Vec::new(), more: 0, why: Some(why) });
    }

    fn push(&mut self, generation: Generation) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(generation);
    }
}

/// `"schema": "gw.generations/v1"`, the newest first.
fn answer(world: &World, _: &Asked) -> Result<Value, Unanswered> {
    let one = |generation: &Generation| {
        let change = |change: &Difference| {
            let place = world.places.of_printed([change.what.as_str()]).remove(&change.what);
            json!({ "what": change.what, "how": change.how, "place": place })
        };
        json!({
            "generation": generation.number,
            "result": if generation.why.is_some() { "refused" } else { "in effect" },
            "at": generation.at.to_string(),
            "cause": generation.cause,
            "changes": generation.changes.iter().map(change).collect::<Vec<_>>(),
            "more": generation.more,
            "why": generation.why,
        })
    };
    let generations: Vec<Value> = world.generations.0.iter().rev().map(one).collect();
    Ok(json!({ "schema": "gw.generations/v1", "kept": KEPT, "generations": generations }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::entry::{Common, ConfigEntry, ServiceResolver};
    use crate::model::gateway::{GatewayConfig, GatewayKind};

    fn with_resolver(name: &str) -> Resources {
        let mut resources = Resources::of(GatewayConfig::of(GatewayKind::Ingress, "edge"));
        let common = Common { name: name.to_owned(), ..Common::default() };
        let resolver = ServiceResolver { common, ..ServiceResolver::default() };
        Arc::make_mut(&mut resources.entries).insert(ConfigEntry::ServiceResolver(Arc::new(resolver)));
        resources
    }

    fn printed(generations: &Generations) -> Vec<String> {
        let one = |g: &Generation| {
            let changes: Vec<String> = g.changes.iter().map(|c| format!("{} {}", c.what, c.how)).collect();
            format!("{:?} {:?} {}", g.number, g.cause, changes.join(", "))
        };
        generations.0.iter().map(one).collect()
    }

    #[test]
    fn a_generation_tells_what_it_changed_and_is_told_once() {
        let (web, api) = (with_resolver("web"), with_resolver("api"));
        let mut generations = Generations::default();
        generations.served(1, Cause::Start, &[], &[&web]);
        generations.served(1, Cause::Asked, &[&web], &[&web]);
        generations.refused(Cause::Files, "it is wrong");
        generations.served(2, Cause::Files, &[&web], &[&api]);
        let told = ["Some(1) Start ", "None Files ", "Some(2) Files service-resolver/api added, service-resolver/web removed"];
        assert_eq!(printed(&generations), told);
    }

    #[test]
    fn no_more_is_kept_than_is_said() {
        let web = with_resolver("web");
        let mut generations = Generations::default();
        (1..=200).for_each(|number| generations.served(number, Cause::Consul, &[&web], &[&web]));
        generations.refused(Cause::Consul, &"\u{e4}".repeat(REASON));
        assert_eq!(generations.0.len(), KEPT);
        let last = generations.0.back().unwrap();
        assert!(last.why.as_ref().unwrap().len() <= REASON + 3, "{last:?}");
    }
}
