//! service-defaults and proxy-defaults (semantics 12.1, 12.2).

use super::{Common, FailoverPolicy, Opaque, PrioritizeByLocality};

/// `service-defaults`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceDefaults {
    /// Name, Meta.
    pub common: Common,
    /// `Protocol`, lower case; empty is tcp and beats proxy-defaults (semantics 4.3).
    pub protocol: String,
    /// `Mode`.
    pub mode: String,
    /// `TransparentProxy`.
    pub transparent_proxy: TransparentProxy,
    /// `MutualTLSMode`.
    pub mutual_tls_mode: String,
    /// `MeshGateway.Mode`: any word.
    pub mesh_gateway: String,
    /// `Expose`.
    pub expose: Expose,
    /// `ExternalSNI`; empty is none.
    pub external_sni: String,
    /// `UpstreamConfig`.
    pub upstream_config: Option<UpstreamConfiguration>,
    /// `Destination`.
    pub destination: Option<Destination>,
    /// `MaxInboundConnections`.
    pub max_inbound_connections: i64,
    /// `LocalConnectTimeoutMs`.
    pub local_connect_timeout_ms: i64,
    /// `LocalRequestTimeoutMs`.
    pub local_request_timeout_ms: i64,
    /// `BalanceInboundConnections`.
    pub balance_inbound_connections: String,
    /// `EnvoyExtensions[]`.
    pub envoy_extensions: Vec<EnvoyExtension>,
}

/// `proxy-defaults`: always named `global`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProxyDefaults {
    /// Name, Meta.
    pub common: Common,
    /// `Config`, opaque; absent and empty differ when printed.
    pub config: Option<Opaque>,
    /// `Config.protocol` after weak decoding, lower case; empty is none (semantics 4.3).
    pub protocol: String,
    /// `Mode`.
    pub mode: String,
    /// `TransparentProxy`.
    pub transparent_proxy: TransparentProxy,
    /// `MutualTLSMode`.
    pub mutual_tls_mode: String,
    /// `MeshGateway.Mode`: any word.
    pub mesh_gateway: String,
    /// `Expose`.
    pub expose: Expose,
    /// `AccessLogs`.
    pub access_logs: AccessLogs,
    /// `EnvoyExtensions[]`.
    pub envoy_extensions: Vec<EnvoyExtension>,
    /// `FailoverPolicy`.
    pub failover_policy: Option<FailoverPolicy>,
    /// `PrioritizeByLocality`.
    pub prioritize_by_locality: Option<PrioritizeByLocality>,
}

/// `TransparentProxy`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TransparentProxy {
    /// `OutboundListenerPort`.
    pub outbound_listener_port: i64,
    /// `DialedDirectly`.
    pub dialed_directly: bool,
}

/// `Expose`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expose {
    /// `Checks`.
    pub checks: bool,
    /// `Paths[]`.
    pub paths: Vec<ExposePath>,
}

/// `Expose.Paths[]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExposePath {
    /// `ListenerPort`.
    pub listener_port: i64,
    /// `Path`.
    pub path: String,
    /// `LocalPathPort`.
    pub local_path_port: i64,
    /// `Protocol`.
    pub protocol: String,
    /// `ParsedFromCheck`.
    pub parsed_from_check: bool,
}

/// `UpstreamConfig`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpstreamConfiguration {
    /// `Overrides[]`.
    pub overrides: Vec<UpstreamConfig>,
    /// `Defaults`.
    pub defaults: Option<UpstreamConfig>,
}

/// One of `UpstreamConfig.Overrides` or `.Defaults`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpstreamConfig {
    /// `Name`.
    pub name: String,
    /// `Namespace`.
    pub namespace: String,
    /// `Partition`.
    pub partition: String,
    /// `Peer`.
    pub peer: String,
    /// `EnvoyListenerJSON`.
    pub envoy_listener_json: String,
    /// `EnvoyClusterJSON`.
    pub envoy_cluster_json: String,
    /// `Protocol`.
    pub protocol: String,
    /// `ConnectTimeoutMs`.
    pub connect_timeout_ms: i64,
    /// `Limits`.
    pub limits: Option<UpstreamLimits>,
    /// `PassiveHealthCheck`.
    pub passive_health_check: Option<PassiveHealthCheck>,
    /// `MeshGateway.Mode`.
    pub mesh_gateway: String,
    /// `BalanceOutboundConnections`.
    pub balance_outbound_connections: String,
}

/// `Limits`: unset and zero differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpstreamLimits {
    /// `MaxConnections`.
    pub max_connections: Option<i64>,
    /// `MaxPendingRequests`.
    pub max_pending_requests: Option<i64>,
    /// `MaxConcurrentRequests`.
    pub max_concurrent_requests: Option<i64>,
}

/// `PassiveHealthCheck`; both durations are numbers of nanoseconds in Consul's JSON.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PassiveHealthCheck {
    /// `Interval`, nanoseconds.
    pub interval: i64,
    /// `MaxFailures`.
    pub max_failures: u32,
    /// `EnforcingConsecutive5xx`, percent.
    pub enforcing_consecutive_5xx: Option<u32>,
    /// `MaxEjectionPercent`, percent.
    pub max_ejection_percent: Option<u32>,
    /// `BaseEjectionTime`, nanoseconds.
    pub base_ejection_time: Option<i64>,
}

/// `Destination` of a service outside the mesh.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Destination {
    /// `Addresses[]`.
    pub addresses: Vec<String>,
    /// `Port`.
    pub port: i64,
}

/// `EnvoyExtensions[]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EnvoyExtension {
    /// `Name`.
    pub name: String,
    /// `Required`.
    pub required: bool,
    /// `Arguments`, opaque.
    pub arguments: Option<Opaque>,
    /// `ConsulVersion`.
    pub consul_version: String,
    /// `EnvoyVersion`.
    pub envoy_version: String,
}

/// `AccessLogs`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccessLogs {
    /// `Enabled`.
    pub enabled: bool,
    /// `DisableListenerLogs`.
    pub disable_listener_logs: bool,
    /// `Type`: "", `stdout`, `stderr`, `file`.
    pub r#type: String,
    /// `Path`.
    pub path: String,
    /// `JSONFormat`.
    pub json_format: String,
    /// `TextFormat`.
    pub text_format: String,
}
