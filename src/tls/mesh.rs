//! The gateway's own identity in the mesh, and mTLS towards services with it: both sides show a certificate of the mesh's CA, and
//! the service must be the one that was meant.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Error, pem, shared_provider};
use crate::id::SpiffeId;
use crate::model::gateway::Identity;

/// How many server names resume their sessions: as many targets as a busy gateway speaks to.
const SESSIONS: usize = 4096;

/// Why there is no connection of mTLS to an instance.
#[derive(Debug, thiserror::Error)]
pub enum Untrusted {
    /// The handshake failed: the instance speaks no TLS, or one side does not trust the other's certificate.
    #[error("the handshake failed")]
    Handshake(#[source] std::io::Error),
    /// The server name of the target is none that TLS can carry.
    #[error("{0:?} is no server name")]
    Name(String),
    /// The certificate is trusted, but it is another service's.
    #[error("the service calls itself {}, and {expected} was expected", Ids(.found))]
    Id {
        /// Whom the target means.
        expected: SpiffeId,
        /// The URIs of the certificate that was shown.
        found: Vec<String>,
    },
}

struct Ids<'a>(&'a [String]);

impl fmt::Display for Ids<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("nothing (its certificate has no URI)") } else { f.write_str(&self.0.join(", ")) }
    }
}

/// What the gateway shows to services, and whom it trusts.
#[derive(Clone, Debug)]
pub struct Mesh {
    config: Arc<ClientConfig>,
    /// The own certificate, which its key fits, and the roots: what `config` was made of.
    made_of: Arc<[Vec<CertificateDer<'static>>; 2]>,
}

impl Mesh {
    /// Reads the files. The certificate is checked against the roots as a service will check it, before anything uses it.
    pub fn build(files: &Identity) -> Result<Self, Error> {
        let trusted = pem::chain(&files.roots)?;
        let roots = Arc::new(roots(&files.roots, &trusted)?);
        let chain = pem::chain(&files.cert)?;
        let key = pem::key(&files.key)?;
        own_leaf(&files.cert, &chain, &roots)?;
        let provider = shared_provider();
        let mismatch = |source| Error::Mismatch { cert: files.cert.clone(), key: files.key.clone(), source };
        let verifier = Arc::new(ByRoots { roots, algorithms: provider.signature_verification_algorithms });
        let builder = ClientConfig::builder_with_provider(provider);
        let versions = builder.with_safe_default_protocol_versions().expect("the provider has suites for TLS 1.2 and 1.3");
        // `dangerous` is rustls' word for any verifier of one's own; this one says yes to nothing that does not chain to the roots.
        let verified = versions.dangerous().with_custom_certificate_verifier(verifier);
        let mut config = verified.with_client_auth_cert(chain.clone(), key).map_err(mismatch)?;
        config.resumption = rustls::client::Resumption::in_memory_sessions(SESSIONS);
        Ok(Self { config: Arc::new(config), made_of: Arc::new([chain, trusted]) })
    }

    /// Whether the same certificate is shown and the same roots are trusted.
    pub(super) fn says_the_same_as(&self, other: &Self) -> bool {
        self.made_of == other.made_of
    }

    /// Whether services see the very same gateway, which trusts them for the same reasons; two gateways that show nothing are the
    /// same, too.
    pub fn same(one: Option<&Self>, other: Option<&Self>) -> bool {
        match (one, other) {
            (Some(one), Some(other)) => Arc::ptr_eq(&one.config, &other.config),
            (one, other) => one.is_none() && other.is_none(),
        }
    }

    /// A connection to the service that is expected and to no other. Protocols are not negotiated: the service's protocol is known.
    pub async fn connect(&self, stream: TcpStream, sni: &str, expected: &SpiffeId) -> Result<TlsStream<TcpStream>, Untrusted> {
        let name = ServerName::try_from(sni).map_err(|_| Untrusted::Name(sni.to_owned()))?.to_owned();
        let connector = TlsConnector::from(self.config.clone());
        let stream = connector.connect(name, stream).await.map_err(Untrusted::Handshake)?;
        // Also of a resumed session: its certificates are those of the first one.
        let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let found = leaf.map(uris).unwrap_or_default();
        // One URI, and that of the service: a certificate with several would be several services (SPIFFE X.509-SVID, 2).
        match found.as_slice() {
            [uri] if SpiffeId::parse(uri).as_ref() == Some(expected) => Ok(stream),
            _ => Err(Untrusted::Id { expected: expected.clone(), found }),
        }
    }
}

fn roots(path: &std::path::Path, trusted: &[CertificateDer<'static>]) -> Result<RootCertStore, Error> {
    let mut store = RootCertStore::empty();
    for root in trusted {
        store.add(root.clone()).map_err(|e| Error::Root(path.to_owned(), e))?;
    }
    Ok(store)
}

/// Whether the own certificate would be trusted by a service that has the same roots.
fn own_leaf(path: &std::path::Path, chain: &[CertificateDer<'static>], roots: &Arc<RootCertStore>) -> Result<(), Error> {
    let distrusted = |source| Error::Distrusted(path.to_owned(), source);
    let builder = WebPkiClientVerifier::builder_with_provider(roots.clone(), shared_provider());
    let verifier = builder.build().map_err(|e| distrusted(rustls::Error::General(e.to_string())))?;
    verifier.verify_client_cert(&chain[0], &chain[1..], UnixTime::now()).map_err(distrusted)?;
    Ok(())
}

/// The URIs of a certificate.
fn uris(leaf: &CertificateDer<'_>) -> Vec<String> {
    webpki::EndEntityCert::try_from(leaf).map(|leaf| leaf.valid_uri_names().map(str::to_owned).collect()).unwrap_or_default()
}

/// Chain to the roots, validity and purpose. Names are not looked at: a mesh certificate has none, and whose it is [`Mesh::connect`]
/// checks, which alone makes connections with this.
#[derive(Debug)]
struct ByRoots {
    roots: Arc<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for ByRoots {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let parsed = ParsedCertificate::try_from(end_entity)?;
        rustls::client::verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, intermediates, now, self.algorithms.all)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
