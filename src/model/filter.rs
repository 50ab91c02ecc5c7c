//! Subset filters: bexpr, the little language of `Service.Meta.version == v2 and not "canary" in Service.Tags`
//! (semantics 3.4), read and evaluated as Consul does.

mod evaluate;
mod parse;

use crate::id::ServiceName;
use crate::model::service::Instance;

/// A filter that was read. Whether its selectors exist is another question: Consul takes it either way when it is written, and
/// lets nothing through when it is used ([`Filter::problem`]).
#[derive(Clone, Debug)]
pub struct Filter {
    /// `None` lets everything through.
    expression: Option<Expression>,
}

/// Why a text is no filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at byte {at} of the filter")]
pub struct FilterError {
    /// What was expected or seen.
    pub message: String,
    /// The byte where it was seen.
    pub at: usize,
}

#[derive(Clone, Debug)]
enum Expression {
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Match(Match),
}

/// `selector operator value`
#[derive(Clone, Debug)]
struct Match {
    selector: Vec<String>,
    operator: Operator,
    /// As it was written, without quotes; empty where the operator takes none.
    value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    /// `value in selector`, `selector contains value`
    In,
    NotIn,
    Matches,
    NotMatches,
    IsEmpty,
    IsNotEmpty,
}

impl Filter {
    /// Reads a filter; the empty text lets everything through, blanks alone are an error.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        if text.is_empty() {
            return Ok(Self { expression: None });
        }
        parse::expression(text).map(|e| Self { expression: Some(e) })
    }

    /// Whether an instance is let through. Nothing is where the filter has a [`Filter::problem`].
    pub fn matches(&self, service: &ServiceName, instance: &Instance) -> bool {
        self.expression.as_ref().is_none_or(|e| evaluate::check(e).is_ok() && evaluate::holds(e, service, instance))
    }

    /// What Consul takes when the filter is written and chokes on when it is used: a selector that does not exist, an operator
    /// that the selected value does not have, a value of the wrong type, a regex that is none.
    pub fn problem(&self) -> Option<String> {
        self.expression.as_ref().and_then(|e| evaluate::check(e).err())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::service::{Address, Health};

    fn instance() -> Instance {
        Instance {
            id: "web-1".into(),
            address: Address::Socket(([10, 0, 0, 1], 8080).into()),
            meta: [("version".to_owned(), "v2".to_owned()), ("a-b".to_owned(), "x".to_owned())].into(),
            tags: vec!["canary".into(), "blue".into()],
            health: Health::Warning,
            check: None,
            weight: 3,
            mesh: false,
            node: "n1".into(),
            node_meta: BTreeMap::new(),
            datacenter: "dc1".into(),
        }
    }

    #[test]
    fn instances_are_let_through_as_consul_does() {
        for (filter, wanted) in [
            ("", true),
            ("Service.Meta.version == v2", true),
            ("Service.Meta.version == \"v1\"", false),
            ("Service.Meta[\"a-b\"] == `x`", true),
            ("Service.Meta.none == v2", false),
            ("Service.Meta.none != v2", true),
            ("Service.Meta.none not matches v2", true),
            ("Service.Meta.none matches v2", true),
            ("\"version\" in Service.Meta", true),
            ("canary in Service.Tags", true),
            ("Service.Tags contains green", false),
            ("Service.Tags not contains green", true),
            ("green not in Service.Tags", true),
            ("Service.Tags is not empty", true),
            ("Node.Meta is empty", true),
            ("Service.Port == 8080", true),
            ("Service.Port == \"0x1f90\"", true),
            ("Service.Port != 8080", false),
            ("Service.Weights.Warning == 3", true),
            ("Node.Datacenter == dc1", true),
            ("Node.Node matches \"^n[0-9]$\"", true),
            ("Service.Service matches e", true),
            ("\"eb\" in Service.Service", true),
            ("Checks.Status == warning", true),
            ("Checks.Status == critical", false),
            ("not Service.Meta.version == v1", true),
            ("not not Service.Meta.version == v2", true),
            ("Service.Meta.version == v1 or canary in Service.Tags and Service.Port == 1", false),
            ("(Service.Meta.version == v1 or canary in Service.Tags) and Service.Port == 8080", true),
            ("( ( Service.Port == 8080 ) )", true),
            ("Service.Bogus == 1", false),
            ("not Service.Bogus == 1", false),
            ("Service.Port == abc", false),
        ] {
            let parsed = Filter::parse(filter).unwrap_or_else(|e| panic!("{filter}: {e}"));
            assert_eq!(parsed.matches(&ServiceName::from("web"), &instance()), wanted, "{filter}");
        }
    }

    #[test]
    fn only_the_grammar_counts_when_a_filter_is_written() {
        for refused in [
            " ",
            "true",
            "Service.ID = web",
            "Service.ID == 'web'",
            "Service.Port > 1",
            "Service.Port < 1",
            "any Service.Tags as t { t == a }",
            "Service.ID ==",
            "Service.ID == \"web",
            "Service.ID == web and",
            "(Service.ID == web",
            "Service.ID == web)",
            "Service.Port == 80a",
            "not",
            "Service.Meta[x] == 1",
            "\"x\" in",
            "==",
            "Service.Meta. == 1",
            "Service.ID == \"\\q\"",
            "1 in 2",
        ] {
            assert!(Filter::parse(refused).is_err(), "{refused}");
        }
        for taken in [
            "Bogus == 1",
            "Service.ID matches \"(\"",
            "Service.Port == abc",
            "Service.ID is empty",
            "not == 3",
            " Service.ID==web ",
            "Service.ID == -1.5",
        ] {
            assert!(Filter::parse(taken).is_ok(), "{taken}");
        }
    }

    #[test]
    fn what_consul_chokes_on_when_the_filter_is_used_is_told() {
        for (filter, word) in [
            ("Bogus == 1", "Bogus"),
            ("Service.Port == abc", "abc"),
            ("Service.Tags == a", "operator"),
            ("Service.ID matches \"(\"", "regular"),
            ("Service.Meta is empty", ""),
        ] {
            let problem = Filter::parse(filter).unwrap_or_else(|e| panic!("{filter}: {e}")).problem();
            assert_eq!(problem.is_some(), !word.is_empty(), "{filter}");
            assert!(problem.unwrap_or_default().contains(word), "{filter}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_not_a_crash() {
        let deep = format!("{}Service.ID == web{}", "(".repeat(100_000), ")".repeat(100_000));
        assert!(Filter::parse(&deep).is_err());
        assert!(Filter::parse(&format!("{}Service.ID == web", "not ".repeat(100_000))).is_err());
    }
}
