//! A new connection to an instance.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsStream;

use super::error::Failed;
use super::meters::Tally;
use super::pool::Peer;
use super::worker::Worker;
use crate::decide::snapshot::{Endpoint, UpstreamTls};
use crate::net::Dialer;
use crate::rt::log::with_causes;
use crate::tls::{Credentials, Io};

/// Connects within a time, all addresses of a host name and the handshake together. What came of it is known to the worker's pool, counted
/// and told.
pub(super) async fn dial(
    worker: &Worker,
    peer: &Peer,
    endpoint: &Endpoint,
    credentials: &Credentials,
    within: Duration,
    tally: &Tally,
) -> Result<Io, Failed> {
    let dialed = connect(&worker.dialer, endpoint, credentials, within).await;
    match &dialed {
        Ok(_) => {
            peer.accepted();
            worker.refusals.accepted(endpoint);
        }
        Err(failed) => {
            let error: &dyn std::error::Error = failed;
            tracing::debug!(service = endpoint.service, instance = endpoint.id, address = %endpoint.address, error, "no connection");
            // Whoever can set it right is told once.
            if peer.is_well() {
                say(endpoint, failed);
            }
            peer.refused();
            worker.refusals.refused(endpoint, failed.code(), || why(endpoint, failed));
        }
    }
    tally.dialed(dialed.as_ref().err().map(Failed::code));
    dialed
}

async fn connect(dialer: &Dialer, endpoint: &Endpoint, credentials: &Credentials, within: Duration) -> Result<Io, Failed> {
    let until = Instant::now() + within;
    // The dialer keeps the time itself, and then says what it has tried.
    let stream = dialer.connect(&endpoint.address, within).await.map_err(Failed::Connect)?;
    let Some(tls) = &endpoint.tls else {
        return Ok(Io::tcp(stream));
    };
    let late = |_| Failed::Connect(io::ErrorKind::TimedOut.into());
    timeout_at(until, secured(stream, tls, credentials)).await.map_err(late)?
}

/// What an entry says wrongly of a service outside the mesh is told with all that helps to write it rightly, and so is whom a sidecar
/// has shown itself to be; never to a client.
fn say(endpoint: &Endpoint, failed: &Failed) {
    if matches!(failed, Failed::Outside(_) | Failed::Tls(_)) {
        tracing::warn!(service = endpoint.service, instance = endpoint.id, address = %endpoint.address, "{}", why(endpoint, failed));
    }
}

/// Why there is no connection, in a line, for operators.
fn why(endpoint: &Endpoint, failed: &Failed) -> String {
    match (endpoint.tls.as_deref(), failed) {
        (Some(UpstreamTls::Outside { rule, .. }), Failed::Outside(no_tls)) => format!("{rule}: {}", no_tls.in_a_line()),
        _ => with_causes(failed),
    }
}

/// TLS with the service that is meant. Who has no identity to show is not worth a try: a sidecar would end the handshake.
async fn secured(stream: TcpStream, tls: &UpstreamTls, credentials: &Credentials) -> Result<Io, Failed> {
    let stream = match tls {
        UpstreamTls::Mesh { sni, id, .. } => {
            let mesh = credentials.mesh().ok_or(Failed::NoIdentity)?;
            mesh.connect(stream, sni, id).await.map_err(|untrusted| Failed::Tls(Box::new(untrusted)))?
        }
        UpstreamTls::Outside { files, name, protocol, .. } => {
            let outside = credentials.outside(files).ok_or(Failed::NoKeys)?;
            outside.connect(stream, name.as_deref(), *protocol).await.map_err(|no_tls| Failed::Outside(Box::new(no_tls)))?
        }
    };
    Ok(Io::tls(TlsStream::from(stream)))
}
