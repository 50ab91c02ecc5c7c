//! service-router, service-splitter and service-resolver (semantics 3.1 to 3.3).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Common;
use crate::model::duration::GoDuration;

/// `service-router`: the routes of a service, first match wins.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceRouter {
    /// Name, Meta.
    pub common: Common,
    /// `Routes`, in written order; a catch-all follows them in every chain.
    pub routes: Vec<Arc<ServiceRoute>>,
}

/// `Routes[]` of a router.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceRoute {
    /// `Match`; absent matches everything.
    pub r#match: Option<RouteMatch>,
    /// `Destination`; absent is the router's own service.
    pub destination: Option<RouteDestination>,
}

/// `Match`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RouteMatch {
    /// `HTTP`; absent matches everything.
    pub http: Option<HttpMatch>,
}

/// `Match.HTTP`: all conditions that are given must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HttpMatch {
    /// `PathExact`; empty is not given. At most one of the three path fields is given.
    pub path_exact: String,
    /// `PathPrefix`.
    pub path_prefix: String,
    /// `PathRegex`: RE2, matches the whole path without query. Not compiled at validation.
    pub path_regex: String,
    /// `CaseInsensitive`: concerns exact and prefix, not the regex (wire 1.9).
    pub case_insensitive: bool,
    /// `Header[]`.
    pub header: Vec<HeaderMatch>,
    /// `QueryParam[]`.
    pub query_param: Vec<QueryMatch>,
    /// `Methods[]`, upper case; empty is any.
    pub methods: Vec<String>,
}

/// `Header[]`: exactly one of the five kinds is given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeaderMatch {
    /// `Name`; no case.
    pub name: String,
    /// `Present`.
    pub present: bool,
    /// `Exact`, of the comma-joined value.
    pub exact: String,
    /// `Prefix`.
    pub prefix: String,
    /// `Suffix`.
    pub suffix: String,
    /// `Regex`: RE2, the whole value.
    pub regex: String,
    /// `Invert`: negates; with an absent header only `Present` + `Invert` holds (wire 1.1).
    pub invert: bool,
}

/// `QueryParam[]`: exactly one of the three kinds is given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueryMatch {
    /// `Name`, case-sensitive, compared undecoded.
    pub name: String,
    /// `Present`.
    pub present: bool,
    /// `Exact`.
    pub exact: String,
    /// `Regex`: RE2, the whole value.
    pub regex: String,
}

/// `Destination` of a route. There may be very many of it, so that what most do not have takes no room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RouteDestination {
    /// `Service`; empty is the router's own.
    pub service: String,
    /// `ServiceSubset`; given, the route goes straight to a resolver.
    pub service_subset: String,
    /// `Namespace`, taken as it is.
    pub namespace: String,
    /// `Partition`, taken as it is.
    pub partition: String,
    /// `PrefixRewrite`: replaces the matched exact path or prefix; empty is none.
    pub prefix_rewrite: String,
    /// `RequestTimeout`: zero is the default of 15 s, negative is none.
    pub request_timeout: GoDuration,
    /// `IdleTimeout`: zero is the default of 5 min, negative is none.
    pub idle_timeout: GoDuration,
    /// `NumRetries`.
    pub num_retries: u32,
    /// `RetryOnConnectFailure`.
    pub retry_on_connect_failure: bool,
    /// `RetryOn[]`: Envoy's words.
    pub retry_on: Vec<String>,
    /// `RetryOnStatusCodes[]`.
    pub retry_on_status_codes: Vec<u32>,
    /// `RequestHeaders`.
    pub request_headers: Option<Box<HeaderEdits>>,
    /// `ResponseHeaders`.
    pub response_headers: Option<Box<HeaderEdits>>,
}

/// `RequestHeaders`, `ResponseHeaders`: on one level Remove runs first, then Set, then Add (wire 1.5).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeaderEdits {
    /// `Add`: appended.
    pub add: BTreeMap<String, String>,
    /// `Set`: replaces what is there.
    pub set: BTreeMap<String, String>,
    /// `Remove`.
    pub remove: Vec<String>,
}

/// `service-splitter`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceSplitter {
    /// Name, Meta.
    pub common: Common,
    /// `Splits`: at least one, weights that sum to 100.00.
    pub splits: Vec<ServiceSplit>,
}

/// `Splits[]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceSplit {
    /// `Weight` in percent, rounded to 0.01; a single one may be negative or above 100.
    pub weight: f32,
    /// `Service`; empty is the splitter's own.
    pub service: String,
    /// `ServiceSubset`.
    pub service_subset: String,
    /// `Namespace`; without effect.
    pub namespace: String,
    /// `Partition`; without effect.
    pub partition: String,
    /// `RequestHeaders`.
    pub request_headers: Option<HeaderEdits>,
    /// `ResponseHeaders`.
    pub response_headers: Option<HeaderEdits>,
}

/// `service-resolver`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceResolver {
    /// Name, Meta.
    pub common: Common,
    /// `DefaultSubset`; empty is none.
    pub default_subset: String,
    /// `Subsets`.
    pub subsets: BTreeMap<String, Subset>,
    /// `Redirect`.
    pub redirect: Option<Redirect>,
    /// `Failover`, by subset or `*`.
    pub failover: BTreeMap<String, Failover>,
    /// `ConnectTimeout`: zero is the default of 5 s.
    pub connect_timeout: GoDuration,
    /// `RequestTimeout`: counts where neither router nor splitter stands before the resolver.
    pub request_timeout: GoDuration,
    /// `LoadBalancer`; given but empty makes the resolver non-default all the same.
    pub load_balancer: Option<LoadBalancer>,
    /// `PrioritizeByLocality`; only without a mode in the community edition.
    pub prioritize_by_locality: Option<PrioritizeByLocality>,
}

/// `Subsets{}`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subset {
    /// `Filter`: a bexpr expression over an instance; empty is all instances.
    pub filter: String,
    /// `OnlyPassing`: instances with a warning are out.
    pub only_passing: bool,
}

/// `Redirect`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Redirect {
    /// `Service`.
    pub service: String,
    /// `ServiceSubset`.
    pub service_subset: String,
    /// `Namespace`.
    pub namespace: String,
    /// `Partition`.
    pub partition: String,
    /// `Datacenter`.
    pub datacenter: String,
    /// `Peer`.
    pub peer: String,
    /// `SamenessGroup`; enterprise only.
    pub sameness_group: String,
}

/// `Failover{}`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Failover {
    /// `Service`.
    pub service: String,
    /// `ServiceSubset`.
    pub service_subset: String,
    /// `Namespace`.
    pub namespace: String,
    /// `Datacenters[]`.
    pub datacenters: Vec<String>,
    /// `Targets[]`.
    pub targets: Vec<FailoverTarget>,
    /// `Policy`.
    pub policy: Option<FailoverPolicy>,
    /// `SamenessGroup`; enterprise only.
    pub sameness_group: String,
}

/// `Failover{}.Targets[]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FailoverTarget {
    /// `Service`.
    pub service: String,
    /// `ServiceSubset`.
    pub service_subset: String,
    /// `Partition`.
    pub partition: String,
    /// `Namespace`.
    pub namespace: String,
    /// `Datacenter`.
    pub datacenter: String,
    /// `Peer`.
    pub peer: String,
}

/// `Failover{}.Policy` and proxy-defaults' `FailoverPolicy`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FailoverPolicy {
    /// `Mode`: "", `sequential`, `order-by-locality`.
    pub mode: String,
    /// `Regions[]`.
    pub regions: Vec<String>,
}

/// `PrioritizeByLocality`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PrioritizeByLocality {
    /// `Mode`.
    pub mode: String,
}

/// `LoadBalancer`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadBalancer {
    /// `Policy`: "", `random`, `round_robin`, `least_request`, `ring_hash`, `maglev`.
    pub policy: String,
    /// `RingHashConfig`.
    pub ring_hash_config: Option<RingHashConfig>,
    /// `LeastRequestConfig`.
    pub least_request_config: Option<LeastRequestConfig>,
    /// `HashPolicies[]`.
    pub hash_policies: Vec<HashPolicy>,
}

impl LoadBalancer {
    /// Whether the policy picks by hash: the ones a splitter inherits from its legs.
    pub fn is_hash_based(&self) -> bool {
        matches!(self.policy.as_str(), "ring_hash" | "maglev")
    }
}

/// `RingHashConfig`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RingHashConfig {
    /// `MinimumRingSize`; 0 is 1024.
    pub minimum_ring_size: u64,
    /// `MaximumRingSize`; 0 is 8388608.
    pub maximum_ring_size: u64,
}

/// `LeastRequestConfig`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeastRequestConfig {
    /// `ChoiceCount`; 0 is 2.
    pub choice_count: u32,
}

/// `HashPolicies[]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HashPolicy {
    /// `Field`: `header`, `cookie`, `query_parameter`.
    pub field: String,
    /// `FieldValue`: the name.
    pub field_value: String,
    /// `CookieConfig`.
    pub cookie_config: Option<CookieConfig>,
    /// `SourceIP`.
    pub source_ip: bool,
    /// `Terminal`: later policies are not looked at once something is hashed.
    pub terminal: bool,
}

/// `CookieConfig`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CookieConfig {
    /// `Session`.
    pub session: bool,
    /// `TTL`.
    pub ttl: GoDuration,
    /// `Path`.
    pub path: String,
}
