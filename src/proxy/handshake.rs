//! How a connection begins that is TLS: the handshake, or of one with others its first words, and what they tell.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor, TlsStream};

use super::conn::in_time;
use super::hello::{self, Said};
use super::outcome::{Ends, Outcome};
use super::progress::Progress;
use super::worker::Site;
use crate::decide::code::Code;
use crate::decide::plan::Refusal;
use crate::model::gateway::{Listener, Protocol};
use crate::rt::drain::DrainWatch;
use crate::tls::{Inbound, Io, Socket};

/// How long who names a service waits for its leaf, which may have to be signed.
const LEAF_TIME: Duration = Duration::from_secs(10);

/// A connection that can be read.
pub(super) struct Begun {
    pub(super) io: Io,
    /// What is spoken on it.
    pub(super) protocol: Protocol,
    /// HTTP/2 was negotiated.
    pub(super) http2: bool,
}

/// TLS with a certificate that the name chooses. Who does not finish a handshake has its error by TLS itself.
pub(super) async fn with_certificate(
    stream: TcpStream,
    site: &Site,
    listener: &Listener,
    ends: &mut Ends,
    drain: &DrainWatch,
) -> Option<Begun> {
    let state = site.current();
    let config = state.credentials.server(listener, state.snapshot.switches.alpn)?.clone();
    drop(state);
    let Some(stream) = in_time(TlsAcceptor::from(config).accept(Socket::from(stream)), drain).await else {
        site.door.failed_handshakes.add(1);
        return None;
    };
    site.door.handshakes.add(1);
    let (_, session) = stream.get_ref();
    ends.sni = session.server_name().map(Into::into);
    let http2 = session.alpn_protocol() == Some(b"h2");
    Some(Begun { io: Io::tls(TlsStream::from(stream)), protocol: listener.protocol, http2 })
}

/// mTLS of the mesh, recorded where it fails: the name of the handshake is one of the listener's services, or the connection ends
/// before a byte is said.
pub(super) async fn of_the_mesh(
    stream: TcpStream,
    site: &Rc<Site>,
    listener: &Listener,
    ends: &mut Ends,
    drain: &DrainWatch,
) -> Option<Begun> {
    let begins = async {
        // An agent's check connects and closes, every few seconds, for ever: nobody who wanted anything.
        if matches!(stream.peek(&mut [0]).await, Ok(0) | Err(_)) {
            return Ok(Ok(None));
        }
        Ok(shake_hands(stream, site, listener, ends).await.map(Some))
    };
    let refusal = match in_time(begins, drain).await {
        Some(Ok(begun)) => {
            site.door.handshakes.add(begun.is_some().into());
            return begun;
        }
        Some(Err(refusal)) => refusal,
        None => Refusal::new(Code::ClientTls, "the handshake was not finished in time"),
    };
    site.door.failed_handshakes.add(1);
    refuse(site, listener, ends, &refusal);
    None
}

/// TLS between others: what the client says first is read for the name in it, and stands before what it says next. Who says no
/// ClientHello is sent a reset, as C+E does, so that it knows at once (wan-federation 5).
pub(super) async fn of_others(mut stream: TcpStream, site: &Rc<Site>, listener: &Listener, ends: &mut Ends) -> Option<Begun> {
    match hello::read(&mut stream, &site.worker).await {
        Ok(Some(Said { sni, bytes })) => {
            ends.sni = sni.map(String::into_boxed_str);
            Some(Begun { io: Io::tcp(stream).replaying(bytes.into()), protocol: listener.protocol, http2: false })
        }
        Ok(None) => None,
        Err(refusal) => {
            Io::tcp(stream).reset();
            refuse(site, listener, ends, &refusal);
            None
        }
    }
}

/// The record of a connection of which nothing was planned, and nothing will be.
fn refuse(site: &Rc<Site>, listener: &Listener, ends: &mut Ends, refusal: &Refusal) {
    tracing::debug!(listener = %listener.name, client = %ends.client, sni = ends.sni.as_deref(), code = %refusal.code, "no connection: {}", refusal.subject);
    let ends = std::mem::replace(ends, Ends::new(ends.client, ends.local));
    Outcome::open(&site.worker, &listener.name, site.undecided(false), &Arc::new(ends), &Progress::start(), None).refused(refusal);
}

async fn shake_hands(stream: TcpStream, site: &Site, listener: &Listener, ends: &mut Ends) -> Result<Begun, Refusal> {
    let failed = |error: &dyn std::error::Error| Refusal::new(Code::ClientTls, error.to_string());
    let hello = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), Socket::from(stream));
    let hello = hello.await.map_err(|error| failed(&error))?;
    ends.sni = hello.client_hello().server_name().map(Into::into);
    let keys = timeout(LEAF_TIME, keys_for(site, listener, ends.sni.as_deref()));
    let (protocol, inbound, config) = keys.await.unwrap_or_else(|_| {
        let (name, time) = (ends.sni.as_deref().unwrap_or_default(), LEAF_TIME.as_secs());
        Err(Refusal::new(Code::NoSni, format!("{name}: there is no leaf to show, and none has come within {time} s")))
    })?;
    let stream = hello.into_stream(config).await.map_err(|error| failed(&error))?;
    let peer = inbound.peer(stream.get_ref().1).map_err(|distrust| failed(&distrust))?;
    ends.peer = Some(Arc::new(peer));
    Ok(Begun { io: Io::tls(TlsStream::from(stream)), protocol, http2: false })
}

/// With which keys the handshake goes on for a name. The leaf of a service whose name nobody said yet may have to come first.
async fn keys_for(site: &Site, listener: &Listener, name: Option<&str>) -> Result<(Protocol, Inbound, Arc<ServerConfig>), Refusal> {
    loop {
        // The newest at the time of the handshake: the leaf and the service are of one state.
        let state = site.current();
        let service = state.snapshot.named(&listener.name, name)?.clone();
        let inbound = state.credentials.inbound().cloned();
        drop(state);
        let name = name.unwrap_or_default();
        if let Some((inbound, config)) = inbound.and_then(|inbound| inbound.server(name).cloned().map(|config| (inbound, config))) {
            return Ok((service.protocol, inbound, config));
        }
        if !site.another_leaf(&service.host.service).await {
            return Err(Refusal::new(Code::NoSni, format!("{name}: there is no leaf to show")));
        }
    }
}
