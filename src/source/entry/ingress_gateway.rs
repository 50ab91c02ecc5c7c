//! ingress-gateway: field table, normalization, validation (semantics 7).

use std::fmt::Arguments;
use std::sync::Arc;

use super::check::Check;
use super::codes;
use super::common;
use super::fields::fields;
use super::kind::{Acted, Kind};
use super::scalar::{Nanos, OptionalNanos};
use super::tls;
use crate::id::Table;
use crate::model::entry::*;

fields!(IngressGateway {
    common.name: "Name"; keep,
    tls: "TLS"; keep,
    listeners: "Listeners"; keep,
    common.meta: "Meta",
    defaults: "Defaults",
});

/// Who speaks where nothing is left to speak.
const NOBODY: &str = "nobody is spoken to on such a listener, and one that is open";

impl Kind for IngressGateway {
    fn normalize(&mut self) {
        for listener in &mut self.listeners {
            if listener.protocol.is_empty() {
                listener.protocol = "tcp".to_owned();
            }
            listener.protocol = listener.protocol.to_lowercase();
        }
    }

    fn validate(&self, check: &mut Check<'_>) {
        tls::parameters(&self.tls.parameters, "TLS", check);
        tls::not_spoken_by(NOBODY, &self.tls.parameters, "TLS", check);
        tls::gateway_sds(&self.tls, check);
        for (i, listener) in self.listeners.iter().enumerate() {
            let at = format!("Listeners[{i}]");
            if self.listeners[..i].iter().any(|l| l.port == listener.port) {
                check.error(codes::DUPLICATE, format!("{at}.Port"), format!("port {} declared on two listeners", listener.port));
            }
            listener_rules(self, listener, &at, check);
        }
    }

    fn common(&self) -> &Common {
        &self.common
    }
}

impl Acted for IngressGateway {
    fn entry(self) -> ConfigEntry {
        ConfigEntry::IngressGateway(Arc::new(self))
    }
}

fields!(GatewayTls {
    enabled: "Enabled"; keep,
    sds: "SDS",
    parameters.tls_min_version: "TLSMinVersion" ~ "tls_min_version",
    parameters.tls_max_version: "TLSMaxVersion" ~ "tls_max_version",
    parameters.cipher_suites: "CipherSuites" ~ "cipher_suites",
});

fields!(GatewayTlsSds {
    cluster_name: "ClusterName" ~ "cluster_name",
    cert_resource: "CertResource" ~ "cert_resource",
});

fields!(IngressServiceLimits {
    max_connections: "MaxConnections"; keep,
    max_pending_requests: "MaxPendingRequests"; keep,
    max_concurrent_requests: "MaxConcurrentRequests"; keep,
    passive_health_check: "PassiveHealthCheck" ~ "passive_health_check",
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

fn listener_rules(gateway: &IngressGateway, listener: &IngressListener, at: &str, check: &mut Check<'_>) {
    let protocol = listener.protocol.as_str();
    if !matches!(protocol, "tcp" | "http" | "http2" | "grpc") {
        check.error(codes::VALUE, format!("{at}.Protocol"), format!("{at}.Protocol {protocol:?} is none of tcp, http, http2, grpc"));
    }
    if !(1..=65535).contains(&listener.port) {
        let message = format!("port {} cannot be listened on", listener.port);
        check.finding(codes::PORT, format!("{at}.Port"), message, "Consul stores the entry; ports are 1 to 65535");
    }
    if listener.services.is_empty() {
        check.error(codes::EMPTY, at, format!("no service declared for the listener with port {}", listener.port));
    }
    if listener.services.len() > 1 && protocol == "tcp" {
        check.error(codes::EXCLUSIVE, format!("{at}.Services"), format!("{at} has several services, and protocol tcp allows one"));
    }
    if let Some(tls) = &listener.tls {
        tls::parameters(&tls.parameters, &format!("{at}.TLS"), check);
        tls::not_spoken_by(NOBODY, &tls.parameters, &format!("{at}.TLS"), check);
    }
    if !listener.services.is_empty() {
        tls::listener_sds(&gateway.tls, listener, at, check);
    }
    let hosts = listener.services.iter().map(|s| s.hosts.len()).sum();
    let mut names: Table<&str, ()> = Table::with_capacity_and_hasher(listener.services.len(), Default::default());
    let mut hosts: Table<&str, ()> = Table::with_capacity_and_hasher(hosts, Default::default());
    for (j, service) in listener.services.iter().enumerate() {
        let at = format_args!("{at}.Services[{j}]");
        service_rules(listener, service, at, check);
        tls::service_sds(&gateway.tls, listener, service, at, check);
        if names.insert(&service.name, ()).is_some() {
            check.error(codes::DUPLICATE, at, format!("service {:?} cannot be added to a listener more than once", service.name));
        }
        for (k, host) in service.hosts.iter().enumerate() {
            let at = format_args!("{at}.Hosts[{k}]");
            if hosts.insert(host, ()).is_some() {
                check.error(codes::DUPLICATE, at, format!("host {host:?} must be unique within a listener"));
            }
            host_rules(host, gateway.tls.enabled, at, check);
        }
    }
}

fn service_rules(listener: &IngressListener, service: &IngressService, at: Arguments<'_>, check: &mut Check<'_>) {
    let tcp = listener.protocol == "tcp";
    if service.name.is_empty() {
        check.error(codes::NAME, at, format!("{at} needs a Name"));
    }
    let wildcard = service.name == "*";
    if wildcard && tcp {
        check.error(codes::EXCLUSIVE, format!("{at}.Name"), format!("{at}.Name cannot be a wildcard with protocol tcp"));
    }
    if !service.hosts.is_empty() && (wildcard || tcp) {
        let with = if tcp { "protocol tcp" } else { "a wildcard service" };
        check.error(codes::EXCLUSIVE, format!("{at}.Hosts"), format!("{at}.Hosts cannot be set with {with}"));
    }
    for (field, edits) in [("RequestHeaders", &service.request_headers), ("ResponseHeaders", &service.response_headers)] {
        let place = format_args!("{at}.{field}");
        if tcp && edits.as_deref().is_some_and(|e| *e != HeaderEdits::default()) {
            check.error(codes::EXCLUSIVE, place, format!("{place} cannot be set with protocol tcp"));
        }
        common::header_edits(edits.as_deref(), place, check);
    }
}

/// A host is `*`, unless the gateway makes certificates for its hosts, or a DNS name whose first label may be `*`.
fn host_rules(host: &str, tls: bool, at: Arguments<'_>, check: &mut Check<'_>) {
    if host == "*" {
        if tls {
            check.error(codes::HOST, at, "host \"*\" is not allowed when TLS is enabled: every host becomes a name in the certificate");
        }
    } else if !common::is_domain_name(host) {
        check.error(codes::HOST, at, format!("host {host:?} must be a DNS name"));
    } else if host.strip_prefix("*.").unwrap_or(host).contains('*') {
        check.error(codes::HOST, at, format!("host {host:?} may have a wildcard only as its leftmost label"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::source::entry::from_json;

    fn codes(listener: Value, tls: Value) -> Vec<&'static str> {
        let mut listener = listener;
        if listener.get("Port").is_none() {
            listener["Port"] = json!(8080);
        }
        let judged = from_json(&json!({"Kind": "ingress-gateway", "Name": "edge", "TLS": tls, "Listeners": [listener]}));
        let found = judged.map_or_else(|problems| problems, |decoded| decoded.notes);
        found.into_iter().map(|d| d.code).collect()
    }

    #[test]
    fn listeners_are_judged_by_consuls_rules() {
        let http = |service: Value| json!({"Protocol": "HTTP", "Services": [service]});
        for (listener, wanted) in [
            (json!({"Services": {"Name": "web"}}), &[][..]),
            (json!({}), &["GW0214"]),
            (json!({"Protocol": "udp", "Services": [{"Name": "web"}]}), &["GW0203"]),
            (json!({"Services": [{"Name": "a"}, {"Name": "b"}]}), &["GW0204"]),
            (json!({"Services": [{"Name": "*"}]}), &["GW0204"]),
            (json!({"Services": [{"Name": "a", "RequestHeaders": {"Add": {"x": "1"}}}]}), &["GW0204"]),
            (json!({"Services": [{"Name": "a", "RequestHeaders": {}}]}), &[]),
            (json!({"Port": 0, "Services": [{"Name": "a"}]}), &["GW0307"]),
            (http(json!({"Name": ""})), &["GW0201"]),
            (http(json!({"Name": "*", "Hosts": ["a.b"]})), &["GW0204"]),
            (http(json!({"Name": "a", "Hosts": ["a.b", "a.b", "A.b"]})), &["GW0206"]),
            (http(json!({"Name": "a", "Hosts": ["", "a..b", "a.*", "*a"]})), &["GW0210", "GW0210", "GW0210", "GW0210"]),
            (http(json!({"Name": "a", "Hosts": ["*", "*.b", "bad host", "[::1]:80"]})), &[]),
            (http(json!({"Name": "a", "TLS": {"SDS": {"CertResource": "r"}}})), &["GW0212", "GW0212"]),
        ] {
            assert_eq!(codes(listener.clone(), json!({})), wanted, "{listener}");
        }
    }

    #[test]
    fn tls_parameters_must_be_known_and_go_together() {
        let listener = json!({"Protocol": "http", "Services": [{"Name": "a", "Hosts": ["*"]}]});
        for (tls, wanted) in [
            (json!({"Enabled": true}), &["GW0210"][..]),
            (json!({"TLSMinVersion": "TLSv1_3", "TLSMaxVersion": "TLSv1_2"}), &["GW0211"]),
            (json!({"TLSMinVersion": "TLS_AUTO", "TLSMaxVersion": "TLSv1_0"}), &["GW0312"]),
            (json!({"CipherSuites": ["TLS_RSA_WITH_AES_128_CBC_SHA"]}), &["GW0312"]),
            (json!({"TLSMinVersion": "tls12"}), &["GW0211"]),
            (json!({"TLSMinVersion": "TLSv1_3", "CipherSuites": ["TLS_RSA_WITH_AES_128_CBC_SHA"]}), &["GW0211"]),
            (json!({"CipherSuites": ["TLS_AES_128_GCM_SHA256"]}), &["GW0211"]),
            (json!({"SDS": {"CertResource": "r"}}), &["GW0212"]),
            (json!({"SDS": {"ClusterName": "c"}}), &["GW0212"]),
        ] {
            assert_eq!(codes(listener.clone(), tls.clone()), wanted, "{tls}");
        }
    }
}
