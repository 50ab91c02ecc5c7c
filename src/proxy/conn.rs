//! The life of one connection, straight down the page.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsStream};

use super::HEAD_TIME;
use super::dial::dial;
use super::error::Failed;
use super::http::{Client, LAST_REQUEST, serve_http1, serve_http2};
use super::listen::Open;
use super::outcome::{Ends, Outcome};
use super::pool::Lease;
use super::progress::Progress;
use super::splice::{prefix, splice};
use super::worker::Site;
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
        let mut alpn_http2 = false;
        let mut io = match listener.mode {
            ListenerMode::Plain => Io::tcp(stream),
            ListenerMode::TerminateTls => {
                let state = site.current();
                let config = state.credentials.server(listener.protocol, state.snapshot.switches.alpn).clone();
                drop(state);
                let acceptor = TlsAcceptor::from(config);
                // Who does not finish a handshake has its error by TLS itself.
                let Some(stream) = in_time(acceptor.accept(stream), &drain).await else {
                    return;
                };
                let (_, session) = stream.get_ref();
                ends.sni = session.server_name().map(str::to_owned);
                alpn_http2 = session.alpn_protocol() == Some(b"h2");
                Io::tls(TlsStream::from(stream))
            }
        };
        let ends = Arc::new(ends);
        if !listener.protocol.is_http() {
            return tcp(io, &site, &listener.name, &ends).await;
        }
        let Some(first) = in_time(prefix(&mut io, PREFACE), &drain).await else {
            return;
        };
        // What was negotiated is not another protocol for beginning wrong.
        let http2 = alpn_http2 || first == PREFACE;
        io = io.replaying(Bytes::from(first));
        let tls = listener.mode == ListenerMode::TerminateTls;
        let client = Rc::new(Client {
            waits: (!http2).then(|| site.worker.rounds.enter()),
            site,
            listener: listener.name.clone(),
            ends,
            tls,
            drain,
            asked: Cell::new(false),
            draining: Cell::new(false),
            open,
        });
        if http2 { serve_http2(io, client).await } else { serve_http1(io, client).await }
    }
}

/// What a client does first, if it does it in time; in a drain it has the time that a kept-alive connection has for its last request.
async fn in_time<T>(first: impl Future<Output = io::Result<T>>, drain: &DrainWatch) -> Option<T> {
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
    let facts = Facts { listener, client: ends.client, local: ends.local, sni: ends.sni.as_deref(), request: None };
    let plan = match state.snapshot.plan(&facts, &**site, &mut site.dice(), &mut ()) {
        Ok(plan) => plan,
        Err(refusal) => return outcome.refused(&refusal),
    };
    outcome.planned(&plan);
    let connected = connect(site, &state.credentials, &plan, &mut outcome).await;
    drop(state);
    let (service, lease) = match connected {
        Ok(connected) => connected,
        Err(failed) => return outcome.end(failed.code()),
    };
    let copied = splice(client, service, &site.worker.buffer, &progress, None).await;
    outcome.end(copied.map_or_else(Code::from, |()| Code::Ok));
    drop(lease);
}

/// The first instance that takes the connection.
async fn connect(site: &Site, credentials: &Credentials, plan: &Plan, outcome: &mut Outcome) -> Result<(Io, Lease), Failed> {
    let mut last = None;
    for (target, endpoint) in plan.hops() {
        let peer = site.worker.pool.peer(endpoint);
        // Also while it is dialed: who comes meanwhile sees that this one is on its way there.
        let lease = Lease::new(&peer);
        match dial(&site.worker.dialer, endpoint, credentials, plan.upstream.connect_timeout).await {
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
    Err(last.unwrap_or_else(|| Failed::Connect(io::ErrorKind::AddrNotAvailable.into())))
}
