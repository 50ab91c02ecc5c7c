//! ingress-gateway (semantics 7).

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
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

impl IngressGateway {
    /// Whether connections to a listener begin with TLS.
    pub fn begins_with_tls(&self, listener: &IngressListener) -> bool {
        self.tls.is_asked_for() || listener.tls.as_ref().is_some_and(GatewayTls::is_asked_for)
    }

    /// What is spoken on a listener: of each of the parameters its own, or the gateway's.
    pub fn tls_parameters(&self, listener: &IngressListener) -> TlsParameters {
        let Some(own) = listener.tls.as_ref().map(|tls| tls.parameters.clone()) else { return self.tls.parameters.clone() };
        let either = |own: String, whole: &String| if own.is_empty() { whole.clone() } else { own };
        let TlsParameters { tls_min_version, tls_max_version, cipher_suites } = &self.tls.parameters;
        TlsParameters {
            tls_min_version: either(own.tls_min_version, tls_min_version),
            tls_max_version: either(own.tls_max_version, tls_max_version),
            cipher_suites: if own.cipher_suites.is_empty() { cipher_suites.clone() } else { own.cipher_suites },
        }
    }

    /// The DNS names that its certificate is to have, for clients that come from outside the mesh: `*.ingress.DOMAIN` of each domain of
    /// Consul's DNS, and the hosts of listeners that end TLS. What no certificate can carry is left out; none without such a listener.
    pub fn certified_names(&self, domains: &[&str]) -> Vec<String> {
        let of_tls = |listener: &&IngressListener| self.tls.enabled || listener.tls.as_ref().is_some_and(|tls| tls.enabled);
        let mut listeners = self.listeners.iter().filter(of_tls).peekable();
        if listeners.peek().is_none() {
            return Vec::new();
        }
        let domains = domains.iter().map(|domain| domain.trim_matches('.')).filter(|domain| !domain.is_empty());
        let mut names: Vec<String> = domains.map(|domain| format!("*.ingress.{domain}")).collect();
        let hosts = listeners.flat_map(|listener| &listener.services).flat_map(|service| &service.hosts);
        names.extend(hosts.filter_map(|host| certified_name(host)));
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names
    }
}

impl GatewayTls {
    /// Whether it makes connections begin with TLS.
    pub const fn is_asked_for(&self) -> bool {
        self.enabled || self.sds.is_some()
    }
}

/// The name of a host, which may have a port; `None`: it is an address, or no name of DNS.
pub fn certified_name(host: &str) -> Option<String> {
    let name = host.split_once(':').map_or(host, |(name, _)| name).trim_end_matches('.').to_ascii_lowercase();
    let of_a_label = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let is_label = |label: &str| !label.is_empty() && label.len() <= 63 && label.bytes().all(of_a_label);
    let is_name = name.strip_prefix("*.").unwrap_or(&name).split('.').all(is_label) && name.len() <= 253;
    (is_name && name.parse::<IpAddr>().is_err()).then_some(name)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_names_the_hosts_of_listeners_that_end_tls_and_the_domains_of_dns() {
        let listener = |tls: bool, hosts: &[&str]| IngressListener {
            tls: tls.then(|| GatewayTls { enabled: true, ..GatewayTls::default() }),
            services: vec![Arc::new(IngressService {
                hosts: hosts.iter().map(|h| (*h).to_owned()).collect(),
                ..IngressService::default()
            })],
            ..IngressListener::default()
        };
        let hosts = ["Shop.example", "*.shop.example:8443", "shop.example.", "*", "bad host", "10.0.0.1", "[::1]:80", "a..b", "a.*"];
        let mut gateway =
            IngressGateway { listeners: vec![listener(true, &hosts), listener(false, &["plain.example"])], ..IngressGateway::default() };
        let domains = ["consul.", "", "alt.example"];
        let wanted = ["*.ingress.consul", "*.ingress.alt.example", "shop.example", "*.shop.example"];
        assert_eq!(gateway.certified_names(&domains), wanted);
        gateway.tls.enabled = true;
        assert_eq!(gateway.certified_names(&domains), [&wanted[..], &["plain.example"]].concat());
        gateway = IngressGateway { listeners: vec![listener(false, &["plain.example"])], ..IngressGateway::default() };
        assert!(gateway.certified_names(&domains).is_empty());
    }
}
