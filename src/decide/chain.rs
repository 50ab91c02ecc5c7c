//! Entries to discovery chains, by the rules of semantics 4.

use crate::id::TrustDomain;
use crate::model::chain::DiscoveryChain;
use crate::model::duration::GoDuration;
use crate::model::entry::Entries;

/// What a chain is compiled for.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The service, in any spelling.
    pub service: &'a str,
    /// The datacenter that it is evaluated in.
    pub datacenter: &'a str,
    /// The trust domain, for server names.
    pub trust_domain: &'a TrustDomain,
    /// Consul's overrides.
    pub overrides: Overrides,
}

/// Consul's `OverrideMeshGateway`, `OverrideProtocol` and `OverrideConnectTimeout`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// `OverrideMeshGateway.Mode`; empty is none.
    pub mesh_gateway: String,
    /// `OverrideProtocol`; empty is none.
    pub protocol: String,
    /// `OverrideConnectTimeout`; zero is none.
    pub connect_timeout: GoDuration,
}

/// Why a set of entries has no chain, in Consul's own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// A resolver redirects to itself over others.
    #[error("detected circular resolver redirect: [{}]", .0.join(" -> "))]
    CircularRedirect(Vec<String>),
}

/// Compiles the chain of one service.
pub fn compile(_entries: &Entries, _question: &Question<'_>) -> Result<DiscoveryChain, ChainError> {
    Err(ChainError::CircularRedirect(Vec::new()))
}
