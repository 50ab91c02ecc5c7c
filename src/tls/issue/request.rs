//! What is asked of a CA that is elsewhere: a key that stays here, and a request to have it certified.

use rcgen::{CertificateParams, DistinguishedName, KeyPair, PublicKeyData, SanType};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::{IssueError, text};
use crate::id::Identity;
use crate::tls::chain::in_order;
use crate::tls::x509::{X509, public_key};

/// A key, and the request for its certificate.
pub struct Request {
    key: KeyPair,
    /// The URI that the certificate is to have.
    uri: String,
    csr: String,
}

/// Why what came is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOurs {
    /// It is not PEM, or holds none.
    #[error("there are no certificates in it")]
    NoCertificate,
    /// The first certificate is of another key.
    #[error("its first certificate is of another key than the request")]
    Key,
    /// The first certificate is somebody else's.
    #[error("its first certificate is for {0:?}, not for {1:?} alone")]
    Name(Vec<String>, String),
}

impl Request {
    /// A new EC P-256 key, to be certified for an identity and, where clients come from outside the mesh, for DNS names. The subject
    /// is empty, as in Consul's own leaves.
    pub fn new(identity: &Identity, dns: &[String]) -> Result<Self, IssueError> {
        let (key, uri) = (KeyPair::generate()?, identity.to_string());
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.subject_alt_names.push(SanType::URI(text(&uri)?));
        for name in dns {
            params.subject_alt_names.push(SanType::DnsName(text(name)?));
        }
        let csr = params.serialize_request(&key)?.pem()?;
        Ok(Self { key, uri, csr })
    }

    /// The request in PEM (PKCS #10).
    pub fn csr(&self) -> &str {
        &self.csr
    }

    /// The key in PEM (PKCS #8).
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// The chain of an answer, in order, if it is one to this request. Whether anybody trusts it is for who shows it.
    pub fn answered(&self, pem: &str) -> Result<Vec<CertificateDer<'static>>, NotOurs> {
        let chain = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>().map_err(|_| NotOurs::NoCertificate)?;
        let chain = in_order(chain);
        let leaf = chain.first().ok_or(NotOurs::NoCertificate)?;
        let says = X509::read(leaf).ok_or(NotOurs::NoCertificate)?;
        if public_key(leaf).is_none_or(|key| key != self.key.subject_public_key_info()) {
            return Err(NotOurs::Key);
        }
        if says.uris != [self.uri.as_str()] {
            return Err(NotOurs::Name(says.uris, self.uri.clone()));
        }
        Ok(chain)
    }
}

// By hand: whoever prints it for a log does not print the key.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("uri", &self.uri).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::id::{SpiffeId, TargetId, TrustDomain};
    use crate::tls::pem::text_of;
    use crate::tls::{Authority, Moment, Wanted};

    const NOW: Moment = Moment(1_800_000_000);

    fn mesh() -> TrustDomain {
        TrustDomain::new("test.consul")
    }

    fn of(service: &str) -> Identity {
        Identity::Service(SpiffeId::of_target(&TargetId::service(service, "dc1"), &mesh()))
    }

    /// What a CA of the mesh answers to a request, if it certifies it for that identity.
    fn signed(request: &Request, identity: &Identity, dns: &[String]) -> String {
        let (uris, dns) = (vec![identity.to_string()], dns.to_vec());
        let life = Duration::from_hours(1);
        let wanted = Wanted { common_name: None, uris, dns, ips: Vec::new(), for_servers: true, for_clients: true, life };
        let root = Authority::root(&mesh(), NOW).unwrap();
        text_of(&root.sign(request.csr().as_bytes(), &wanted, &[], NOW).unwrap().chain)
    }

    #[test]
    fn what_is_certified_is_the_own_key_for_the_names_that_were_asked_for() {
        let gateway = Identity::MeshGateway { trust_domain: mesh(), datacenter: "dc1".into() };
        assert_eq!(gateway.to_string(), "spiffe://test.consul/gateway/mesh/dc/dc1");
        let names = ["shop.example".to_owned(), "*.ingress.consul".to_owned()];
        for (identity, dns) in [(of("edge"), &names[..]), (gateway, &[])] {
            let request = Request::new(&identity, dns).unwrap();
            let chain = request.answered(&signed(&request, &identity, dns)).unwrap();
            let says = X509::read(&chain[0]).unwrap();
            assert_eq!((says.subject.as_str(), says.uris, says.dns), ("", vec![identity.to_string()], dns.to_vec()));
            assert!(request.key_pem().contains("BEGIN PRIVATE KEY") && !format!("{request:?}").contains("KEY"));
        }
    }

    #[test]
    fn an_answer_for_another_key_or_name_is_refused() {
        let request = Request::new(&of("edge"), &[]).unwrap();
        let other = Request::new(&of("edge"), &[]).unwrap();
        assert_eq!(request.answered(&signed(&other, &of("edge"), &[])), Err(NotOurs::Key));
        let unnamed = Request { uri: of("web").to_string(), ..Request::new(&of("edge"), &[]).unwrap() };
        assert_eq!(unnamed.answered(&signed(&unnamed, &of("edge"), &[])).map_err(|e| matches!(e, NotOurs::Name(..))), Err(true));
        for none in ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert_eq!(request.answered(none), Err(NotOurs::NoCertificate), "{none}");
        }
        assert!(Request::new(&of("edge"), &["\u{e9}.example".to_owned()]).is_err());
    }
}
