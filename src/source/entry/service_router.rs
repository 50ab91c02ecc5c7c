//! service-router: field table, normalization, validation (semantics 3.1).

use std::sync::Arc;

use super::check::Check;
use super::fields::fields;
use super::kind::Kind;
use crate::model::entry::*;

fields!(ServiceRouter {
    common.name: "Name"; keep,
    routes: "Routes"; keep,
    common.meta: "Meta",
});

impl Kind for ServiceRouter {
    fn normalize(&mut self) {
        for route in &mut self.routes {
            if let Some(http) = Arc::make_mut(route).r#match.as_mut().and_then(|m| m.http.as_mut()) {
                http.methods.iter_mut().for_each(|method| *method = method.to_uppercase());
            }
        }
    }

    fn validate(&self, _check: &mut Check<'_>) {}

    fn common(&self) -> &Common {
        &self.common
    }

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
