//! What the data path reads and writes: a plain or a TLS stream, with bytes put back that were read to look at them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

use super::socket::Socket;

/// How much of a large copy may be encrypted and not yet sent; the library's 64 KiB make it cost half as much again (performance 3).
const UNSENT: usize = 512 * 1024;

/// Whether TLS itself failed on a stream that stood: an alert of the other side, which refuses what it was shown, or what cannot be
/// read. By its kind alone, for HTTP/2 passes on no more than that and the text.
pub fn is_of_tls(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
}

/// A byte stream of either side.
#[derive(Debug)]
pub struct Io {
    /// Read before anything else.
    replay: Bytes,
    stream: Stream,
}

#[derive(Debug)]
enum Stream {
    Tcp(Socket),
    // Boxed: a TLS session is two kilobytes, and most connections have none.
    Tls(Box<TlsStream<Socket>>),
}

impl Io {
    /// A plain stream.
    pub const fn tcp(stream: TcpStream) -> Self {
        Self { replay: Bytes::new(), stream: Stream::Tcp(Socket(stream)) }
    }

    /// A stream after its handshake.
    pub fn tls(stream: TlsStream<Socket>) -> Self {
        Self { replay: Bytes::new(), stream: Stream::Tls(Box::new(stream)) }
    }

    /// The same stream for large copies: as much as is read at once is encrypted at once, and goes out in few system calls.
    #[must_use]
    pub fn in_bulk(mut self) -> Self {
        if let Stream::Tls(stream) = &mut self.stream {
            match &mut **stream {
                TlsStream::Client(stream) => stream.get_mut().1.set_buffer_limit(Some(UNSENT)),
                TlsStream::Server(stream) => stream.get_mut().1.set_buffer_limit(Some(UNSENT)),
            }
        }
        self
    }

    /// This stream and another as the sockets that they are, if they are.
    pub fn beside(self, other: Self) -> Pair {
        match (self, other) {
            (Self { replay, stream: Stream::Tcp(Socket(one)) }, Self { stream: Stream::Tcp(Socket(other)), .. }) => {
                Pair::Sockets(one, replay, other)
            }
            (one, other) => Pair::Streams(one, other),
        }
    }

    /// Closes a bare socket by a reset, which tells the other side at once that nothing will come.
    pub fn reset(self) {
        if let Stream::Tcp(Socket(stream)) = &self.stream {
            // What fails here is of a connection that has ended anyway.
            drop(stream.set_zero_linger());
        }
    }

    /// The same stream, with `bytes` in front of what is still to be read.
    #[must_use]
    pub fn replaying(mut self, bytes: Bytes) -> Self {
        debug_assert!(self.replay.is_empty(), "bytes are put back once");
        self.replay = bytes;
        self
    }
}

/// Two streams between which bytes are to be moved.
#[derive(Debug)]
pub enum Pair {
    /// Both are bare sockets; of the first something was read before.
    Sockets(TcpStream, Bytes, TcpStream),
    /// One of them at least is TLS.
    Streams(Io, Io),
}

impl AsyncRead for Io {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.replay.has_remaining() {
            let n = self.replay.len().min(buf.remaining());
            buf.put_slice(&self.replay.split_to(n));
            return Poll::Ready(Ok(()));
        }
        match &mut self.stream {
            Stream::Tcp(s) => Pin::new(s).poll_read(cx, buf),
            Stream::Tls(s) => Pin::new(s).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Io {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Tcp(s) => Pin::new(s).poll_write(cx, buf),
            Stream::Tls(s) => Pin::new(s).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Tcp(s) => Pin::new(s).poll_write_vectored(cx, bufs),
            Stream::Tls(s) => Pin::new(s).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Tcp(s) => s.is_write_vectored(),
            Stream::Tls(s) => s.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(s) => Pin::new(s).poll_flush(cx),
            Stream::Tls(s) => Pin::new(s).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(s) => Pin::new(s).poll_shutdown(cx),
            Stream::Tls(s) => Pin::new(s).poll_shutdown(cx),
        }
    }
}
