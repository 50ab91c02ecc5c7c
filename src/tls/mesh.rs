//! The gateway's own identity in the mesh, and mTLS towards services with it: both sides show a certificate of the mesh's CA, and
//! the service must be the one that was meant.

use std::io;
use std::sync::Arc;

use rustls::{CertificateError, ClientConfig};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::distrust::{Distrust, Side, Why};
use super::peers::Peers;
use super::range::Range;
use super::socket::Socket;
use super::verify::{Bundle, id_of};
use super::x509::Moment;
use super::{Error, Held, Unusable, X509, pem};
use crate::id::SpiffeId;
use crate::model::entry::TlsParameters;
use crate::model::gateway::Identity;

/// How many server names resume their sessions: as many targets as a busy gateway speaks to.
const SESSIONS: usize = 4096;

/// Why there is no connection of mTLS to an instance.
#[derive(Debug, thiserror::Error)]
pub enum Untrusted {
    /// The handshake failed: the instance speaks no TLS, or one side does not trust the other's certificate.
    #[error("the handshake failed")]
    Handshake(#[source] io::Error),
    /// The server name of the target is none that TLS can carry.
    #[error("{0:?} is no server name")]
    Name(String),
    /// The certificate that was shown is not trusted, or it is another service's.
    #[error("the service is not trusted")]
    Distrusted(#[source] Box<Distrust>),
}

impl From<io::Error> for Untrusted {
    /// What the verifier had to say comes back inside of what the library says of the handshake.
    fn from(error: io::Error) -> Self {
        let distrust = match error.get_ref().and_then(|e| e.downcast_ref()) {
            Some(rustls::Error::InvalidCertificate(CertificateError::Other(other))) => other.0.downcast_ref::<Distrust>().cloned(),
            _ => None,
        };
        distrust.map_or_else(|| Self::Handshake(error), |distrust| Self::Distrusted(Box::new(distrust)))
    }
}

/// What the gateway shows to services, and whom it trusts.
#[derive(Clone, Debug)]
pub struct Mesh {
    config: Arc<ClientConfig>,
    servers: Arc<Peers>,
    /// The own certificate, which its key fits.
    shown: Arc<[CertificateDer<'static>]>,
    range: Range,
}

impl Mesh {
    /// Reads the files. The certificate is checked against the roots as a service will check it, before anything uses it. Its trust
    /// domain is that of the mesh. `said` is what the `mesh` entry says is to be spoken.
    pub fn build(files: &Identity, said: &TlsParameters) -> Result<Self, Error> {
        Self::rebuild(files, said, None, &mut Vec::new())
    }

    /// The same while another is in use, by whose range it goes where nothing of this one is spoken here.
    pub(super) fn rebuild(
        files: &Identity,
        said: &TlsParameters,
        older: Option<&Self>,
        unusable: &mut Vec<Unusable>,
    ) -> Result<Self, Error> {
        let range = Range::or_before(said, "TLS.Outgoing", older.map(|older| &older.range), unusable)?;
        let roots = pem::chain(&files.roots)?;
        let chain = pem::chain(&files.cert)?;
        let key = pem::key(&files.key)?;
        let distrusted = |distrust| Error::Distrusted(files.cert.clone(), Box::new(distrust));
        let own = id_of(&chain[0]).map_err(|why| distrusted(Distrust::of(&chain[0], chain.len() - 1, why)))?;
        let bundle = Bundle::of(roots, own.trust_domain).map_err(|e| Error::Root(files.roots.clone(), e))?;
        let bundle = Arc::new(bundle);
        bundle.member(&chain, Side::Client, Moment::now()).map_err(distrusted)?;
        let servers = Arc::new(Peers::servers(bundle));
        let mismatch = |source| Error::Mismatch { cert: files.cert.clone(), key: files.key.clone(), source };
        let builder = ClientConfig::builder_with_provider(range.provider());
        let versions = builder.with_protocol_versions(range.versions()).expect("a range has suites for its versions");
        // `dangerous` is rustls' word for any verifier of one's own.
        let verified = versions.dangerous().with_custom_certificate_verifier(servers.clone());
        let mut config = verified.with_client_auth_cert(chain.clone(), key).map_err(mismatch)?;
        config.resumption = rustls::client::Resumption::in_memory_sessions(SESSIONS);
        Ok(Self { config: Arc::new(config), servers, shown: chain.into(), range })
    }

    /// The own certificate, and the roots.
    pub(super) fn held(&self) -> Vec<Held<'_>> {
        let name = X509::read(&self.shown[0]).map(|own| own.called().to_owned()).unwrap_or_default();
        let mut held = self.servers.bundle().held();
        held.push(Held { used: "identity", name, chain: &self.shown });
        held
    }

    /// Whether the same certificate is shown, the same roots are trusted, and the same is spoken.
    pub(super) fn says_the_same_as(&self, other: &Self) -> bool {
        self.shown == other.shown && self.range == other.range && self.servers.bundle().roots() == other.servers.bundle().roots()
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
    pub async fn connect(&self, stream: TcpStream, sni: &str, expected: &SpiffeId) -> Result<TlsStream<Socket>, Untrusted> {
        let name = ServerName::try_from(sni).map_err(|_| Untrusted::Name(sni.to_owned()))?.to_owned();
        let connector = TlsConnector::from(self.config.clone());
        let stream = connector.connect(name, Socket(stream)).await?;
        // Also of a resumed session: its certificates are those of the first one, and may have ended since.
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let distrusted = |distrust| Untrusted::Distrusted(Box::new(distrust));
        let member = self.servers.who(chain, Moment::now()).map_err(distrusted)?;
        if member.id == *expected {
            return Ok(stream);
        }
        let why = Why::Id(Box::new(member.id.clone()), Box::new(expected.clone()));
        Err(distrusted(Distrust::of(&chain[0], chain.len() - 1, why)))
    }
}
