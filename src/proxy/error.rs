//! Why a try at an instance failed, and what that means for the next one.

use std::io;

use crate::decide::code::Code;
use crate::tls::Untrusted;

/// What went wrong between the gateway and an instance, before an answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    /// No connection stands. Nothing of the request was sent.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// The TLS handshake failed. Nothing of the request was sent.
    #[error("no mTLS with the instance")]
    Tls(#[source] Untrusted),
    /// The instance wants mTLS, and the gateway has no identity.
    #[error("the gateway has no identity to show: gw.toml has no [certs]")]
    NoIdentity,
    /// The instance took the connection and ended it without an answer.
    #[error("the connection ended before an answer")]
    Reset(#[source] hyper::Error),
    /// The instance refused the HTTP/2 stream: it did nothing.
    #[error("the instance refused the stream")]
    RefusedStream(#[source] hyper::Error),
    /// A timeout of the route was over.
    #[error("{0}")]
    Timeout(Code),
    /// The request cannot be written in the protocol of the instance.
    #[error("the request cannot be written in the protocol of the instance")]
    Unwritable,
}

impl Failed {
    /// The reason that the answer, the access record and the counters name.
    pub(super) const fn code(&self) -> Code {
        match self {
            Self::Connect(_) => Code::ConnectFailed,
            Self::Tls(_) | Self::NoIdentity => Code::UpstreamTls,
            Self::Reset(_) | Self::RefusedStream(_) => Code::UpstreamReset,
            Self::Timeout(code) => *code,
            Self::Unwritable => Code::BadRequest,
        }
    }

    /// Whether the next instance may get its turn: nothing of the request has been sent (`docs/differences.md`, try-next).
    pub(super) const fn tries_next(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::Tls(_) | Self::NoIdentity)
    }

    /// From hyper's error, and whether HTTP/2 said that the stream was refused.
    pub(super) fn from_hyper(error: hyper::Error) -> Self {
        if refused_stream(&error) { Self::RefusedStream(error) } else { Self::Reset(error) }
    }
}

/// REFUSED_STREAM stands only in the text of an error of the HTTP/2 library, which is no dependency of gw.
fn refused_stream(error: &hyper::Error) -> bool {
    use std::error::Error as _;
    error.source().is_some_and(|source| source.to_string().contains("refused stream"))
}
