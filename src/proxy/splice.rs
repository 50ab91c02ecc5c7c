//! Moving bytes between two bare sockets. Much at once passes inside the kernel, through a pipe that is lent for as long as it has
//! bytes in it; little is read and written, which are two system calls as well, and cheaper ones. A connection that is silent holds
//! nothing, and of what the other side does not take no more is read than that.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use super::copy::Broke;
use super::pipes::Pipe;
use super::progress::Progress;
use super::worker::Worker;

/// What is little: a read that comes back with less has emptied the socket. As much as a record of TLS.
const LITTLE: usize = 16 * 1024;
/// What is read at once of much when there is no pipe to be had.
const MUCH: usize = 64 * 1024;
/// How often one direction moves bytes before the worker's other connections have their turn.
const TURNS: usize = 16;

/// Which end of a direction broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    From,
    To,
}

/// One direction. A silent one holds nothing.
#[derive(Debug, Default)]
struct Way {
    /// Read, but not yet taken by the other side.
    held: Option<Box<Held>>,
    /// Much came the last time, so that more of it is expected.
    much: bool,
    over: bool,
}

#[derive(Debug)]
enum Held {
    Bytes(Bytes),
    Pipe(Pipe),
}

/// Two sockets between which bytes are moved until both directions have ended, each on its own; a side that ends is told to the other
/// by a half-close.
#[derive(Debug)]
pub(super) struct Splice {
    client: TcpStream,
    service: TcpStream,
    up: Way,
    down: Way,
    broke: Option<Broke>,
}

impl Splice {
    /// `first` goes to the service before what the client still sends.
    pub(super) fn new(client: TcpStream, service: TcpStream, first: Bytes) -> Self {
        let held = (!first.is_empty()).then(|| Box::new(Held::Bytes(first)));
        Self { client, service, up: Way { held, ..Way::default() }, down: Way::default(), broke: None }
    }

    /// Moves what there is. Ready when all is over.
    // No future of its own: who polls it has worker and progress anyway.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, worker: &Worker, progress: &Progress) -> Poll<Result<(), Broke>> {
        let Self { client, service, up, down, broke } = self;
        // First what the service says: its last words are passed on, also where nothing can be said to it any more.
        match down.poll(cx, service, client, up.over, worker, |n| progress.sent(n)) {
            Poll::Ready(Err(Broken::From)) => return Poll::Ready(Err(Broke::Service)),
            Poll::Ready(Err(Broken::To)) => *broke = broke.or(Some(Broke::Client)),
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        match up.poll(cx, client, service, down.over, worker, |n| progress.received(n)) {
            Poll::Ready(Err(Broken::From)) => return Poll::Ready(Err(Broke::Client)),
            Poll::Ready(Err(Broken::To)) => *broke = broke.or(Some(Broke::Service)),
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        if up.over && down.over { Poll::Ready(broke.map_or(Ok(()), Err)) } else { Poll::Pending }
    }
}

impl Way {
    /// Ready when the direction is over. `last`: the other one is, so that the sockets are about to be closed.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut TcpStream,
        to: &mut TcpStream,
        last: bool,
        worker: &Worker,
        count: impl Fn(usize),
    ) -> Poll<Result<(), Broken>> {
        if self.over {
            return Poll::Ready(Ok(()));
        }
        for _ in 0..TURNS {
            match ready!(self.turn(cx, from, to, worker, &count)) {
                Ok(false) => {}
                Ok(true) => {
                    self.end();
                    if !last {
                        // The other side may be gone already; what it sent still counts.
                        drop(Pin::new(to).poll_shutdown(cx));
                    }
                    return Poll::Ready(Ok(()));
                }
                Err(broken) => {
                    self.end();
                    return Poll::Ready(Err(broken));
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn end(&mut self) {
        *self = Self { over: true, ..Self::default() };
    }

    /// Moves what there is once. True: there will be no more.
    fn turn(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut TcpStream,
        to: &mut TcpStream,
        worker: &Worker,
        count: &impl Fn(usize),
    ) -> Poll<Result<bool, Broken>> {
        if let Some(held) = &mut self.held {
            ready!(held.poll_empty(cx, to)).map_err(|_| Broken::To)?;
            self.held = None;
        }
        if !self.much {
            return self.through_buffer(cx, from, to, LITTLE, worker, count);
        }
        ready!(from.poll_read_ready(cx)).map_err(|_| Broken::From)?;
        let Some(mut pipe) = worker.pipes.take() else {
            return self.through_buffer(cx, from, to, MUCH, worker, count);
        };
        match from.try_io(Interest::READABLE, || pipe.fill(&*from)) {
            Ok(0) => Poll::Ready(Ok(true)),
            Ok(n) => {
                count(n);
                self.much = n >= LITTLE;
                self.held = Some(Box::new(Held::Pipe(pipe)));
                Poll::Ready(Ok(false))
            }
            // That it was not ready is known now: the next turn waits.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Ready(Ok(false)),
            Err(_) => Poll::Ready(Err(Broken::From)),
        }
    }

    fn through_buffer(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut TcpStream,
        to: &mut TcpStream,
        most: usize,
        worker: &Worker,
        count: &impl Fn(usize),
    ) -> Poll<Result<bool, Broken>> {
        let mut buffer = worker.buffer.borrow_mut();
        let mut read = ReadBuf::new(&mut buffer.bytes()[..most]);
        ready!(Pin::new(from).poll_read(cx, &mut read)).map_err(|_| Broken::From)?;
        let bytes = read.filled();
        if bytes.is_empty() {
            return Poll::Ready(Ok(true));
        }
        count(bytes.len());
        self.much = bytes.len() >= LITTLE;
        let taken = match Pin::new(to).poll_write(cx, bytes) {
            Poll::Ready(Ok(n)) => n,
            Poll::Ready(Err(_)) => return Poll::Ready(Err(Broken::To)),
            Poll::Pending => 0,
        };
        if taken < bytes.len() {
            self.held = Some(Box::new(Held::Bytes(Bytes::copy_from_slice(&bytes[taken..]))));
        }
        Poll::Ready(Ok(false))
    }
}

impl Held {
    /// Ready when the other side has taken all of it.
    fn poll_empty(&mut self, cx: &mut Context<'_>, to: &mut TcpStream) -> Poll<io::Result<()>> {
        match self {
            Self::Bytes(bytes) => {
                while !bytes.is_empty() {
                    match ready!(Pin::new(&mut *to).poll_write(cx, bytes))? {
                        0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                        n => bytes.advance(n),
                    }
                }
            }
            Self::Pipe(pipe) => {
                while pipe.inside() > 0 {
                    match to.try_io(Interest::WRITABLE, || pipe.empty(&*to)) {
                        Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                        Ok(_) => {}
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready!(to.poll_write_ready(cx))?,
                        Err(error) => return Poll::Ready(Err(error)),
                    }
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}
