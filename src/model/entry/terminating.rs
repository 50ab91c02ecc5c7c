//! terminating-gateway (semantics 8).

use super::Common;

/// `terminating-gateway`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TerminatingGateway {
    /// Name, Meta.
    pub common: Common,
    /// `Services[]`: a name once.
    pub services: Vec<LinkedService>,
}

/// `Services[]`: a service outside the mesh that the gateway speaks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinkedService {
    /// `Name`, or `*` for every service that has no line of its own.
    pub name: String,
    /// `CAFile`: the anchors that the service's certificate must lead to; empty is no TLS.
    pub ca_file: String,
    /// `CertFile`: the gateway's own certificate towards the service; with it, `KeyFile` and `CAFile` are given.
    pub cert_file: String,
    /// `KeyFile`.
    pub key_file: String,
    /// `SNI`: the name that is asked for, and that the certificate must have.
    pub sni: String,
    /// `DisableAutoHostRewrite`.
    pub disable_auto_host_rewrite: bool,
}
