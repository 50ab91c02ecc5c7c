//! Two worlds side by side: which requests and connections change their answer, grouped and counted.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, BufRead};

use serde::Serialize;

use super::answer::{self, asked};
use super::log::{self, Recorded};
use crate::app::inspect::{self, ExplainedOutcome, Explanation};
use crate::app::world::{Asked, OneGateway, Unanswered, World};
use crate::source::expect::{Expectation, Kind};

/// So many groups are told apart; what is beyond is counted.
const MOST: usize = 1000;

/// Where questions come from.
#[derive(Debug)]
pub enum Questions<R> {
    /// An access log, line by line.
    Log(R),
    /// The questions of expectations.
    Expectations(Vec<Expectation>),
}

/// What changes: `"schema": "gw.changes/v1"`.
#[derive(Clone, Debug, Serialize)]
pub struct Changes {
    /// `gw.changes/v1`
    pub schema: &'static str,
    /// Of whom it was asked before.
    pub before: String,
    /// Of whom it was asked then.
    pub after: String,
    /// How many were asked.
    pub asked: u64,
    /// How many change their answer.
    pub changed: u64,
    /// Lines that are no records, or of which nothing can be asked.
    pub unread: u64,
    /// The changes, the most frequent first.
    pub changes: Vec<Changed>,
    /// How many change in yet other ways.
    pub others: u64,
    /// Headers that routes ask for, and that no record has: such routes are asked as if nobody sent them.
    pub unknown_headers: Vec<String>,
}

/// Requests that change in the same way.
#[derive(Clone, Debug, Serialize)]
pub struct Changed {
    /// What it was.
    pub before: Said,
    /// What it is.
    pub after: Said,
    /// How many.
    pub count: u64,
    /// The first of them.
    pub example: String,
}

/// An answer as far as it is compared, and its rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Said {
    /// The target, or the status and code.
    pub answer: String,
    /// The rules that decided, outermost first: `service-router/web Routes[0] > service-resolver/web`.
    pub rule: Option<String>,
    /// Where the first of them is written.
    pub place: Option<String>,
}

/// Asks both, and says what changes.
pub fn against<R: BufRead>(before: &World, after: &World, gateway: Option<&str>, questions: Questions<R>) -> io::Result<Changes> {
    let mut found = Found { worlds: [before, after], gateway, groups: HashMap::new(), asked: 0, unread: 0, others: 0 };
    let unknown_headers = match questions {
        Questions::Log(mut log) => {
            let mut number = 0;
            while let Some(record) = log::next(&mut log, number)? {
                number += 1;
                match record {
                    Some(record) => found.ask(&record),
                    None => found.unread += 1,
                }
            }
            unknown_headers(&found.worlds)
        }
        Questions::Expectations(all) => {
            for one in &all {
                let record = Recorded { kind: one.kind, asked: asked(one, gateway), port: None, words: super::words(one) };
                found.ask(&record);
            }
            Vec::new()
        }
    };
    let mut changes: Vec<Changed> = found.groups.into_values().collect();
    changes.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.example.cmp(&b.example)));
    Ok(Changes {
        schema: "gw.changes/v1",
        before: before.from.clone(),
        after: after.from.clone(),
        asked: found.asked,
        changed: changes.iter().map(|group| group.count).sum::<u64>() + found.others,
        unread: found.unread,
        changes,
        others: found.others,
        unknown_headers,
    })
}

struct Found<'a> {
    worlds: [&'a World; 2],
    gateway: Option<&'a str>,
    groups: HashMap<[String; 4], Changed>,
    asked: u64,
    unread: u64,
    others: u64,
}

impl Found<'_> {
    fn ask(&mut self, record: &Recorded) {
        let [before, after] = self.worlds.map(|world| said(world, self.gateway, record));
        if before.is_err() && after.is_err() {
            self.unread += 1;
            return;
        }
        self.asked += 1;
        let [before, after] = [before, after].map(|said| said.unwrap_or_else(|why| (why, None)));
        if before.0 == after.0 {
            return;
        }
        let key = [&before, &after].map(|(answer, rule)| [answer.clone(), rule.clone().unwrap_or_default()]);
        let [[a, b], [c, d]] = key;
        let key = [a, b, c, d];
        if let Some(group) = self.groups.get_mut(&key) {
            group.count += 1;
        } else if self.groups.len() == MOST {
            self.others += 1;
        } else {
            let [before, after] = [(before, self.worlds[0]), (after, self.worlds[1])].map(|((answer, rule), world)| {
                let first = rule.as_deref().and_then(|rules| rules.split(" > ").next());
                let place = first.and_then(|rule| world.places.of_printed([rule]).into_values().next());
                Said { answer, rule, place }
            });
            self.groups.insert(key, Changed { before, after, count: 1, example: record.words.clone() });
        }
    }
}

/// What is compared of an answer, and the rule that decided; why it cannot be asked, where it cannot.
fn said(world: &World, gateway: Option<&str>, record: &Recorded) -> Result<(String, Option<String>), String> {
    let asked = Asked::of_pairs(&record.asked);
    let why = |unanswered: Unanswered| match unanswered {
        Unanswered::Wrong(why) | Unanswered::Refused(why) => why,
    };
    if record.kind == Kind::Authz {
        return Ok((answer::ask(world, record.kind, record.asked.clone()).map_err(why)?.line(), None));
    }
    let gateway = match (asked.one("service"), gateway, record.port) {
        (None, Some(name), _) => world.which(&Asked::of_pairs(&[("service", name.to_owned())])),
        (None, None, Some(port)) if world.gateways.len() > 1 => listening(world, port),
        _ => world.which(&asked),
    };
    let gateway = gateway.map_err(why)?;
    let explanation = match record.kind {
        Kind::Connection => inspect::connection(gateway, &asked),
        _ => inspect::explained(gateway, &asked),
    };
    Ok(compared(&explanation.map_err(why)?))
}

/// The gateway that listens on a port, where there are several.
fn listening(world: &World, port: u16) -> Result<&OneGateway, Unanswered> {
    let listens = |gateway: &&OneGateway| gateway.snapshot().listeners.values().any(|l| l.listener.bind.port() == port);
    world.gateways.iter().find(listens).ok_or_else(|| Unanswered::Wrong(format!("no gateway listens on port {port}")))
}

fn compared(explanation: &Explanation) -> (String, Option<String>) {
    match &explanation.outcome {
        // The first is the service behind the listener, the same for all of them.
        ExplainedOutcome::Forward { target, rules, .. } => {
            (target.clone(), Some(rules[usize::from(rules.len() > 1)..].join(" > ")).filter(|rules| !rules.is_empty()))
        }
        ExplainedOutcome::Refuse { code, status, location, rule, .. } => {
            let to = location.as_ref().map(|to| format!(" to {}", log::short(to))).unwrap_or_default();
            (format!("{status} {code}{to}"), rule.clone())
        }
    }
}

fn unknown_headers(worlds: &[&World]) -> Vec<String> {
    const RECORDED: [&str; 5] = ["host", "user-agent", "x-forwarded-for", "x-request-id", "x-forwarded-proto"];
    let gateways = worlds.iter().flat_map(|world| &world.gateways);
    let services = gateways.flat_map(|gateway| gateway.snapshot().listeners.values()).flat_map(|listener| &listener.services);
    let asked = services.flat_map(|service| service.routes.rules()).flat_map(|rule| rule.matcher.headers());
    let unknown: BTreeSet<String> = asked.map(str::to_ascii_lowercase).filter(|name| !name.starts_with(':')).collect();
    unknown.into_iter().filter(|name| !RECORDED.contains(&name.as_str())).collect()
}
