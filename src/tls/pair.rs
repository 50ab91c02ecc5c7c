//! A certificate and its key as texts that stand in an entry: whether they are what they should be, and belong together. Judged as
//! Consul's servers judge them (semantics 13).

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::shared_provider;
use super::x509::{X509, common_name, public_key};

/// Why a certificate and a key are no pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PairError {
    /// No key in the text.
    #[error("there is no private key in PEM")]
    NoKey,
    /// One that TLS here cannot sign with.
    #[error("the private key cannot be used: it must be RSA of 2048 bits and more, EC or Ed25519")]
    Key,
    /// No certificate in the text.
    #[error("there is no certificate in PEM")]
    NoCertificate,
    /// The first block is no certificate.
    #[error("the first block of PEM is no X.509 certificate")]
    Malformed,
    /// The key is of another one.
    #[error("the private key is not that of the certificate")]
    Mismatch,
}

/// The names that a certificate is for, its common name first, if that key is its own. Text around the blocks is nothing.
pub fn names(certificate: &str, key: &str) -> Result<Vec<String>, PairError> {
    ::pem::parse(key).map_err(|_| PairError::NoKey)?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| PairError::NoKey)?;
    let key = shared_provider().key_provider.load_private_key(key).map_err(|_| PairError::Key)?;
    let first = ::pem::parse(certificate).map_err(|_| PairError::NoCertificate)?;
    let says = X509::read(&first.contents().into()).ok_or(PairError::Malformed)?;
    let leaf = CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(|_| PairError::NoCertificate)?;
    if key.public_key().map(|own| own.to_vec()) != public_key(&leaf) {
        return Err(PairError::Mismatch);
    }
    let X509 { dns, ips, .. } = says;
    let ips = ips.iter().map(ToString::to_string);
    Ok(std::iter::once(common_name(&leaf)).chain(dns).chain(ips).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::issue::sample;

    #[test]
    fn a_pair_is_one_and_another_is_told_apart() {
        let (cert, key) = sample("www.example.com").expect("it is made");
        let (_, other) = sample("www.example.com").expect("it is made");
        assert_eq!(names(&format!("text\n{cert}"), &key), Ok(vec!["www.example.com".to_owned(); 2]));
        assert_eq!(names(&cert, &other), Err(PairError::Mismatch));
        assert_eq!(names("", &key), Err(PairError::NoCertificate));
        assert_eq!(names(&key, &key), Err(PairError::Malformed));
        assert_eq!(names(&cert, &cert), Err(PairError::NoKey));
        assert_eq!(names(&cert, "x"), Err(PairError::NoKey));
    }
}
