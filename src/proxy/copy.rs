//! Copying bytes both ways, where one side at least is no bare socket (`splice` is for two of them). No buffer is held while a connection is idle: reads go through the worker's one buffer, and only what
//! the other side does not take at once is kept.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::progress::{Progress, Watchdog};
use crate::decide::code::Code;
use crate::decide::plan::Timeouts;

/// 512 KiB: per byte a buffer of 64 KiB costs twice as much (performance 3).
const SIZE: usize = 512 * 1024;

/// How long a connection may be silent where nothing says otherwise, as for Envoy.
pub(super) const IDLE: Duration = Duration::from_secs(3600);

/// The worker's buffer, made at its first use.
#[derive(Debug, Default)]
pub(super) struct Buffer(Vec<u8>);

impl Buffer {
    pub(super) fn bytes(&mut self) -> &mut [u8] {
        if self.0.is_empty() {
            self.0 = vec![0; SIZE];
        }
        &mut self.0
    }
}

/// Whose side broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broke {
    /// The client's.
    Client,
    /// The service's.
    Service,
    /// Neither: nothing moved for too long.
    Idle,
}

impl From<Broke> for Code {
    fn from(broke: Broke) -> Self {
        match broke {
            Broke::Client => Self::ClientGone,
            Broke::Service => Self::UpstreamBroken,
            Broke::Idle => Self::IdleTimeout,
        }
    }
}

/// Copies until both directions have ended, each on its own; a side that ends is told to the other by a half-close.
pub(super) async fn copy<C, S>(client: C, service: S, buffer: &RefCell<Buffer>, progress: &Rc<Progress>) -> Result<(), Broke>
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut client, mut service) = (client, service);
    let (mut up, mut down) = (Direction::default(), Direction::default());
    progress.moves();
    std::future::poll_fn(|cx| {
        let buffer = &mut *buffer.borrow_mut();
        let sent = up.poll(cx, &mut client, &mut service, buffer, |n| progress.received(n))?;
        let received = down.poll(cx, &mut service, &mut client, buffer, |n| progress.sent(n)).map_err(Broke::other)?;
        match (sent, received) {
            (Poll::Ready(()), Poll::Ready(())) => Poll::Ready(Ok(())),
            _ => Poll::Pending,
        }
    })
    .await
}

/// What is copied, or its end when nothing moves for the time `idle`.
pub(super) async fn unless_idle(
    copied: impl Future<Output = Result<(), Broke>>,
    progress: Rc<Progress>,
    idle: Duration,
) -> Result<(), Broke> {
    let timeouts = Timeouts { request: None, idle: Some(idle) };
    tokio::select! {
        biased;
        copied = copied => copied,
        _ = Watchdog::new(&progress, timeouts, &Rc::default()) => Err(Broke::Idle),
    }
}

impl Broke {
    const fn other(self) -> Self {
        match self {
            Self::Client => Self::Service,
            Self::Service => Self::Client,
            Self::Idle => Self::Idle,
        }
    }
}

/// One direction.
#[derive(Debug, Default)]
struct Direction {
    /// Read, but not yet taken by the other side.
    kept: Vec<u8>,
    written: usize,
    phase: Phase,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Copying,
    Closing,
    Closed,
}

impl Direction {
    /// Ready when the direction is closed. In an error `from` counts as the client.
    fn poll<F, T>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut F,
        to: &mut T,
        buffer: &mut Buffer,
        count: impl Fn(usize),
    ) -> Result<Poll<()>, Broke>
    where
        F: AsyncRead + Unpin,
        T: AsyncWrite + Unpin,
    {
        loop {
            match self.phase {
                Phase::Copying => match self.step(cx, from, to, buffer, &count)? {
                    Poll::Ready(()) => {}
                    Poll::Pending => return Ok(Poll::Pending),
                },
                Phase::Closing => match Pin::new(&mut *to).poll_shutdown(cx) {
                    // The other side may be gone already; what it sent still counts.
                    Poll::Ready(_) => self.phase = Phase::Closed,
                    Poll::Pending => return Ok(Poll::Pending),
                },
                Phase::Closed => return Ok(Poll::Ready(())),
            }
        }
    }

    fn step<F, T>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut F,
        to: &mut T,
        buffer: &mut Buffer,
        count: &impl Fn(usize),
    ) -> Result<Poll<()>, Broke>
    where
        F: AsyncRead + Unpin,
        T: AsyncWrite + Unpin,
    {
        if !self.kept.is_empty() {
            return self.write_kept(cx, to).map_err(|_| Broke::Service);
        }
        let mut read = ReadBuf::new(buffer.bytes());
        match Pin::new(from).poll_read(cx, &mut read) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => return Err(Broke::Client),
            Poll::Pending => {
                // TLS writes into a buffer of its own.
                return match Pin::new(to).poll_flush(cx) {
                    Poll::Ready(Err(_)) => Err(Broke::Service),
                    _ => Ok(Poll::Pending),
                };
            }
        }
        let bytes = read.filled();
        if bytes.is_empty() {
            self.phase = Phase::Closing;
            return Ok(Poll::Ready(()));
        }
        count(bytes.len());
        let taken = match Pin::new(to).poll_write(cx, bytes) {
            Poll::Ready(Ok(n)) => n,
            Poll::Ready(Err(_)) => return Err(Broke::Service),
            Poll::Pending => 0,
        };
        self.kept.extend_from_slice(&bytes[taken..]);
        Ok(Poll::Ready(()))
    }

    fn write_kept<T: AsyncWrite + Unpin>(&mut self, cx: &mut Context<'_>, to: &mut T) -> io::Result<Poll<()>> {
        let poll = Pin::new(to).poll_write(cx, &self.kept[self.written..]);
        let n = match poll {
            Poll::Ready(result) => result?,
            Poll::Pending => return Ok(Poll::Pending),
        };
        if n == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.written += n;
        if self.written == self.kept.len() {
            self.kept = Vec::new();
            self.written = 0;
        }
        Ok(Poll::Ready(()))
    }
}

/// Reads the first bytes of a stream while they go on being `expected`. What was read, all of it or up to the first difference.
pub(super) async fn prefix<R: AsyncRead + Unpin>(stream: &mut R, expected: &[u8]) -> io::Result<Vec<u8>> {
    let mut seen = Vec::with_capacity(expected.len());
    std::future::poll_fn(|cx| {
        while seen.len() < expected.len() && expected.starts_with(&seen) {
            let mut space = [0; 32];
            let wanted = (expected.len() - seen.len()).min(space.len());
            let mut read = ReadBuf::new(&mut space[..wanted]);
            ready!(Pin::new(&mut *stream).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                break;
            }
            seen.extend_from_slice(read.filled());
        }
        Poll::Ready(Ok(std::mem::take(&mut seen)))
    })
    .await
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    fn run<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    #[test]
    fn bytes_go_both_ways_and_a_half_close_leaves_the_other_way_open() {
        run(async {
            let (mut client, near) = duplex(7);
            let (far, mut service) = duplex(5);
            let (buffer, progress) = (RefCell::default(), Progress::start());
            let talk = async {
                client.write_all(b"a question that is longer than the pipes").await.unwrap();
                client.shutdown().await.unwrap();
                let mut answer = String::new();
                client.read_to_string(&mut answer).await.unwrap();
                answer
            };
            let serve = async {
                let mut question = String::new();
                service.read_to_string(&mut question).await.unwrap();
                service.write_all(question.to_uppercase().as_bytes()).await.unwrap();
                service.shutdown().await.unwrap();
            };
            let (copied, answer, ()) = tokio::join!(copy(near, far, &buffer, &progress), talk, serve);
            assert_eq!((copied, answer.as_str()), (Ok(()), "A QUESTION THAT IS LONGER THAN THE PIPES"));
            assert_eq!((progress.received.get(), progress.sent.get()), (40, 40));
        });
    }

    #[test]
    fn a_half_closed_connection_on_which_nothing_moves_ends() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (mut client, near) = duplex(64);
            let (far, _silent) = duplex(64);
            let (buffer, progress) = (RefCell::default(), Progress::start());
            client.write_all(b"hello").await.unwrap();
            client.shutdown().await.unwrap();
            let start = tokio::time::Instant::now();
            let copied = copy(near, far, &buffer, &progress);
            assert_eq!(unless_idle(copied, progress.clone(), IDLE).await, Err(Broke::Idle));
            assert_eq!(start.elapsed().as_secs(), 3600);
        });
    }

    #[test]
    fn a_prefix_is_read_no_further_than_it_matches() {
        run(async {
            for (sent, seen) in [("PRI * HTTP/2.0\r\nmore", "PRI * HTTP/2.0\r\n"), ("GET", "GET"), ("", ""), ("PRI", "PRI")] {
                let (mut client, mut near) = duplex(64);
                client.write_all(sent.as_bytes()).await.unwrap();
                drop(client);
                assert_eq!(prefix(&mut near, b"PRI * HTTP/2.0\r\n").await.unwrap(), seen.as_bytes(), "{sent}");
            }
        });
    }
}
