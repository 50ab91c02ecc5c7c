//! service-resolver: field table, normalization, validation (semantics 3.3).

use std::sync::Arc;

use super::check::Check;
use super::fields::fields;
use super::kind::Kind;
use crate::model::entry::*;

fields!(ServiceResolver {
    common.name: "Name"; keep,
    default_subset: "DefaultSubset" ~ "default_subset",
    subsets: "Subsets",
    redirect: "Redirect",
    failover: "Failover",
    prioritize_by_locality: "PrioritizeByLocality" ~ "prioritize_by_locality",
    connect_timeout: "ConnectTimeout" ~ "connect_timeout",
    request_timeout: "RequestTimeout" ~ "request_timeout",
    load_balancer: "LoadBalancer" ~ "load_balancer",
    common.meta: "Meta",
});

impl Kind for ServiceResolver {
    fn normalize(&mut self) {}

    fn validate(&self, _check: &mut Check<'_>) {}

    fn common(&self) -> &Common {
        &self.common
    }

    fn entry(self) -> ConfigEntry {
        ConfigEntry::ServiceResolver(Arc::new(self))
    }
}

fields!(Subset {
    filter: "Filter",
    only_passing: "OnlyPassing" ~ "only_passing",
});

fields!(Redirect {
    service: "Service",
    service_subset: "ServiceSubset" ~ "service_subset",
    namespace: "Namespace",
    partition: "Partition",
    datacenter: "Datacenter",
    peer: "Peer",
    sameness_group: "SamenessGroup",
});

fields!(Failover {
    service: "Service",
    service_subset: "ServiceSubset" ~ "service_subset",
    namespace: "Namespace",
    datacenters: "Datacenters",
    targets: "Targets",
    policy: "Policy",
    sameness_group: "SamenessGroup",
});

fields!(FailoverTarget {
    service: "Service",
    service_subset: "ServiceSubset" ~ "service_subset",
    partition: "Partition",
    namespace: "Namespace",
    datacenter: "Datacenter",
    peer: "Peer",
});

fields!(FailoverPolicy { mode: "Mode", regions: "Regions" });

fields!(PrioritizeByLocality { mode: "Mode" });

fields!(LoadBalancer {
    policy: "Policy",
    ring_hash_config: "RingHashConfig" ~ "ring_hash_config",
    least_request_config: "LeastRequestConfig" ~ "least_request_config",
    hash_policies: "HashPolicies" ~ "hash_policies",
});

fields!(RingHashConfig {
    minimum_ring_size: "MinimumRingSize" ~ "minimum_ring_size",
    maximum_ring_size: "MaximumRingSize" ~ "maximum_ring_size",
});

fields!(LeastRequestConfig {
    choice_count: "ChoiceCount" ~ "choice_count",
});

fields!(HashPolicy {
    field: "Field",
    field_value: "FieldValue" ~ "field_value",
    cookie_config: "CookieConfig" ~ "cookie_config",
    source_ip: "SourceIP" ~ "source_ip",
    terminal: "Terminal",
});

fields!(CookieConfig { session: "Session", ttl: "TTL", path: "Path" });
