//! What Consul asks of a service-resolver's parts (semantics 3.3).

use super::check::Check;
use super::codes;
use crate::model::entry::*;
use crate::model::filter::Filter;

/// A subset's name is a DNS label in lower case; its filter must read, whatever it asks for.
pub(super) fn subset_rules(name: &str, subset: &Subset, check: &mut Check<'_>) {
    let place = format!("Subsets[{name}]");
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() {
        check.error(codes::NAME, &place, "a subset has an empty name");
    } else if name.len() > 63 || !edge(name.chars().next()) || !edge(name.chars().last()) || !name.chars().all(inner) {
        let message = format!("{name:?} is no name of a subset: at most 63 of a-z, 0-9 and '-', with no '-' at the ends");
        check.error(codes::NAME, &place, message);
    }
    let at = format!("{place}.Filter");
    match Filter::parse(&subset.filter) {
        Err(e) => check.error(codes::FILTER, &at, format!("the filter of subset {name:?} is no expression: {e}")),
        Ok(filter) => {
            if let Some(problem) = filter.problem() {
                let message = format!("the filter of subset {name:?} lets nothing through: {problem}");
                check.finding(codes::SELECTOR, &at, message, "Consul stores the entry; the subset has no instance then");
            }
        }
    }
}

/// Fields of which one must not stand with another, or not without it.
fn refuse(check: &mut Check<'_>, at: &str, rules: &[(bool, &str)]) {
    for (broken, message) in rules {
        if *broken {
            check.error(codes::EXCLUSIVE, at, format!("{at}: {message}"));
        }
    }
}

fn enterprise(check: &mut Check<'_>, at: &str, fields: &[(&str, &String)]) {
    for (field, value) in fields {
        if !value.is_empty() {
            check.error(codes::ENTERPRISE, format!("{at}.{field}"), format!("{at}.{field} belongs to Consul Enterprise"));
        }
    }
}

/// A subset of the resolver's own service must be one of its own.
fn own_subset(resolver: &ServiceResolver, service: &str, subset: &str, at: &str, check: &mut Check<'_>) {
    let own = service.is_empty() || service == resolver.common.name;
    if own && !subset.is_empty() && !resolver.subsets.contains_key(subset) {
        let message = format!("{at}.ServiceSubset {subset:?} is no subset of {:?}", resolver.common.name);
        check.error(codes::SUBSET, format!("{at}.ServiceSubset"), message);
    }
}

pub(super) fn redirect_rules(resolver: &ServiceResolver, redirect: &Redirect, check: &mut Check<'_>) {
    let at = "Redirect";
    let (peer, subset) = (!redirect.peer.is_empty(), !redirect.service_subset.is_empty());
    enterprise(
        check,
        at,
        &[("Namespace", &redirect.namespace), ("Partition", &redirect.partition), ("SamenessGroup", &redirect.sameness_group)],
    );
    if *redirect == Redirect::default() {
        check.error(codes::EMPTY, at, "Redirect is empty");
    }
    refuse(
        check,
        at,
        &[
            (peer && subset, "Peer cannot be set with ServiceSubset"),
            (peer && !redirect.datacenter.is_empty(), "Peer cannot be set with Datacenter"),
            (redirect.service.is_empty() && subset, "ServiceSubset needs Service"),
            (redirect.service.is_empty() && peer, "Peer needs Service"),
        ],
    );
    if !redirect.service.is_empty() {
        own_subset(resolver, &redirect.service, &redirect.service_subset, at, check);
    }
}

pub(super) fn failover_rules(resolver: &ServiceResolver, key: &str, failover: &Failover, check: &mut Check<'_>) {
    let at = format!("Failover[{key}]");
    if key != "*" && !resolver.subsets.contains_key(key) {
        check.error(codes::SUBSET, &at, format!("Failover {key:?} is neither \"*\" nor a subset of this resolver"));
    }
    enterprise(check, &at, &[("Namespace", &failover.namespace), ("SamenessGroup", &failover.sameness_group)]);
    if failover.policy.as_ref().is_some_and(|p| !p.mode.is_empty()) {
        check.error(codes::ENTERPRISE, format!("{at}.Policy.Mode"), "a failover policy with a Mode belongs to Consul Enterprise");
    }
    let empty = Failover { policy: failover.policy.clone(), ..Failover::default() };
    if *failover == empty {
        check.error(codes::EMPTY, &at, format!("{at} needs one of Service, ServiceSubset, Targets or Datacenters"));
    }
    own_subset(resolver, &failover.service, &failover.service_subset, &at, check);
    let targets = !failover.targets.is_empty();
    refuse(
        check,
        &at,
        &[
            (targets && !failover.datacenters.is_empty(), "Targets cannot be set with Datacenters"),
            (targets && !failover.service_subset.is_empty(), "Targets cannot be set with ServiceSubset"),
            (targets && !failover.service.is_empty(), "Targets cannot be set with Service"),
        ],
    );
    for (i, datacenter) in failover.datacenters.iter().enumerate() {
        if datacenter.is_empty() {
            check.error(codes::EMPTY, format!("{at}.Datacenters[{i}]"), format!("{at}.Datacenters has an empty one"));
        }
    }
    for (i, target) in failover.targets.iter().enumerate() {
        target_rules(resolver, target, &format!("{at}.Targets[{i}]"), check);
    }
}

fn target_rules(resolver: &ServiceResolver, target: &FailoverTarget, at: &str, check: &mut Check<'_>) {
    enterprise(check, at, &[("Namespace", &target.namespace), ("Partition", &target.partition)]);
    let peer = !target.peer.is_empty();
    refuse(
        check,
        at,
        &[
            (peer && !target.service_subset.is_empty(), "Peer cannot be set with ServiceSubset"),
            (peer && !target.datacenter.is_empty(), "Peer cannot be set with Datacenter"),
        ],
    );
    own_subset(resolver, &target.service, &target.service_subset, at, check);
}

pub(super) fn load_balancer_rules(balancer: &LoadBalancer, check: &mut Check<'_>) {
    let at = "LoadBalancer";
    let policy = balancer.policy.as_str();
    if !matches!(policy, "" | "random" | "round_robin" | "least_request" | "ring_hash" | "maglev") {
        let message = format!("{at}.Policy {policy:?} is none of random, round_robin, least_request, ring_hash, maglev");
        check.error(codes::VALUE, "LoadBalancer.Policy", message);
    }
    refuse(
        check,
        at,
        &[
            (balancer.ring_hash_config.is_some() && policy != "ring_hash", "RingHashConfig goes with the policy ring_hash only"),
            (
                balancer.least_request_config.is_some() && policy != "least_request",
                "LeastRequestConfig goes with the policy least_request only",
            ),
            (
                !balancer.hash_policies.is_empty() && !balancer.is_hash_based(),
                "HashPolicies go with the policies ring_hash and maglev only",
            ),
        ],
    );
    for (i, hash) in balancer.hash_policies.iter().enumerate() {
        hash_policy_rules(hash, &format!("{at}.HashPolicies[{i}]"), check);
    }
}

fn hash_policy_rules(hash: &HashPolicy, at: &str, check: &mut Check<'_>) {
    if !matches!(hash.field.as_str(), "" | "header" | "cookie" | "query_parameter") {
        let message = format!("{at}.Field {:?} is none of header, cookie, query_parameter", hash.field);
        check.error(codes::VALUE, format!("{at}.Field"), message);
    }
    let (field, value) = (!hash.field.is_empty(), !hash.field_value.is_empty());
    let cookie = hash.cookie_config.as_ref();
    refuse(
        check,
        at,
        &[
            (hash.source_ip && field, "SourceIP cannot be set with Field"),
            (hash.source_ip && value, "SourceIP cannot be set with FieldValue"),
            (field && !value, "Field needs a FieldValue"),
            (value && !field, "FieldValue needs a Field"),
            (cookie.is_some() && hash.field != "cookie", "CookieConfig goes with the field cookie only"),
            (cookie.is_some_and(|c| c.session && !c.ttl.is_zero()), "a session cookie cannot have a TTL"),
        ],
    );
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::source::entry::from_json;

    fn codes(field: &str, value: &Value) -> Vec<&'static str> {
        let mut entry = json!({"Kind": "service-resolver", "Name": "web", "Subsets": {"v1": {}}});
        entry[field] = value.clone();
        let found = from_json(&entry).map_or_else(|problems| problems, |decoded| decoded.notes);
        found.into_iter().map(|d| d.code).collect()
    }

    #[test]
    fn resolvers_are_judged_by_consuls_rules() {
        for (field, value, wanted) in [
            ("Subsets", json!({"": {}}), &["GW0201"][..]),
            ("Subsets", json!({"a.b": {}}), &["GW0201"]),
            ("Subsets", json!({"a-": {}}), &["GW0201"]),
            ("Subsets", json!({"x": {"Filter": "a = b"}}), &["GW0208"]),
            ("Subsets", json!({"x": {"Filter": "Service.NoSuch == b"}}), &["GW0303"]),
            ("DefaultSubset", json!("v2"), &["GW0209"]),
            ("Redirect", json!({}), &["GW0214"]),
            ("Redirect", json!({"Peer": "east"}), &["GW0204"]),
            ("Redirect", json!({"Service": "web", "ServiceSubset": "v9"}), &["GW0209"]),
            ("Redirect", json!({"Service": "api", "ServiceSubset": "v9"}), &[]),
            ("Redirect", json!({"Service": "api", "Namespace": "default"}), &["GW0106"]),
            ("Failover", json!({"*": {}}), &["GW0214"]),
            ("Failover", json!({"v9": {"Service": "api"}}), &["GW0209"]),
            ("Failover", json!({"*": {"Targets": [{"Peer": "a", "Datacenter": "b"}]}}), &["GW0204"]),
            ("Failover", json!({"*": {"Datacenters": ["dc2", ""]}}), &["GW0214"]),
            ("Failover", json!({"*": {"Targets": [{}], "Service": "a"}}), &["GW0204"]),
            ("Failover", json!({"*": {"Service": "a", "Policy": {"Mode": "sequential"}}}), &["GW0106"]),
            ("RequestTimeout", json!("-1s"), &["GW0203"]),
            ("PrioritizeByLocality", json!({"Mode": "none"}), &["GW0106"]),
            ("LoadBalancer", json!({}), &[]),
            ("LoadBalancer", json!({"Policy": "Random"}), &["GW0203"]),
            ("LoadBalancer", json!({"RingHashConfig": {}}), &["GW0204"]),
            ("LoadBalancer", json!({"Policy": "random", "HashPolicies": [{}]}), &["GW0204"]),
            ("LoadBalancer", json!({"Policy": "maglev", "HashPolicies": [{}, {"SourceIP": true}]}), &[]),
            ("LoadBalancer", json!({"Policy": "maglev", "HashPolicies": [{"Field": "ip", "FieldValue": "x"}]}), &["GW0203"]),
            ("LoadBalancer", json!({"Policy": "maglev", "HashPolicies": [{"Field": "header"}]}), &["GW0204"]),
        ] {
            assert_eq!(codes(field, &value), wanted, "{field}: {value}");
        }
    }
}
