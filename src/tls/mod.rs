//! Bytes and keys: certificates from PEM files, TLS configurations built once a generation, and what connections read and write.

mod chain;
mod credentials;
mod distrust;
mod hello;
mod inbound;
mod io;
mod issue;
mod listening;
mod mesh;
mod outside;
pub mod pair;
mod peers;
pub mod pem;
mod range;
mod shown;
mod signatures;
mod socket;
mod spoken;
mod stamp;
mod verify;
mod x509;
mod xfcc;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::entry::TlsParameters;

pub use chain::{in_order, lasts, pem_in_order};
pub use credentials::{Credentials, Held, Own, Unusable};
pub use distrust::{Distrust, Side, Why};
pub use hello::{Alpn, Hello, HelloReader, LONGEST_HELLO, NoHello, server_name as passed_on_name};
pub use inbound::{Inbound, Peer, ended_name};
pub use io::{Io, Pair, is_of_tls};
pub use issue::{Authority, INTERMEDIATE_LIFE, IssueError, Issued, NotOurs, ROOT_LIFE, Request, Wanted, life_of, sample};
pub use mesh::{Mesh, Untrusted};
pub use outside::{NoTls, Outside};
pub use peers::Peers;
pub use rustls_pki_types::CertificateDer;
pub use shown::{End, Shown, shown};
pub use socket::Socket;
pub use spoken::Speaker;
pub use verify::{Bundle, Member, NoRoot, id_of};
pub use x509::{KeyKind, Moment, X509};

/// What is wrong with the certificates of an operator.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("cannot read {}", .0.display())]
    Read(PathBuf, #[source] std::io::Error),
    /// A file holds no certificate, or no key.
    #[error("{} holds no {}", .0.display(), .1)]
    Nothing(PathBuf, &'static str),
    /// A file is not what PEM looks like.
    #[error("{} is not PEM", .0.display())]
    Pem(PathBuf, #[source] rustls_pki_types::pem::Error),
    /// A root certificate is none.
    #[error("{} holds what is no root certificate", .0.display())]
    Root(PathBuf, #[source] NoRoot),
    /// A certificate of a `CAFile` cannot be trusted as it is.
    #[error("certificate {} in {} cannot be an anchor: {}", .1, .0.display(), .2)]
    Anchor(PathBuf, usize, String),
    /// Nothing is left to be spoken.
    #[error("{0} asks for no version or suite of TLS that gw has: TLS 1.3, and TLS 1.2 with {suites}", suites = TlsParameters::SUITES.join(", "))]
    Unspeakable(String),
    /// The machine has no roots.
    #[error("this machine has no root certificates ({0}): name a file, CAFile = \"/path/ca.pem\"")]
    System(String),
    /// The gateway's own certificate would be trusted by nobody in the mesh.
    #[error("the roots of the mesh do not vouch for the certificate {}", .0.display())]
    Distrusted(PathBuf, #[source] Box<Distrust>),
    /// The key is of no kind that can sign.
    #[error("the key {} cannot be used", .0.display())]
    Key(PathBuf, #[source] rustls::Error),
    /// The key belongs to another certificate, or the certificate is none.
    #[error("the certificate {} does not fit the key {}", cert.display(), key.display())]
    Mismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What the library says.
        source: rustls::Error,
    },
}

impl Error {
    /// The file of a leaf, or of its key, that another one would stand in for.
    pub fn leaf(&self) -> Option<&Path> {
        match self {
            Self::Distrusted(file, _) | Self::Key(file, _) | Self::Mismatch { cert: file, .. } => Some(file),
            _ => None,
        }
    }
}

/// An error and what it comes from, in a line.
fn with_source(error: &Error) -> String {
    let why = std::error::Error::source(error).map(|why| format!(": {why}")).unwrap_or_default();
    format!("{error}{why}")
}

/// Makes aws-lc-rs the process's cryptography. Called first thing in `main`; a second call changes nothing.
pub fn install() {
    // An error means that one is installed already.
    let _ = rustls::crypto::CryptoProvider::install_default(provider());
}

/// The provider with the cheapest strong suite first: AES-128-GCM costs a fifth less of a handshake than the usual order.
fn provider() -> rustls::crypto::CryptoProvider {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    let first = rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
    provider.cipher_suites.sort_by_key(|suite| *suite != first);
    provider
}

fn shared_provider() -> Arc<rustls::crypto::CryptoProvider> {
    rustls::crypto::CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(provider()))
}

/// The SHA-256 of a text.
pub fn sha256(text: &str) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().try_into().unwrap_or_default()
}

/// Whether two secrets are the same. How long that takes tells their lengths and nothing else.
pub fn same_secret(one: &[u8], other: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one, other).is_ok()
}
