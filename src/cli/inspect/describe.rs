//! Rules in words, for trees and tables.

use crate::model::entry::{HeaderMatch, HttpMatch, QueryMatch, RuleRef, ServiceRoute};

/// What a route asks of a request, in Consul's field names; `any request` where it asks nothing.
pub(super) fn route(route: &ServiceRoute) -> String {
    let http = route.r#match.as_ref().and_then(|m| m.http.as_ref());
    let conditions = http.map(conditions).unwrap_or_default();
    if conditions.is_empty() { "any request".to_owned() } else { conditions.join(", ") }
}

/// Rules in the order they were applied.
pub(super) fn rules(rules: &[RuleRef]) -> String {
    rules.iter().map(ToString::to_string).collect::<Vec<_>>().join(" > ")
}

fn conditions(http: &HttpMatch) -> Vec<String> {
    let paths = [("PathExact", &http.path_exact), ("PathPrefix", &http.path_prefix), ("PathRegex", &http.path_regex)];
    let given = paths.into_iter().filter(|(_, value)| !value.is_empty());
    let any_case = if http.case_insensitive { " in any case" } else { "" };
    let mut out: Vec<String> = given.map(|(name, value)| format!("{name} {value:?}{any_case}")).collect();
    out.extend(http.header.iter().map(header));
    out.extend(http.query_param.iter().map(query));
    if !http.methods.is_empty() {
        out.push(format!("Methods {}", http.methods.join("|")));
    }
    out
}

fn header(header: &HeaderMatch) -> String {
    let kinds = [("Exact", &header.exact), ("Prefix", &header.prefix), ("Suffix", &header.suffix), ("Regex", &header.regex)];
    let kind = kinds.into_iter().find(|(_, value)| !value.is_empty());
    let kind = kind.map_or_else(|| "Present".to_owned(), |(name, value)| format!("{name} {value:?}"));
    let not = if header.invert { "not " } else { "" };
    format!("Header {} {not}{kind}", header.name)
}

fn query(query: &QueryMatch) -> String {
    let kinds = [("Exact", &query.exact), ("Regex", &query.regex)];
    let kind = kinds.into_iter().find(|(_, value)| !value.is_empty());
    let kind = kind.map_or_else(|| "Present".to_owned(), |(name, value)| format!("{name} {value:?}"));
    format!("QueryParam {} {kind}", query.name)
}
