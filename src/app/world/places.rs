//! Where rules are written: a line of a file, or an entry of a Consul and its index.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::decide::witness::Step;
use crate::model::entry::{ConfigEntry, EntryKind, RuleRef};
use crate::source::consul::follow::Following;
use crate::source::entry::EntrySource;

/// Tells where a rule is written.
#[derive(Clone, Debug, Default)]
pub enum Places {
    /// Nobody knows.
    #[default]
    Unknown,
    /// In files: the entries, and where each was read.
    Files(Arc<[(ConfigEntry, EntrySource)]>),
    /// In a Consul.
    Consul(Following),
    /// By the rules, as they were written down.
    Listed(Arc<BTreeMap<String, String>>),
}

impl Places {
    /// `gw.d/web.hcl:4`, or `Consul, modify index 42`.
    pub fn of(&self, rule: &RuleRef) -> Option<String> {
        match self {
            Self::Unknown => None,
            Self::Files(read) => {
                let (_, source) = read.iter().find(|(entry, _)| is(entry, rule))?;
                Some(in_file(source, rule))
            }
            Self::Consul(following) => {
                let index = following.modify_index(rule.entry.kind, &rule.entry.name).filter(|index| *index > 0)?;
                Some(format!("Consul, modify index {index}"))
            }
            Self::Listed(places) => places.get(&rule.to_string()).cloned(),
        }
    }

    /// Of rules as they are printed, `service-router/web Routes[2]`, those that are known.
    pub fn of_printed<'a>(&self, rules: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, String> {
        let of = |rule: &str| Some((rule.to_owned(), self.of(&parse(rule)?)?));
        rules.into_iter().filter_map(of).collect()
    }

    /// Of every rule that steps name, and of others.
    pub fn of_steps<'a>(&'a self, steps: &'a [Step], more: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, String> {
        self.of_printed(steps.iter().flat_map(Step::rules).chain(more))
    }
}

fn is(entry: &ConfigEntry, rule: &RuleRef) -> bool {
    entry.kind() == rule.entry.kind && entry.common().name == *rule.entry.name
}

/// `gw.d/web.hcl:4`
pub(in crate::app) fn in_file(source: &EntrySource, rule: &RuleRef) -> String {
    let start = source.find(&rule.path).start.min(source.text.content.len());
    let line = source.text.content.as_bytes()[..start].iter().filter(|b| **b == b'\n').count() + 1;
    format!("{}:{line}", source.text.origin)
}

/// A rule as it is printed. Its path begins with the name of a field, which no name of an entry has behind a blank.
fn parse(printed: &str) -> Option<RuleRef> {
    let (kind, rest) = printed.split_once('/')?;
    let (name, path) = match rest.rsplit_once(' ') {
        Some((name, path)) if path.starts_with(|c: char| c.is_ascii_uppercase()) => (name, path),
        _ => (rest, ""),
    };
    Some(crate::model::entry::EntryRef::new(EntryKind::parse(kind)?, name).at(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_as_it_is_printed() {
        for printed in ["service-router/web Routes[2]", "mesh/mesh", "service-intentions/* Sources[0].Permissions[1]"] {
            assert_eq!(parse(printed).map(|rule| rule.to_string()).as_deref(), Some(printed));
        }
        assert!(parse("web").is_none() && parse("no-kind/web").is_none());
    }
}
