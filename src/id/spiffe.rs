//! SPIFFE trust domains.

use std::fmt;
use std::sync::Arc;

/// The trust domain of a mesh, `<uuid>.consul` where Consul made it: the last part of every mesh SNI and the
/// authority of every SPIFFE id. Compared without case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TrustDomain(Arc<str>);

impl TrustDomain {
    /// The trust domain of a mesh of files that names none.
    pub const OF_FILES: &str = "11111111-2222-3333-4444-555555555555.consul";

    /// Takes the text as it is, lower-cased.
    pub fn new(text: &str) -> Self {
        Self(text.to_ascii_lowercase().into())
    }

    /// The trust domain in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
