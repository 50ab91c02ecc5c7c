//! The life of one connection, straight down the page.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::HEAD_TIME;
use super::connections::Listed;
use super::copy::{Broke, IDLE, copy, prefix, unless_idle};
use super::dial::dial;
use super::error::Failed;
use super::handshake::{self, Begun};
use super::http::{Client, LAST_REQUEST, serve_http1, serve_http2};
use super::listen::Open;
use super::outcome::{Ends, Outcome};
use super::pool::Active;
use super::progress::{Progress, Timers};
use super::splice::Splice;
use super::standing::{self, Allowed};
use super::worker::{Site, Worker};
use crate::decide::Snapshot;
use crate::decide::code::Code;
use crate::decide::facts::Facts;
use crate::decide::plan::Plan;
use crate::id::ListenerName;
use crate::model::gateway::{Listener, ListenerMode};
use crate::rt::drain::{DrainWatch, Guest};
use crate::tls::{Credentials, Io, Pair};

/// How HTTP/2 begins where nothing was negotiated (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection that was accepted.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) stream: TcpStream,
    pub(super) client: SocketAddr,
    pub(super) listener: Rc<Listener>,
    pub(super) site: Rc<Site>,
    pub(super) drain: DrainWatch,
    pub(super) open: Rc<Open>,
}

/// A connection from its first byte to its last.
// Written out as a future, as what it becomes: an `async` block would hold much of it twice, for as long as the connection is open.
// How it begins is in a box, which is gone when it has: an open connection weighs what it needs by then.
pub(super) struct Serving {
    phase: Phase,
    _guest: Guest,
}

enum Phase {
    Begins(Pin<Box<dyn Future<Output = Option<Course>>>>),
    Runs(Course),
}

/// What a connection is that has begun.
enum Course {
    Requests(Pin<Box<dyn Future<Output = ()>>>),
    Bytes(Tcp),
}

/// A tcp connection that a service has taken: all that is left of it is to move bytes.
struct Tcp {
    moves: Moves,
    allowed: Option<Box<Allowed>>,
    outcome: Outcome,
    _listed: Listed,
    _active: Active,
    /// Counted until the end of it all.
    _open: Rc<Open>,
}

/// How bytes are moved.
enum Moves {
    /// Inside the kernel, where neither side is TLS of ours and silence is no reason to end.
    Sockets(Box<Splice>),
    Streams(Pin<Box<dyn Future<Output = Result<(), Broke>>>>),
}

impl Accepted {
    /// A task that is the guest's.
    pub(super) fn serve(self, guest: Guest) -> Serving {
        Serving { phase: Phase::Begins(Box::pin(self.begin())), _guest: guest }
    }

    /// What comes before requests are answered or bytes are moved.
    async fn begin(self) -> Option<Course> {
        let Self { stream, client, listener, site, drain, open } = self;
        let mut ends = Ends::new(client, stream.local_addr().ok()?);
        let begun = match listener.mode {
            ListenerMode::Plain => Some(Begun { io: Io::tcp(stream), protocol: listener.protocol, http2: false }),
            ListenerMode::TerminateTls => Box::pin(handshake::with_certificate(stream, &site, &listener, &mut ends, &drain)).await,
            ListenerMode::TerminateMtls => Box::pin(handshake::of_the_mesh(stream, &site, &listener, &mut ends, &drain)).await,
            ListenerMode::Passthrough => handshake::of_others(stream, &site, &listener, &mut ends).await,
        }?;
        let ends = Arc::new(ends);
        if !begun.protocol.is_http() {
            return tcp(begun.io.in_bulk(), &site, &listener, &ends, open).await.map(Course::Bytes);
        }
        Some(Course::Requests(Box::pin(http(begun, listener, site, ends, drain, open))))
    }
}

impl Future for Serving {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut self.phase {
                Phase::Runs(Course::Requests(requests)) => return requests.as_mut().poll(cx),
                Phase::Runs(Course::Bytes(tcp)) => return tcp.poll(cx),
                Phase::Begins(begins) => match ready!(begins.as_mut().poll(cx)) {
                    Some(course) => self.phase = Phase::Runs(course),
                    None => return Poll::Ready(()),
                },
            }
        }
    }
}

impl Tcp {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let moved = match &mut self.moves {
            Moves::Sockets(splice) => splice.poll(cx, &self.outcome.worker, &self.outcome.progress),
            Moves::Streams(streams) => streams.as_mut().poll(cx),
        };
        let ended = match moved {
            Poll::Ready(moved) => moved.map_err(Code::from),
            Poll::Pending => {
                ready!(standing::poll_forbidden(self.allowed.as_deref(), cx));
                Err(Code::Denied)
            }
        };
        self.outcome.end(ended.map_or_else(|code| code, |()| Code::Ok));
        Poll::Ready(())
    }
}

/// A connection of requests.
async fn http(begun: Begun, listener: Rc<Listener>, site: Rc<Site>, ends: Arc<Ends>, drain: DrainWatch, open: Rc<Open>) {
    let Begun { mut io, http2, .. } = begun;
    let Some(first) = in_time(prefix(&mut io, PREFACE), &drain).await else {
        return;
    };
    // What was negotiated is not another protocol for beginning wrong.
    let http2 = http2 || first == PREFACE;
    io = io.replaying(Bytes::from(first));
    let client = Rc::new(Client {
        waits: (!http2).then(|| site.worker.rounds.enter()),
        timers: if http2 { site.worker.timers.clone() } else { Rc::<Timers>::default() },
        site,
        listener: listener.name.clone(),
        forwarded_for: ends.forwarded_for(),
        ends,
        tls: listener.mode != ListenerMode::Plain,
        drain,
        asked: Cell::new(false),
        draining: Cell::new(false),
        open,
        forwarded_cert: OnceCell::new(),
        before: Cell::default(),
        changes: RefCell::default(),
    });
    let allowed = stands(&client.site, &client.listener, &client.ends, Snapshot::admits);
    let ends = client.ends.clone();
    tokio::select! {
        biased;
        () = async { if http2 { serve_http2(io, client).await } else { serve_http1(io, client).await } } => {}
        () = async {
            standing::forbidden(allowed.as_deref()).await;
            ends.cut();
        } => {}
    }
}

/// What a client does first, if it does it in time; in a drain it has the time that a kept-alive connection has for its last request.
pub(super) async fn in_time<T>(first: impl Future<Output = io::Result<T>>, drain: &DrainWatch) -> Option<T> {
    let mut first = pin!(timeout(HEAD_TIME, first));
    let done = tokio::select! {
        biased;
        done = first.as_mut() => done,
        () = drain.signaled() => timeout(LAST_REQUEST, first).await.ok()?,
    };
    done.ok()?.ok()
}

/// A connection whose bytes are nobody's business but the service's.
async fn tcp(client: Io, site: &Rc<Site>, listener: &Listener, ends: &Arc<Ends>, open: Rc<Open>) -> Option<Tcp> {
    let passed_on = listener.mode == ListenerMode::Passthrough;
    let progress = Progress::start();
    let mut outcome = Outcome::open(&site.worker, &listener.name, site.undecided(false), ends, &progress, None);
    let state = site.current();
    let plan = match state.snapshot.plan(&ends.facts(&listener.name, None), &**site, &mut site.dice(), &mut ()) {
        Ok(plan) => plan,
        Err(refusal) => {
            outcome.refused(&refusal);
            refused(client, passed_on);
            return None;
        }
    };
    outcome.planned(&plan, site.tally(plan.first_target(), false));
    // From here on a change may forbid it; what it was allowed by is the newest state that this worker has seen.
    let allowed = stands(site, &listener.name, ends, |snapshot, facts| snapshot.permitted(facts, &mut ()).is_ok());
    let listed = site.worker.connections.enter(&listener.name, ends, &progress);
    let connecting = Box::pin(connect(site, &state.credentials, &plan, &mut outcome, &listed));
    let connected = tokio::select! {
        biased;
        connected = connecting => connected.map_err(|failed| outcome.failed(&failed)),
        () = standing::forbidden(allowed.as_deref()) => Err(Code::Denied),
    };
    let (service, active) = match connected {
        Ok(connected) => connected,
        Err(code) => {
            outcome.end(code);
            refused(client, passed_on);
            return None;
        }
    };
    // Who passes TLS on does not know what is silent for good reasons, such as gossip between servers.
    let idle = (!passed_on).then_some(IDLE);
    let moves = moves(client, service.in_bulk(), &site.worker, progress, idle);
    Some(Tcp { moves, allowed, outcome, _listed: listed, _active: active, _open: open })
}

/// Who passes TLS on says no by a reset, as C+E does, so that a client goes elsewhere at once (wan-federation 5).
fn refused(client: Io, passed_on: bool) {
    if passed_on {
        client.reset();
    }
}

/// Moves bytes both ways, until nothing moved for the time `idle`.
fn moves(client: Io, service: Io, worker: &Rc<Worker>, progress: Rc<Progress>, idle: Option<Duration>) -> Moves {
    let (worker, counted) = (worker.clone(), progress.clone());
    let streams: Pin<Box<dyn Future<Output = _>>> = match (client.beside(service), idle) {
        (Pair::Sockets(client, first, service), idle) => {
            progress.received(first.len());
            let mut splice = Splice::new(client, service, first);
            if idle.is_none() {
                return Moves::Sockets(Box::new(splice));
            }
            Box::pin(std::future::poll_fn(move |cx| splice.poll(cx, &worker, &counted)))
        }
        (Pair::Streams(client, service), _) => Box::pin(async move { copy(client, service, &worker.buffer, &counted).await }),
    };
    Moves::Streams(match idle {
        Some(idle) => Box::pin(unless_idle(streams, progress, idle)),
        None => streams,
    })
}

/// A connection whose client has shown who it is may be forbidden later.
fn stands(
    site: &Rc<Site>,
    listener: &ListenerName,
    ends: &Arc<Ends>,
    allows: impl Fn(&Snapshot, &Facts<'_>) -> bool + 'static,
) -> Option<Box<Allowed>> {
    ends.peer.as_ref()?;
    let facts_of = ends.clone();
    let may_go_on = move |snapshot: &Snapshot, listener: &ListenerName| allows(snapshot, &facts_of.facts(listener, None));
    Some(Box::new(site.standing.stands(listener, ends, may_go_on)))
}

/// The first instance that takes the connection.
async fn connect(
    site: &Site,
    credentials: &Credentials,
    plan: &Plan,
    outcome: &mut Outcome,
    listed: &Listed,
) -> Result<(Io, Active), Failed> {
    let mut last = None;
    for (target, endpoint) in plan.hops() {
        let peer = site.worker.pool.peer(endpoint);
        // Also while it is dialed: who comes meanwhile sees that this one is on its way there.
        let active = Active::new(&peer);
        match dial(&site.worker, &peer, endpoint, credentials, plan.upstream.connect_timeout, &outcome.tally).await {
            Ok(io) => {
                outcome.answered_by(outcome.is_recorded().then(|| (target.named().clone(), endpoint.clone())));
                listed.taken_by(target, endpoint);
                return Ok((io, active));
            }
            Err(failed) => last = Some(failed),
        }
    }
    Err(last.unwrap_or_else(Failed::nobody))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An idle connection may cost 1.5 KiB. Two sockets are 512 bytes of that in the runtime, and what is counted and listed of it
    /// about 500. The runtime adds 104 bytes to the task, and has it begin at a multiple of 128: the allocator has room of 256 bytes for
    /// that, and the next is of 512.
    #[test]
    fn an_open_tcp_connection_weighs_little() {
        let (task, bytes) = (size_of::<Serving>(), size_of::<Splice>());
        assert!(task <= 152 && bytes <= 128, "{task} and {bytes} bytes");
        // With two counters of their own both have room of 112 bytes.
        let (ends, progress) = (size_of::<Ends>(), size_of::<Progress>());
        assert!(ends <= 96 && progress <= 96, "{ends} and {progress} bytes");
    }
}
