//! A router or splitter that leads back to itself is refused before anything is folded (semantics 4.7).

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

/// An error that names the way from the start into the circle, if there is one.
pub(super) fn refuse_circles(nodes: &BTreeMap<NodeKey, ChainNode>, start: &str) -> Result<(), ChainError> {
    let mut marks: HashMap<&str, Mark> = HashMap::new();
    // A node and its successors that are left; nesting is as deep as the entries say, so no recursion.
    let mut way: Vec<(&str, Vec<&str>)> = vec![(start, successors(nodes, start))];
    marks.insert(start, Mark::Open);
    while let Some((key, left)) = way.last_mut() {
        // From the last to the first, as Consul's stack does: the circle that is named is the one Consul names.
        let Some(next) = left.pop() else {
            marks.insert(key, Mark::Done);
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
    Ok(())
}

/// Where a node leads on.
pub(super) fn successors<'a>(nodes: &'a BTreeMap<NodeKey, ChainNode>, key: &str) -> Vec<&'a str> {
    match nodes.get(key) {
        Some(ChainNode::Router { routes, .. }) => routes.iter().map(|r| r.next_node.as_str()).collect(),
        Some(ChainNode::Splitter { splits, .. }) => splits.iter().map(|s| s.next_node.as_str()).collect(),
        Some(ChainNode::Resolver(_)) | None => Vec::new(),
    }
}
