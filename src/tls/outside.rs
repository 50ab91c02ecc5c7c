//! TLS towards services outside the mesh: whom the entry says to trust, what it says to show, and in an error what was presented.

use std::error::Error as _;
use std::fmt;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::{CertificateError, ClientConfig, ClientConnection, HandshakeKind, OtherError};
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use webpki::{EndEntityCert, KeyUsage, VerifiedPath, anchor_from_trusted_cert};

use super::signatures::verifies_signatures;
use super::socket::Socket;
use super::{Error, Moment, X509, pem, shared_provider};
use crate::model::gateway::{Anchors, OutsideFiles, Protocol};

/// How many server names resume their sessions.
const SESSIONS: usize = 256;

/// What a service outside the mesh is spoken to with.
#[derive(Clone, Debug)]
pub struct Outside {
    /// With a name that is sent and checked.
    named: Arc<ClientConfig>,
    /// Without one that is sent.
    nameless: Arc<ClientConfig>,
    anchored: Arc<Anchored>,
    made_of: Arc<MadeOf>,
}

/// What was read from the files.
#[derive(Debug, PartialEq, Eq)]
struct MadeOf {
    anchors: Vec<CertificateDer<'static>>,
    own: Vec<CertificateDer<'static>>,
}

/// Why there is no TLS with a service outside the mesh. What to write where is part of it.
#[derive(Debug, thiserror::Error)]
pub enum NoTls {
    /// The name is none that TLS can carry.
    #[error("{0:?} is no server name: correct SNI")]
    Name(String),
    /// The certificate is not trusted, or is for another name.
    #[error(transparent)]
    Unverified(Box<Unverified>),
    /// The service wants a certificate.
    #[error("the service asks for a certificate of the gateway, or does not take the one it has: give CertFile and KeyFile")]
    WantsOurs(#[source] std::io::Error),
    /// It does not speak TLS, or not as we do.
    #[error("the handshake failed; where the service speaks no TLS, leave CAFile out")]
    Handshake(#[source] std::io::Error),
}

/// A certificate that was presented and not taken.
#[derive(Clone, Debug)]
pub struct Unverified {
    why: String,
    advice: String,
    presented: Vec<X509>,
}

impl Outside {
    /// The certificate that is shown; empty: none is.
    pub(super) fn own(&self) -> &[CertificateDer<'static>] {
        &self.made_of.own
    }

    /// Reads the files.
    pub fn build(files: &OutsideFiles) -> Result<Self, Error> {
        let anchors = match &files.anchors {
            Anchors::File(path) => pem::chain(path)?,
            Anchors::System => system()?,
        };
        let own = files.own.as_ref().map(|(cert, key)| pem::certified(cert, key)).transpose()?.map(Arc::new);
        let anchored = Anchored::of(files, &anchors)?;
        // Who is vouched for by the roots of the machine is anybody: then the address is a name, too.
        let any_name = files.anchors != Anchors::System;
        let config = |sends_name: bool| {
            let verifier = Arc::new(ByAnchors { anchored: anchored.clone(), checks_name: sends_name || !any_name });
            let builder = ClientConfig::builder_with_provider(shared_provider());
            let versions = builder.with_safe_default_protocol_versions().expect("the provider has suites for TLS 1.2 and 1.3");
            // `dangerous` is rustls' word for any verifier of one's own; this one says yes to nothing that the anchors do not vouch for.
            let verified = versions.dangerous().with_custom_certificate_verifier(verifier);
            let mut config = match &own {
                Some(own) => verified.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from((**own).clone()))),
                None => verified.with_no_client_auth(),
            };
            config.resumption = Resumption::in_memory_sessions(SESSIONS);
            config.enable_sni = sends_name;
            Arc::new(config)
        };
        let made_of = MadeOf { anchors, own: own.as_ref().map(|own| own.cert.clone()).unwrap_or_default() };
        Ok(Self { named: config(true), nameless: config(false), anchored, made_of: Arc::new(made_of) })
    }

    /// The older one, if it says the same: sessions that were begun with it can be resumed.
    #[must_use]
    pub fn or_the_same(self, older: Option<&Self>) -> Self {
        older.filter(|older| older.made_of == self.made_of).cloned().unwrap_or(self)
    }

    /// Whether services see the very same, trusted for the same reasons.
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.named, &other.named)
    }

    /// TLS with the service of that name; without one, with whoever the anchors vouch for, by the roots of the machine with the service
    /// of that address. What is spoken is said, and not asked.
    pub async fn connect(&self, stream: TcpStream, name: Option<&str>, protocol: Protocol) -> Result<TlsStream<Socket>, NoTls> {
        let (config, server) = match name {
            Some(name) => (&self.named, ServerName::try_from(name).map_err(|_| NoTls::Name(name.to_owned()))?.to_owned()),
            // The sessions are kept by it.
            None => (&self.nameless, ServerName::from(stream.peer_addr().map_err(NoTls::Handshake)?.ip())),
        };
        let alpn = match protocol {
            Protocol::Tcp => Vec::new(),
            Protocol::Http => vec![b"http/1.1".to_vec()],
            Protocol::Http2 | Protocol::Grpc => vec![b"h2".to_vec()],
        };
        let connector = TlsConnector::from(config.clone());
        let stream = connector.with_alpn(alpn).connect(server, Socket(stream)).await.map_err(no_tls)?;
        self.look_again(stream.get_ref().1)?;
        Ok(stream)
    }

    /// Of a resumed session, whose certificates are those of the first one: they may have ended since.
    fn look_again(&self, session: &ClientConnection) -> Result<(), NoTls> {
        if session.handshake_kind() != Some(HandshakeKind::Resumed) {
            return Ok(());
        }
        let Some((leaf, beside)) = session.peer_certificates().and_then(<[_]>::split_first) else {
            return Err(NoTls::Handshake(std::io::Error::other("a session without a certificate was resumed")));
        };
        let vouched = self.anchored.vouches(leaf, beside, UnixTime::now());
        vouched.map_err(|why| NoTls::Unverified(Box::new(Unverified::of(why, leaf, beside))))
    }
}

/// In words that say what to write where.
fn no_tls(error: std::io::Error) -> NoTls {
    use rustls::AlertDescription as Alert;
    match error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner)))) => match inner.downcast_ref::<Unverified>() {
            Some(unverified) => NoTls::Unverified(Box::new(unverified.clone())),
            None => NoTls::Handshake(error),
        },
        Some(rustls::Error::AlertReceived(
            Alert::CertificateRequired | Alert::BadCertificate | Alert::CertificateUnknown | Alert::UnknownCA | Alert::AccessDenied,
        )) => NoTls::WantsOurs(error),
        _ => NoTls::Handshake(error),
    }
}

/// The roots of the machine.
fn system() -> Result<Vec<CertificateDer<'static>>, Error> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let why = found.errors.first().map_or_else(|| "none is there".to_owned(), ToString::to_string);
        return Err(Error::System(why));
    }
    Ok(found.certs)
}

/// Certificates each of which is trusted by itself: a root, an intermediate, or the service's own.
#[derive(Debug)]
struct Anchored {
    certs: Vec<CertificateDer<'static>>,
    /// Those of CAs: what the key of a service has signed is not trusted with it.
    anchors: Vec<TrustAnchor<'static>>,
    /// When each of the anchors is valid: the library does not look at it.
    dates: Vec<Dates>,
    from: String,
    algorithms: WebPkiSupportedAlgorithms,
}

/// From when, and until when.
type Dates = (Moment, Moment);

/// What a certificate vouches for, if it is a CA's.
fn anchor(cert: &CertificateDer<'_>) -> Result<Option<(TrustAnchor<'static>, Dates)>, String> {
    let read = X509::read(cert).ok_or_else(|| "it is malformed".to_owned())?;
    let is_cas = read.is_ca || (read.is_v1 && read.is_self_issued);
    if !is_cas {
        return Ok(None);
    }
    let anchor = anchor_from_trusted_cert(cert).map_err(|e| e.to_string())?;
    Ok(Some((anchor.to_owned(), (read.from, read.until))))
}

impl Anchored {
    fn of(files: &OutsideFiles, certs: &[CertificateDer<'static>]) -> Result<Arc<Self>, Error> {
        let (mut kept, mut anchors) = (Vec::new(), Vec::new());
        for (n, cert) in certs.iter().enumerate() {
            match (anchor(cert), &files.anchors) {
                (Ok(anchor), _) => {
                    kept.push(cert.clone());
                    anchors.extend(anchor);
                }
                // Machines have some that are no good.
                (Err(_), Anchors::System) => {}
                (Err(why), Anchors::File(path)) => return Err(Error::Anchor(path.clone(), n + 1, why)),
            }
        }
        let (anchors, dates) = anchors.into_iter().unzip();
        let from = files.anchors.to_string();
        let algorithms = shared_provider().signature_verification_algorithms;
        Ok(Arc::new(Self { certs: kept, anchors, dates, from, algorithms }))
    }

    /// Whether one of them vouches for a certificate; why not, and what to do.
    fn vouches(&self, leaf: &CertificateDer<'_>, beside: &[CertificateDer<'_>], now: UnixTime) -> Result<(), (String, String)> {
        let (read, parsed) = (X509::read(leaf), EndEntityCert::try_from(leaf));
        let (Some(read), Ok(parsed)) = (read, parsed) else {
            return Err(("it cannot be read".to_owned(), "look at what the service has for a certificate".to_owned()));
        };
        let renew = || "the service needs another one".to_owned();
        if self.certs.iter().any(|cert| cert.as_ref() == leaf.as_ref()) {
            // It is trusted as it is, whatever it says about being a CA.
            return match (in_time(read.from, read.until, now), read.for_servers) {
                (false, _) => Err((format!("it is valid from {} to {}", read.from, read.until), renew())),
                (true, Some(false)) => Err(("it is not for servers (extended key usage)".to_owned(), renew())),
                (true, _) => Ok(()),
            };
        }
        let anchor_is_valid = |path: &VerifiedPath<'_>| self.anchor_is_valid(path.anchor(), now);
        let usage = KeyUsage::server_auth();
        let path = parsed.verify_for_usage(self.algorithms.all, &self.anchors, beside, now, usage, None, Some(&anchor_is_valid));
        match path {
            Ok(_) => Ok(()),
            Err(webpki::Error::UnknownIssuer) => {
                let advice = format!("put the certificate of its CA, {:?}, or its own, into the file of CAFile", read.issuer);
                Err((format!("nothing in {} vouches for it", self.from), advice))
            }
            Err(webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. }) => {
                Err(("it, or what vouches for it, is over or not valid yet".to_owned(), renew()))
            }
            Err(webpki::Error::CaUsedAsEndEntity) => {
                let advice = "put it into the file of CAFile itself, or give the service one that is not a CA's".to_owned();
                Err(("it is the certificate of a CA".to_owned(), advice))
            }
            Err(other) => Err((format!("it does not verify ({other})"), renew())),
        }
    }

    fn anchor_is_valid(&self, anchor: &TrustAnchor<'_>, now: UnixTime) -> Result<(), webpki::Error> {
        if self.anchors.iter().zip(&self.dates).any(|(a, (from, until))| a == anchor && in_time(*from, *until, now)) {
            return Ok(());
        }
        Err(webpki::Error::CertExpired { time: now, not_after: UnixTime::since_unix_epoch(std::time::Duration::ZERO) })
    }
}

fn in_time(from: Moment, until: Moment, now: UnixTime) -> bool {
    let now = Moment::from(now);
    from <= now && now <= until
}

/// Whoever the anchors vouch for, by its name or by any.
#[derive(Debug)]
struct ByAnchors {
    anchored: Arc<Anchored>,
    checks_name: bool,
}

impl ServerCertVerifier for ByAnchors {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let vouched = self.anchored.vouches(end_entity, intermediates, now);
        let verified = vouched.and_then(|()| if self.checks_name { is_for(end_entity, name) } else { Ok(()) });
        verified.map_err(|why| {
            let unverified = Unverified::of(why, end_entity, intermediates);
            rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(unverified))))
        })?;
        Ok(ServerCertVerified::assertion())
    }

    verifies_signatures!(verifier => &verifier.anchored.algorithms);
}

/// Whether a certificate is for a name.
fn is_for(leaf: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), (String, String)> {
    let valid = EndEntityCert::try_from(leaf).and_then(|leaf| leaf.verify_is_valid_for_subject_name(name));
    valid.map_err(|_| {
        let names = X509::read(leaf).map(|read| read.dns).unwrap_or_default();
        let advice = match names.first() {
            Some(first) => format!("give SNI = {first:?}, if that is the service that is meant"),
            None => "give the service a certificate with its name among the subject alternative names".to_owned(),
        };
        (format!("it is not for {:?}", name.to_str()), advice)
    })
}

impl Unverified {
    fn of((why, advice): (String, String), leaf: &CertificateDer<'_>, beside: &[CertificateDer<'_>]) -> Self {
        Self { why, advice, presented: std::iter::once(leaf).chain(beside).filter_map(X509::read).collect() }
    }
}

impl std::error::Error for Unverified {}

impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the service's certificate is not taken: {}; {}; presented:", self.why, self.advice)?;
        for (n, cert) in self.presented.iter().enumerate() {
            let names: Vec<String> =
                [&cert.dns, &cert.uris].into_iter().flatten().cloned().chain(cert.ips.iter().map(ToString::to_string)).collect();
            let names = if names.is_empty() { "no names".to_owned() } else { names.join(", ") };
            let sep = if n > 0 { ";" } else { "" };
            write!(f, "{sep} {}. {:?} by {:?}, for {names}, valid {} to {}", n + 1, cert.subject, cert.issuer, cert.from, cert.until)?;
        }
        Ok(())
    }
}

impl NoTls {
    /// All of it in one line, for a log.
    pub fn in_a_line(&self) -> String {
        let why = self.source().map(|why| format!(": {why}")).unwrap_or_default();
        format!("{self}{why}")
    }
}

#[cfg(test)]
mod tests;
