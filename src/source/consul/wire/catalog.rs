//! `/v1/catalog/...`, and the compiled chain.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Nullable, or_null};

/// `/v1/catalog/services`: tags by the names of all services.
pub type CatalogServices = BTreeMap<String, Nullable<Vec<String>>>;

/// A line of `/v1/catalog/gateway-services/NAME`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct GatewayServiceRow {
    /// The gateway.
    pub gateway: Named,
    /// The service behind it.
    pub service: Named,
    /// `ingress-gateway` or `terminating-gateway`.
    pub gateway_kind: String,
    /// The listener's port, at an ingress gateway.
    pub port: i64,
    /// The listener's protocol.
    pub protocol: String,
    /// The hosts that are meant.
    #[serde(deserialize_with = "or_null")]
    pub hosts: Vec<String>,
    /// The entry says `*`.
    pub from_wildcard: bool,
    /// `service`, `destination`, or nothing.
    pub service_kind: String,
}

/// Something with a name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Named {
    /// The name.
    pub name: String,
}

/// `/v1/discovery-chain/SERVICE`: kept as it came, for it is only compared with gw's own.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChainAnswer {
    /// The chain.
    pub chain: Map<String, Value>,
}
