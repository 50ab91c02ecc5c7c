//! The certificates of a mesh as a source has them: texts, which `tls` makes keys of.

use std::fmt;

use crate::id::{Identity, TrustDomain};

/// The roots that a mesh trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaRoots {
    /// The trust domain, which is another one once a datacenter has found its primary.
    pub trust_domain: TrustDomain,
    /// At least one. All are trusted: an older one stays for as long as leaves of it may be about.
    pub roots: Vec<CaRoot>,
}

/// A root that a mesh trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaRoot {
    /// What it is called.
    pub name: String,
    /// PEM.
    pub pem: String,
    /// Whether it signs now.
    pub active: bool,
}

/// A leaf that was issued by the mesh's CA, and its key.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedLeaf {
    /// Whom it is of.
    pub id: Identity,
    /// PEM: the leaf, then what stands between it and a root, each once, and each before the one that signed it.
    pub chain: String,
    /// PEM: the key. Never printed.
    pub key: String,
}

impl fmt::Debug for IssuedLeaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedLeaf").field("id", &self.id).finish_non_exhaustive()
    }
}
