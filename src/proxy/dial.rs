//! A new connection to an instance.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

use super::error::Failed;
use crate::decide::snapshot::{Endpoint, UpstreamTls};
use crate::net::Dialer;
use crate::tls::{Credentials, Io};

/// Connects within a time, all addresses of a host name and the handshake together.
pub(super) async fn dial(dialer: &Dialer, endpoint: &Endpoint, credentials: &Credentials, within: Duration) -> Result<Io, Failed> {
    let dialed = async {
        let stream = dialer.connect(&endpoint.address, within).await.map_err(Failed::Connect)?;
        match &endpoint.tls {
            None => Ok(Io::tcp(stream)),
            Some(tls) => secured(stream, tls, credentials).await,
        }
    };
    let late = || Failed::Connect(io::ErrorKind::TimedOut.into());
    let dialed = tokio::time::timeout(within, dialed).await.unwrap_or_else(|_| Err(late()));
    if let Err(failed) = &dialed {
        let error: &dyn std::error::Error = failed;
        tracing::debug!(service = endpoint.service, instance = endpoint.id, address = %endpoint.address, error, "no connection");
    }
    dialed
}

/// mTLS with the service that is meant. Who has no identity to show is not worth a try: a sidecar would end the handshake.
async fn secured(stream: TcpStream, tls: &UpstreamTls, credentials: &Credentials) -> Result<Io, Failed> {
    let mesh = credentials.mesh().ok_or(Failed::NoIdentity)?;
    let stream = mesh.connect(stream, &tls.sni, &tls.id).await.map_err(|untrusted| Failed::Tls(Box::new(untrusted)))?;
    Ok(Io::tls(TlsStream::from(stream)))
}
