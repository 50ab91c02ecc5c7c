//! Circles as errors name them: by the way on which they were found, which differs with where one starts.

use std::collections::BTreeSet;

use crate::decide::chain::ChainError;

/// The members of a circle, the same from wherever it was found; `None` for other errors.
pub(super) fn circle_of(error: &ChainError) -> Option<BTreeSet<String>> {
    let (ChainError::CircularRedirect(way) | ChainError::CircularReference(way)) = error else { return None };
    let last = way.last()?;
    let first = way.iter().position(|node| node == last)?;
    Some(way[first..].iter().cloned().collect())
}

/// The service of a splitter's key or of a target's id, if no dot in a name makes it doubtful.
pub(super) fn service_of(node: &str) -> Option<&str> {
    if let Some(name) = node.strip_prefix("splitter:") {
        return name.strip_suffix(".default.default");
    }
    let (name, _) = node.split_once(".default.default.")?;
    Some(name.rsplit_once('.').map_or(name, |(_, service)| service))
}
