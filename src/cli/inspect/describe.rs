//! Rules in words, for trees and tables.

use crate::decide::witness::Step;
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

/// A step of a decision: `+` was taken, `-` was looked at and did not match.
pub(super) fn step(step: &Step) -> String {
    match step {
        Step::Listener { listener, protocol } => format!("+ listener {listener}, {protocol}"),
        Step::Service { rule, service, domains } => format!("+ service {service}, for {}   [{rule}]", domains.join(", ")),
        Step::Missed { rule, why } => format!("- {rule}: {why}"),
        Step::Route { rule } => format!("+ route   [{rule}]"),
        Step::Split { rules, roll, of } => format!("+ split, dice {roll} of {of}   [{}]", rules.join(" > ")),
        Step::Resolver { rules, target } if rules.is_empty() => format!("+ target {target}"),
        Step::Resolver { rules, target } => format!("+ target {target}   [{}]", rules.join(" > ")),
        Step::PassedOver { target, rule: Some(rule), why } => format!("- {target}: {why}   [{rule}]"),
        Step::PassedOver { target, rule: None, why } => format!("- {target}: {why}, and no failover"),
        Step::Instance { target, instance, address, mesh_gateway: Some(mode), of } => {
            format!("+ mesh gateway {instance} at {address}, one of {of}, by mode {mode}, to {target}")
        }
        Step::Instance { instance, address, of, .. } => format!("+ instance {instance} at {address}, one of {of}"),
        Step::Normalized { from, to } => format!("+ path {from} is judged, and sent on, as {to}"),
        Step::Intention { rule, source, destination, precedence, .. } => {
            format!("+ intention {source} -> {destination}, precedence {precedence}   [{rule}]")
        }
        Step::Permission { rule, conditions } => format!("+ permission: {conditions}   [{rule}]"),
        Step::NoIntention { .. } => "- no intention is for that source".to_owned(),
        Step::DefaultPolicy { action } => format!("+ default policy {action}"),
        Step::Foreign { source, trust_domain } => format!("- {source} is no service of the trust domain {trust_domain}"),
    }
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
