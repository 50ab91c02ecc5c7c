//! service-defaults: field table, normalization, validation (semantics 12.1).

use std::sync::Arc;

use super::check::Check;
use super::codes;
use super::common;
use super::cx::Cx;
use super::extension;
use super::fields::{Mode, fields};
use super::kind::{Acted, Kind};
use super::tree::{Key, Node, Value};
use crate::model::entry::*;

fields!(ServiceDefaults {
    common.name: "Name"; keep,
    protocol: "Protocol"; keep,
    mode: "Mode",
    transparent_proxy: "TransparentProxy" ~ "transparent_proxy"; keep,
    mutual_tls_mode: "MutualTLSMode" ~ "mutual_tls_mode",
    mesh_gateway: "MeshGateway" ~ "mesh_gateway"; keep as Mode,
    expose: "Expose"; keep,
    external_sni: "ExternalSNI" ~ "external_sni",
    upstream_config: "UpstreamConfig" ~ "upstream_config",
    destination: "Destination",
    max_inbound_connections: "MaxInboundConnections" ~ "max_inbound_connections",
    local_connect_timeout_ms: "LocalConnectTimeoutMs" ~ "local_connect_timeout_ms",
    local_request_timeout_ms: "LocalRequestTimeoutMs" ~ "local_request_timeout_ms",
    balance_inbound_connections: "BalanceInboundConnections" ~ "balance_inbound_connections",
    envoy_extensions: "EnvoyExtensions" ~ "envoy_extensions",
    common.meta: "Meta",
});

impl Kind for ServiceDefaults {
    fn normalize(&mut self) {
        self.protocol = self.protocol.to_lowercase();
        let upstreams = self.upstream_config.iter_mut().flat_map(|u| u.overrides.iter_mut().chain(u.defaults.as_mut()));
        for upstream in upstreams {
            upstream.protocol = upstream.protocol.to_lowercase();
            upstream.connect_timeout_ms = upstream.connect_timeout_ms.max(0);
        }
    }

    fn validate(&self, check: &mut Check<'_>) {
        if self.common.name == "*" {
            check.error(codes::NAME, "Name", "the name of service-defaults must be a service, not a wildcard");
        }
        if !matches!(self.protocol.as_str(), "" | "tcp" | "http" | "http2" | "grpc") {
            let message = format!("Protocol {:?} is none of tcp, http, http2, grpc", self.protocol);
            check.error(codes::VALUE, "Protocol", message);
        }
        balance(&self.balance_inbound_connections, "BalanceInboundConnections", check);
        common::mutual_tls_mode(&self.mutual_tls_mode, check);
        common::mesh_gateway_mode(&self.mesh_gateway, "MeshGateway.Mode", check);
        if let Some(upstreams) = &self.upstream_config {
            for (i, upstream) in upstreams.overrides.iter().enumerate() {
                override_rules(upstream, &format!("UpstreamConfig.Overrides[{i}]"), check);
            }
            if let Some(defaults) = &upstreams.defaults {
                if !defaults.name.is_empty() {
                    check.error(codes::NAME, "UpstreamConfig.Defaults.Name", "UpstreamConfig.Defaults must not have a Name");
                }
                upstream_rules(defaults, "UpstreamConfig.Defaults", check);
            }
        }
        if let Some(destination) = &self.destination {
            if self.upstream_config.is_some() {
                check.error(codes::EXCLUSIVE, "Destination", "Destination and UpstreamConfig exclude each other");
            }
            destination_rules(destination, check);
        }
        extension::validate(&self.envoy_extensions, check);
    }

    fn other_key(key: &Key, node: &Node, cx: &mut Cx) -> bool {
        let known = matches!(key.text.to_lowercase().as_str(), "ratelimits" | "rate_limits");
        if known && node.value != Value::Null {
            cx.error(codes::ENTERPRISE, &key.span, "RateLimits belong to Consul Enterprise");
        }
        known
    }

    fn common(&self) -> &Common {
        &self.common
    }
}

impl Acted for ServiceDefaults {
    fn entry(self) -> ConfigEntry {
        ConfigEntry::ServiceDefaults(Arc::new(self))
    }
}

fields!(TransparentProxy {
    outbound_listener_port: "OutboundListenerPort" ~ "outbound_listener_port",
    dialed_directly: "DialedDirectly" ~ "dialed_directly",
});

fields!(Expose { checks: "Checks", paths: "Paths" });

fields!(ExposePath {
    listener_port: "ListenerPort" ~ "listener_port",
    path: "Path",
    local_path_port: "LocalPathPort" ~ "local_path_port",
    protocol: "Protocol",
    parsed_from_check: "ParsedFromCheck" ~ "parsed_from_check",
});

fields!(UpstreamConfiguration { overrides: "Overrides", defaults: "Defaults" });

fields!(UpstreamConfig {
    name: "Name",
    peer: "Peer"; keep,
    envoy_listener_json: "EnvoyListenerJSON" ~ "envoy_listener_json",
    envoy_cluster_json: "EnvoyClusterJSON" ~ "envoy_cluster_json",
    protocol: "Protocol",
    connect_timeout_ms: "ConnectTimeoutMs" ~ "connect_timeout_ms",
    limits: "Limits",
    passive_health_check: "PassiveHealthCheck" ~ "passive_health_check",
    mesh_gateway: "MeshGateway" ~ "mesh_gateway"; keep as Mode,
    balance_outbound_connections: "BalanceOutboundConnections" ~ "balance_outbound_connections",
});

fields!(UpstreamLimits {
    max_connections: "MaxConnections" ~ "max_connections",
    max_pending_requests: "MaxPendingRequests" ~ "max_pending_requests",
    max_concurrent_requests: "MaxConcurrentRequests" ~ "max_concurrent_requests",
});

fields!(Destination { addresses: "Addresses", port: "Port" });

fields!(EnvoyExtension {
    name: "Name"; keep,
    required: "Required"; keep,
    arguments: "Arguments"; keep,
    consul_version: "ConsulVersion"; keep,
    envoy_version: "EnvoyVersion"; keep,
});

fn override_rules(upstream: &UpstreamConfig, at: &str, check: &mut Check<'_>) {
    if upstream.name.is_empty() {
        check.error(codes::NAME, at, format!("{at} needs a Name"));
    } else if upstream.name == "*" {
        check.error(codes::NAME, format!("{at}.Name"), format!("{at}.Name must not be a wildcard"));
    }
    upstream_rules(upstream, at, check);
}

fn upstream_rules(upstream: &UpstreamConfig, at: &str, check: &mut Check<'_>) {
    balance(&upstream.balance_outbound_connections, &format!("{at}.BalanceOutboundConnections"), check);
    common::mesh_gateway_mode(&upstream.mesh_gateway, &format!("{at}.MeshGateway.Mode"), check);
    if let Some(limits) = &upstream.limits {
        let fields = [
            ("MaxConnections", limits.max_connections),
            ("MaxPendingRequests", limits.max_pending_requests),
            ("MaxConcurrentRequests", limits.max_concurrent_requests),
        ];
        for (field, value) in fields {
            not_negative(value.unwrap_or(0), &format!("{at}.Limits.{field}"), check);
        }
    }
    if let Some(health) = &upstream.passive_health_check {
        let at = format!("{at}.PassiveHealthCheck");
        not_negative(health.interval, &format!("{at}.Interval"), check);
        not_negative(health.base_ejection_time.unwrap_or(0), &format!("{at}.BaseEjectionTime"), check);
        let percents = [("EnforcingConsecutive5xx", health.enforcing_consecutive_5xx), ("MaxEjectionPercent", health.max_ejection_percent)];
        for (field, percent) in percents {
            if percent.is_some_and(|p| p > 100) {
                check.error(codes::VALUE, format!("{at}.{field}"), format!("{at}.{field} must be a percentage between 0 and 100"));
            }
        }
    }
}

fn not_negative(value: i64, at: &str, check: &mut Check<'_>) {
    if value < 0 {
        check.error(codes::VALUE, at, format!("{at} must not be negative"));
    }
}

fn balance(value: &str, at: &str, check: &mut Check<'_>) {
    if !matches!(value, "" | "exact_balance") {
        check.error(codes::VALUE, at, format!("{at} {value:?} must be \"\" or \"exact_balance\""));
    }
}

fn destination_rules(destination: &Destination, check: &mut Check<'_>) {
    if destination.addresses.is_empty() {
        check.error(codes::EMPTY, "Destination", "Destination needs at least one of Addresses");
    }
    for (i, address) in destination.addresses.iter().enumerate() {
        let at = format!("Destination.Addresses[{i}]");
        if destination.addresses[..i].contains(address) {
            check.error(codes::DUPLICATE, &at, format!("Destination has the address {address:?} more than once"));
        }
        let name = common::is_domain_name(address) && !address.contains('*');
        if !name && address.parse::<std::net::IpAddr>().is_err() {
            check.error(codes::HOST, &at, format!("{at} {address:?} is neither an IP address nor a DNS name"));
        }
    }
    if !(1..=65535).contains(&destination.port) {
        check.error(codes::VALUE, "Destination.Port", format!("Destination.Port {} must be between 1 and 65535", destination.port));
    }
}
