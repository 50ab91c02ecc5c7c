//! Splitters that lead to splitters are folded into one (semantics 4.7).

use std::collections::BTreeMap;

use super::{ChainError, Failure};
use crate::model::chain::{ChainNode, ChainSplit, NodeKey};
use crate::model::entry::{HeaderEdits, RuleRef};

/// Legs of all splitters of a chain, each counted once for every splitter that it was folded through. Two legs into each of N
/// levels are 2^N; Consul itself has no limit and runs out of memory.
pub(super) const MOST_LEGS: usize = 1_000_000;

/// Two legs whose header edits cannot be merged by a Consul 1.21.4: its server dies while it takes the write.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::decide) struct Crash {
    /// The outer leg.
    pub(in crate::decide) outer: RuleRef,
    /// The inner leg.
    pub(in crate::decide) inner: RuleRef,
    /// `RequestHeaders` or `ResponseHeaders`.
    pub(in crate::decide) field: &'static str,
}

/// Folds splitters until none leads to another: in passes over `order`, in which they were found from the outside in.
///
/// Consul's passes follow a map's random order, and rounding shows it. In a map of eight nodes or fewer the order in which they
/// were found is by far the likeliest, in a bigger one it is as likely as any: the result is always one of Consul's answers.
pub(super) fn flatten(nodes: &mut BTreeMap<NodeKey, ChainNode>, order: &[NodeKey], service: &str) -> Result<Vec<Crash>, Failure> {
    let mut crashes = Vec::new();
    let mut changed = true;
    while changed {
        changed = false;
        let mut legs = 0;
        for key in order {
            changed |= fold_node(nodes, key, &mut crashes, &mut legs).map_err(|rule| {
                let error = ChainError::TooManyLegs { chain: service.to_owned(), limit: MOST_LEGS };
                Failure::new(error, rule)
            })?;
        }
    }
    Ok(crashes)
}

/// Replaces every leg that leads to a splitter by the legs of that splitter as they are now. The error is the leg too many.
fn fold_node(
    nodes: &mut BTreeMap<NodeKey, ChainNode>,
    key: &str,
    crashes: &mut Vec<Crash>,
    legs: &mut usize,
) -> Result<bool, Option<RuleRef>> {
    let Some(ChainNode::Splitter { splits, .. }) = nodes.get_mut(key) else { return Ok(false) };
    let outer = std::mem::take(splits);
    let mut folded = Vec::with_capacity(outer.len());
    let mut changed = false;
    for split in outer {
        *legs += split.rules.len();
        let Some(ChainNode::Splitter { splits: inner, .. }) = nodes.get(&split.next_node) else {
            folded.push(split);
            continue;
        };
        changed = true;
        *legs += inner.iter().map(|inner| split.rules.len() + inner.rules.len()).sum::<usize>();
        if *legs > MOST_LEGS {
            return Err(split.rules.first().cloned());
        }
        folded.extend(inner.iter().map(|inner| fold(&split, inner, crashes)));
    }
    if let Some(ChainNode::Splitter { splits, .. }) = nodes.get_mut(key) {
        *splits = folded;
    }
    Ok(changed)
}

/// An inner leg as it is seen through an outer one. The definition stays the inner one, its own weight included.
fn fold(outer: &ChainSplit, inner: &ChainSplit, crashes: &mut Vec<Crash>) -> ChainSplit {
    let mut definition = inner.definition.clone();
    let (out, inn) = (&outer.definition, &inner.definition);
    // Requests pass the outer leg first and answers the inner one; the later has the last word.
    for (field, base, last) in
        [("RequestHeaders", &out.request_headers, &inn.request_headers), ("ResponseHeaders", &inn.response_headers, &out.response_headers)]
    {
        if let (Some(base), Some(last)) = (base, last)
            && kills_consul(base, last)
            && let (Some(outer), Some(inner)) = (outer.rules.last(), inner.rules.first())
        {
            crashes.push(Crash { outer: outer.clone(), inner: inner.clone(), field });
        }
    }
    definition.request_headers = merge(out.request_headers.as_ref(), inn.request_headers.as_ref());
    definition.response_headers = merge(inn.response_headers.as_ref(), out.response_headers.as_ref());
    ChainSplit {
        definition,
        weight: rounded(outer.weight * inner.weight / 100.0),
        next_node: inner.next_node.clone(),
        rules: outer.rules.iter().chain(&inner.rules).cloned().collect(),
    }
}

/// To 0.01, half away from zero. The multiplication is one of 32-bit floats and the rounding one of 64-bit floats, as Consul's.
fn rounded(weight: f32) -> f32 {
    f64::from(weight * 100.0).round() as f32 / 100.0
}

/// Edits on the same name: the last word replaces the base, for Add too; what is removed is removed by either.
fn merge(base: Option<&HeaderEdits>, last: Option<&HeaderEdits>) -> Option<HeaderEdits> {
    let given = |edits: Option<&HeaderEdits>| edits.filter(|e| !says_nothing(e)).cloned();
    let (mut merged, last) = match (given(base), given(last)) {
        (Some(base), Some(last)) => (base, last),
        (base, last) => return base.or(last),
    };
    merged.add.extend(last.add);
    merged.set.extend(last.set);
    let known = merged.remove.len();
    for name in last.remove {
        if !merged.remove[..known].contains(&name) {
            merged.remove.push(name);
        }
    }
    Some(merged)
}

fn says_nothing(edits: &HeaderEdits) -> bool {
    edits.add.is_empty() && edits.set.is_empty() && edits.remove.is_empty()
}

/// The base says something but has no map where the other has one.
fn kills_consul(base: &HeaderEdits, last: &HeaderEdits) -> bool {
    let missing = (base.add.is_empty() && !last.add.is_empty()) || (base.set.is_empty() && !last.set.is_empty());
    !says_nothing(base) && missing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edits(add: &[(&str, &str)], set: &[(&str, &str)], remove: &[&str]) -> HeaderEdits {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        HeaderEdits { add: map(add), set: map(set), remove: remove.iter().map(|r| (*r).to_owned()).collect() }
    }

    #[test]
    fn the_last_word_replaces_add_and_set_and_removals_are_united() {
        let base = edits(&[("a", "1"), ("b", "1")], &[("s", "1")], &["r1", "r2"]);
        let last = edits(&[("b", "2")], &[("s", "2"), ("t", "2")], &["r2", "r3"]);
        let merged = edits(&[("a", "1"), ("b", "2")], &[("s", "2"), ("t", "2")], &["r1", "r2", "r3"]);
        assert_eq!(merge(Some(&base), Some(&last)), Some(merged));
    }

    #[test]
    fn absent_maps_are_empty_ones() {
        let base = edits(&[], &[("s", "1")], &[]);
        let last = edits(&[("a", "2")], &[], &[]);
        assert_eq!(merge(Some(&base), Some(&last)), Some(edits(&[("a", "2")], &[("s", "1")], &[])));
        assert_eq!(merge(None, Some(&last)), Some(last.clone()));
        assert_eq!(merge(Some(&base), Some(&HeaderEdits::default())), Some(base.clone()));
        assert_eq!(merge(None, None), None);
        assert!(kills_consul(&base, &last));
        assert!(!kills_consul(&last, &edits(&[("a", "1")], &[], &["r"])));
        assert!(!kills_consul(&HeaderEdits::default(), &last));
    }

    #[test]
    fn weights_are_rounded_to_hundredths_half_away_from_zero() {
        for (outer, inner, folded) in
            [(50.0, 50.0, 25.0), (33.33, 33.33, 11.11), (0.01, 50.0, 0.01), (0.01, 49.0, 0.0), (-1.0, 50.0, -0.5), (101.0, 10.0, 10.1)]
        {
            assert_eq!(rounded(outer * inner / 100.0), folded, "{outer} of {inner}");
        }
    }
}
