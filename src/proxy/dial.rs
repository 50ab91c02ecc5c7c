//! A new connection to an instance.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

use super::error::Failed;
use crate::decide::snapshot::{Endpoint, UpstreamTls};
use crate::model::service::Address;
use crate::tls::{Credentials, Io};

/// Connects within a time, all addresses of a host name and the handshake together.
pub(super) async fn dial(endpoint: &Endpoint, credentials: &Credentials, within: Duration) -> Result<Io, Failed> {
    let dialed = async {
        let stream = connect(&endpoint.address).await.map_err(Failed::Connect)?;
        match &endpoint.tls {
            None => Ok(Io::tcp(stream)),
            Some(tls) => secured(stream, tls, credentials).await,
        }
    };
    let late = || Failed::Connect(io::ErrorKind::TimedOut.into());
    tokio::time::timeout(within, dialed).await.unwrap_or_else(|_| Err(late()))
}

/// mTLS with the service that is meant. Who has no identity to show is not worth a try: a sidecar would end the handshake.
async fn secured(stream: TcpStream, tls: &UpstreamTls, credentials: &Credentials) -> Result<Io, Failed> {
    let mesh = credentials.mesh().ok_or(Failed::NoIdentity)?;
    let stream = mesh.connect(stream, &tls.sni, &tls.id).await.map_err(Failed::Tls)?;
    Ok(Io::tls(TlsStream::from(stream)))
}

async fn connect(address: &Address) -> io::Result<TcpStream> {
    let stream = match address {
        Address::Socket(address) => TcpStream::connect(address).await?,
        // Tries each address that the name has.
        Address::Host(host, port) => TcpStream::connect((host.as_str(), *port)).await?,
    };
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15));
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(stream)
}
