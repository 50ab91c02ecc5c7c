//! ingress-gateway: field table, normalization, validation (semantics 7).

use std::sync::Arc;

use super::check::Check;
use super::fields::fields;
use super::kind::Kind;
use super::scalar::{Nanos, OptionalNanos};
use crate::model::entry::*;

fields!(IngressGateway {
    common.name: "Name"; keep,
    tls: "TLS"; keep,
    listeners: "Listeners"; keep,
    common.meta: "Meta",
    defaults: "Defaults",
});

impl Kind for IngressGateway {
    fn normalize(&mut self) {
        for listener in &mut self.listeners {
            if listener.protocol.is_empty() {
                listener.protocol = "tcp".to_owned();
            }
            listener.protocol = listener.protocol.to_lowercase();
        }
    }

    fn validate(&self, _check: &mut Check<'_>) {}

    fn common(&self) -> &Common {
        &self.common
    }

    fn entry(self) -> ConfigEntry {
        ConfigEntry::IngressGateway(Arc::new(self))
    }
}

fields!(GatewayTls {
    enabled: "Enabled"; keep,
    sds: "SDS",
    tls_min_version: "TLSMinVersion" ~ "tls_min_version",
    tls_max_version: "TLSMaxVersion" ~ "tls_max_version",
    cipher_suites: "CipherSuites" ~ "cipher_suites",
});

fields!(GatewayTlsSds {
    cluster_name: "ClusterName" ~ "cluster_name",
    cert_resource: "CertResource" ~ "cert_resource",
});

fields!(IngressServiceLimits {
    max_connections: "MaxConnections"; keep,
    max_pending_requests: "MaxPendingRequests"; keep,
    max_concurrent_requests: "MaxConcurrentRequests"; keep,
    passive_health_check: "PassiveHealthCheck",
});

fields!(IngressListener {
    port: "Port"; keep,
    protocol: "Protocol"; keep,
    tls: "TLS",
    services: "Services"; keep,
});

fields!(IngressService {
    name: "Name"; keep,
    hosts: "Hosts"; keep,
    tls: "TLS",
    request_headers: "RequestHeaders" ~ "request_headers",
    response_headers: "ResponseHeaders" ~ "response_headers",
    limits.max_connections: "MaxConnections" ~ "max_connections",
    limits.max_pending_requests: "MaxPendingRequests" ~ "max_pending_requests",
    limits.max_concurrent_requests: "MaxConcurrentRequests" ~ "max_concurrent_requests",
    limits.passive_health_check: "PassiveHealthCheck" ~ "passive_health_check",
    meta: "Meta",
});

fields!(GatewayServiceTls { sds: "SDS" });

fields!(PassiveHealthCheck {
    interval: "Interval" as Nanos,
    max_failures: "MaxFailures" ~ "max_failures",
    enforcing_consecutive_5xx: "EnforcingConsecutive5xx" ~ "enforcing_consecutive_5xx",
    max_ejection_percent: "MaxEjectionPercent" ~ "max_ejection_percent",
    base_ejection_time: "BaseEjectionTime" ~ "base_ejection_time" as OptionalNanos,
});
