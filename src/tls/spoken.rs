//! A connection as a server of Consul makes it to another one: mTLS with a host name, then a word and an answer.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::WebPkiServerVerifier;
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};
use rustls_pki_types::ServerName;

use super::shown::connect;
use super::{Error, pem, shared_provider};

/// How long a server has to say no to what it was shown: with TLS 1.3 it does so after the handshake.
const NO: Duration = Duration::from_millis(300);

/// What an agent shows to others, and whom it trusts.
#[derive(Clone, Debug)]
pub struct Speaker(Arc<ClientConfig>);

impl Speaker {
    /// Of PEM files.
    pub fn of(cert: &Path, key: &Path, ca: &Path) -> Result<Self, Error> {
        let certified = pem::certified(cert, key)?;
        let mut roots = RootCertStore::empty();
        for root in pem::chain(ca)? {
            roots.add(root).map_err(|e| Error::Anchor(ca.to_owned(), roots.len() + 1, e.to_string()))?;
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), shared_provider()).build();
        let verifier = verifier.map_err(|e| Error::Anchor(ca.to_owned(), 1, e.to_string()))?;
        let builder = ClientConfig::builder_with_provider(shared_provider());
        let versions = builder.with_safe_default_protocol_versions().expect("the provider has suites for TLS 1.2 and 1.3");
        let config = versions.with_webpki_verifier(verifier);
        let config = config.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)));
        Ok(Self(Arc::new(config)))
    }

    /// Connects by a name, with a protocol, says a word, and reads an answer of that many bytes. Where none is awaited, it is enough that
    /// nobody says no. The time from the word to the answer, or of the handshake.
    pub fn speak(&self, at: &str, sni: &str, alpn: &str, word: &[u8], answer: usize) -> io::Result<Duration> {
        let name = ServerName::try_from(sni.to_owned());
        let name = name.map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the server name is none that TLS can carry"))?;
        let mut config = (*self.0).clone();
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        let mut tls = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
        let began = Instant::now();
        let mut stream = connect(at)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut stream)?;
        }
        let shook = began.elapsed();
        let mut tls = Stream::new(&mut tls, &mut stream);
        if answer == 0 {
            tls.sock.set_read_timeout(Some(NO))?;
            return match tls.read(&mut [0]) {
                Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => Ok(shook),
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(shook),
                Err(e) => Err(e),
            };
        }
        let began = Instant::now();
        tls.write_all(word)?;
        tls.flush()?;
        let mut read = vec![0; answer];
        tls.read_exact(&mut read)?;
        Ok(began.elapsed())
    }
}
