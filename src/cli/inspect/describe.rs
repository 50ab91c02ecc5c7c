//! Rules in words, for trees and tables.

use std::collections::BTreeMap;

use crate::decide::witness::Step;

/// `   [service-router/web Routes[2]] gw.d/web.hcl:12`: rules in the order they were applied, and where the first is written.
pub(super) fn by<'a>(rules: impl IntoIterator<Item = &'a str>, places: &BTreeMap<String, String>) -> String {
    let rules: Vec<&str> = rules.into_iter().collect();
    let Some(first) = rules.first() else { return String::new() };
    let place = places.get(*first).map(|place| format!(" {place}")).unwrap_or_default();
    format!("   [{}]{place}", rules.join(" > "))
}

/// A step of a decision: `+` was taken, `-` was looked at and did not match.
pub(super) fn step(step: &Step, places: &BTreeMap<String, String>) -> String {
    let of = |rule: &str| by([rule], places);
    let all = |rules: &[String]| by(rules.iter().map(String::as_str), places);
    match step {
        Step::Listener { listener, protocol } => format!("+ listener {listener}, {protocol}"),
        Step::Service { rule, service, domains } => format!("+ service {service}, for {}{}", domains.join(", "), of(rule)),
        Step::Missed { rule, why } => match places.get(rule) {
            Some(place) => format!("- {rule}: {why}   {place}"),
            None => format!("- {rule}: {why}"),
        },
        Step::Route { rule } => format!("+ route{}", of(rule)),
        Step::Split { rules, roll, of } => format!("+ split, dice {roll} of {of}{}", all(rules)),
        Step::Resolver { rules, target } => format!("+ target {target}{}", all(rules)),
        Step::PassedOver { target, rule: Some(rule), why } => format!("- {target}: {why}{}", of(rule)),
        Step::PassedOver { target, rule: None, why } => format!("- {target}: {why}, and no failover"),
        Step::Instance { target, instance, address, mesh_gateway: Some(mode), of } => {
            format!("+ mesh gateway {instance} at {address}, one of {of}, by mode {mode}, to {target}")
        }
        Step::Instance { instance, address, of, .. } => format!("+ instance {instance} at {address}, one of {of}"),
        Step::Normalized { from, to } => format!("+ path {from} is judged, and sent on, as {to}"),
        Step::Intention { rule, source, destination, precedence, .. } => {
            format!("+ intention {source} -> {destination}, precedence {precedence}{}", of(rule))
        }
        Step::Permission { rule, conditions } => format!("+ permission: {conditions}{}", of(rule)),
        Step::NoIntention { .. } => "- no intention is for that source".to_owned(),
        Step::DefaultPolicy { action } => format!("+ default policy {action}"),
        Step::Foreign { source, trust_domain } => format!("- {source} is no service of the trust domain {trust_domain}"),
    }
}
