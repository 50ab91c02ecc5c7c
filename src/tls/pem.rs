//! Reading PEM files: chains and keys.

use std::path::Path;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem};

use super::Error;

/// The certificates of a file, in its order.
pub(super) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let text = read(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|e| Error::Pem(path.to_owned(), e))?;
    if chain.is_empty() { Err(Error::Nothing(path.to_owned(), "certificate")) } else { Ok(chain) }
}

/// The first private key of a file.
pub(super) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|e| match e {
        pem::Error::NoItemsFound => Error::Nothing(path.to_owned(), "private key"),
        e => Error::Pem(path.to_owned(), e),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|e| Error::Read(path.to_owned(), e))
}
