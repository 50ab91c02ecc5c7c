//! Which instances are in use where a bad one is better than none: behind gateways that nothing else could stand in for.

use super::target::{unused, why_unused};
use crate::decide::snapshot::Unused;
use crate::model::service::Instance;

/// The instances in use, in the order of the catalog, and the others. Where none is well the least bad are better than none
/// (`docs/differences.md`, panic), unless it is something else that excludes them.
pub(super) fn least_bad<'i>(
    instances: impl Iterator<Item = &'i Instance>,
    only_passing: bool,
    excluded: impl Fn(&Instance) -> Option<&'static str>,
) -> (Vec<&'i Instance>, Vec<Unused>) {
    let why = |instance: &Instance| excluded(instance).or_else(|| why_unused(instance, only_passing));
    let mut all: Vec<(&Instance, Option<&'static str>)> = instances.map(|instance| (instance, why(instance))).collect();
    if all.iter().all(|(_, why)| why.is_some()) {
        let could = |instance: &Instance| excluded(instance).is_none() && instance.weight > 0;
        let best = all.iter().filter(|(i, _)| could(i)).map(|(i, _)| i.health).min();
        let last_resort = |(i, why): &mut (&Instance, _)| {
            if could(i) && Some(i.health) == best {
                *why = None;
            }
        };
        all.iter_mut().for_each(last_resort);
    }
    let (mut used, mut rest) = (Vec::new(), Vec::new());
    for (instance, why) in all {
        match why {
            None => used.push(instance),
            Some(why) => rest.push(unused(instance, why)),
        }
    }
    (used, rest)
}
