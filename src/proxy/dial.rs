//! A new connection to an instance.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use super::error::Failed;
use crate::decide::snapshot::Endpoint;
use crate::model::service::Address;
use crate::tls::Io;

/// Connects within a time, all addresses of a host name and the handshake together.
pub(super) async fn dial(endpoint: &Endpoint, within: Duration) -> Result<Io, Failed> {
    if endpoint.mesh {
        // No identity to show: a sidecar would end the handshake.
        return Err(Failed::Tls);
    }
    match tokio::time::timeout(within, connect(&endpoint.address)).await {
        Ok(Ok(stream)) => Ok(Io::tcp(stream)),
        Ok(Err(e)) => Err(Failed::Connect(e)),
        Err(_) => Err(Failed::Connect(io::ErrorKind::TimedOut.into())),
    }
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
