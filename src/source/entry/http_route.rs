//! http-route: field table, normalization, validation (semantics 13).

use std::fmt::Arguments;

use super::api_gateway::Unverified;
use super::check::Check;
use super::codes;
use super::common;
use super::fields::{fields, shape};
use super::kind::Kind;
use super::matching;
use super::reference::{self, Reference, Status};
use super::scalar::Nanos;
use crate::model::entry::{Common, HeaderEdits};

/// `http-route`.
#[derive(Default)]
pub(super) struct HttpRoute {
    common: Common,
    parents: Vec<Reference>,
    rules: Vec<Rule>,
    hostnames: Vec<String>,
    status: Status,
}

fields!(HttpRoute {
    common.name: "Name"; keep,
    parents: "Parents"; keep,
    rules: "Rules"; keep,
    hostnames: "Hostnames"; keep,
    common.meta: "Meta",
    status: "Status",
});

shape!(
    /// `Rules[]`
    Rule {
        filters: Filters = "Filters"; keep,
        response_filters: ResponseFilters = "ResponseFilters"; keep,
        matches: Vec<Match> = "Matches"; keep,
        services: Vec<Service> = "Services"; keep,
    }
);

shape!(
    /// `Rules[].Matches[]`
    Match {
        headers: Vec<Condition> = "Headers"; keep,
        method: String = "Method"; keep,
        path: Path = "Path"; keep,
        query: Vec<Condition> = "Query"; keep,
    }
);

shape!(
    /// What a header or a parameter of the query must be.
    Condition { r#match: String = "Match"; keep, name: String = "Name"; keep, value: String = "Value"; keep }
);

shape!(
    /// What the path must be.
    Path { r#match: String = "Match"; keep, value: String = "Value"; keep }
);

shape!(
    /// `Rules[].Services[]`
    Service {
        name: String = "Name"; keep,
        weight: i64 = "Weight"; keep,
        filters: Filters = "Filters"; keep,
        response_filters: ResponseFilters = "ResponseFilters"; keep,
    }
);

shape!(
    /// What is done to a request.
    Filters {
        headers: Vec<HeaderEdits> = "Headers"; keep,
        url_rewrite: Option<UrlRewrite> = "URLRewrite"; keep,
        retry_filter: Option<RetryFilter> = "RetryFilter"; keep,
        timeout_filter: Option<TimeoutFilter> = "TimeoutFilter"; keep,
        jwt: Option<Unverified> = "JWT"; keep,
    }
);

shape!(
    /// What is done to an answer.
    ResponseFilters { headers: Vec<HeaderEdits> = "Headers"; keep }
);

shape!(UrlRewrite { path: String = "Path"; keep });

shape!(RetryFilter {
    num_retries: u32 = "NumRetries"; keep,
    retry_on: Vec<String> = "RetryOn"; keep,
    retry_on_status_codes: Vec<u32> = "RetryOnStatusCodes"; keep,
    retry_on_connect_failure: bool = "RetryOnConnectFailure"; keep,
});

shape!(TimeoutFilter {
    request_timeout: Nanos = "RequestTimeout"; keep,
    idle_timeout: Nanos = "IdleTimeout"; keep,
});

impl Kind for HttpRoute {
    fn normalize(&mut self) {
        reference::normalize_parents(&mut self.parents);
        for rule in &mut self.rules {
            for asked in &mut rule.matches {
                asked.method = asked.method.to_uppercase();
                if asked.path.r#match.is_empty() {
                    // What was given as the value is lost, as in Consul.
                    asked.path = Path { r#match: "prefix".to_owned(), value: "/".to_owned() };
                }
            }
            rule.services.iter_mut().for_each(|service| service.weight = service.weight.max(1));
        }
    }

    fn validate(&self, check: &mut Check<'_>) {
        for (i, host) in self.hostnames.iter().enumerate() {
            let at = format_args!("Hostnames[{i}]");
            if !common::is_domain_name(host) {
                check.error(codes::HOST, at, format!("host {host:?} must be a DNS name"));
            } else if host.contains('*') {
                check.error(codes::HOST, at, format!("host {host:?} must not be a wildcard; leave Hostnames out to take the listener's"));
            }
        }
        reference::parent_rules(&self.parents, check);
        for (i, rule) in self.rules.iter().enumerate() {
            for (j, asked) in rule.matches.iter().enumerate() {
                match_rules(asked, format_args!("Rules[{i}].Matches[{j}]"), check);
            }
        }
    }

    fn common(&self) -> &Common {
        &self.common
    }
}

/// What comes of a regex that is none.
const BAD_REGEX: &str = "Consul stores the entry and no proxy takes it";

fn match_rules(asked: &Match, at: Arguments<'_>, check: &mut Check<'_>) {
    if !asked.method.is_empty() && !matching::METHODS.contains(&asked.method.as_str()) {
        check.error(codes::VALUE, format!("{at}.Method"), format!("{at}.Method is none: {:?}", asked.method));
    }
    for (i, query) in asked.query.iter().enumerate() {
        condition_rules(query, &["present", "exact", "regex"], format_args!("{at}.Query[{i}]"), check);
    }
    for (i, header) in asked.headers.iter().enumerate() {
        condition_rules(header, &["present", "exact", "prefix", "suffix", "regex"], format_args!("{at}.Headers[{i}]"), check);
    }
    let Path { r#match, value } = &asked.path;
    kind_rules(r#match, value, &["exact", "prefix", "regex"], format_args!("{at}.Path"), check);
    if matches!(r#match.as_str(), "exact" | "prefix") && !value.starts_with('/') {
        check.error(codes::PATH, format!("{at}.Path.Value"), format!("{at}.Path.Value does not start with '/': {value:?}"));
    }
}

fn condition_rules(condition: &Condition, kinds: &[&str], at: Arguments<'_>, check: &mut Check<'_>) {
    if condition.name.is_empty() {
        check.error(codes::NAME, at, format!("{at} needs a Name"));
    }
    kind_rules(&condition.r#match, &condition.value, kinds, at, check);
}

fn kind_rules(kind: &str, value: &str, kinds: &[&str], at: Arguments<'_>, check: &mut Check<'_>) {
    if !kinds.contains(&kind) {
        check.error(codes::VALUE, format!("{at}.Match"), format!("{at}.Match {kind:?} is none of {}", kinds.join(", ")));
    } else if kind == "regex" {
        common::regex(value, format_args!("{at}.Value"), BAD_REGEX, check);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::source::entry::from_json;

    fn judged(fields: &Value) -> Result<Value, Vec<&'static str>> {
        let mut entry = json!({"Kind": "http-route", "Name": "r"});
        entry.as_object_mut().zip(fields.as_object()).into_iter().for_each(|(entry, fields)| entry.extend(fields.clone()));
        let codes = |found: Vec<crate::source::diagnostic::Diagnostic>| found.into_iter().map(|d| d.code).collect();
        let decoded = from_json(&entry).map_err(codes)?;
        if decoded.notes.is_empty() { Ok(decoded.stored()) } else { Err(codes(decoded.notes)) }
    }

    #[test]
    fn what_is_given_is_stored_and_what_consul_fills_in() {
        let stored = judged(&json!({
            "Parents": {"Name": "gw"},
            "Rules": [{"Matches": [{"Method": "get", "Path": {"Value": "/lost"}}], "Services": [{"Name": "api", "Weight": -5}]}],
            "Status": {"Conditions": [{"Type": "Bound", "LastTransitionTime": "2026-01-01T00:00:00Z"}]},
        }));
        let none = json!({"Headers": null, "URLRewrite": null, "RetryFilter": null, "TimeoutFilter": null, "JWT": null});
        let wanted = json!({
            "Kind": "http-route", "Name": "r", "Parents": [{"Kind": "api-gateway", "Name": "gw", "SectionName": ""}],
            "Rules": [{
                "Filters": none, "ResponseFilters": {"Headers": null},
                "Matches": [{"Headers": null, "Method": "GET", "Path": {"Match": "prefix", "Value": "/"}, "Query": null}],
                "Services": [{"Name": "api", "Weight": 1, "Filters": none, "ResponseFilters": {"Headers": null}}],
            }],
            "Hostnames": null,
        });
        assert_eq!(stored, Ok(wanted));
    }

    #[test]
    fn routes_are_judged_by_consuls_rules() {
        let asked = |asked: Value| json!({"Rules": [{"Matches": [asked]}]});
        let filter = |filter: Value| json!({"Rules": {"Filters": filter}});
        for (fields, wanted) in [
            (json!({"Rules": [{}], "Hostnames": ["a.example", "a.example"]}), &[][..]),
            (json!({"Parents": [{"Name": "gw"}, {"Name": "gw", "sectionName": "l1"}, {}]}), &[]),
            (filter(json!({"TimeoutFilter": {"RequestTimeout": "-5s"}, "RetryFilter": {"RetryOn": ["x"]}, "JWT": {}})), &[]),
            (json!({"Hostnames": ["*.a", "", "a..b"]}), &["GW0210", "GW0210", "GW0210"]),
            (json!({"Parents": [{"Name": "gw"}, {"Kind": "api-gateway", "Name": "gw"}]}), &["GW0206"]),
            (json!({"Parents": [{"Kind": "mesh-gateway", "Name": "gw"}]}), &["GW0203"]),
            (asked(json!({"Method": "FETCH"})), &["GW0203"]),
            (asked(json!({"Path": {"Match": "exact", "Value": "a"}})), &["GW0205"]),
            (asked(json!({"Path": {"Match": "Exact", "Value": "/"}})), &["GW0203"]),
            (asked(json!({"Path": {"Match": "regex", "Value": "("}})), &["GW0302"]),
            (asked(json!({"Headers": [{"Match": "contains", "Name": "x"}]})), &["GW0203"]),
            (asked(json!({"Query": [{"Match": "prefix", "Name": "x"}, {"Match": "present"}]})), &["GW0203", "GW0201"]),
            (filter(json!({"retry_filter": {}})), &["GW0102"]),
            (filter(json!({"JWT": {"Providers": []}})), &["GW0106"]),
            (json!({"Rules": {"Services": {"Name": "a", "Namespace": "default"}}}), &["GW0106"]),
        ] {
            assert_eq!(judged(&fields).err().unwrap_or_default(), wanted, "{fields}");
        }
    }
}
