//! The nodes of a chain from the inside out; a circle has no such order and is refused (semantics 4.7).

use std::collections::{BTreeMap, HashMap};

use super::ChainError;
use crate::model::chain::{ChainNode, NodeKey};

/// Where a node stands in the walk.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    /// On the way from the start to here.
    Open,
    /// Done with all that follows it.
    Done,
}

/// The splitters in use, each after those that it leads to.
///
/// Consul folds splitters in random order, and rounding shows it. From the inside out is one of its orders, so the result is
/// always one of its answers, and always the same one.
pub(super) fn splitters_inside_out(nodes: &BTreeMap<NodeKey, ChainNode>, start: &str) -> Result<Vec<NodeKey>, ChainError> {
    let mut marks: HashMap<&str, Mark> = HashMap::new();
    let mut order = Vec::new();
    // A node and how many of its successors were seen; nesting is as deep as the entries say, so no recursion.
    let mut way: Vec<(&str, Vec<&str>)> = vec![(start, successors(nodes, start))];
    marks.insert(start, Mark::Open);
    while let Some((key, left)) = way.last_mut() {
        // From the last to the first, as Consul's stack does: the circle that is named is the one Consul names.
        let Some(next) = left.pop() else {
            marks.insert(key, Mark::Done);
            if matches!(nodes.get(*key), Some(ChainNode::Splitter { .. })) {
                order.push((*key).to_owned());
            }
            way.pop();
            continue;
        };
        match marks.get(next) {
            Some(Mark::Done) => {}
            Some(Mark::Open) => {
                let circle = way.iter().map(|(key, _)| *key).chain([next]);
                return Err(ChainError::CircularReference(circle.map(str::to_owned).collect()));
            }
            None => {
                marks.insert(next, Mark::Open);
                way.push((next, successors(nodes, next)));
            }
        }
    }
    Ok(order)
}

fn successors<'a>(nodes: &'a BTreeMap<NodeKey, ChainNode>, key: &str) -> Vec<&'a str> {
    match nodes.get(key) {
        Some(ChainNode::Router { routes, .. }) => routes.iter().map(|r| r.next_node.as_str()).collect(),
        Some(ChainNode::Splitter { splits, .. }) => splits.iter().map(|s| s.next_node.as_str()).collect(),
        Some(ChainNode::Resolver(_)) | None => Vec::new(),
    }
}
