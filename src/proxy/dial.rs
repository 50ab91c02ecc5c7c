//! A new connection to an instance.

use std::time::Duration;

use super::error::Failed;
use crate::decide::snapshot::Endpoint;
use crate::net::Dialer;
use crate::tls::Io;

/// Connects within a time, all addresses of a host name and the handshake together.
pub(super) async fn dial(dialer: &Dialer, endpoint: &Endpoint, within: Duration) -> Result<Io, Failed> {
    if endpoint.mesh {
        // No identity to show: a sidecar would end the handshake.
        return Err(Failed::Tls);
    }
    match dialer.connect(&endpoint.address, within).await {
        Ok(stream) => Ok(Io::tcp(stream)),
        Err(error) => {
            tracing::debug!(service = endpoint.service, instance = endpoint.id, address = %endpoint.address, %error, "cannot connect");
            Err(Failed::Connect(error))
        }
    }
}
