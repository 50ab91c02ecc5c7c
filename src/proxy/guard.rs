//! What HTTP/1 clients send, checked before the HTTP library reads it. The library forgives what must not pass (a length beside
//! chunks, a repeated length) and hides what a gateway has to see (a fragment); here such a request becomes a refusal.
//!
//! The guard follows the framing of requests so that it finds their heads. Bodies go through as they are.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::MAX_HEADER_BYTES;
use super::chunks::{Chunks, End};
use super::framing::{Checked, Framing};
use super::waits::Waits;
use crate::decide::code::Code;
use crate::tls::Io;

/// What stands in the stream instead of a refused request: the service finds the verdict of its turn and answers by it. Its method
/// is none that a request may have, so nothing but a refusal can ever come of it.
const REFUSED: &[u8] = b"- / HTTP/1.1\r\nhost: -\r\nconnection: close\r\n\r\n";

/// What was found of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is well-formed. `last`: no other request follows on the connection, but a tunnel may.
    Passed { last: bool },
    /// It must not pass.
    Refused(Code),
}

/// The verdicts over the requests of a connection, in their order; taken by the one who answers them.
// Guard and service run on one thread, but an upgraded connection must be `Send`.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdicts(Arc<Found>);

#[derive(Debug, Default)]
struct Found {
    /// Requests that passed, after each of which another one may follow, and which nobody has answered yet.
    passed: AtomicUsize,
    /// What is found after `ended` is of no request that is answered.
    ended: AtomicBool,
    /// The verdict that came last, until it is taken.
    last: Mutex<Option<Verdict>>,
}

impl Verdicts {
    /// The verdict over the next request. One that nobody looked at does not pass.
    pub(super) fn next(&self) -> Verdict {
        let Found { passed, last, .. } = &*self.0;
        if let Some(others) = passed.load(Relaxed).checked_sub(1) {
            passed.store(others, Relaxed);
            return Verdict::Passed { last: false };
        }
        let last = last.lock().ok().and_then(|mut last| last.take());
        last.unwrap_or(Verdict::Refused(Code::BadRequest))
    }

    fn push(&self, verdict: Verdict) {
        let Found { passed, ended, last } = &*self.0;
        if ended.load(Relaxed) {
            return;
        }
        if verdict == (Verdict::Passed { last: false }) {
            passed.store(passed.load(Relaxed) + 1, Relaxed);
            return;
        }
        ended.store(true, Relaxed);
        if let Ok(mut last) = last.lock() {
            *last = Some(verdict);
        }
    }
}

/// A client's stream, watched.
#[derive(Debug)]
pub(super) struct Guard {
    io: Io,
    waits: Arc<Waits>,
    verdicts: Verdicts,
    expects: Expects,
    /// The request asks for a tunnel: after it comes nothing that the library may read.
    upgrade: bool,
    /// Read, but not yet looked at: a part of a head, or of a tunnel to be.
    raw: BytesMut,
    /// How far the end of the head was searched for: who sends byte by byte costs no more than who does not.
    searched: usize,
    /// Looked at, for the library.
    ready: BytesMut,
    /// What still comes while the connection ends.
    linger: Option<Linger>,
}

/// Reading on after the last answer: closing with something unread would be a reset, which takes the answer from the client.
#[derive(Debug)]
struct Linger {
    bytes: usize,
    until: Pin<Box<Sleep>>,
}

/// How much of a tunnel is read before it is granted: nothing is read for it, but to notice that the client went away.
const EARLY: usize = 64 * 1024;
/// How much of a request is read after its answer.
const LINGERED: usize = 256 * 1024;
/// And for how long.
const LINGER_TIME: Duration = Duration::from_secs(5);

#[derive(Debug)]
enum Expects {
    Head,
    Body(u64),
    Chunks(Chunks),
    /// A tunnel, if it is granted: its bytes wait in `raw` for [`Guard::into_inner`].
    Tunnel,
    /// Nothing more: the request was refused, or broke off in its head.
    Nothing,
    /// Nothing more: the body is none, and the library is told so.
    Wrong,
}

impl Guard {
    /// Watches a stream; the verdicts are found beside it.
    pub(super) fn new(io: Io, waits: Arc<Waits>) -> (Self, Verdicts) {
        let verdicts = Verdicts::default();
        let guard = Self {
            io,
            waits,
            verdicts: verdicts.clone(),
            expects: Expects::Head,
            upgrade: false,
            raw: BytesMut::new(),
            searched: 0,
            ready: BytesMut::new(),
            linger: None,
        };
        (guard, verdicts)
    }

    /// The stream itself, and what was read of it but not passed on.
    pub(super) fn into_inner(mut self) -> (Io, BytesMut) {
        self.ready.unsplit(self.raw);
        (self.io, self.ready)
    }

    /// Whether the client was not done when the connection ended.
    fn is_unread(&self) -> bool {
        !matches!(self.expects, Expects::Head) || !self.raw.is_empty()
    }

    /// Ready when the client has closed too, or sent too much, or was too slow.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let linger = self.linger.get_or_insert_with(|| Linger { bytes: 0, until: Box::pin(sleep(LINGER_TIME)) });
        let mut space = [0; 4096];
        while linger.bytes < LINGERED && linger.until.as_mut().poll(cx).is_pending() {
            let mut read = ReadBuf::new(&mut space);
            match ready!(Pin::new(&mut self.io).poll_read(cx, &mut read)) {
                Ok(()) if !read.filled().is_empty() => linger.bytes += read.filled().len(),
                _ => break,
            }
        }
        Poll::Ready(())
    }

    /// Whether bytes can go to the library as they are, which most do: then nothing is copied.
    fn passes(&mut self, bytes: &[u8]) -> bool {
        match &mut self.expects {
            Expects::Tunnel | Expects::Nothing | Expects::Wrong => false,
            Expects::Body(left) => {
                let passes = bytes.len() as u64 <= *left;
                if passes {
                    *left -= bytes.len() as u64;
                    if *left == 0 {
                        self.expects = self.after_body();
                    }
                }
                passes
            }
            Expects::Chunks(chunks) => {
                let mut ahead = *chunks;
                let (followed, end) = ahead.follow(bytes);
                let passes = followed == bytes.len();
                if passes {
                    self.expects = self.after_chunks(ahead, end);
                }
                passes
            }
            Expects::Head => {
                // One head and nothing else; what else this could be is looked at as such.
                if bytes.len() > MAX_HEADER_BYTES as usize || !bytes.ends_with(b"\n\r\n") {
                    return false;
                }
                match Checked::of(bytes) {
                    Ok(checked) if checked.line.is_none() && checked.end == bytes.len() => {
                        self.passed(&checked);
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
                        self.expects = self.after_body();
                    }
                    n
                }
                Expects::Chunks(chunks) => {
                    let (n, end) = chunks.follow(&self.raw);
                    let chunks = *chunks;
                    self.expects = self.after_chunks(chunks, end);
                    n
                }
                Expects::Tunnel => return,
                Expects::Nothing | Expects::Wrong => return self.raw.clear(),
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
            let too_long = self.raw.len() > MAX_HEADER_BYTES as usize;
            if too_long {
                self.refuse(Code::HeadersTooLarge);
            }
            return too_long;
        };
        self.searched = 0;
        let head = self.raw.split_to(end);
        match Checked::of(&head) {
            // The library would refuse it too, and nobody would know of the request.
            Ok(checked) if checked.length(end) > MAX_HEADER_BYTES as usize => self.refuse(Code::HeadersTooLarge),
            Ok(checked) => {
                self.passed(&checked);
                match &checked.line {
                    Some(line) => {
                        self.ready.extend_from_slice(line);
                        self.ready.extend_from_slice(&head[checked.line_end..]);
                    }
                    None => self.ready.extend_from_slice(&head),
                }
            }
            Err(code) => self.refuse(code),
        }
        true
    }

    fn passed(&mut self, checked: &Checked) {
        self.upgrade = checked.tunnel;
        self.expects = match checked.framing {
            Framing::None | Framing::Length(0) => self.after_body(),
            Framing::Length(n) => Expects::Body(n),
            Framing::Chunked => Expects::Chunks(Chunks::START),
        };
        self.verdicts.push(Verdict::Passed { last: self.upgrade || checked.closes });
    }

    fn refuse(&mut self, code: Code) {
        self.expects = Expects::Nothing;
        self.verdicts.push(Verdict::Refused(code));
        self.ready.extend_from_slice(REFUSED);
    }

    const fn after_body(&self) -> Expects {
        if self.upgrade { Expects::Tunnel } else { Expects::Head }
    }

    const fn after_chunks(&self, chunks: Chunks, end: Option<End>) -> Expects {
        match end {
            None => Expects::Chunks(chunks),
            Some(End::Complete) => self.after_body(),
            Some(End::Wrong) => Expects::Wrong,
        }
    }
}

/// Where a head ends: after an empty line, searched from a place on.
fn head_end(bytes: &[u8], mut from: usize) -> Option<usize> {
    while let Some(at) = memchr::memchr(b'\n', &bytes[from..]) {
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
            match this.expects {
                // Nobody needs to be woken: either the tunnel takes the stream over, or the answer ends the connection.
                Expects::Tunnel if this.raw.len() >= EARLY => return Poll::Pending,
                // Not only for the body, but for whatever the library thinks to be in.
                Expects::Wrong => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
                _ => {}
            }
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
            let new = &buf.filled()[before..];
            if new.is_empty() {
                // A head that ends in the middle is none, nor is a tunnel whose client left before it was granted.
                this.raw.clear();
                return Poll::Ready(Ok(()));
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
        self.waits.moves();
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.waits.moves();
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
        }
        if self.is_unread() {
            ready!(self.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_taken_in_their_order_and_behind_the_last_nothing_passes() {
        let (more, last, none) = (Verdict::Passed { last: false }, Verdict::Passed { last: true }, Verdict::Refused(Code::BadRequest));
        let verdicts = Verdicts::default();
        assert_eq!(verdicts.next(), none);
        for verdict in [more, more, last, more] {
            verdicts.push(verdict);
        }
        assert_eq!([(); 5].map(|()| verdicts.next()), [more, more, last, none, none]);
        let refused = Verdicts::default();
        refused.push(Verdict::Refused(Code::HeadersTooLarge));
        assert_eq!([(); 2].map(|()| refused.next()), [Verdict::Refused(Code::HeadersTooLarge), none]);
    }
}
