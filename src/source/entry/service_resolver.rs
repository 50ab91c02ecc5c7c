//! service-resolver: field table, normalization, validation (semantics 3.3).

use std::sync::Arc;

use super::check::Check;
use super::codes;
use super::fields::fields;
use super::kind::{Acted, Kind};
use super::resolver_rules::{failover_rules, load_balancer_rules, redirect_rules, subset_rules};
use super::scalar::Nanos;
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

    fn validate(&self, check: &mut Check<'_>) {
        for (name, subset) in &self.subsets {
            subset_rules(name, subset, check);
        }
        if !self.default_subset.is_empty() && !self.subsets.contains_key(&self.default_subset) {
            let message = format!("DefaultSubset {:?} is no subset of this resolver", self.default_subset);
            check.error(codes::SUBSET, "DefaultSubset", message);
        }
        if let Some(redirect) = &self.redirect {
            if !self.failover.is_empty() {
                check.error(codes::EXCLUSIVE, "Redirect", "Redirect and Failover cannot both be set");
            }
            redirect_rules(self, redirect, check);
        }
        for (key, failover) in &self.failover {
            failover_rules(self, key, failover, check);
        }
        for (field, duration) in [("ConnectTimeout", self.connect_timeout), ("RequestTimeout", self.request_timeout)] {
            if duration.nanos() < 0 {
                check.error(codes::VALUE, field, format!("{field} must not be negative, not {duration}"));
            }
        }
        if self.prioritize_by_locality.as_ref().is_some_and(|p| !p.mode.is_empty()) {
            check.error(codes::ENTERPRISE, "PrioritizeByLocality", "PrioritizeByLocality belongs to Consul Enterprise");
        }
        if let Some(balancer) = &self.load_balancer {
            load_balancer_rules(balancer, check);
        }
    }

    fn common(&self) -> &Common {
        &self.common
    }
}

impl Acted for ServiceResolver {
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

fields!(CookieConfig { session: "Session", ttl: "TTL" as Nanos, path: "Path" });
