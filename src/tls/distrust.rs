//! Why a certificate is not trusted, in words for whoever has to set it right: what was shown, what is wrong with it, what to do.

use std::fmt;

use rustls_pki_types::CertificateDer;

use super::x509::{KeyKind, Moment, X509};
use crate::id::{SpiffeId, TrustDomain};

/// A certificate that is not trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distrust {
    /// What it says of itself; `None`: it cannot be read.
    pub shown: Option<Box<X509>>,
    /// How many certificates came with it.
    pub beside: usize,
    /// What is wrong.
    pub why: Why,
}

/// What is wrong with a certificate of the mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// There is none.
    Nothing,
    /// It, or one that it needs, cannot be read.
    Malformed,
    /// It is of the past, or of the future.
    Date {
        /// Whether it is over.
        over: bool,
        /// The limit.
        at: Moment,
        /// When that was found.
        now: Moment,
        /// It is its own date, not that of a certificate above it.
        own: bool,
    },
    /// No root of the bundle vouches for it.
    Issuer,
    /// Somebody of that name signed others, but not this one.
    Signature,
    /// It is not for servers, or not for clients.
    Purpose(Side),
    /// It is the certificate of a CA.
    Authority,
    /// A CA above it may not sign such names.
    Constraint,
    /// A CA above it may not sign what it signed.
    NotAnAuthority,
    /// Its key is of no kind, or of too few bits.
    Key(KeyKind),
    /// It has no URI, or several: one certificate is one identity (SPIFFE X.509-SVID, 2).
    Uris(Vec<String>),
    /// Its URI is not that of a service.
    NotAService(String),
    /// It is a service's of another mesh.
    TrustDomain(Box<SpiffeId>, TrustDomain),
    /// It is another service's.
    Id(Box<SpiffeId>, Box<SpiffeId>),
    /// It is not of that host.
    Host(String),
    /// Anything else, as the library calls it.
    Other(String),
}

/// The side of a connection that shows a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who connects.
    Client,
    /// Who is connected to.
    Server,
}

impl Distrust {
    /// Of a chain as it was shown.
    pub fn of(leaf: &CertificateDer<'_>, beside: usize, why: Why) -> Self {
        Self { shown: X509::read(leaf).map(Box::new), beside, why }
    }

    /// What to do about it.
    const fn advice(&self) -> &'static str {
        match &self.why {
            Why::Nothing => "mTLS needs a certificate on both sides: gw certs issue makes one",
            Why::Malformed => "gw certs inspect reads it where it comes from",
            Why::Date { over: true, .. } => "renew it where it comes from (gw certs renew), or look at the clocks of both machines",
            Why::Date { over: false, .. } => "look at the clocks of both machines",
            Why::Issuer if self.beside == 0 => {
                "trust its CA (ca.pem), or, if an intermediate CA signed it, have it sent along: the file of a certificate holds the leaf, then intermediates"
            }
            Why::Issuer | Why::Signature => "trust its CA (ca.pem), or issue it by the CA that is trusted",
            Why::Purpose(_) | Why::Authority | Why::Key(_) => "issue another one: gw certs issue makes what the mesh takes",
            Why::Constraint | Why::NotAnAuthority => "look at the CA certificates above it: gw certs inspect shows them",
            Why::Uris(_) | Why::NotAService(_) => "a leaf of the mesh has one URI, spiffe://TRUST-DOMAIN/ns/default/dc/DC/svc/NAME",
            Why::TrustDomain(..) => "both sides need certificates of the same mesh; its name is trust_domain in gw.toml",
            Why::Id(..) => "look at which instance has that address, and at the datacenter the certificate was issued for",
            Why::Host(_) => "issue one with that name: gw certs issue NAME --kind dns --san NAME",
            Why::Other(_) => "gw certs verify tells the same of files",
        }
    }
}

impl std::error::Error for Distrust {}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.shown {
            Some(shown) if shown.called().is_empty() => write!(f, "a certificate without a name by {:?}: ", shown.issuer)?,
            Some(shown) => write!(f, "the certificate of {:?} by {:?}: ", shown.called(), shown.issuer)?,
            None => {}
        }
        write!(f, "{}; {}", self.why, self.advice())
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("no certificate was shown"),
            Self::Malformed => f.write_str("what was shown is no certificate, or a malformed one"),
            // Not when that was found: what is said again and again of the same file must be the same.
            Self::Date { over, at, own, .. } => {
                let whose = if *own { "it" } else { "a CA certificate above it" };
                let what = if *over { "is expired since" } else { "is not valid before" };
                write!(f, "{whose} {what} {at}")
            }
            Self::Issuer => f.write_str("no root that is trusted vouches for it"),
            Self::Signature => f.write_str("it is not signed with the key of the root of that name"),
            Self::Purpose(Side::Client) => f.write_str("it is not for clients (extended key usage)"),
            Self::Purpose(Side::Server) => f.write_str("it is not for servers (extended key usage)"),
            Self::Authority => f.write_str("it is the certificate of a CA, not of a service"),
            Self::Constraint => f.write_str("a CA above it may not sign such names (name constraints)"),
            Self::NotAnAuthority => f.write_str("what signed it is no CA, or may not sign at that depth"),
            Self::Key(kind) => {
                write!(f, "its key is {kind}, and only EC P-256, P-384, P-521, Ed25519 and RSA of 2048 to 8192 bits are taken")
            }
            Self::Uris(uris) if uris.is_empty() => f.write_str("it has no URI, and a mesh certificate has one"),
            Self::Uris(uris) => write!(f, "it has {} URIs ({}), and a mesh certificate has one", uris.len(), uris.join(", ")),
            Self::NotAService(uri) => write!(f, "{uri:?} is no service of a mesh"),
            Self::TrustDomain(id, own) => write!(f, "{id} is of another mesh: the trust domain here is {own}"),
            Self::Id(found, expected) => write!(f, "it is {found}, and {expected} was expected"),
            Self::Host(name) => write!(f, "it is not for the host {name:?} (DNS names and addresses; the subject does not count)"),
            Self::Other(what) => write!(f, "it does not verify: {what}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_same_certificate_the_same_is_said_a_moment_later() {
        let said = |now| {
            Distrust { shown: None, beside: 0, why: Why::Date { over: true, at: Moment(1), now: Moment(now), own: true } }.to_string()
        };
        assert_eq!(said(2), said(3));
    }
}
