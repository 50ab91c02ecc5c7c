//! The least policy for the token of a gateway, with what its entry links it to.

use std::path::Path;

use super::chain;
use super::entries::Diagnostic;
use crate::id::ServiceKey;
use crate::model::gateway::GatewayKind;
use crate::source::consul::policy;

/// Why there is no policy.
#[derive(Debug)]
pub enum NoPolicy {
    /// What is wrong with the files.
    Files(Vec<Diagnostic>),
    /// There is no terminating-gateway entry of that name.
    NoEntry,
}

/// The least policy for a gateway. `linked`: the services that a terminating gateway speaks for; `files`: a `gw.toml`, a file of entries
/// or a folder of them, whose terminating-gateway entry names more.
pub fn least(kind: GatewayKind, name: &str, mut linked: Vec<String>, files: Option<&Path>) -> Result<String, NoPolicy> {
    if let Some(path) = files {
        let world = chain::read_unjudged(path).map_err(NoPolicy::Files)?;
        let entry = world.base.entries.terminating_gateways.get(&ServiceKey::of(name)).ok_or(NoPolicy::NoEntry)?;
        linked.extend(entry.services.iter().map(|service| service.name.clone()));
    }
    Ok(policy::policy(kind, name, &linked))
}
