//! Services and their instances.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use crate::id::ServiceName;

/// A service of the catalog.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its name.
    pub name: ServiceName,
    /// Its instances, in the order of the source.
    pub instances: Vec<Instance>,
}

/// One instance of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Unique within the service: `web-1`.
    pub id: String,
    /// Where it answers.
    pub address: Address,
    /// `Service.Meta`.
    pub meta: BTreeMap<String, String>,
    /// `Service.Tags`.
    pub tags: Vec<String>,
    /// The worst of its checks.
    pub health: Health,
    /// Relative weight, 1 to 128 in use; below 1 the instance is out (semantics 6.1).
    pub weight: u32,
    /// Whether a sidecar answers there with mTLS.
    pub mesh: bool,
    /// `Node.Node`: the node it runs on; empty from files.
    pub node: String,
    /// `Node.Meta`.
    pub node_meta: BTreeMap<String, String>,
    /// `Node.Datacenter`.
    pub datacenter: String,
}

/// Where an instance answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// An IP address and port.
    Socket(SocketAddr),
    /// A host name and port, resolved when used.
    Host(String, u16),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(addr) => addr.fmt(f),
            Self::Host(host, port) => write!(f, "{host}:{port}"),
        }
    }
}

/// The state of an instance's checks, as Consul sums them up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Health {
    /// Every check passes.
    #[default]
    Passing,
    /// The worst check warns: used with the warning weight, but not where `OnlyPassing` is set.
    Warning,
    /// A check is critical: not used.
    Critical,
}

impl Health {
    /// Consul's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passing => "passing",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}
