//! Accepting connections: a permit first, then the connection, then its task.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::conn::Accepted;
use super::worker::Site;
use crate::model::gateway::Listener;
use crate::rt::drain::DrainWatch;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 4096;
/// How long a client may take nothing of what is sent to it.
const STALLED: Duration = Duration::from_secs(300);
/// The pause after the process ran out of descriptors.
const EXHAUSTED: Duration = Duration::from_millis(50);

/// Whether an address is free. Sharing it among workers would share it with another process of the same user as well, which must
/// be an error; a socket that does not share tells.
pub(super) fn probe(address: SocketAddr) -> io::Result<()> {
    std::net::TcpListener::bind(address).map(drop)
}

/// A socket that shares its address with those of the other workers.
pub(super) fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    // Inherited by each connection, as is what follows: without it small answers wait for acknowledgements.
    socket.set_tcp_nodelay(true)?;
    // A peer that is gone, or takes nothing for so long, does not hold one for ever.
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15)))?;
    socket.set_tcp_user_timeout(Some(STALLED))?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// What who connects meets.
#[derive(Clone, Debug)]
pub(super) struct Door {
    pub(super) listener: Rc<Listener>,
    pub(super) site: Rc<Site>,
    /// Told when who came through it is to finish.
    pub(super) drain: DrainWatch,
}

/// A socket of one worker.
#[derive(Debug)]
pub(super) struct Listening {
    pub(super) socket: TcpListener,
    /// Another one after the listener was changed.
    pub(super) door: Rc<RefCell<Door>>,
    pub(super) permits: Arc<Semaphore>,
    /// Told when the socket is to close, and dropped when it is.
    pub(super) close: DrainWatch,
    /// Tells by being there that the address is in use.
    pub(super) held: Arc<()>,
}

impl Listening {
    /// Accepts until the end, then what is still in the queue; nobody who was let in is left in the rain.
    pub(super) async fn accept(self) {
        let close = self.close.clone();
        loop {
            let (permit, accepted) = tokio::select! {
                biased;
                () = close.signaled() => break,
                accepted = self.next() => accepted,
            };
            match accepted {
                Ok((stream, client)) => self.door.borrow().enter(stream, client, permit),
                Err(e) => self.failed(&e).await,
            }
        }
        let Self { socket, door, permits, held, .. } = self;
        let Ok(socket) = socket.into_std() else {
            return;
        };
        let door = door.borrow().clone();
        while let Ok((stream, client)) = socket.accept() {
            if stream.set_nonblocking(true).is_ok()
                && let Ok(stream) = TcpStream::from_std(stream)
            {
                door.enter(stream, client, permits.clone().try_acquire_owned().ok());
            }
        }
        drop((socket, held, close));
    }

    async fn next(&self) -> (Option<OwnedSemaphorePermit>, io::Result<(TcpStream, SocketAddr)>) {
        // The semaphore is never closed.
        let permit = self.permits.clone().acquire_owned().await.ok();
        (permit, self.socket.accept().await)
    }

    /// A connection that broke before it was accepted is nothing; a process without descriptors waits for some.
    async fn failed(&self, error: &io::Error) {
        if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted) {
            tracing::warn!(listener = %self.door.borrow().listener.name, %error, "cannot accept");
            self.door.borrow().site.worker.hellos.halve();
            tokio::time::sleep(EXHAUSTED).await;
        }
    }
}

impl Door {
    fn enter(&self, stream: TcpStream, client: SocketAddr, permit: Option<OwnedSemaphorePermit>) {
        let Self { listener, site, drain } = self.clone();
        let open = Open::new(&site, permit);
        let accepted = Accepted { stream, client, listener, site, drain, open };
        self.drain.spawn(|guest| accepted.serve(guest));
    }
}

/// An open connection: counted until it is dropped. Whatever it becomes, a tunnel too, holds it.
#[derive(Debug)]
pub(super) struct Open {
    site: Rc<Site>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Open {
    pub(super) fn new(site: &Rc<Site>, permit: Option<OwnedSemaphorePermit>) -> Rc<Self> {
        site.door.accepted.add(1);
        site.door.open.add(1);
        Rc::new(Self { site: site.clone(), _permit: permit })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.site.door.open.take(1);
    }
}
