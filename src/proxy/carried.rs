//! The few bytes that a target may have (wire 3) and the HTTP library's `Uri` may not: carried through it as other characters.
//!
//! The guard carries them in an HTTP/1 request line, `head` restores them, so that everything that decides sees the target as sent.
//! On the way out they are carried once more, and restored in the line as it is written. Nothing else is ever restored: a target
//! that came with other bytes than ASCII was refused before.

use std::borrow::Cow;
use std::fmt::Write;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::tls::Io;

/// What `Uri` refuses of all printable characters but `#`: in a path, or behind the `?`.
const fn is_odd(byte: u8, in_query: bool) -> bool {
    matches!((byte, in_query), (b'<' | b'>', _) | (b'`', false) | (b'"', true))
}

/// Whether there is a place where it is.
const fn may_be_odd(byte: u8) -> bool {
    is_odd(byte, false) || is_odd(byte, true)
}

/// Each byte with whether it is odd at its place.
fn judged(target: &[u8]) -> impl Iterator<Item = (u8, bool)> {
    let mut in_query = false;
    target.iter().map(move |byte| {
        in_query |= *byte == b'?';
        (*byte, is_odd(*byte, in_query))
    })
}

/// Whether a target has to be carried.
pub(super) fn is_needed(target: &str) -> bool {
    judged(target.as_bytes()).any(|(_, odd)| odd)
}

/// A target with its odd bytes carried: each is the letter with the same low bits behind ASCII.
pub(super) fn carry(target: &[u8]) -> Cow<'_, [u8]> {
    // Most have none of them anywhere.
    if !target.iter().any(|b| may_be_odd(*b)) || !judged(target).any(|(_, odd)| odd) {
        return Cow::Borrowed(target);
    }
    let mut out = Vec::with_capacity(target.len() + 16);
    for (byte, odd) in judged(target) {
        if odd {
            out.extend_from_slice(char::from(byte | 0x80).encode_utf8(&mut [0; 2]).as_bytes());
        } else {
            out.push(byte);
        }
    }
    Cow::Owned(out)
}

/// What was carried, as it was. `None`: there is something that nobody carried.
pub(super) fn restore(text: &str) -> Option<String> {
    text.chars()
        .map(|c| match u8::try_from(c) {
            Ok(byte) if byte.is_ascii() => Some(c),
            Ok(byte) if may_be_odd(byte & 0x7f) => Some(char::from(byte & 0x7f)),
            _ => None,
        })
        .collect()
}

/// The same in percent-encoding, for HTTP/2 services: there the library writes what it holds (`docs/differences.md`, h2-forms).
pub(super) fn encode(target: &str) -> String {
    let mut out = String::with_capacity(target.len() + 16);
    for (byte, odd) in judged(target.as_bytes()) {
        if odd {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        } else {
            out.push(char::from(byte));
        }
    }
    out
}

/// A connection to a service for one request whose target is carried: its first line is restored as it is written.
#[derive(Debug)]
pub(super) struct Restoring {
    io: Io,
    line: Line,
}

#[derive(Debug)]
enum Line {
    /// Not whole yet.
    Gathered(Vec<u8>),
    /// Restored, and not yet written.
    Waiting(Bytes),
    /// Written: the rest passes.
    Done,
}

impl Restoring {
    pub(super) const fn new(io: Io) -> Self {
        Self { io, line: Line::Gathered(Vec::new()) }
    }

    /// The stream itself, for what follows an upgrade.
    pub(super) fn into_inner(self) -> Io {
        self.io
    }

    /// Takes bytes of the first line; how many.
    fn gather(gathered: &mut Vec<u8>, bytes: &[u8]) -> io::Result<(usize, Option<Bytes>)> {
        let end = bytes.iter().position(|b| *b == b'\n');
        let n = end.map_or(bytes.len(), |at| at + 1);
        gathered.extend_from_slice(&bytes[..n]);
        if end.is_none() {
            return Ok((n, None));
        }
        let line = std::str::from_utf8(gathered).ok().and_then(restore).ok_or(io::ErrorKind::InvalidData)?;
        Ok((n, Some(line.into())))
    }

    fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Line::Waiting(line) = &mut self.line {
            if line.is_empty() {
                self.line = Line::Done;
            } else {
                let n = ready!(Pin::new(&mut self.io).poll_write(cx, line))?;
                if n == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                line.advance(n);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Restoring {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Restoring {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if let Line::Gathered(gathered) = &mut this.line {
            let (n, whole) = Self::gather(gathered, buf)?;
            if let Some(line) = whole {
                this.line = Line::Waiting(line);
            }
            return Poll::Ready(Ok(n));
        }
        ready!(this.poll_line(cx))?;
        Pin::new(&mut this.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_line(cx))?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_line(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use http::Uri;
    use http::uri::PathAndQuery;
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn of_printable_characters_uri_refuses_what_is_carried_and_nothing_else() {
        for byte in (b'!'..=b'~').filter(|b| *b != b'#') {
            for (target, in_query) in [(format!("/a{}", char::from(byte)), false), (format!("/a?b{}", char::from(byte)), true)] {
                let taken = target.parse::<Uri>().is_ok_and(|u| u.path_and_query().map(PathAndQuery::as_str) == Some(&target));
                assert_eq!(taken, !is_odd(byte, in_query), "{target}");
            }
        }
    }

    #[test]
    fn what_nobody_carried_is_not_restored() {
        for text in ["/ü", "/\u{80}", "/\u{ff}", "/\u{bc}\u{100}", "/\u{e000}"] {
            assert_eq!(restore(text), None, "{text:?}");
        }
        assert_eq!(restore("/\u{bc}a").as_deref(), Some("/<a"));
        assert_eq!(encode("/<a>`\"?\"`"), "/%3Ca%3E%60\"?%22`");
    }

    /// What a service reads when `pieces` are written one after the other.
    fn written(pieces: Vec<Vec<u8>>) -> Vec<u8> {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (mut service, _) = listener.accept().await.unwrap();
            let mut out = Restoring::new(Io::tcp(stream));
            for piece in pieces {
                out.write_all(&piece).await.unwrap();
                out.flush().await.unwrap();
            }
            out.shutdown().await.unwrap();
            let mut read = Vec::new();
            service.read_to_end(&mut read).await.unwrap();
            read
        })
    }

    proptest! {
        #[test]
        fn every_printable_target_passes_through_uri_and_comes_out_as_it_was(target in "/[!-\"$-~]{0,40}") {
            let carried = carry(target.as_bytes()).into_owned();
            let uri = Uri::try_from(carried.as_slice()).expect("carried, it is a Uri");
            let text = uri.path_and_query().expect("a path").as_str();
            prop_assert_eq!(text.as_bytes(), carried.as_slice());
            prop_assert_eq!(restore(text), Some(target.clone()));
            prop_assert_eq!(is_needed(&target), carried != target.as_bytes());
            prop_assert!(encode(&target).parse::<PathAndQuery>().is_ok());
        }

        #[test]
        fn the_first_line_is_restored_however_it_is_cut_and_the_rest_is_left_alone(
            target in "/[!-\"$-~]{0,20}", rest in prop::collection::vec(any::<u8>(), 0..60), size in 1_usize..80,
        ) {
            let line = |target: &[u8]| [b"GET ", target, b" HTTP/1.1\r\n"].concat();
            let sent = [line(&carry(target.as_bytes())), rest.clone()].concat();
            let read = written(sent.chunks(size).map(<[u8]>::to_vec).collect());
            prop_assert_eq!(read, [line(target.as_bytes()), rest].concat());
        }
    }
}
