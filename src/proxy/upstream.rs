//! Sending a request: attempt after attempt as the route says, in each the instances in order until one takes the connection.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use http::header::{HOST, HeaderValue, TRANSFER_ENCODING};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Method, Request, Response, Uri, Version};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::asked::Sent;
use super::carried::{self, Restoring};
use super::client_span::ClientSpan;
use super::dial::dial;
use super::error::{self, Failed};
use super::head::Head;
use super::meters::Tally;
use super::pool::{Http1, Kept, Lease, Peer};
use super::record::By;
use super::retry::{self, Ended};
use super::trace::{TRACEPARENT, Traced};
use super::upload::{Source, Upload};
use super::worker::Worker;
use crate::decide::plan::{Hop, Plan, RetryPolicy};
use crate::decide::snapshot::{Endpoint, Target};
use crate::model::gateway::Protocol;
use crate::rt::rng::Rng;
use crate::rt::task;
use crate::tls::{Credentials, Io};

/// A connection that was used before this time and is reset was reset because of the request, not for being unused.
const STALE: Duration = Duration::from_millis(100);
/// How many HTTP/2 connections of an instance a request tries, if each turns out to have ended.
const TRIES: u32 = 3;

/// A request that is to be sent.
#[derive(Debug)]
pub(super) struct Sending<'a> {
    pub(super) worker: &'a Worker,
    pub(super) tally: &'a Tally,
    pub(super) credentials: &'a Credentials,
    /// Of the state that it was decided by.
    pub(super) generation: u64,
    /// When the request came.
    pub(super) began: Instant,
    pub(super) plan: &'a Plan,
    pub(super) head: &'a Head,
    pub(super) source: &'a Rc<RefCell<Source>>,
    /// Who answers is recorded.
    pub(super) recorded: bool,
    /// Its place in a trace, if that is recorded.
    pub(super) traced: Option<&'a Traced>,
    /// How many hops there were, where that is recorded.
    pub(super) hops: Cell<u32>,
}

/// An instance that is asked, and the span of that where it is recorded.
struct Asked<'h> {
    endpoint: &'h Endpoint,
    span: Option<Box<ClientSpan<'h>>>,
}

/// An answer, and from whom.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) response: Response<Incoming>,
    pub(super) lease: Lease,
    pub(super) hop: Hop,
    /// Only where it is recorded.
    pub(super) by: Option<By>,
}

impl Sending<'_> {
    /// All attempts. Timeouts are the caller's: dropping this ends what is under way.
    pub(super) async fn run(self) -> Result<Box<Answered>, Failed> {
        let Some(hop) = self.plan.order().next() else {
            return Err(Failed::nobody());
        };
        let first = self.hop(hop, self.began).await;
        // Boxed: most requests need no more than their first hop, and would carry the rest along.
        match (first, &self.plan.route.retry) {
            (Err(failed), None) if failed.tries_next() => Box::pin(self.others(1, 0, failed)).await,
            (first, None) => first,
            (first, Some(policy)) => Box::pin(self.retry(first, policy)).await,
        }
    }

    /// What follows the first hop of a request that may be tried again.
    async fn retry(&self, first: Result<Box<Answered>, Failed>, policy: &RetryPolicy) -> Result<Box<Answered>, Failed> {
        let (mut attempt, mut retrying) = (0, None);
        let mut result = match first {
            Err(failed) if failed.tries_next() => self.others(1, 0, failed).await,
            first => first,
        };
        loop {
            let ended = match &result {
                Ok(answered) => Ended::Answer(answered.response.status().as_u16(), answered.response.headers()),
                Err(failed) => Ended::Failed(failed),
            };
            if attempt >= policy.retries || !retry::wanted(policy, ended) || !self.source.borrow().replays() {
                return result;
            }
            let target = self.plan.first_target();
            let active = target.endpoints.iter().map(|e| self.worker.pool.active(e)).sum();
            drop(retrying.take());
            retrying = self.worker.retries.take(&target.id, active);
            if retrying.is_none() {
                return result;
            }
            attempt += 1;
            self.tally.retries.add(1);
            let pause = self.worker.chance(|rng| retry::pause(attempt, rng));
            // The connection of an answer that nobody reads is closed here, before the pause.
            drop(result);
            tokio::time::sleep(pause).await;
            result = self.others(0, attempt as usize, Failed::nobody()).await;
        }
    }

    /// One attempt: the next instance in turn, and if it refuses the others, then the failover targets. `tried` of them were, and the
    /// last of them failed.
    async fn others(&self, tried: usize, attempt: usize, mut last: Failed) -> Result<Box<Answered>, Failed> {
        let own = self.plan.first_target().endpoints.len();
        let turn = attempt % own.max(1);
        let hops = self.plan.order().take(own).skip(turn).chain(self.plan.order().take(turn)).chain(self.plan.order().skip(own));
        for hop in hops.skip(tried) {
            match self.hop(hop, Instant::now()).await {
                Err(failed) if failed.tries_next() => last = failed,
                other => return other,
            }
        }
        Err(last)
    }

    /// One instance: by a connection that was used before, or a new one. `now`: a moment ago, or less.
    async fn hop(&self, hop: Hop, now: Instant) -> Result<Box<Answered>, Failed> {
        let (target, endpoint) = self.plan.at(hop);
        let (peer, kept) = self.worker.pool.way(endpoint, self.credentials, self.generation);
        let mut lease = Lease::new(&peer);
        let asked = Asked { endpoint, span: self.span(target, endpoint) };
        // Here, where it is at hand: when the answer comes, it has left the processor's cache.
        let by = self.recorded.then(|| (target.named().clone(), endpoint.clone()));
        let answered = match target.protocol {
            Protocol::Http2 | Protocol::Grpc => self.over_http2(&peer, &kept, &asked, &mut lease).await,
            // Only a connection of its own restores a carried target.
            _ if self.carries() => Box::pin(self.fresh(&peer, &kept, &asked, &mut lease)).await,
            _ => match self.reused(&kept, &asked, &mut lease, now).await {
                Some(answered) => answered,
                None => Box::pin(self.fresh(&peer, &kept, &asked, &mut lease)).await,
            },
        };
        if let Some(span) = asked.span {
            (*span).ended(answered.as_ref());
        }
        let response = answered?;
        // In a box: it is handed up from here, attempt by attempt.
        Ok(Box::new(Answered { response, lease, hop, by }))
    }

    /// The span of a hop, where the request is recorded.
    fn span<'s>(&'s self, target: &Target, endpoint: &Endpoint) -> Option<Box<ClientSpan<'s>>> {
        let (traced, tracing) = (self.traced?, self.worker.tracing.as_ref()?);
        let again = self.hops.replace(self.hops.get() + 1);
        let traced = traced.below(self.worker.chance(Rng::bytes));
        Some(Box::new(ClientSpan::begin(tracing, traced, self.head, target, endpoint, again)))
    }

    /// Over HTTP/2, again on another connection if this one was about to end or had ended.
    async fn over_http2(&self, peer: &Peer, kept: &Kept, asked: &Asked<'_>, lease: &mut Lease) -> Result<Response<Incoming>, Failed> {
        let mut tries = 0;
        loop {
            let stream = kept.http2.stream(async || self.dial(peer, asked.endpoint).await).await?;
            let failed = match stream.sender().try_send_request(self.request(asked, true)?).await {
                Ok(response) => {
                    stream.answered();
                    lease.share(stream);
                    return Ok(response);
                }
                Err(failed) => failed,
            };
            stream.answered();
            let unsent = failed.message().is_some() || error::was_not_looked_at(failed.error());
            if error::is_reset(failed.error()) {
                return Err(Failed::from_hyper(failed.into_error()));
            }
            stream.retire();
            tries += 1;
            let again = unsent || (!stream.fresh && idempotent(&self.head.method));
            if !again || tries == TRIES || !self.source.borrow().replays() {
                return Err(stream.ended().map_or_else(|| Failed::Reset(failed.into_error()), Failed::Ended));
            }
        }
    }

    /// Over an HTTP/1 connection that was used before. `None`: there is none, or it was stale and a fresh one is to be tried
    /// (`docs/differences.md`, stale-pool).
    async fn reused(
        &self,
        kept: &Rc<Kept>,
        asked: &Asked<'_>,
        lease: &mut Lease,
        now: Instant,
    ) -> Option<Result<Response<Incoming>, Failed>> {
        // One that is about to be ready is worth the moment: a new one would cost more, and be one more to keep.
        let (mut http1, rested) = loop {
            let (mut http1, rested) = kept.idle(now)?;
            if http1.ready().await {
                break (http1, rested);
            }
        };
        let failed = match http1.sender.try_send_request(self.request(asked, false).ok()?).await {
            Ok(response) => {
                lease.hold(http1, kept);
                return Some(Ok(response));
            }
            Err(failed) => failed,
        };
        let unsent = failed.message().is_some();
        let stale = rested >= STALE || !error::was_reset(failed.error());
        let again = stale && idempotent(&self.head.method) && self.source.borrow().replays();
        if unsent || again { None } else { Some(Err(Failed::Reset(failed.into_error()))) }
    }

    async fn fresh(&self, peer: &Peer, kept: &Rc<Kept>, asked: &Asked<'_>, lease: &mut Lease) -> Result<Response<Incoming>, Failed> {
        let request = self.request(asked, false)?;
        let io = self.dial(peer, asked.endpoint).await?;
        let mut http1 =
            if self.carries() { Http1 { once: true, ..begin_http1(Restoring::new(io)).await? } } else { begin_http1(io).await? };
        let response = http1.sender.send_request(request).await.map_err(Failed::ended)?;
        lease.hold(http1, kept);
        Ok(response)
    }

    async fn dial(&self, peer: &Peer, endpoint: &Endpoint) -> Result<Io, Failed> {
        // Boxed: dialing is rare, and its state is large for each request to carry along.
        Box::pin(dial(self.worker, peer, endpoint, self.credentials, self.plan.upstream.connect_timeout, self.tally)).await
    }

    /// Path and query as they are sent.
    fn target(&self) -> &str {
        self.plan.rewritten.as_deref().unwrap_or(self.head.target())
    }

    /// Whether the HTTP library does not take the target as it is.
    fn carries(&self) -> bool {
        matches!(self.head.target, Sent::Odd(_)) || self.plan.rewritten.as_deref().is_some_and(carried::is_needed)
    }

    fn path(&self, http2: bool) -> Result<PathAndQuery, Failed> {
        if let (None, Sent::Plain(target)) = (&self.plan.rewritten, &self.head.target) {
            return Ok(target.clone());
        }
        let target = self.target();
        let path = match (self.carries(), http2) {
            (false, _) => PathAndQuery::try_from(target),
            // From an entry: what cannot be told from what was carried is not sent.
            (true, _) if !target.is_ascii() => return Err(Failed::Unwritable),
            (true, true) => PathAndQuery::try_from(carried::encode(target)),
            (true, false) => PathAndQuery::try_from(&*carried::carry(target.as_bytes())),
        };
        path.map_err(|_| Failed::Unwritable)
    }

    /// Of a hop that is recorded the instance is told, unless an entry says what it is told.
    fn tell_place(&self, asked: &Asked<'_>, headers: &mut HeaderMap) {
        let Some((span, above)) = asked.span.as_ref().zip(self.traced) else { return };
        if headers.get(TRACEPARENT).is_some_and(|told| *told == above.sampled())
            && let Some(parent) = span.parent()
        {
            headers.insert(TRACEPARENT, parent);
        }
    }

    /// The request as the instance's protocol wants it. The authority is the client's, unless the instance is told another.
    fn request(&self, asked: &Asked<'_>, http2: bool) -> Result<Request<Upload>, Failed> {
        let (head, endpoint) = (self.head, asked.endpoint);
        let mut request = Request::new(Upload::new(self.source));
        *request.method_mut() = head.method.clone();
        *request.headers_mut() = head.headers.clone();
        self.tell_place(asked, request.headers_mut());
        let path = self.path(http2)?;
        let authority = || match &endpoint.host {
            Some(host) => Authority::try_from(host.as_bytes()).ok(),
            None => Authority::try_from(head.authority()).ok(),
        };
        let authority = if http2 { authority() } else { None };
        *request.uri_mut() = if let Some(authority) = authority {
            if head.names_host {
                request.headers_mut().remove(HOST);
            }
            let mut uri = http::uri::Parts::default();
            (uri.scheme, uri.authority, uri.path_and_query) = (Some(Scheme::HTTP), Some(authority), Some(path));
            *request.version_mut() = Version::HTTP_2;
            Uri::from_parts(uri).map_err(|_| Failed::Unwritable)?
        } else {
            match &endpoint.host {
                Some(host) => drop(request.headers_mut().insert(HOST, host.clone())),
                None if head.names_host => {}
                None => drop(request.headers_mut().insert(HOST, head.host.value())),
            }
            // Unless told so, the HTTP library leaves such a body out where the method is GET or HEAD.
            if !request.body().is_end_stream() && request.body().size_hint().exact().is_none() {
                request.headers_mut().insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            }
            Uri::from(path)
        };
        Ok(request)
    }
}

/// Speaks HTTP/1 on a new connection.
async fn begin_http1<I: AsyncRead + AsyncWrite + Unpin + Send + 'static>(io: I) -> Result<Http1, Failed> {
    // At most 100 headers of an answer, as C+E, which the library has room for on the stack: where another number is asked for, room is made and
    // wiped for each.
    let (sender, connection) = http1::Builder::new().handshake(TokioIo::new(io)).await.map_err(Failed::Reset)?;
    // An error of the connection is one of its request, which tells.
    let runs = task::hold(async move { drop(connection.with_upgrades().await) });
    Ok(Http1 { sender, once: false, _runs: runs })
}

/// Whether a request may be sent twice (RFC 9110, 9.2.2).
fn idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::PUT | Method::DELETE)
}
