//! Other datacenters and other clusters: federation states, peerings, exported services.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{HealthRow, Nullable, or_null};

/// `/v1/internal/federation-states/mesh-gateways`: the mesh gateways by datacenter, the own and critical ones included.
pub type GatewaysAnswer = BTreeMap<String, Nullable<Vec<HealthRow>>>;

/// A line of `/v1/internal/federation-states`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct FederationRow {
    /// The datacenter.
    pub datacenter: String,
    /// Its mesh gateways.
    #[serde(deserialize_with = "or_null")]
    pub mesh_gateways: Vec<HealthRow>,
    /// When it last became another one, RFC 3339.
    pub updated_at: String,
}

/// `/v1/internal/federation-state/DC`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct FederationAnswer {
    /// The state.
    pub state: FederationRow,
}

/// A peering.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PeeringRow {
    /// What the peer is called here.
    pub name: String,
    /// `ACTIVE`, `TERMINATED`, ..
    pub state: String,
    /// PEM: the peer's roots, which vouch for its services and for nobody else.
    #[serde(rename = "PeerCAPems", deserialize_with = "or_null")]
    pub peer_ca_pems: Vec<String>,
    /// The name of the peer's servers, whose end is the peer's trust domain.
    pub peer_server_name: String,
    /// What goes back and forth.
    #[serde(deserialize_with = "or_null")]
    pub stream_status: StreamStatus,
    /// Where the peer is.
    #[serde(deserialize_with = "or_null")]
    pub remote: PeeringRemote,
}

/// What goes back and forth between peers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct StreamStatus {
    /// The services that the peer lets this cluster use.
    #[serde(deserialize_with = "or_null")]
    pub imported_services: Vec<String>,
    /// Those that it may use.
    #[serde(deserialize_with = "or_null")]
    pub exported_services: Vec<String>,
}

/// Where a peer is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PeeringRemote {
    /// Its datacenter.
    pub datacenter: String,
}

/// A line of `/v1/exported-services`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ExportedRow {
    /// The service.
    pub service: String,
    /// Who may use it.
    #[serde(deserialize_with = "or_null")]
    pub consumers: Consumers,
}

/// Who may use an exported service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Consumers {
    /// Peers, by their names.
    #[serde(deserialize_with = "or_null")]
    pub peers: Vec<String>,
}
