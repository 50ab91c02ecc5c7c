//! The data path: one file a phase, in the order things happen. It asks the snapshot what to do and does that; it knows neither
//! kinds of gateways nor where configuration comes from.
//!
//! | phase | file |
//! |---|---|
//! | accept | `listen` |
//! | the connection | `conn` (`splice` for bytes, `tunnel` after a 101) |
//! | what comes in | `guard` (`framing`, `chunks`, `carried`), `patience` |
//! | the request | `http`, `head`, `answer`, `bridge`, `relay`, `progress` |
//! | the instance | `upstream`, `upload`, `retry`, `pool`, `shared`, `dial`, `error` |
//! | the record | `outcome` |
//! | what a worker has for itself | `worker` |

mod answer;
mod bridge;
mod carried;
mod chunks;
mod conn;
mod dial;
mod error;
mod framing;
mod guard;
mod head;
mod http;
mod listen;
mod outcome;
mod patience;
mod pool;
mod progress;
mod relay;
mod retry;
mod shared;
mod splice;
mod tunnel;
mod upload;
mod upstream;
mod worker;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;

pub use outcome::{AccessLog, Counters};

use self::listen::Listening;
use self::worker::{Site, Worker};
use crate::model::gateway::Listener;
use crate::net::{Dialer, Names};
use crate::rt::rng::Rng;
use crate::rt::signal::Shutdown;
use crate::rt::{drain, task};
use crate::state::Live;

/// The most headers of a request (wire 4).
const MAX_HEADERS: usize = 100;
/// The most bytes of a request's head (wire 4).
const MAX_HEADER_BYTES: u32 = 60 * 1024;
/// Within which a handshake, and a request's head, must be complete; also how long a connection may be kept alive unused.
const HEAD_TIME: Duration = Duration::from_secs(60);

/// A listener with a socket for one worker.
#[derive(Debug)]
pub struct Socket {
    /// The listener; its `bind` is where the socket really is.
    pub listener: Listener,
    /// The state of its gateway.
    pub live: Live,
    socket: std::net::TcpListener,
}

/// What one worker is given.
#[derive(Debug)]
pub struct Share {
    /// Its listeners.
    pub sockets: Vec<Socket>,
    /// The names of instances.
    pub names: Names,
    /// Its counters.
    pub counters: Arc<Counters>,
    /// Where access records go.
    pub access: Option<AccessLog>,
    /// How many connections it has at once.
    pub max_connections: usize,
    /// How long connections may go on when the gateway ends.
    pub drain_time: Duration,
    /// Its chance.
    pub rng: Rng,
}

/// Binds a listener once for each worker. All sockets share one address, the one that the first got; the kernel spreads
/// connections over them.
pub fn bind(listener: &Listener, live: &Live, workers: usize) -> io::Result<(SocketAddr, Vec<Socket>)> {
    listen::probe(listener.bind)?;
    let first = listen::bind(listener.bind)?;
    let address = first.local_addr()?;
    let mut sockets = vec![first];
    for _ in 1..workers {
        sockets.push(listen::bind(address)?);
    }
    let listener = Listener { bind: address, ..listener.clone() };
    let socket = |socket| Socket { listener: listener.clone(), live: live.clone(), socket };
    Ok((address, sockets.into_iter().map(socket).collect()))
}

/// Runs a worker on this thread until the shutdown and the drain after it.
///
/// # Errors
/// If it cannot listen: a worker that cannot is none.
pub async fn work(share: Share, shutdown: Shutdown) -> io::Result<()> {
    let worker = Worker::new(Dialer::new(&share.names), share.counters, share.access, share.rng);
    worker.sweep();
    let permits = Arc::new(Semaphore::new(share.max_connections.min(Semaphore::MAX_PERMITS)));
    let (drain, watch) = drain::channel();
    for Socket { listener, live, socket } in share.sockets {
        let site = Site::new(&worker, &live);
        let socket = TcpListener::from_std(socket)?;
        let listening = Listening { listener: Rc::new(listener), socket, site, permits: permits.clone(), drain: watch.clone() };
        task::spawn(listening.accept());
    }
    drop(watch);
    shutdown.triggered().await;
    if !drain.finish(share.drain_time).await {
        tracing::warn!(seconds = share.drain_time.as_secs(), "connections were cut at the end of the drain time");
    }
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
