//! What of an answer is not as it is expected.

use std::fmt;

use serde::Serialize;

use super::answer::{Answer, ask, asked};
use crate::app::inspect::{ExplainedOutcome, Explanation, shares};
use crate::app::world::{Asked, Unanswered, World};
use crate::source::expect::{Expectation, Wanted, WantedValue};

/// As near as a share must be, in percent: splitters count in hundredths, and folding rounds.
const NEAR: f64 = 0.015;

/// One thing that is not as expected.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Its key: `service`.
    pub what: String,
    /// What it should be.
    pub expected: String,
    /// What it is.
    pub actual: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, is {}", self.what, self.expected, self.actual)
    }
}

/// Everything that is not as expected.
pub(super) fn differs(world: &World, gateway: Option<&str>, one: &Expectation, answer: &Answer) -> Result<Vec<Difference>, Unanswered> {
    let mut out = Vec::new();
    for Wanted { what, value } in &one.wanted {
        match (answer, value) {
            (Answer::Way(explanation), WantedValue::Shares(wanted)) => {
                out.extend(of_shares(wanted, &legs(world, gateway, one, explanation)?));
            }
            (Answer::Way(explanation), WantedValue::Headers(wanted)) => out.extend(of_headers(what, wanted, explanation)),
            (Answer::Way(explanation), WantedValue::Names(names)) => out.extend(of_dropped(what, names, explanation)),
            (Answer::Way(explanation), _) => out.extend(of_word(what, value, &word(what, explanation))),
            (Answer::May(answer), _) => {
                let actual = match *what {
                    "allowed" => vec![answer.allowed.to_string()],
                    "by" => vec![answer.by.clone()],
                    _ => answer.rule.iter().cloned().collect(),
                };
                out.extend(of_word(what, value, &actual));
            }
        }
    }
    Ok(out)
}

/// What the answer has under a key; several are told where one of them is enough, as rules.
fn word(what: &str, explanation: &Explanation) -> Vec<String> {
    match &explanation.outcome {
        ExplainedOutcome::Forward {
            code, rules, target, service, subset, datacenter, instance, path, request_timeout, retries, ..
        } => match what {
            "code" => vec![code.to_string()],
            "rule" => rules.clone(),
            "target" => vec![target.clone()],
            "service" => vec![service.clone()],
            "subset" => vec![subset.clone()],
            "datacenter" => vec![datacenter.clone()],
            "instance" => vec![instance.clone()],
            "path" => vec![path.clone()],
            "timeout" => request_timeout.map(|seconds| seconds.to_string()).into_iter().collect(),
            "retries" => vec![retries.to_string()],
            _ => Vec::new(),
        },
        ExplainedOutcome::Refuse { code, status, rule, location, .. } => match what {
            "code" => vec![code.to_string()],
            "status" => vec![status.to_string()],
            "rule" => rule.iter().cloned().collect(),
            "location" => location.iter().cloned().collect(),
            _ => Vec::new(),
        },
    }
}

fn of_word(what: &str, wanted: &WantedValue, actual: &[String]) -> Option<Difference> {
    let expected = match wanted {
        WantedValue::Text(text) => text.clone(),
        WantedValue::Number(number) => number.to_string(),
        WantedValue::Flag(flag) => flag.to_string(),
        _ => return None,
    };
    // An entry stands for whatever is written in it.
    let within = |rule: &String| rule.strip_prefix(expected.as_str()).is_some_and(|rest| rest.starts_with(' '));
    let same = actual.contains(&expected) || (what == "rule" && actual.iter().any(within));
    let quoted = |text: &String| if text.is_empty() { "\"\"".to_owned() } else { text.clone() };
    let actual = match (actual, what) {
        ([], "status") => "for the service to say, as the request is forwarded (code = \"ok\" expects that)".to_owned(),
        ([], _) => "not there".to_owned(),
        (all, _) => all.iter().map(quoted).collect::<Vec<_>>().join(" > "),
    };
    (!same).then(|| Difference { what: what.to_owned(), expected: quoted(&expected), actual })
}

fn value_of<'a>(headers: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect()
}

/// The headers of the request as the service gets them.
fn sent(explanation: &Explanation) -> &[(String, String)] {
    match &explanation.outcome {
        ExplainedOutcome::Forward { edited: Some(edited), .. } => &edited.request,
        ExplainedOutcome::Forward { .. } => &explanation.facts.headers,
        ExplainedOutcome::Refuse { .. } => &[],
    }
}

fn of_headers(what: &str, wanted: &[(String, String)], explanation: &Explanation) -> Vec<Difference> {
    let there: &[(String, String)] = match &explanation.outcome {
        _ if what == "sends" => sent(explanation),
        ExplainedOutcome::Forward { edited: Some(edited), .. } => &edited.response,
        _ => &[],
    };
    let missing = |(name, value): &(String, String)| {
        let found = value_of(there, name);
        let actual = if found.is_empty() { "not there".to_owned() } else { found.join(", ") };
        (!found.contains(&value.as_str())).then(|| Difference { what: format!("{what} {name}"), expected: value.clone(), actual })
    };
    wanted.iter().filter_map(missing).collect()
}

fn of_dropped(what: &str, names: &[String], explanation: &Explanation) -> Vec<Difference> {
    let there = sent(explanation);
    let kept = |name: &String| {
        let found = value_of(there, name);
        let expected = "not to be sent".to_owned();
        (!found.is_empty()).then(|| Difference { what: format!("{what} {name}"), expected, actual: found.join(", ") })
    };
    names.iter().filter_map(kept).collect()
}

/// A leg of a splitter: what it is called, the most exact first, and its share in percent.
type Leg = (Vec<String>, f64);

/// What the plan does in each leg that the request may be led to.
fn legs(world: &World, gateway: Option<&str>, one: &Expectation, explanation: &Explanation) -> Result<Vec<Leg>, Unanswered> {
    let asked = asked(one, gateway);
    let snapshot = world.which(&Asked::of_pairs(&asked))?.snapshot();
    let mut legs = Vec::new();
    for share in shares(snapshot, explanation) {
        let mut asked = asked.clone();
        asked.retain(|(name, _)| *name != "roll");
        asked.push(("roll", share.roll.to_string()));
        let Answer::Way(said) = ask(world, one.kind, asked)? else { continue };
        let names = match &said.outcome {
            ExplainedOutcome::Forward { target, service, subset, .. } => vec![target.clone(), subset.clone(), service.clone()],
            ExplainedOutcome::Refuse { code, .. } => vec![code.to_string()],
        };
        legs.push((names, share.percent));
    }
    Ok(legs)
}

/// The most exact name counts by which a leg is expected.
fn of_shares(wanted: &[(String, f64)], legs: &[Leg]) -> Option<Difference> {
    let key = |(names, _): &Leg| names.iter().find(|name| wanted.iter().any(|(key, _)| key == *name)).cloned();
    let of = |name: &str| legs.iter().filter(|leg| key(leg).as_deref() == Some(name)).map(|(_, percent)| percent).sum::<f64>();
    let met = wanted.iter().all(|(name, percent)| (of(name) - percent).abs() < NEAR) && legs.iter().all(|leg| key(leg).is_some());
    let words = |shares: &mut dyn Iterator<Item = (String, f64)>| {
        shares.map(|(name, percent)| format!("{name} {} %", (percent * 100.0).round() / 100.0)).collect::<Vec<_>>().join(", ")
    };
    let actual = words(&mut legs.iter().map(|(names, percent)| (names[0].clone(), *percent)));
    (!met).then(|| Difference { what: "split".to_owned(), expected: words(&mut wanted.iter().cloned()), actual })
}
