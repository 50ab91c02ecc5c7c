//! ingress-gateway (semantics 7).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Common, HeaderEdits, PassiveHealthCheck, TlsParameters};

/// `ingress-gateway`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IngressGateway {
    /// Name, Meta.
    pub common: Common,
    /// `TLS`.
    pub tls: GatewayTls,
    /// `Defaults`.
    pub defaults: Option<IngressServiceLimits>,
    /// `Listeners[]`.
    pub listeners: Vec<IngressListener>,
}

/// `TLS` of the gateway or of a listener; merged field by field, the listener's wins.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GatewayTls {
    /// `Enabled`.
    pub enabled: bool,
    /// `SDS`.
    pub sds: Option<GatewayTlsSds>,
    /// `TLSMinVersion`, `TLSMaxVersion`, `CipherSuites`.
    pub parameters: TlsParameters,
}

/// `SDS`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GatewayTlsSds {
    /// `ClusterName`.
    pub cluster_name: String,
    /// `CertResource`.
    pub cert_resource: String,
}

/// `Defaults`, and the same fields of a service: 0 is unset.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IngressServiceLimits {
    /// `MaxConnections`.
    pub max_connections: u32,
    /// `MaxPendingRequests`.
    pub max_pending_requests: u32,
    /// `MaxConcurrentRequests`.
    pub max_concurrent_requests: u32,
    /// `PassiveHealthCheck`.
    pub passive_health_check: Option<Box<PassiveHealthCheck>>,
}

/// `Listeners[]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IngressListener {
    /// `Port`: Consul checks no range; what is no port cannot be listened on and is a problem of its own.
    pub port: i64,
    /// `Protocol`: `tcp`, `http`, `http2` or `grpc`.
    pub protocol: String,
    /// `TLS`; absent is the gateway's.
    pub tls: Option<GatewayTls>,
    /// `Services[]`.
    pub services: Vec<Arc<IngressService>>,
}

/// `Listeners[].Services[]`. There may be very many of it, so that what most do not have takes no room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IngressService {
    /// `Name`, or `*` for every service of the listener's protocol.
    pub name: String,
    /// `Hosts[]`; empty is the default domain `<name>.ingress.*`.
    pub hosts: Vec<String>,
    /// `Namespace`.
    pub namespace: String,
    /// `Partition`.
    pub partition: String,
    /// `Meta`.
    pub meta: BTreeMap<String, String>,
    /// `TLS.SDS`: a certificate of its own.
    pub tls: Option<Box<GatewayServiceTls>>,
    /// `RequestHeaders`.
    pub request_headers: Option<Box<HeaderEdits>>,
    /// `ResponseHeaders`.
    pub response_headers: Option<Box<HeaderEdits>>,
    /// The limits, which win over the gateway's `Defaults` field by field.
    pub limits: IngressServiceLimits,
}

/// `Services[].TLS`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GatewayServiceTls {
    /// `SDS`.
    pub sds: Option<GatewayTlsSds>,
}
