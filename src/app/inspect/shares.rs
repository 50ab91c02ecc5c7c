//! Of whom a splitter lets who have what: the legs as they are compiled, each with a roll that leads to it.

use super::Explanation;
use crate::decide::Snapshot;
use crate::decide::snapshot::Next;
use crate::decide::witness::Step;

/// A share of the requests that are like one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::app) struct Share {
    /// What the dice show for the first of them.
    pub(in crate::app) roll: u32,
    /// Percent.
    pub(in crate::app) percent: f64,
}

/// The shares of requests that take the route that this one takes; all of them where no splitter stands on the way.
pub(in crate::app) fn shares(snapshot: &Snapshot, explanation: &Explanation) -> Vec<Share> {
    let step = |find: fn(&Step) -> Option<&str>| explanation.steps.iter().find_map(find);
    let service = step(|step| if let Step::Service { rule, .. } = step { Some(rule) } else { None });
    let route = step(|step| if let Step::Route { rule } = step { Some(rule) } else { None });
    let listener = snapshot.listeners.values().find(|l| l.listener.name.as_str() == explanation.facts.listener);
    let service = listener.and_then(|l| l.services.iter().find(|s| Some(&*s.host.rule.to_string()) == service));
    let taken = service.and_then(|s| s.routes.rules().iter().find(|rule| Some(&*rule.route.rule.to_string()) == route));
    let Some(Next::Split(split)) = taken.map(|rule| &rule.next) else { return vec![Share { roll: 0, percent: 100.0 }] };
    let starts = std::iter::once(0).chain(split.legs.iter().map(|(end, ..)| *end));
    let legs = split.legs.iter().zip(starts).filter(|((end, ..), start)| end > start);
    legs.map(|((end, ..), roll)| Share { roll, percent: f64::from(end - roll) * 100.0 / f64::from(split.total.max(1)) }).collect()
}
