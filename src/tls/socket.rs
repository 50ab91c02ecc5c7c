//! A socket as streams write to it, bare or through TLS: what is little goes out as one piece.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Up to so many bytes it is cheaper to copy what stands in several places than to have the kernel gather it: a tenth of a small
/// write is the look at the list.
const SMALL: usize = 1024;

/// A connected socket.
#[derive(Debug)]
pub struct Socket(pub(super) TcpStream);

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Self(stream)
    }
}

/// Everything in one place, if it is little.
fn gathered<'a>(bufs: &[io::IoSlice<'_>], into: &'a mut [u8; SMALL]) -> Option<&'a [u8]> {
    let mut end = 0;
    for buf in bufs {
        into.get_mut(end..end + buf.len())?.copy_from_slice(buf);
        end += buf.len();
    }
    Some(&into[..end])
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.0);
        match bufs {
            [one] => stream.poll_write(cx, one),
            _ => match gathered(bufs, &mut [0; SMALL]) {
                Some(all) => stream.poll_write(cx, all),
                None => stream.poll_write_vectored(cx, bufs),
            },
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
