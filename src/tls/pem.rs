//! PEM: chains and keys, read and written.

use std::path::Path;

use rustls::InconsistentKeys;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem};

use super::{Error, X509, shared_provider};

/// The certificates of a file, in its order.
pub fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    chain_in(&read(path)?, path)
}

/// The certificates of a text, in its order; `path` is where it comes from.
pub fn chain_in(text: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let chain = chain.map_err(|e| Error::Pem(path.to_owned(), e))?;
    if chain.is_empty() { Err(Error::Nothing(path.to_owned(), "certificate")) } else { Ok(chain) }
}

/// Whether the first certificate of a text has DNS names.
pub fn has_dns_names(text: &str) -> bool {
    let first = chain_in(text.as_bytes(), Path::new("")).ok().and_then(|chain| chain.into_iter().next());
    first.and_then(|leaf| X509::read(&leaf)).is_some_and(|says| !says.dns.is_empty())
}

/// Certificates as a text.
pub fn text_of(chain: &[CertificateDer<'_>]) -> String {
    let unix = ::pem::EncodeConfig::new().set_line_ending(::pem::LineEnding::LF);
    chain.iter().map(|cert| ::pem::encode_config(&::pem::Pem::new("CERTIFICATE", cert.to_vec()), unix)).collect()
}

/// The first private key of a file.
pub fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|e| match e {
        pem::Error::NoItemsFound => Error::Nothing(path.to_owned(), "private key"),
        e => Error::Pem(path.to_owned(), e),
    })
}

/// A chain with its key, which fits it.
pub(super) fn certified(cert: &Path, key: &Path) -> Result<CertifiedKey, Error> {
    let chain = chain(cert)?;
    let loaded = shared_provider().key_provider.load_private_key(self::key(key)?);
    let certified = CertifiedKey::new(chain, loaded.map_err(|e| Error::Key(key.to_owned(), e))?);
    match certified.keys_match() {
        // Some keys do not tell; then the first handshake does.
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(source) => Err(Error::Mismatch { cert: cert.to_owned(), key: key.to_owned(), source }),
    }
}

/// Whether the key of that file is that of the first of these certificates.
pub fn fit(chain: &[CertificateDer<'static>], path: &Path) -> bool {
    let Some(key) = key(path).ok().and_then(|key| shared_provider().key_provider.load_private_key(key).ok()) else { return false };
    CertifiedKey::new(chain.to_vec(), key).keys_match().is_ok()
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|e| Error::Read(path.to_owned(), e))
}
