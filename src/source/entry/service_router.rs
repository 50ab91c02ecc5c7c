//! service-router: field table, normalization, validation (semantics 3.1).

use std::fmt::Arguments;
use std::sync::Arc;

use super::check::Check;
use super::codes;
use super::common;
use super::fields::fields;
use super::kind::{Acted, Kind};
use super::matching;
use crate::model::entry::*;

fields!(ServiceRouter {
    common.name: "Name"; keep,
    routes: "Routes"; keep,
    common.meta: "Meta",
});

impl Kind for ServiceRouter {
    fn normalize(&mut self) {
        let methods = |route: &ServiceRoute| Some(route.r#match.as_ref()?.http.as_ref()?.methods.iter().any(|m| *m != m.to_uppercase()));
        // A route that is shared with what the router was before stays so.
        for route in self.routes.iter_mut().filter(|route| methods(route) == Some(true)) {
            if let Some(http) = Arc::make_mut(route).r#match.as_mut().and_then(|m| m.http.as_mut()) {
                http.methods.iter_mut().for_each(|method| *method = method.to_uppercase());
            }
        }
    }

    fn validate(&self, check: &mut Check<'_>) {
        for (i, route) in self.routes.iter().enumerate() {
            let place = format_args!("Routes[{i}]");
            let http = route.r#match.as_ref().and_then(|m| m.http.as_ref());
            if let Some(http) = http {
                match_rules(http, format_args!("{place}.Match.HTTP"), check);
            }
            if let Some(destination) = &route.destination {
                let rewritable = http.is_some_and(|h| !h.path_exact.is_empty() || !h.path_prefix.is_empty());
                destination_rules(destination, rewritable, format_args!("{place}.Destination"), check);
            }
        }
    }

    fn common(&self) -> &Common {
        &self.common
    }
}

impl Acted for ServiceRouter {
    fn entry(self) -> ConfigEntry {
        ConfigEntry::ServiceRouter(Arc::new(self))
    }
}

fields!(ServiceRoute { r#match: "Match", destination: "Destination" });

fields!(RouteMatch { http: "HTTP" });

fields!(HttpMatch {
    path_exact: "PathExact" ~ "path_exact",
    path_prefix: "PathPrefix" ~ "path_prefix",
    path_regex: "PathRegex" ~ "path_regex",
    case_insensitive: "CaseInsensitive" ~ "case_insensitive",
    header: "Header",
    query_param: "QueryParam" ~ "query_param",
    methods: "Methods",
});

fields!(HeaderMatch {
    name: "Name"; keep,
    present: "Present",
    exact: "Exact",
    prefix: "Prefix",
    suffix: "Suffix",
    regex: "Regex",
    invert: "Invert",
});

fields!(QueryMatch {
    name: "Name"; keep,
    present: "Present",
    exact: "Exact",
    regex: "Regex",
});

fields!(RouteDestination {
    service: "Service",
    service_subset: "ServiceSubset" ~ "service_subset",
    namespace: "Namespace",
    partition: "Partition",
    prefix_rewrite: "PrefixRewrite" ~ "prefix_rewrite",
    request_timeout: "RequestTimeout" ~ "request_timeout",
    idle_timeout: "IdleTimeout" ~ "idle_timeout",
    num_retries: "NumRetries" ~ "num_retries",
    retry_on_connect_failure: "RetryOnConnectFailure" ~ "retry_on_connect_failure",
    retry_on: "RetryOn" ~ "retry_on",
    retry_on_status_codes: "RetryOnStatusCodes" ~ "retry_on_status_codes",
    request_headers: "RequestHeaders" ~ "request_headers",
    response_headers: "ResponseHeaders" ~ "response_headers",
});

fields!(HeaderEdits { add: "Add", set: "Set", remove: "Remove" });

const RETRY_CONDITIONS: [&str; 12] = [
    "5xx",
    "gateway-error",
    "reset",
    "connect-failure",
    "envoy-ratelimited",
    "retriable-4xx",
    "refused-stream",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
];

/// What comes of a regex that is none.
const BAD_REGEX: &str = "Consul stores the entry and no proxy takes it; gw leaves this route out";

fn match_rules(http: &HttpMatch, at: Arguments<'_>, check: &mut Check<'_>) {
    matching::paths(&http.path_exact, &http.path_prefix, &http.path_regex, at, check);
    common::regex(&http.path_regex, format_args!("{at}.PathRegex"), BAD_REGEX, check);
    for (i, header) in http.header.iter().enumerate() {
        let at = format_args!("{at}.Header[{i}]");
        let texts = [&header.exact, &header.prefix, &header.suffix, &header.regex];
        matching::one_kind(&header.name, header.present, &texts, "Present, Exact, Prefix, Suffix and Regex", at, check);
        common::regex(&header.regex, format_args!("{at}.Regex"), BAD_REGEX, check);
    }
    for (i, query) in http.query_param.iter().enumerate() {
        let at = format_args!("{at}.QueryParam[{i}]");
        matching::one_kind(&query.name, query.present, &[&query.exact, &query.regex], "Present, Exact and Regex", at, check);
        common::regex(&query.regex, format_args!("{at}.Regex"), BAD_REGEX, check);
    }
    matching::methods(&http.methods, at, check);
}

fn destination_rules(destination: &RouteDestination, rewritable: bool, at: Arguments<'_>, check: &mut Check<'_>) {
    if !destination.prefix_rewrite.is_empty() && !rewritable {
        let message = format!("{at}.PrefixRewrite needs a PathExact or PathPrefix in the same route");
        check.error(codes::EXCLUSIVE, format!("{at}.PrefixRewrite"), message);
    }
    for (i, condition) in destination.retry_on.iter().enumerate() {
        if !RETRY_CONDITIONS.contains(&condition.as_str()) {
            let place = format!("{at}.RetryOn[{i}]");
            check.error(codes::VALUE, &place, format!("{place} is no retry condition: {condition:?}"));
        }
    }
    let conditions =
        destination.retry_on_connect_failure || !destination.retry_on.is_empty() || !destination.retry_on_status_codes.is_empty();
    if destination.num_retries > 0 && !conditions {
        let message = format!("{at}.NumRetries without a condition never retries");
        let help = "add RetryOnConnectFailure, RetryOn or RetryOnStatusCodes";
        check.warning(codes::NO_RETRY, format!("{at}.NumRetries"), message, help);
    }
    common::header_edits(destination.request_headers.as_deref(), format_args!("{at}.RequestHeaders"), check);
    common::header_edits(destination.response_headers.as_deref(), format_args!("{at}.ResponseHeaders"), check);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::source::entry::from_json;

    /// The codes of what is wrong with a route, or of the notes about it.
    fn codes(route: Value) -> Vec<&'static str> {
        let judged = from_json(&json!({"Kind": "service-router", "Name": "web", "Routes": [route]}));
        let found = judged.map_or_else(|problems| problems, |decoded| decoded.notes);
        found.into_iter().map(|d| d.code).collect()
    }

    #[test]
    fn routes_are_judged_by_consuls_rules() {
        for (route, wanted) in [
            (json!({}), &[][..]),
            (json!({"Match": {"HTTP": {"PathExact": "a"}}}), &["GW0205"]),
            (json!({"Match": {"HTTP": {"PathExact": "/a", "PathRegex": "b"}}}), &["GW0204"]),
            (json!({"Match": {"HTTP": {"Header": [{"Present": true}]}}}), &["GW0201"]),
            (json!({"Match": {"HTTP": {"Header": [{"Name": "x", "Exact": ""}]}}}), &["GW0204"]),
            (json!({"Match": {"HTTP": {"QueryParam": [{"Name": "q", "Present": true, "Exact": "1"}]}}}), &["GW0204"]),
            (json!({"Match": {"HTTP": {"Methods": ["get", "GET", "FETCH"]}}}), &["GW0206", "GW0203"]),
            (json!({"Match": {"HTTP": {"PathRegex": "a"}}, "Destination": {"PrefixRewrite": "/"}}), &["GW0204"]),
            (json!({"Destination": {"RetryOn": ["5XX"]}}), &["GW0203"]),
            (json!({"Destination": {"RequestTimeout": "-1s", "Service": "*"}}), &[]),
        ] {
            assert_eq!(codes(route.clone()), wanted, "{route}");
        }
    }

    #[test]
    fn what_consul_takes_and_no_proxy_does_is_found() {
        for (route, wanted) in [
            (json!({"Match": {"HTTP": {"PathRegex": "("}}}), &["GW0302"][..]),
            (json!({"Match": {"HTTP": {"Header": [{"Name": "x", "Regex": "[b-a]"}]}}}), &["GW0302"]),
            (json!({"Destination": {"RequestHeaders": {"Set": {"Host": "x", "x-a": "50%", "x-b": "50%%"}}}}), &["GW0306", "GW0306"]),
            (json!({"Destination": {"NumRetries": 3}}), &["GW0308"]),
            (json!({"Destination": {"RequestTimeout": 15}}), &["GW0305"]),
        ] {
            assert_eq!(codes(route.clone()), wanted, "{route}");
        }
    }
}
