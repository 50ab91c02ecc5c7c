//! Why a try at an instance failed, and what that means for the next one.

use std::error::Error as _;
use std::io;
use std::sync::Arc;

use crate::decide::code::Code;
use crate::tls::{NoTls, Untrusted, is_of_tls};

/// What went wrong between the gateway and an instance, before an answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    /// No connection stands. Nothing of the request was sent.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// The TLS handshake failed. Nothing of the request was sent.
    #[error("no mTLS with the instance")]
    Tls(#[source] Box<Untrusted>),
    /// The instance wants mTLS, and the gateway has no identity.
    #[error("the gateway has no identity to show: gw.toml has no [certs]")]
    NoIdentity,
    /// The TLS handshake with a service outside the mesh failed. Nothing of the request was sent.
    #[error("no TLS with the service")]
    Outside(#[source] Box<NoTls>),
    /// The files that the gateway's entry names for the service cannot be used.
    #[error("the CAFile, CertFile or KeyFile of the service cannot be used")]
    NoKeys,
    /// The connection that one request opens for all that wait for it does not stand.
    #[error(transparent)]
    Opening(Arc<Self>),
    /// The instance ended TLS after the handshake, without an answer. In TLS 1.3 the handshake is over for the gateway before the
    /// instance has looked at its certificate, so this is where a refusal is heard.
    #[error("the instance ended TLS: {0}")]
    Ended(String),
    /// The instance took the connection and ended it without an answer.
    #[error("the connection ended before an answer")]
    Reset(#[source] hyper::Error),
    /// The instance refused the HTTP/2 stream: it did nothing.
    #[error("the instance refused the stream")]
    RefusedStream(#[source] hyper::Error),
    /// A timeout of the route was over, or the request may not be made any more.
    #[error("{0}")]
    Timeout(Code),
    /// The request cannot be written in the protocol of the instance.
    #[error("the request cannot be written in the protocol of the instance")]
    Unwritable,
}

impl Failed {
    /// Nobody was there to be asked.
    pub(super) fn nobody() -> Self {
        Self::Connect(io::ErrorKind::AddrNotAvailable.into())
    }

    /// The reason that the answer, the access record and the counters name.
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Connect(_) => Code::ConnectFailed,
            Self::Tls(_) | Self::NoIdentity | Self::Outside(_) | Self::NoKeys | Self::Ended(_) => Code::UpstreamTls,
            Self::Reset(error) if error.is_parse() => Code::UpstreamMalformed,
            Self::Reset(_) | Self::RefusedStream(_) => Code::UpstreamReset,
            Self::Timeout(code) => *code,
            Self::Opening(failed) => failed.code(),
            Self::Unwritable => Code::BadRequest,
        }
    }

    /// Whether the next instance may get its turn: nothing of the request has been sent (`docs/differences.md`, try-next).
    pub(super) fn tries_next(&self) -> bool {
        match self {
            Self::Opening(failed) => failed.tries_next(),
            other => matches!(other, Self::Connect(_) | Self::Tls(_) | Self::NoIdentity | Self::Outside(_) | Self::NoKeys),
        }
    }

    /// What went wrong with TLS, cause after cause, for the access record.
    pub(super) fn of_transport(&self) -> Option<String> {
        let failed = match self {
            Self::Opening(failed) => return failed.of_transport(),
            Self::Tls(_) | Self::NoIdentity | Self::Outside(_) | Self::NoKeys | Self::Ended(_) => self,
            Self::Connect(_) | Self::Reset(_) | Self::RefusedStream(_) | Self::Timeout(_) | Self::Unwritable => return None,
        };
        let causes = std::iter::successors(Some(failed as &dyn std::error::Error), |&error| error.source());
        Some(causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
    }

    /// From hyper's error, where the connection ended before an answer.
    pub(super) fn ended(error: hyper::Error) -> Self {
        of_tls(&error).map_or(Self::Reset(error), Self::Ended)
    }

    /// From hyper's error, and whether HTTP/2 said that the stream was refused.
    pub(super) fn from_hyper(error: hyper::Error) -> Self {
        if refused_stream(&error) { Self::RefusedStream(error) } else { Self::Reset(error) }
    }
}

/// What TLS said, if that is what ended the connection.
fn of_tls(error: &hyper::Error) -> Option<String> {
    let error = error.source()?.downcast_ref::<io::Error>()?;
    is_of_tls(error).then(|| error.to_string())
}

/// Whether the instance refused the stream (RFC 9113, 8.7).
fn refused_stream(error: &hyper::Error) -> bool {
    http2(error).is_some_and(|e| e.is_reset() && e.reason() == Some(h2::Reason::REFUSED_STREAM))
}

/// Whether an HTTP/2 error is one of the stream, on a connection that lives.
pub(super) fn is_reset(error: &hyper::Error) -> bool {
    http2(error).is_some_and(h2::Error::is_reset)
}

/// Whether the instance was about to end the connection, and told that it has not looked at this request (RFC 9113, 6.8).
pub(super) fn was_not_looked_at(error: &hyper::Error) -> bool {
    http2(error).is_some_and(|e| e.is_go_away() && e.is_remote() && e.reason() == Some(h2::Reason::NO_ERROR))
}

/// Whether the instance reset a connection that stood. Writing to one that it had closed before is a broken pipe instead.
pub(super) fn was_reset(error: &hyper::Error) -> bool {
    let source = error.source().and_then(|s| s.downcast_ref::<io::Error>());
    source.is_some_and(|e| e.kind() == io::ErrorKind::ConnectionReset)
}

/// What ends a stream that nobody needs any more. The HTTP library looks for it in the sources of a body's error.
pub(super) type Cancelled = h2::Error;

pub(super) fn cancelled() -> Cancelled {
    h2::Reason::CANCEL.into()
}

fn http2(error: &hyper::Error) -> Option<&h2::Error> {
    error.source()?.downcast_ref()
}
