//! HTTP/2 connections to an instance: each shared by as many requests as the instance allows, another one opened when all are
//! taken. Requests that need one at the same time wait for one dialing.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::client::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::MAX_HEADER_BYTES;
use super::error::Failed;
use super::upload::Upload;
use crate::rt::task::{self, Held};
use crate::tls::{Io, is_of_tls};

/// How many connections one worker has to one instance. Beyond them requests wait at the emptiest.
const MOST: usize = 64;
/// How much of an answer may be under way before its client takes it.
const STREAM_WINDOW: u32 = 512 * 1024;
/// How much of all of a connection's together: as good as no limit. One connection carries the answers of many clients, and a few
/// who do not read must not hold up the others.
const CONNECTION_WINDOW: u32 = 1 << 30;
/// How much of a request may wait for an instance that does not take it.
const SEND_BUFFER: usize = 256 * 1024;
/// Instances that speak gRPC take pings more often than every five minutes for an attack.
const PING: Duration = Duration::from_secs(305);
const PONG: Duration = Duration::from_secs(20);
/// How long requests wait for what the instance says first, which is how many of them it takes.
const SETTINGS: Duration = Duration::from_secs(1);
/// A request given up after such a time, in which nothing at all came from the instance, was sent into a dead connection.
const SILENCE: Duration = Duration::from_millis(100);

/// The HTTP/2 connections of a worker to one instance.
#[derive(Debug, Default)]
pub(super) struct Connections {
    open: RefCell<Vec<Rc<Connection>>>,
    opening: RefCell<Option<Rc<Opening>>>,
}

#[derive(Debug)]
struct Connection {
    sender: http2::SendRequest<Upload>,
    driven: Driven,
    streams: Cell<u32>,
    /// Without a request since then, as the sweep saw it.
    unused: Cell<Option<Instant>>,
    heard: Rc<Heard>,
    /// It gets no more requests.
    retired: Cell<bool>,
    // It ends with its last request, at the latest.
    _runs: Held,
    _drives: Rc<OnceCell<Held>>,
}

type Driver = http2::Connection<TokioIo<Listening>, Upload, Tasks>;
/// Asked for its limit from outside, so not only its task has it.
type Driven = Rc<RefCell<Option<Driver>>>;

/// What came from the instance.
#[derive(Debug, Default)]
struct Heard {
    reads: Cell<u64>,
    /// Told when something came, and when nothing will.
    first: Notify,
    /// What TLS said at the end, which the HTTP library does not tell to each request.
    ended: OnceCell<String>,
}

/// A connection that somebody opens.
#[derive(Debug, Default)]
struct Opening {
    over: Cell<bool>,
    told: Notify,
    refused: OnceCell<Arc<Failed>>,
}

/// A place for one request on a connection: counted until it is dropped.
#[derive(Debug)]
pub(super) struct Stream {
    connection: Rc<Connection>,
    /// The connection was opened for this request.
    pub(super) fresh: bool,
    /// When it was taken and how much had been heard; `None` since there was an answer.
    asked: Cell<Option<(Instant, u64)>>,
}

impl Connections {
    /// A place on a connection: an open one, or a new one by `dial`.
    pub(super) async fn stream(&self, dial: impl AsyncFn() -> Result<Io, Failed>) -> Result<Stream, Failed> {
        loop {
            if let Some(stream) = self.free() {
                return Ok(stream);
            }
            let opening = self.opening.borrow().clone().filter(|o| !o.over.get());
            let Some(opening) = opening else {
                // Boxed: it is rare, and large for each request to carry along.
                return Box::pin(self.open(&dial)).await;
            };
            opening.told.notified().await;
            if let Some(failed) = opening.refused.get() {
                return Err(Failed::Opening(failed.clone()));
            }
        }
    }

    /// The first connection with a place, so that the last ones become unused when load falls.
    fn free(&self) -> Option<Stream> {
        let mut open = self.open.borrow_mut();
        open.retain(|c| !c.is_over());
        let full = open.len() >= MOST;
        let free = open.iter().find(|c| c.has_place());
        let emptiest = || open.iter().filter(|_| full).min_by_key(|c| c.streams.get());
        free.or_else(emptiest).map(|c| Stream::on(c, false))
    }

    async fn open(&self, dial: impl AsyncFn() -> Result<Io, Failed>) -> Result<Stream, Failed> {
        // However this ends, also when its client goes away: nobody waits for ever.
        let over = Over(Rc::new(Opening::default()));
        *self.opening.borrow_mut() = Some(over.0.clone());
        let connected = async { Connection::begin(dial().await?).await }.await;
        match connected {
            Ok(connection) => {
                self.open.borrow_mut().push(connection.clone());
                let heard = connection.heard.clone();
                // The others wait until it is known how many requests the connection takes.
                task::spawn(async move {
                    if heard.reads.get() == 0 {
                        drop(tokio::time::timeout(SETTINGS, heard.first.notified()).await);
                    }
                    drop(over);
                });
                Ok(Stream::on(&connection, true))
            }
            Err(failed) => Err(Failed::Opening(over.0.refused.get_or_init(|| Arc::new(failed)).clone())),
        }
    }

    /// Closes what was unused for too long. Whether any connection is left.
    pub(super) fn sweep(&self, now: Instant, idle: Duration) -> bool {
        self.open.borrow_mut().retain(|c| !c.is_over() && !c.is_unused(now, idle));
        !self.open.borrow().is_empty() || self.opening.borrow().as_ref().is_some_and(|o| !o.over.get())
    }
}

/// Ends an opening when it is dropped.
struct Over(Rc<Opening>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.over.set(true);
        self.0.told.notify_waiters();
    }
}

impl Connection {
    async fn begin(io: Io) -> Result<Rc<Self>, Failed> {
        let heard = Rc::<Heard>::default();
        let tasks = Tasks::default();
        let mut builder = http2::Builder::new(tasks.clone());
        builder.timer(TokioTimer::new()).max_header_list_size(MAX_HEADER_BYTES);
        builder.initial_stream_window_size(STREAM_WINDOW).initial_connection_window_size(CONNECTION_WINDOW);
        builder.max_send_buf_size(SEND_BUFFER).keep_alive_interval(PING).keep_alive_timeout(PONG);
        let io = TokioIo::new(Listening { io, heard: heard.clone() });
        let (sender, driver) = builder.handshake(io).await.map_err(Failed::Reset)?;
        let driven = Rc::new(RefCell::new(Some(driver)));
        let runs = driven.clone();
        // An error of the connection is one of its requests, which tell.
        let ends = heard.clone();
        let runs = task::hold(async move {
            std::future::poll_fn(|cx| drive(&runs, cx)).await;
            ends.first.notify_waiters();
        });
        let connection = Self {
            sender,
            driven,
            streams: Cell::new(0),
            unused: Cell::new(None),
            heard,
            retired: Cell::new(false),
            _runs: runs,
            _drives: tasks.first,
        };
        Ok(Rc::new(connection))
    }

    fn is_over(&self) -> bool {
        self.retired.get() || self.sender.is_closed()
    }

    /// Whether the instance takes one more request on it.
    fn has_place(&self) -> bool {
        let most = self.driven.borrow().as_ref().map_or(0, Driver::current_max_send_streams);
        (self.streams.get() as usize) < most
    }

    fn is_unused(&self, now: Instant, idle: Duration) -> bool {
        if self.streams.get() > 0 {
            return false;
        }
        let since = self.unused.get().unwrap_or(now);
        self.unused.set(Some(since));
        now.duration_since(since) >= idle
    }
}

fn drive(driven: &Driven, cx: &mut Context<'_>) -> Poll<()> {
    let mut driver = driven.borrow_mut();
    if let Some(running) = driver.as_mut() {
        drop(ready!(Pin::new(running).poll(cx)));
        *driver = None;
    }
    Poll::Ready(())
}

impl Stream {
    fn on(connection: &Rc<Connection>, fresh: bool) -> Self {
        connection.streams.set(connection.streams.get() + 1);
        connection.unused.set(None);
        Self { connection: connection.clone(), fresh, asked: Cell::new(Some((Instant::now(), connection.heard.reads.get()))) }
    }

    pub(super) fn sender(&self) -> http2::SendRequest<Upload> {
        self.connection.sender.clone()
    }

    /// There is an answer.
    pub(super) fn answered(&self) {
        self.asked.set(None);
    }

    /// What TLS said, if that is what ended the connection.
    pub(super) fn ended(&self) -> Option<String> {
        self.connection.heard.ended.get().cloned()
    }

    /// The connection turned out to be none.
    pub(super) fn retire(&self) {
        self.connection.retired.set(true);
        self.connection.heard.first.notify_waiters();
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let connection = &self.connection;
        connection.streams.set(connection.streams.get().saturating_sub(1));
        if let Some((since, heard)) = self.asked.get()
            && heard == connection.heard.reads.get()
            && since.elapsed() >= SILENCE
        {
            self.retire();
        }
    }
}

/// Spawns the tasks of a connection, and holds the first, which reads and writes: with it ends the connection.
#[derive(Clone, Debug, Default)]
struct Tasks {
    first: Rc<OnceCell<Held>>,
}

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Tasks {
    fn execute(&self, future: F) {
        if self.first.get().is_some() {
            return task::spawn(future);
        }
        // Cannot be taken: nobody else sets it.
        drop(self.first.set(task::hold(future)));
    }
}

/// A stream that tells when something came.
#[derive(Debug)]
struct Listening {
    io: Io,
    heard: Rc<Heard>,
}

impl Listening {
    /// Where the instance ended the connection before it said anything else, its alert is still to be read when writing fails. That it
    /// ended can be read in any case, so this does not wait for ever.
    fn written<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let closed = |error: &io::Error| matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset);
        if matches!(&written, Poll::Ready(Err(error)) if closed(error)) && self.heard.reads.get() == 0 {
            let _: io::Result<()> = ready!(Pin::new(self).poll_read(cx, &mut ReadBuf::new(&mut [0; 64])));
        }
        written
    }
}

impl AsyncRead for Listening {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if let Err(error) = ready!(Pin::new(&mut self.io).poll_read(cx, buf)) {
            if is_of_tls(&error) {
                drop(self.heard.ended.set(error.to_string()));
            }
            return Poll::Ready(Err(error));
        }
        if buf.filled().len() > before {
            let heard = &self.heard;
            heard.reads.set(heard.reads.get() + 1);
            if heard.reads.get() == 1 {
                heard.first.notify_waiters();
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Listening {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.written(cx, written)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.written(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
