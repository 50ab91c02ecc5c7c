//! `/v1/agent/...`: what the agent says of itself, and what it is told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{TaggedAddress, or_null};

/// `/v1/agent/self`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct SelfAnswer {
    /// What it was told.
    pub config: SelfConfig,
    /// What came of it.
    #[serde(deserialize_with = "or_null")]
    pub debug_config: SelfDebugConfig,
}

/// What an agent was told.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct SelfConfig {
    /// Its datacenter.
    pub datacenter: String,
    /// Its node.
    pub node_name: String,
    /// Whether it is a server.
    pub server: bool,
    /// `1.21.4`, perhaps with a suffix.
    pub version: String,
}

/// What came of what an agent was told. Empty where the version has no such field.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct SelfDebugConfig {
    /// The datacenter that decides.
    pub primary_datacenter: String,
    /// `consul.`
    #[serde(rename = "DNSDomain")]
    pub dns_domain: String,
    /// A second one, if there is.
    #[serde(rename = "DNSAltDomain")]
    pub dns_alt_domain: String,
    /// Whether tokens mean anything.
    #[serde(rename = "ACLsEnabled")]
    pub acls_enabled: bool,
    /// What who has no rights may do: where 1.8 has it.
    #[serde(rename = "ACLDefaultPolicy")]
    pub acl_default_policy: String,
    /// The same: where it is now.
    #[serde(rename = "ACLResolverSettings", deserialize_with = "or_null")]
    pub acl_resolver_settings: AclResolverSettings,
    /// What holds where no intention decides; empty is what the ACLs say.
    pub default_intention_policy: String,
    /// Where a secondary finds the mesh gateways of the primary, as it was told.
    #[serde(deserialize_with = "or_null")]
    pub primary_gateways: Vec<String>,
    /// Whether servers of other datacenters are reached through mesh gateways.
    #[serde(rename = "ConnectMeshGatewayWANFederationEnabled")]
    pub federates_by_gateways: bool,
    /// Whether a server must show the name of its datacenter: where 1.8 has it.
    pub verify_server_hostname: bool,
    /// The same: where it is now.
    #[serde(rename = "TLS", deserialize_with = "or_null")]
    pub tls: SelfTls,
}

/// The TLS of an agent, as newer versions tell it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct SelfTls {
    /// That between agents.
    #[serde(rename = "InternalRPC", deserialize_with = "or_null")]
    pub internal_rpc: SelfInternalRpc,
}

/// The TLS between agents.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct SelfInternalRpc {
    /// Whether a server must show the name of its datacenter.
    pub verify_server_hostname: bool,
}

/// `/v1/acl/replication`: how far tokens and policies have come from the primary.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AclReplicationAnswer {
    /// Whether they are to come at all.
    pub enabled: bool,
    /// Whether they come.
    pub running: bool,
    /// When they last came, RFC 3339.
    pub last_success: String,
    /// When they last did not.
    pub last_error: String,
}

/// How an agent looks at tokens.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AclResolverSettings {
    /// What who has no rights may do.
    #[serde(rename = "ACLDefaultPolicy")]
    pub acl_default_policy: String,
}

/// `/v1/agent/version`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct VersionAnswer {
    /// `1.21.4`, perhaps with a suffix.
    pub human_version: String,
}

/// `/v1/agent/service/ID`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AgentServiceAnswer {
    /// Its kind.
    pub kind: String,
    /// Its id.
    #[serde(rename = "ID")]
    pub id: String,
    /// Its name.
    pub service: String,
    /// Where it is.
    pub address: String,
    /// Its port.
    pub port: i64,
    /// Its other addresses, by tag.
    #[serde(deserialize_with = "or_null")]
    pub tagged_addresses: BTreeMap<String, TaggedAddress>,
    /// What its operator says about it.
    #[serde(deserialize_with = "or_null")]
    pub meta: BTreeMap<String, String>,
}

/// `/v1/agent/checks`, by the ids of the checks: `service:ID` is the one that a service is registered with.
pub type AgentChecks = BTreeMap<String, AgentCheck>;

/// A check of an agent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AgentCheck {
    /// `passing`, `warning` or `critical`.
    pub status: String,
}

/// `/v1/agent/service/register`: nothing that 1.8 does not know.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Registration {
    /// `ingress-gateway`, `mesh-gateway` or `terminating-gateway`.
    pub kind: String,
    /// Unique on the agent.
    #[serde(rename = "ID")]
    pub id: String,
    /// The service: the name of the gateway's entry.
    pub name: String,
    /// Where it is in its own datacenter.
    pub address: String,
    /// Where its checks connect; 0 is allowed to ingress gateways alone.
    pub port: u16,
    /// `lan` and `wan`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tagged_addresses: BTreeMap<String, RegisteredAddress>,
    /// `consul-wan-federation` and what an operator says about it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub meta: BTreeMap<String, String>,
    /// How Consul finds out whether it is well: without one it is as well as its node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<RegisteredCheck>,
}

/// An address that is registered under a tag.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RegisteredAddress {
    /// An IP address or a host name.
    pub address: String,
    /// The port.
    pub port: u16,
}

/// A check by connecting.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RegisteredCheck {
    /// `host:port`.
    #[serde(rename = "TCP")]
    pub tcp: String,
    /// `1s`
    pub interval: String,
    /// What it counts as until it was asked: a check is critical at first, and this one is known to be well.
    pub status: String,
    /// After which an instance that is gone is forgotten.
    pub deregister_critical_service_after: String,
}
