//! Names. Parsed once, then they cannot be wrong. No I/O and no other module of the crate.

mod name;
mod sni;
mod spiffe;
mod table;
mod target;

pub use name::{Datacenter, ListenerName, ServiceKey, ServiceName};
pub use sni::{NoSuchForm, Sni, datacenter_sni, external_sni, server_sni, service_sni};
pub use spiffe::{Identity, SpiffeId, TrustDomain};
pub use table::Table;
pub use target::TargetId;

/// The namespace of every name in the community edition of Consul.
pub const DEFAULT_NAMESPACE: &str = "default";
/// The partition of every name in the community edition of Consul.
pub const DEFAULT_PARTITION: &str = "default";
