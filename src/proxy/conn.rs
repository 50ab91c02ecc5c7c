//! The life of one connection, straight down the page.

use std::cell::{Cell, OnceCell};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::HEAD_TIME;
use super::dial::dial;
use super::error::Failed;
use super::handshake::{self, Begun};
use super::http::{Client, LAST_REQUEST, serve_http1, serve_http2};
use super::listen::Open;
use super::outcome::{Ends, Outcome};
use super::pool::Lease;
use super::progress::Progress;
use super::splice::{prefix, splice};
use super::standing::{self, Allowed};
use super::worker::Site;
use crate::decide::Snapshot;
use crate::decide::code::Code;
use crate::decide::facts::Facts;
use crate::decide::plan::Plan;
use crate::id::ListenerName;
use crate::model::gateway::{Listener, ListenerMode};
use crate::rt::drain::DrainWatch;
use crate::tls::{Credentials, Io};

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

impl Accepted {
    /// From its first byte to its last.
    pub(super) async fn serve(self) {
        let Self { stream, client, listener, site, drain, open } = self;
        let Ok(local) = stream.local_addr() else {
            return;
        };
        let mut ends = Ends::new(client, local);
        let begun = match listener.mode {
            ListenerMode::Plain => Some(Begun { io: Io::tcp(stream), protocol: listener.protocol, http2: false }),
            ListenerMode::TerminateTls => handshake::with_certificate(stream, &site, &listener, &mut ends, &drain).await,
            ListenerMode::TerminateMtls => handshake::of_the_mesh(stream, &site, &listener, &mut ends, &drain).await,
            ListenerMode::Passthrough => None,
        };
        let Some(Begun { mut io, protocol, http2 }) = begun else {
            return;
        };
        let ends = Arc::new(ends);
        if !protocol.is_http() {
            return tcp(io.in_bulk(), &site, &listener.name, &ends).await;
        }
        let Some(first) = in_time(prefix(&mut io, PREFACE), &drain).await else {
            return;
        };
        // What was negotiated is not another protocol for beginning wrong.
        let http2 = http2 || first == PREFACE;
        io = io.replaying(Bytes::from(first));
        let client = Rc::new(Client {
            waits: (!http2).then(|| site.worker.rounds.enter()),
            site,
            listener: listener.name.clone(),
            ends,
            tls: listener.mode != ListenerMode::Plain,
            drain,
            asked: Cell::new(false),
            draining: Cell::new(false),
            open,
            forwarded_cert: OnceCell::new(),
        });
        let mut allowed = stands(&client.site, &client.listener, &client.ends, Snapshot::admits);
        let ends = client.ends.clone();
        tokio::select! {
            biased;
            () = async { if http2 { serve_http2(io, client).await } else { serve_http1(io, client).await } } => {}
            () = async {
                standing::forbidden(&mut allowed).await;
                ends.cut();
            } => {}
        }
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
async fn tcp(client: Io, site: &Rc<Site>, listener: &ListenerName, ends: &Arc<Ends>) {
    let progress = Progress::start();
    let mut outcome = Outcome::open(&site.worker, ends, &progress, None);
    let state = site.current();
    let plan = match state.snapshot.plan(&ends.facts(listener, None), &**site, &mut site.dice(), &mut ()) {
        Ok(plan) => plan,
        Err(refusal) => return outcome.refused(&refusal),
    };
    outcome.planned(&plan);
    // From here on a change may forbid it; what it was allowed by is the newest state that this worker has seen.
    let mut allowed = stands(site, listener, ends, |snapshot, facts| snapshot.permitted(facts, &mut ()).is_ok());
    let copied = async {
        let connected = connect(site, &state.credentials, &plan, &mut outcome).await;
        drop(state);
        let (service, lease) = connected.map_err(|failed| outcome.failed(&failed))?;
        let copied = splice(client, service.in_bulk(), &site.worker.buffer, &progress, None).await;
        drop(lease);
        copied.map_err(Code::from)
    };
    let ended = tokio::select! {
        biased;
        ended = copied => ended,
        () = standing::forbidden(&mut allowed) => Err(Code::Denied),
    };
    outcome.end(ended.map_or_else(|code| code, |()| Code::Ok));
}

/// A connection whose client has shown who it is may be forbidden later.
fn stands(
    site: &Rc<Site>,
    listener: &ListenerName,
    ends: &Arc<Ends>,
    allows: impl Fn(&Snapshot, &Facts<'_>) -> bool + 'static,
) -> Option<Allowed> {
    ends.peer.as_ref()?;
    let facts_of = ends.clone();
    let may_go_on = move |snapshot: &Snapshot, listener: &ListenerName| allows(snapshot, &facts_of.facts(listener, None));
    Some(site.standing.stands(listener, ends, may_go_on))
}

/// The first instance that takes the connection.
async fn connect(site: &Site, credentials: &Credentials, plan: &Plan, outcome: &mut Outcome) -> Result<(Io, Lease), Failed> {
    let mut last = None;
    for (target, endpoint) in plan.hops() {
        let peer = site.worker.pool.peer(endpoint);
        // Also while it is dialed: who comes meanwhile sees that this one is on its way there.
        let lease = Lease::new(&peer);
        match dial(&site.worker.dialer, endpoint, credentials, plan.upstream.connect_timeout, peer.is_well()).await {
            Ok(io) => {
                peer.accepted();
                outcome.answered_by(target, endpoint);
                return Ok((io, lease));
            }
            Err(failed) => {
                peer.refused();
                last = Some(failed);
            }
        }
    }
    Err(last.unwrap_or_else(Failed::nobody))
}
