//! The data path: one file a phase, in the order things happen. It asks the snapshot what to do and does that; it knows neither
//! kinds of gateways nor where configuration comes from.
//!
//! | phase | file |
//! |---|---|
//! | accept | `posts`, `listen` |
//! | the connection | `conn`, `handshake`, `hello` (`splice`, `pipes` and `copy` for bytes, `tunnel` after a 101, `standing` while it is allowed) |
//! | what comes in | `guard` (`framing`, `chunks`, `carried`), `waits`, `patience` |
//! | the request | `http`, `head`, `asked`, `lines`, `answer`, `bridge`, `relay`, `progress` (`judged` while it is allowed, `trace`) |
//! | the instance | `upstream`, `client_span`, `upload`, `retry`, `pool`, `shared`, `dial`, `error` |
//! | the record | `outcome`, `record`, `clock`; on its way to who writes it, `access`; who watches live, `tap`; what is counted, `meters` |
//! | what a worker has for itself | `worker`; what it tells of its connections, `connections` |

pub mod access;
mod answer;
mod as_read;
mod asked;
mod bridge;
mod carried;
mod chunks;
mod client_span;
mod clock;
mod conn;
mod connections;
mod copy;
mod dial;
mod error;
mod framing;
mod guard;
mod handshake;
mod head;
mod hello;
mod http;
mod judged;
mod lines;
mod listen;
pub mod meters;
mod outcome;
mod patience;
mod pipes;
mod pool;
mod posts;
mod progress;
mod record;
mod records;
mod relay;
mod retry;
mod shared;
mod splice;
mod standing;
mod tap;
pub mod trace;
mod tunnel;
mod upload;
mod upstream;
mod waits;
mod worker;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, UnboundedReceiver, UnboundedSender, unbounded_channel};

pub use as_read::HeadAsRead;

use self::access::AccessLog;
use self::meters::Meter;
use self::posts::Posts;
use self::trace::Tracing;
use self::worker::Worker;
use crate::model::gateway::Listener;
use crate::net::{Dialer, Names};
use crate::rt::rng::Rng;
use crate::rt::signal::Shutdown;
use crate::rt::task;
use crate::state::connections::Ask;
use crate::state::refusals::Refusals;
use crate::state::taps::Opened;
use crate::state::{AskForLeaf, Live};

/// The most headers of a request (wire 4).
const MAX_HEADERS: usize = 100;
/// The most bytes of a request's head (wire 4).
const MAX_HEADER_BYTES: u32 = 60 * 1024;
/// Within which a handshake, and a request's head, must be complete; also how long a connection may be kept alive unused. Where it is
/// counted in rounds (`waits`), it is a round longer at most.
const HEAD_TIME: Duration = Duration::from_secs(60);

/// A listener with a socket for one worker.
#[derive(Debug)]
pub struct Socket {
    /// By which orders name it.
    id: u64,
    /// The listener; its `bind` is where the socket really is.
    listener: Listener,
    /// The state of its gateway.
    live: Live,
    socket: std::net::TcpListener,
    held: Arc<()>,
}

/// Where a listener was bound.
#[derive(Debug)]
pub struct Place {
    /// The address that all its sockets share.
    pub address: SocketAddr,
    held: Weak<()>,
}

impl Place {
    /// Whether a worker still has a socket there.
    pub fn is_held(&self) -> bool {
        self.held.strong_count() > 0
    }
}

/// What a worker is told while it runs.
#[derive(Debug)]
pub enum Order {
    /// Accept connections at one more socket.
    Open(Socket),
    /// Who connects to that socket from now on meets another listener. The socket stays, so that no connection is refused
    /// meanwhile; who is connected already is told to finish.
    Change(u64, Listener, Live),
    /// Take who is in the queue, close the socket, and let who is connected finish.
    Close(u64),
    /// Look at the newest state, so that those before it are not kept by listeners that nobody asks.
    Look,
}

/// The one who gives orders to a worker.
#[derive(Clone, Debug)]
pub struct Orders(UnboundedSender<Order>);

impl Orders {
    /// A worker to be, and who gives it orders.
    pub fn channel() -> (Self, UnboundedReceiver<Order>) {
        let (sender, receiver) = unbounded_channel();
        (Self(sender), receiver)
    }

    /// Gives one. To a worker that has ended it is as if obeyed.
    pub fn give(&self, order: Order) {
        drop(self.0.send(order));
    }
}

/// What one worker is given.
#[derive(Debug)]
pub struct Share {
    /// Its orders, of which the first say where it listens.
    pub orders: UnboundedReceiver<Order>,
    /// The names of instances.
    pub names: Names,
    /// Who asks which connections are open.
    pub asked: Receiver<Ask>,
    /// Who wants to see what passes.
    pub tapped: Receiver<Opened>,
    /// Its counters.
    pub meter: Meter,
    /// Where instances are noted that take no connection.
    pub refusals: Refusals,
    /// How the leaf of a service is had that is not there; `None`: in no way.
    pub leaves: Option<AskForLeaf>,
    /// Where access records go.
    pub access: Option<AccessLog>,
    /// Where spans go.
    pub tracing: Option<Tracing>,
    /// How many connections it has at once.
    pub max_connections: usize,
    /// How long connections may go on when their listener, or the gateway, ends.
    pub drain_time: Duration,
    /// Its chance.
    pub rng: Rng,
}

/// Binds a listener once for each worker. All sockets share one address, the one that the first got; the kernel spreads
/// connections over them. `ours`: the address is in use by a listener that is about to close, so that nobody is asked whether
/// it is free.
pub fn bind(id: u64, listener: &Listener, live: &Live, workers: usize, ours: bool) -> io::Result<(Place, Vec<Socket>)> {
    if !ours {
        listen::probe(listener.bind)?;
    }
    let first = listen::bind(listener.bind)?;
    let address = first.local_addr()?;
    let mut sockets = vec![first];
    for _ in 1..workers {
        sockets.push(listen::bind(address)?);
    }
    let listener = Listener { bind: address, ..listener.clone() };
    let held = Arc::new(());
    let place = Place { address, held: Arc::downgrade(&held) };
    let socket = |socket| Socket { id, listener: listener.clone(), live: live.clone(), socket, held: held.clone() };
    Ok((place, sockets.into_iter().map(socket).collect()))
}

/// Runs a worker on this thread until the shutdown and the drain after it.
///
/// # Errors
/// None so far: a socket that cannot be used is left out, and the log says so.
pub async fn work(share: Share, shutdown: Shutdown) -> io::Result<()> {
    let worker = Worker::new(Dialer::new(&share.names), share.meter, share.refusals, share.access, share.leaves, share.tracing, share.rng);
    worker.sweep();
    records::write(&worker);
    worker.hellos.watch();
    connections::answer(&worker, share.asked);
    tap::hear(&worker, share.tapped);
    let mut posts = Posts::new(&worker, share.max_connections, share.drain_time, shutdown.clone());
    let mut orders = share.orders;
    while let Some(order) = tokio::select! {
        biased;
        () = shutdown.triggered() => None,
        order = orders.recv() => order,
    } {
        posts.obey(order);
    }
    // Also when nobody is left to give orders.
    shutdown.triggered().await;
    posts.close_all(orders).await;
    worker.pool.close_idle();
    Ok(())
}

/// Spawns what hyper spawns on the worker's own thread.
#[derive(Clone, Copy, Debug)]
struct LocalExecutor;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        task::spawn(future);
    }
}
