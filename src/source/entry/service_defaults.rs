//! service-defaults: field table, normalization, validation (semantics 12.1).

use std::sync::Arc;

use super::check::Check;
use super::fields::{Mode, fields};
use super::kind::Kind;
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

    fn validate(&self, _check: &mut Check<'_>) {}

    fn common(&self) -> &Common {
        &self.common
    }

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
    parsed_from_check: "ParsedFromCheck",
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
