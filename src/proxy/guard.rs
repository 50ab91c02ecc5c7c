//! What HTTP/1 clients send, checked before the HTTP library reads it. The library forgives what must not pass (a length beside
//! chunks, a repeated length) and hides what a gateway has to see (a fragment); here such a request becomes a refusal.
//!
//! The guard follows the framing of requests so that it finds their heads. Bodies go through as they are.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::MAX_HEADER_BYTES;
use super::chunks::{Chunks, End};
use super::framing::{Checked, Framing};
use crate::decide::code::Code;
use crate::tls::Io;

/// What stands in the stream instead of a refused request: the service finds the verdict of its turn and answers by it.
const REFUSED: &[u8] = b"GET / HTTP/1.1\r\nhost: -\r\nconnection: close\r\n\r\n";

/// The verdicts over the requests of a connection, in their order; taken by the one who answers them.
// The lock is never contended: guard and service run on one thread, but an upgraded connection must be `Send`.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdicts(Arc<Mutex<VecDeque<Option<Code>>>>);

impl Verdicts {
    /// The verdict over the next request: `None` is well-formed.
    pub(super) fn next(&self) -> Option<Code> {
        self.0.lock().ok()?.pop_front().flatten()
    }

    fn push(&self, verdict: Option<Code>) {
        if let Ok(mut verdicts) = self.0.lock() {
            verdicts.push_back(verdict);
        }
    }
}

/// A client's stream, watched.
#[derive(Debug)]
pub(super) struct Guard {
    io: Io,
    verdicts: Verdicts,
    expects: Expects,
    /// Read, but not yet looked at: a part of a head.
    raw: BytesMut,
    /// How far the end of the head was searched for: who sends byte by byte costs no more than who does not.
    searched: usize,
    /// Looked at, for the library.
    ready: BytesMut,
}

#[derive(Debug)]
enum Expects {
    Head,
    Body(u64),
    Chunks(Chunks),
    /// Nothing that the guard understands: a tunnel, a head that is too long or never ends, wrong chunks. The library judges.
    Anything,
    /// Nothing more: the request was refused.
    Nothing,
}

impl Guard {
    /// Watches a stream; the verdicts are found beside it.
    pub(super) fn new(io: Io) -> (Self, Verdicts) {
        let verdicts = Verdicts::default();
        let guard =
            Self { io, verdicts: verdicts.clone(), expects: Expects::Head, raw: BytesMut::new(), searched: 0, ready: BytesMut::new() };
        (guard, verdicts)
    }

    /// The stream itself, and what was read of it but not passed on.
    pub(super) fn into_inner(mut self) -> (Io, BytesMut) {
        self.ready.unsplit(self.raw);
        (self.io, self.ready)
    }

    /// Whether bytes can go to the library as they are, which most do: then nothing is copied.
    fn passes(&mut self, bytes: &[u8]) -> bool {
        match &mut self.expects {
            Expects::Anything => true,
            Expects::Nothing => false,
            Expects::Body(left) => {
                let passes = bytes.len() as u64 <= *left;
                if passes {
                    *left -= bytes.len() as u64;
                    if *left == 0 {
                        self.expects = Expects::Head;
                    }
                }
                passes
            }
            Expects::Chunks(chunks) => {
                let mut ahead = *chunks;
                let (followed, end) = ahead.follow(bytes);
                let passes = followed == bytes.len();
                if passes {
                    self.expects = Expects::after(ahead, end);
                }
                passes
            }
            Expects::Head => {
                if head_end(bytes, 0) != Some(bytes.len()) {
                    return false;
                }
                match Checked::of(bytes) {
                    Ok(checked) if checked.line.is_none() => {
                        self.verdicts.push(None);
                        self.expects = Expects::body_of(&checked);
                        true
                    }
                    _ => false,
                }
            }
        }
    }

    /// Looks at what was read.
    fn look(&mut self) {
        while !self.raw.is_empty() {
            let passed = match &mut self.expects {
                Expects::Head => {
                    if !self.look_at_head() {
                        return;
                    }
                    continue;
                }
                Expects::Body(left) => {
                    let n = usize::try_from(*left).unwrap_or(usize::MAX).min(self.raw.len());
                    *left -= n as u64;
                    if *left == 0 {
                        self.expects = Expects::Head;
                    }
                    n
                }
                Expects::Chunks(chunks) => {
                    let (n, end) = chunks.follow(&self.raw);
                    self.expects = Expects::after(*chunks, end);
                    n
                }
                Expects::Anything => self.raw.len(),
                Expects::Nothing => return self.raw.clear(),
            };
            let bytes = self.raw.split_to(passed);
            self.ready.extend_from_slice(&bytes);
        }
    }

    /// False: the head is not complete yet.
    fn look_at_head(&mut self) -> bool {
        // Empty lines before a request are nothing.
        let blank = self.raw.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        self.raw.advance(blank);
        // An end may begin three bytes before what is new.
        let from = if blank > 0 { 0 } else { self.searched.saturating_sub(3) };
        let Some(end) = head_end(&self.raw, from) else {
            self.searched = self.raw.len();
            if self.raw.len() > MAX_HEADER_BYTES as usize {
                self.expects = Expects::Anything;
                return true;
            }
            return false;
        };
        self.searched = 0;
        let head = self.raw.split_to(end);
        match Checked::of(&head) {
            Ok(checked) => {
                self.expects = Expects::body_of(&checked);
                self.verdicts.push(None);
                match &checked.line {
                    Some(line) => {
                        self.ready.extend_from_slice(line);
                        self.ready.extend_from_slice(&head[checked.line_end..]);
                    }
                    None => self.ready.extend_from_slice(&head),
                }
            }
            Err(code) => {
                self.expects = Expects::Nothing;
                self.verdicts.push(Some(code));
                self.ready.extend_from_slice(REFUSED);
            }
        }
        true
    }
}

impl Expects {
    const fn body_of(checked: &Checked) -> Self {
        match checked.framing {
            // What follows is the tunnel's, or the end.
            _ if checked.websocket => Self::Anything,
            Framing::None | Framing::Length(0) => Self::Head,
            Framing::Length(n) => Self::Body(n),
            Framing::Chunked => Self::Chunks(Chunks::START),
        }
    }

    const fn after(chunks: Chunks, end: Option<End>) -> Self {
        match end {
            None => Self::Chunks(chunks),
            Some(End::Complete) => Self::Head,
            Some(End::Wrong) => Self::Anything,
        }
    }
}

/// Where a head ends: after an empty line, searched from a place on.
fn head_end(bytes: &[u8], mut from: usize) -> Option<usize> {
    while let Some(at) = bytes[from..].iter().position(|b| *b == b'\n') {
        from += at + 1;
        match bytes[from..] {
            [b'\n', ..] => return Some(from + 1),
            [b'\r', b'\n', ..] => return Some(from + 2),
            _ => {}
        }
    }
    None
}

impl AsyncRead for Guard {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.ready.is_empty() {
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
            let new = &buf.filled()[before..];
            if new.is_empty() {
                if this.raw.is_empty() {
                    return Poll::Ready(Ok(()));
                }
                // A head that ends in the middle: the library knows what that is.
                this.expects = Expects::Anything;
            } else if this.raw.is_empty() && this.passes(new) {
                return Poll::Ready(Ok(()));
            } else {
                this.raw.extend_from_slice(new);
                buf.set_filled(before);
            }
            this.look();
        }
        let n = this.ready.len().min(buf.remaining());
        buf.put_slice(&this.ready[..n]);
        this.ready.advance(n);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Guard {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
