//! Whether a set of entries fits together: what Consul checks when an entry is written or deleted (semantics 4.9).

use crate::model::entry::{Entries, RuleRef};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Consul refuses it.
    Error,
    /// Consul takes it and chokes on it.
    Finding,
    /// Worth knowing.
    Warning,
}

/// Something about a set of entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `GW03xx`
    pub code: &'static str,
    /// How much it matters.
    pub level: Level,
    /// Where.
    pub rule: RuleRef,
    /// What was seen.
    pub message: String,
    /// What to do next.
    pub help: Vec<String>,
    /// Other places that belong to it.
    pub related: Vec<RuleRef>,
}

/// Checks a whole set.
pub fn check_set(_entries: &Entries) -> Vec<Finding> {
    Vec::new()
}
