//! `/v1/health/...`: a service's instances, each with its node and its checks.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::or_null;

/// An instance.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HealthRow {
    /// The node that it is registered with.
    pub node: NodeRow,
    /// The instance itself.
    pub service: ServiceRow,
    /// The checks of the node and of the instance.
    #[serde(deserialize_with = "or_null")]
    pub checks: Vec<CheckRow>,
}

/// A node.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct NodeRow {
    /// Its name.
    pub node: String,
    /// Where it is in its own datacenter.
    pub address: String,
    /// The datacenter.
    pub datacenter: String,
    /// Its other addresses, by tag.
    #[serde(deserialize_with = "or_null")]
    pub tagged_addresses: BTreeMap<String, String>,
    /// What its operator says about it, and Consul: `consul-version`.
    #[serde(deserialize_with = "or_null")]
    pub meta: BTreeMap<String, String>,
}

/// An instance of a service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ServiceRow {
    /// Nothing, `connect-proxy`, `mesh-gateway`, ..; any word can be registered.
    pub kind: String,
    /// Unique on its agent.
    #[serde(rename = "ID")]
    pub id: String,
    /// The name that it is registered under: of a sidecar its own, not that of its service.
    pub service: String,
    /// Its tags.
    #[serde(deserialize_with = "or_null")]
    pub tags: Vec<String>,
    /// Where it is; empty is its node's address.
    pub address: String,
    /// Its other addresses, by tag.
    #[serde(deserialize_with = "or_null")]
    pub tagged_addresses: BTreeMap<String, TaggedAddress>,
    /// What its operator says about it.
    #[serde(deserialize_with = "or_null")]
    pub meta: BTreeMap<String, String>,
    /// Its port; any number can be registered.
    pub port: i64,
    /// A unix socket in place of address and port.
    pub socket_path: String,
    /// Its weights.
    #[serde(deserialize_with = "or_null")]
    pub weights: WeightsRow,
    /// What it is the proxy of.
    #[serde(deserialize_with = "or_null")]
    pub proxy: ProxyRow,
    /// How it takes part in the mesh.
    #[serde(deserialize_with = "or_null")]
    pub connect: ConnectRow,
    /// The peer that it was imported from; empty is none.
    pub peer_name: String,
}

/// An address that stands under a tag.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct TaggedAddress {
    /// An IP address or a host name.
    pub address: String,
    /// The port.
    pub port: i64,
}

/// The weights of an instance.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct WeightsRow {
    /// As long as all checks pass.
    pub passing: i64,
    /// While one warns.
    pub warning: i64,
}

impl Default for WeightsRow {
    /// What Consul takes where nothing was registered.
    fn default() -> Self {
        Self { passing: 1, warning: 1 }
    }
}

/// What a proxy is for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ProxyRow {
    /// The service that a sidecar stands before.
    pub destination_service_name: String,
}

/// How an instance takes part in the mesh.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ConnectRow {
    /// It speaks mTLS itself.
    pub native: bool,
    /// How an imported service is spoken to.
    pub peer_meta: Option<PeerMeta>,
}

/// How a service of a peer is spoken to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PeerMeta {
    /// The server name that its gateway knows it by. It names this cluster as the peer calls it, so it cannot be made here.
    #[serde(rename = "SNI", deserialize_with = "or_null")]
    pub sni: Vec<String>,
    /// Who may answer.
    #[serde(rename = "SpiffeID", deserialize_with = "or_null")]
    pub spiffe_id: Vec<String>,
    /// Its protocol.
    pub protocol: String,
}

/// A check of an instance or of its node.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct CheckRow {
    /// Its id.
    #[serde(rename = "CheckID")]
    pub check_id: String,
    /// `passing`, `warning`, `critical`, of a peer's instance also `maintenance`.
    pub status: String,
}

/// A line of `/v1/health/state/any`: a check, and whose. In one piece: there are thousands of them, and at each change of one all of them
/// are read, and compared with those before.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StateRow {
    text: Box<str>,
    /// Where the fields but the last one end.
    ends: [usize; 4],
}

/// Its fields.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct StateFields<'a> {
    #[serde(borrow)]
    node: Cow<'a, str>,
    #[serde(borrow, rename = "CheckID")]
    check_id: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow, rename = "ServiceID")]
    service_id: Cow<'a, str>,
    #[serde(borrow)]
    service_name: Cow<'a, str>,
}

impl<'de> Deserialize<'de> for StateRow {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let StateFields { node, check_id, status, service_id, service_name } = StateFields::deserialize(from)?;
        let fields = [&*node, &*check_id, &*status, &*service_id, &*service_name];
        let mut ends = [0; 4];
        let mut length = 0;
        for (end, field) in ends.iter_mut().zip(fields) {
            length += field.len();
            *end = length;
        }
        Ok(Self { text: fields.concat().into(), ends })
    }
}

impl StateRow {
    fn part(&self, from: usize, to: usize) -> &str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// The node that it is registered with.
    pub fn node(&self) -> &str {
        self.part(0, self.ends[0])
    }

    /// The instance that it is a check of; empty is the node itself.
    pub fn service_id(&self) -> &str {
        self.part(self.ends[2], self.ends[3])
    }

    /// The name that the instance is registered under.
    pub fn service_name(&self) -> &str {
        self.part(self.ends[3], self.text.len())
    }
}
