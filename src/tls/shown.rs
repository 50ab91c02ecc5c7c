//! What a server shows to whoever connects: the handshake is begun, the certificates are kept, and nothing is trusted.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::shared_provider;

/// How long a server may take for each of its steps.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// What a server shows.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// The certificates in its order; none: it sent none.
    pub chain: Vec<CertificateDer<'static>>,
    /// Such as `TLSv1_3`.
    pub version: Option<String>,
    /// The protocol that it chose.
    pub alpn: Option<String>,
}

/// How it ended with who was connected to, where it did not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing listens on that port.
    Refused,
    /// This machine has no way there.
    NoRoute,
    /// A way there was asked for and not found: no such address, or something in between says no.
    Unreachable,
    /// Nothing came within the time.
    Silent,
    /// The connection was closed, before anything was said or in the middle.
    Closed,
    /// The other side said no in TLS, and why: such as `BadCertificate`.
    Alert(String),
    /// What came is no TLS.
    NoTls,
    /// The name has no address.
    NoAddress,
    /// Anything else.
    Other(String),
}

impl End {
    /// What an error of the network means.
    pub fn of(error: &io::Error) -> Self {
        use io::ErrorKind as K;
        match error.kind() {
            K::ConnectionRefused => Self::Refused,
            K::NetworkUnreachable => Self::NoRoute,
            K::HostUnreachable | K::PermissionDenied => Self::Unreachable,
            K::TimedOut | K::WouldBlock => Self::Silent,
            K::ConnectionReset | K::ConnectionAborted | K::UnexpectedEof | K::BrokenPipe | K::NotConnected => Self::Closed,
            K::NotFound => Self::NoAddress,
            _ => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(rustls::Error::AlertReceived(alert)) => Self::Alert(format!("{alert:?}")),
                Some(rustls::Error::InvalidMessage(_)) => Self::NoTls,
                _ => Self::Other(error.to_string()),
            },
        }
    }
}

/// Connects and looks. An error is that of the network, or what a server says that is not TLS.
pub fn shown(at: &str, sni: Option<&str>, alpn: &[String]) -> io::Result<Shown> {
    let host = at.rsplit_once(':').map_or(at, |(host, _)| host).trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(sni.unwrap_or(host).to_owned());
    let name = name.map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the server name is none that TLS can carry"))?;
    let keeper = Arc::new(Keeper::default());
    let builder = ClientConfig::builder_with_provider(shared_provider());
    let versions = builder.with_safe_default_protocol_versions().expect("the provider has suites for TLS 1.2 and 1.3");
    let mut config = versions.dangerous().with_custom_certificate_verifier(keeper.clone()).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let mut tls = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    let mut stream = connect(at)?;
    let mut failed = None;
    while failed.is_none() && tls.is_handshaking() {
        failed = tls.complete_io(&mut stream).err();
    }
    let chain = std::mem::take(&mut *keeper.chain.lock().unwrap_or_else(PoisonError::into_inner));
    match failed {
        Some(error) if chain.is_empty() => Err(error),
        // That it ends with what it showed is the plan.
        _ => Ok(Shown {
            chain,
            version: tls.protocol_version().map(|version| format!("{version:?}")),
            alpn: tls.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
        }),
    }
}

pub(super) fn connect(at: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in at.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => {
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Keeps what is shown, and says no.
#[derive(Debug, Default)]
struct Keeper {
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Keeper {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = std::iter::once(end_entity).chain(intermediates).map(|cert| cert.clone().into_owned()).collect();
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = chain;
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        shared_provider().signature_verification_algorithms.supported_schemes()
    }
}
