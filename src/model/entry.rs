//! Consul's config entries that shape chains, gateways and who may talk to whom, decoded and normalized.
//!
//! Field names are Consul's in snake case; absent, null and empty are one value wherever Consul makes no difference.
//! The rules (which values are accepted, what is normalized) are in `source::entry`, this is only their result.

mod defaults;
mod discovery;
mod exported;
mod ingress;
mod intentions;
mod kind;
mod mesh;
mod set;
mod terminating;
mod tls;

pub use defaults::*;
pub use discovery::*;
pub use exported::*;
pub use ingress::*;
pub use intentions::*;
pub use kind::{EntryKind, EntryRef, RuleRef};
pub use mesh::*;
pub use set::{ConfigEntry, Entries};
pub use terminating::*;
pub use tls::*;

use std::collections::BTreeMap;

/// An opaque map of an entry (`Config`, `Arguments`): kept as JSON, keys sorted.
pub type Opaque = serde_json::Map<String, serde_json::Value>;

/// What every entry has besides its kind and name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Common {
    /// `Name`, in the spelling of the last write.
    pub name: String,
    /// `Meta`.
    pub meta: BTreeMap<String, String>,
    /// `Namespace`; empty is the default one.
    pub namespace: String,
    /// `Partition`; empty is the default one.
    pub partition: String,
}
