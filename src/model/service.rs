//! Services and their instances.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::ServiceName;
use crate::model::check::Check;

/// A service of the catalog.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its name.
    pub name: ServiceName,
    /// Its instances, in the order of the source.
    pub instances: Vec<Instance>,
}

/// One instance of a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Unique within the service: `web-1`.
    pub id: String,
    /// Where it answers.
    pub address: Address,
    /// `Service.Meta`.
    pub meta: BTreeMap<String, String>,
    /// `Service.Tags`.
    pub tags: Vec<String>,
    /// The worst of its checks; where gw itself checks, what it counts as until it was asked.
    pub health: Health,
    /// How gw itself finds out about its health.
    #[serde(skip)]
    pub check: Option<Arc<Check>>,
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

impl Instance {
    /// One of which nothing else is known: it passes, weighs 1, and has no sidecar.
    pub fn new(id: String, address: Address, datacenter: &str) -> Self {
        Self {
            id,
            address,
            meta: BTreeMap::new(),
            tags: Vec::new(),
            health: Health::Passing,
            check: None,
            weight: 1,
            mesh: false,
            node: String::new(),
            node_meta: BTreeMap::new(),
            datacenter: datacenter.to_owned(),
        }
    }
}

/// Where an instance answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Address {
    /// An IP address and port.
    Socket(SocketAddr),
    /// A host name and port, resolved when used.
    Host(String, u16),
}

impl Address {
    /// Reads `ip:port`, `[ip6]:port` or `host:port`; `None` for anything else. A host has labels of letters, digits, `-` and `_`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(socket) = text.parse() {
            return Some(Self::Socket(socket));
        }
        let (host, port) = text.rsplit_once(':')?;
        let label = |l: &str| (1..=63).contains(&l.len()) && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        let host_is_named = host.len() <= 253 && host.trim_end_matches('.').split('.').all(label);
        // Four numbers that are no IP address are a mistyped one, not a name.
        let numeric = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let port = port.parse().ok().filter(|p| *p != 0)?;
        (host_is_named && !numeric).then(|| Self::Host(host.to_owned(), port))
    }
}

impl Address {
    /// The port.
    pub const fn port(&self) -> u16 {
        match self {
            Self::Socket(address) => address.port(),
            Self::Host(_, port) => *port,
        }
    }

    /// The host name, if it is one.
    pub fn host(&self) -> Option<&str> {
        match self {
            Self::Socket(_) => None,
            Self::Host(host, _) => Some(host),
        }
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("{text:?} is no address and port"))
    }
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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
