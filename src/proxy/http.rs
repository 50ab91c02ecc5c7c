//! HTTP from clients: one decision a request, then the request goes out and the answer comes back.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, Entry, HOST, HeaderValue, LOCATION};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::{Body, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::answer::{self, Answer};
use super::bridge::{Bridged, bridge};
use super::error::Failed;
use super::guard::{Guard, Verdict};
use super::head::{Came, Head, X_FORWARDED_FOR, X_FORWARDED_HOST};
use super::judged::{self, Judged, UnderWay};
use super::listen::Open;
use super::outcome::{Ends, Outcome, protocol};
use super::patience::{End, Patience};
use super::progress::{Progress, Timers, Watchdog};
use super::relay::{self, Relay};
use super::standing::Changes;
use super::trace::Context;
use super::tunnel::Tunnel;
use super::upload::Source;
use super::upstream::{Answered, Sending};
use super::waits::Waits;
use super::worker::Site;
use super::{LocalExecutor, MAX_HEADER_BYTES};
use crate::decide::code::Code;
use crate::decide::plan::{Before, Hop, Plan, Refusal};
use crate::id::ListenerName;
use crate::model::gateway::{Forwarded, Protocol, Switches};
use crate::model::template::EditContext;
use crate::rt::drain::DrainWatch;
use crate::rt::rng::Rng;
use crate::state::Current;
use crate::tls::Io;

/// How long a kept-alive HTTP/1 connection, or one that brought no request yet, may still bring one after the drain began: who is
/// about to send one does it within this time, and is told by `connection: close`.
pub(super) const LAST_REQUEST: Duration = Duration::from_millis(500);

/// How much of a request's body may be under way before the service takes it, and of all of a connection's together.
const STREAM_WINDOW: u32 = 512 * 1024;
const CONNECTION_WINDOW: u32 = 2 * 1024 * 1024;

/// How many requests of a connection may be under way, and how much of each answer may wait for a client that does not take it: what
/// one connection can make gw keep is a product of the two.
const STREAMS: u32 = 256;
const SEND_BUFFER: usize = 64 * 1024;
/// How many streams may be reset before they are looked at, or for errors of the client, until the connection ends.
const RESETS: usize = 128;

/// Up to so many bytes an answer is looked at once with its head: most of those have come with it.
const SHORT: u64 = 16 * 1024;

/// A client's connection on a listener that reads requests.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) site: Rc<Site>,
    /// Over HTTP/1.
    pub(super) waits: Option<Arc<Waits>>,
    pub(super) listener: ListenerName,
    pub(super) ends: Arc<Ends>,
    /// Its address as requests are told of it.
    pub(super) forwarded_for: HeaderValue,
    pub(super) tls: bool,
    pub(super) drain: DrainWatch,
    /// It has brought a request.
    pub(super) asked: Cell<bool>,
    pub(super) draining: Cell<bool>,
    pub(super) open: Rc<Open>,
    /// Its certificate as services are told of it: written once, at its first request.
    pub(super) forwarded_cert: OnceCell<HeaderValue>,
    /// Of who has shown who he is, by the generation that it was asked of last.
    pub(super) before: Cell<Option<(u64, Before)>>,
    /// Of who has shown who he is, over HTTP/1, between two requests.
    pub(super) changes: RefCell<Option<Changes>>,
    /// For its requests: of its own over HTTP/1, where all of them wait in one task.
    pub(super) timers: Rc<Timers>,
}

impl Client {
    /// What becomes of `x-forwarded-client-cert`: it goes, but where the listener tells services of certificates.
    fn client_cert(&self, state: &Current) -> Option<&HeaderValue> {
        let peer = self.ends.peer.as_ref().filter(|_| self.before(state).client_cert)?;
        // What is no value of a header is not told; there is none.
        let encode = || HeaderValue::from_str(&peer.forwarded()).unwrap_or(HeaderValue::from_static(""));
        Some(self.forwarded_cert.get_or_init(encode)).filter(|value| !value.is_empty())
    }

    /// What there is to do with a request before it is decided by this state.
    fn before(&self, state: &Current) -> Before {
        match self.before.get() {
            Some((generation, before)) if generation == state.generation => before,
            _ => {
                let before = state.snapshot.before(&self.listener, self.ends.sni.as_deref());
                self.before.set(Some((state.generation, before)));
                before
            }
        }
    }
}

/// Serves HTTP/1 until the connection ends.
pub(super) async fn serve_http1(io: Io, client: Rc<Client>) {
    let mut builder = http1::Builder::new();
    // A client that closes its side while it waits is gone, as for Envoy: its request is not worth going on.
    builder.header_read_timeout(None).max_header_size(MAX_HEADER_BYTES as usize);
    let waits = client.waits.clone().unwrap_or_else(|| client.site.worker.rounds.enter());
    let (guard, verdicts) = Guard::new(io, waits.clone());
    let service = service_fn(|request| answer(client.clone(), request, verdicts.next()));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(guard), service).with_upgrades());
    let mut over = pin!(waits.over());
    tokio::select! {
        biased;
        // An error is a client that went away or sent no HTTP; hyper has answered what could be.
        _ = connection.as_mut() => return,
        () = over.as_mut() => return,
        () = client.drain.signaled() => client.draining.set(true),
    }
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        () = tokio::time::sleep(LAST_REQUEST) => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        biased;
        _ = connection => {}
        () = over => {}
    }
}

/// Serves HTTP/2 until the connection ends.
pub(super) async fn serve_http2(io: impl AsyncRead + AsyncWrite + Unpin + 'static, client: Rc<Client>) {
    let mut builder = http2::Builder::new(LocalExecutor);
    builder.timer(TokioTimer::new()).max_header_list_size(MAX_HEADER_BYTES).max_concurrent_streams(STREAMS);
    builder.initial_stream_window_size(STREAM_WINDOW).initial_connection_window_size(CONNECTION_WINDOW);
    builder.max_send_buf_size(SEND_BUFFER).max_pending_accept_reset_streams(RESETS).max_local_error_reset_streams(RESETS);
    builder.keep_alive_interval(Duration::from_secs(60)).keep_alive_timeout(Duration::from_secs(20));
    let patience = Rc::<Patience>::default();
    let service = service_fn(|request| {
        let (asking, client) = (patience.ask(), client.clone());
        // Boxed: the library moves it from task to task before it is first polled.
        Box::pin(async move {
            let mut response = answer(client, request, Verdict::Passed { last: false }).await?;
            if let Some(taking) = asking.answered() {
                response.body_mut().is_taken(taking);
            }
            Ok::<_, Reset>(response)
        })
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(io), service));
    let drain = client.drain.clone();
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        end = patience.end() => if end == End::Over {
            return;
        },
        () = drain.signaled() => {}
    }
    if !client.asked.get() && tokio::time::timeout(LAST_REQUEST, connection.as_mut()).await.is_ok() {
        return;
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        biased;
        _ = connection => {}
        // Who asked nothing for so long, and does not go by the next look, still has an answer that it does not take.
        _ = patience.end() => {}
    }
}

/// One request, by the guard's verdict.
fn answer(client: Rc<Client>, request: Request<Incoming>, verdict: Verdict) -> impl Future<Output = Result<Response<Answer>, Reset>> {
    let http1 = request.version() != Version::HTTP_2;
    // Here and now: a future that carried the request as it came would be moved about with it.
    let begun = Begun::of(&client, request, verdict);
    async move {
        let (mut response, last) = match begun {
            Begun::Reset => return Err(Reset),
            Begun::Answered(response, last) => (response, last),
            Begun::Decided(job, last) => (job.send().await, last),
        };
        if http1 && (last || client.draining.get()) && response.status() != StatusCode::SWITCHING_PROTOCOLS {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }
}

/// A request that was looked at, and whether it is the last one of its connection.
#[expect(clippy::large_enum_variant, reason = "moved once, from one function to the next")]
enum Begun {
    /// An HTTP/2 request without a host or with a method that is none of HTTP/2's has no answer but the end of its stream.
    Reset,
    /// It goes no further.
    Answered(Response<Answer>, bool),
    /// It goes to a service.
    Decided(Box<Job>, bool),
}

impl Begun {
    fn of(client: &Rc<Client>, request: Request<Incoming>, verdict: Verdict) -> Self {
        if request.version() == Version::HTTP_2 && !Head::is_answerable(&request) {
            return Self::Reset;
        }
        client.asked.set(true);
        let exchange = Exchange::open(client);
        match verdict {
            Verdict::Refused(code) => Self::Answered(exchange.local(code, true), true),
            // Who asked for a tunnel and gets none may send what is not HTTP.
            Verdict::Passed { last } => exchange.begin(request, last),
        }
    }
}

/// Ends a stream without an answer.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("not a request")]
struct Reset;

/// A request and its answer.
#[derive(Debug)]
struct Exchange {
    client: Rc<Client>,
    state: Current,
    progress: Rc<Progress>,
    outcome: Outcome,
    grpc: bool,
    bodiless: bool,
}

/// A request that was decided: who asks, and what is to be done.
// In a box from here on: what runs until the answer is moved from hand to hand, by the library too.
#[derive(Debug)]
struct Job {
    exchange: Exchange,
    head: Head,
    plan: Plan,
    source: Rc<RefCell<Source>>,
    upgrade: Option<OnUpgrade>,
    /// Of who has shown who he is, from when it was judged.
    judged: Option<Judged>,
}

/// What came of the body of an answer together with its head.
enum First {
    /// All of it.
    Whole(Bytes),
    /// Something that is to be passed on, or nothing yet.
    Of(relay::Polled),
}

impl Job {
    /// Sends the request; the answer.
    async fn send(mut self: Box<Self>) -> Response<Answer> {
        let mut judged = self.judged.take();
        let mut watchdog = {
            let Exchange { client, progress, .. } = &self.exchange;
            Watchdog::new(progress, self.plan.route.timeouts, &client.timers)
        };
        let sent = tokio::select! {
            biased;
            sent = self.sending().run() => sent,
            code = &mut watchdog => Err(Failed::Timeout(code)),
            code = judged::forbidden(judged.as_mut(), &self.head) => Err(Failed::Timeout(code)),
        };
        self.judged = judged;
        match sent {
            Ok(answered) if answered.response.status() == StatusCode::SWITCHING_PROTOCOLS => self.switch(answered),
            Ok(answered) if self.is_bridged(answered.hop) => Box::pin(self.bridge(answered, watchdog)).await,
            Ok(mut answered) => match self.first(&mut answered.response).await {
                First::Whole(body) => self.whole(answered, body),
                First::Of(frame) => self.relay(answered, Bytes::new(), frame, watchdog),
            },
            Err(_) if self.source.borrow().malformed() => self.exchange.local(Code::BadRequest, true),
            Err(_) if self.source.borrow().broke_off() => self.exchange.unheard(),
            Err(failed) => self.failed(&failed),
        }
    }

    fn sending(&self) -> Sending<'_> {
        let Self { exchange: Exchange { client, state, progress, outcome, .. }, plan, head, source, .. } = self;
        let (worker, credentials, generation) = (&*client.site.worker, &state.credentials, state.generation);
        let (tally, traced, recorded, began) = (&outcome.tally, outcome.place(), outcome.is_recorded(), progress.began());
        Sending { worker, tally, credentials, generation, began, plan, head, source, recorded, traced, hops: Cell::new(0) }
    }

    /// Whether a gRPC service answers a client that cannot read trailers.
    fn is_bridged(&self, hop: Hop) -> bool {
        self.exchange.grpc && self.head.version != Version::HTTP_2 && self.plan.at(hop).0.protocol == Protocol::Grpc
    }

    /// A gRPC service's answer to a client that cannot read trailers.
    async fn bridge(mut self: Box<Self>, answered: Box<Answered>, mut watchdog: Watchdog) -> Response<Answer> {
        let Answered { response, lease, hop, by } = *answered;
        let bridged = tokio::select! {
            biased;
            bridged = bridge(response, &self.exchange.progress) => bridged,
            code = &mut watchdog => Err(Failed::Timeout(code)),
            code = judged::forbidden(self.judged.as_mut(), &self.head) => Err(Failed::Timeout(code)),
        };
        match bridged {
            Ok(Bridged::Whole(mut response)) => {
                let unread = self.source.borrow_mut().cut();
                self.exchange.outcome.answered_by(by);
                self.exchange.outcome.end(Code::Ok);
                answer::clean(response.status(), response.headers_mut());
                self.exchange.edit_response(&mut response, &self.head, &self.plan);
                if unread {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                answer::with_outcome(response, self.exchange.bodiless, self.exchange.outcome)
            }
            Ok(Bridged::Long(response, kept)) => self.relay(Box::new(Answered { response, lease, hop, by }), kept, Poll::Pending, watchdog),
            Err(failed) => self.failed(&failed),
        }
    }

    /// What has come of a short answer together with its head. Nothing of one of HTTP/2 is taken here: its client may take it slowly, and
    /// until then it may be forbidden.
    async fn first(&self, response: &mut Response<Incoming>) -> First {
        let body = response.body_mut();
        let is_short = matches!(body.size_hint().exact(), Some(1..=SHORT));
        if !is_short || self.head.version == Version::HTTP_2 || !self.exchange.progress.is_complete() {
            return First::Of(Poll::Pending);
        }
        match poll_fn(|cx| Poll::Ready(Pin::new(&mut *body).poll_frame(cx))).await {
            Poll::Ready(Some(Ok(frame))) if body.is_end_stream() => match frame.into_data() {
                Ok(whole) => First::Whole(whole),
                Err(frame) => First::Of(Poll::Ready(Some(Ok(frame)))),
            },
            frame => First::Of(frame),
        }
    }

    /// A service's answer that came as a whole: there is nothing to watch over, and its connection is free.
    fn whole(mut self: Box<Self>, answered: Box<Answered>, body: Bytes) -> Response<Answer> {
        let Answered { mut response, mut lease, by, .. } = *answered;
        lease.give_back();
        drop(lease);
        self.exchange.outcome.answered_by(by);
        self.exchange.outcome.end(Code::Ok);
        answer::clean(response.status(), response.headers_mut());
        self.exchange.edit_response(&mut response, &self.head, &self.plan);
        answer::whole(response.map(|_| body), self.exchange.outcome)
    }

    /// A service's answer, passed on. `kept`: what was read of it already; `first`: what came of its body with its head.
    fn relay(mut self: Box<Self>, answered: Box<Answered>, kept: Bytes, first: relay::Polled, mut watchdog: Watchdog) -> Response<Answer> {
        let Answered { mut response, lease, by, .. } = *answered;
        self.exchange.outcome.answered_by(by);
        self.exchange.outcome.status(response.status().as_u16());
        answer::clean(response.status(), response.headers_mut());
        self.exchange.edit_response(&mut response, &self.head, &self.plan);
        let http1 = self.head.version != Version::HTTP_2;
        let request = (!self.exchange.progress.is_complete()).then_some(self.source);
        if request.is_some() && http1 {
            // The answer may be complete before the request; then nobody reads the rest.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(judged) = self.judged {
            watchdog.watch(Box::new(UnderWay { head: self.head, judged }));
        }
        let (progress, outcome) = (self.exchange.progress, self.exchange.outcome);
        let length_kept = http1 && answer::is_not_modified_with_length(&response);
        answer::relayed(response, |incoming| {
            let relay = Relay::new(kept, first, incoming, lease, outcome, progress, watchdog, request);
            if length_kept { relay.keeping_length() } else { relay }
        })
    }

    /// A 101: the answer goes to the client, and the two connections become a tunnel.
    fn switch(mut self: Box<Self>, answered: Box<Answered>) -> Response<Answer> {
        let Answered { mut response, lease, by, .. } = *answered;
        self.exchange.outcome.answered_by(by);
        let Some(client) = self.upgrade.take().filter(|_| self.head.websocket) else {
            // Nobody asked for it.
            return self.exchange.local(Code::UpstreamBroken, false);
        };
        self.exchange.outcome.status(response.status().as_u16());
        let service = hyper::upgrade::on(&mut response);
        answer::clean(response.status(), response.headers_mut());
        self.exchange.edit_response(&mut response, &self.head, &self.plan);
        let idle = self.plan.route.timeouts.idle;
        let head = self.head;
        let judged = self.judged.map(|judged| Box::new(UnderWay { head, judged }));
        let Exchange { client: from, progress, outcome, .. } = self.exchange;
        let (worker, open, drain) = (from.site.worker.clone(), from.open.clone(), &from.drain);
        let tunnel = Tunnel { client, service, worker, progress, outcome, idle, lease, drain: drain.clone(), open, judged };
        drain.spawn(|guest| async move {
            tunnel.run().await;
            drop(guest);
        });
        response.map(|_| Answer::Empty)
    }

    /// No instance answered.
    fn failed(mut self: Box<Self>, failed: &Failed) -> Response<Answer> {
        tracing::debug!(code = %failed.code(), error = failed as &dyn std::error::Error, "no answer from {}", self.plan.first_target().id);
        let unread = self.source.borrow_mut().cut();
        self.exchange.outcome.failed(failed);
        let mut response = answer::own(failed.code(), self.exchange.grpc, self.exchange.switches().code_header, unread);
        self.exchange.edit_response(&mut response, &self.head, &self.plan);
        answer::with_outcome(response, self.exchange.bodiless, self.exchange.outcome)
    }
}

impl Exchange {
    fn open(client: &Rc<Client>) -> Self {
        let progress = Progress::start();
        let (site, busy) = (&client.site, client.waits.as_ref().map(Waits::ask));
        let outcome = Outcome::open(&site.worker, &client.listener, site.undecided(true), &client.ends, &progress, busy);
        Self { client: client.clone(), state: client.site.current(), progress, outcome, grpc: false, bodiless: false }
    }

    /// Reads the head and decides.
    fn begin(mut self, mut request: Request<Incoming>, last: bool) -> Begun {
        let upgrade = request.extensions_mut().remove::<OnUpgrade>();
        let (mut parts, body) = request.into_parts();
        self.grpc = Head::is_grpc(&parts.headers);
        // HTTP/1 leaves a body out itself where none may be.
        self.bodiless = parts.version == Version::HTTP_2 && (parts.method == Method::HEAD || self.grpc);
        let host = if self.outcome.is_recorded() { parts.headers.get(HOST).cloned() } else { None };
        let came = Came { tls: self.client.tls, client_cert: self.client.client_cert(&self.state) };
        let mut head = match Head::read(&mut parts, came, || self.client.site.worker.request_id()) {
            Ok(head) => head,
            Err(code) => {
                self.outcome.in_vain(&parts, host.as_ref());
                return Begun::Answered(self.local(code, !body.is_end_stream()), last);
            }
        };
        let trace = self.trace(&head);
        self.outcome.request(&head);
        if let Err(refusal) = self.prepare(&mut head) {
            return Begun::Answered(self.refuse(&refusal, &head, !body.is_end_stream()), last);
        }
        let plan = match self.plan(&head) {
            Ok(plan) => plan,
            Err(refusal) => return Begun::Answered(self.refuse(&refusal, &head, !body.is_end_stream()), last),
        };
        self.outcome.planned(&plan, self.client.site.tally(plan.first_target(), true));
        let upgradable = plan.first_target().protocol == Protocol::Http && upgrade.is_some();
        if head.websocket && !upgradable {
            return Begun::Answered(self.local(Code::UpgradeRefused, true), last);
        }
        if let Some(trace) = trace {
            trace.hand_on(&mut head.headers);
        }
        let mut judged = Judged::of(&self.client, &head, &plan);
        let forwarded = self.edit_request(&mut head, &plan);
        if let Some(judged) = &mut judged {
            judged.forwarded(forwarded);
        }
        head.name_host(matches!(plan.first_target().protocol, Protocol::Tcp | Protocol::Http));
        let source = Source::new(body, &self.progress, plan.route.retry.is_some(), head.framed);
        Begun::Decided(Box::new(Job { exchange: self, head, plan, source, upgrade, judged }), last)
    }

    /// Its place in a trace, where there are traces.
    fn trace(&mut self, head: &Head) -> Option<Context> {
        let worker = &self.client.site.worker;
        let context = worker.tracing.as_ref()?.context(&head.headers, || worker.chance(Rng::bytes));
        if let Some(traced) = context.traced() {
            self.outcome.traced(traced);
        }
        Some(context)
    }

    /// What the mesh says a request is, before it is judged: that is what is sent on.
    fn prepare(&self, head: &mut Head) -> Result<(), Refusal> {
        if self.client.ends.peer.is_none() || !self.client.before(&self.state).prepare {
            return Ok(());
        }
        judged::prepare(&self.state.snapshot, &self.client.listener, &self.client.ends, head)
    }

    fn plan(&self, head: &Head) -> Result<Plan, Refusal> {
        let site = &*self.client.site;
        self.state.snapshot.plan(&self.client.ends.facts(&self.client.listener, Some(head.facts())), site, &mut site.dice(), &mut ())
    }

    fn switches(&self) -> Switches {
        self.state.snapshot.switches
    }

    /// What the gateway says of the client, then the edits of the entries.
    fn edit_request(&self, head: &mut Head, plan: &Plan) -> Option<judged::Forwarded> {
        let appends = self.switches().forwarded == Forwarded::Append;
        let forwarded = appends.then(|| append_forwarded(head, &self.client.forwarded_for));
        for edits in plan.request_edits() {
            let mut headers = std::mem::take(&mut head.headers);
            edits.apply(&mut headers, &self.edit_context(head, plan.first_target().sni.as_str()));
            head.headers = headers;
        }
        forwarded
    }

    fn edit_context<'f>(&'f self, head: &'f Head, upstream_cluster: &'f str) -> EditContext<'f> {
        let ends = &self.client.ends;
        EditContext {
            method: head.method.as_str(),
            authority: head.authority(),
            target: head.target(),
            scheme: head.scheme,
            request: None,
            status: 0,
            protocol: protocol(head.version),
            client: ends.client,
            local: ends.local,
            sni: ends.sni.as_deref(),
            upstream_cluster,
        }
    }

    fn edit_response<T>(&self, response: &mut Response<T>, head: &Head, plan: &Plan) {
        for edits in plan.response_edits() {
            let status = response.status().as_u16();
            let cluster = plan.first_target().sni.as_str();
            let context = EditContext { request: Some(&head.headers), status, ..self.edit_context(head, cluster) };
            edits.apply(response.headers_mut(), &context);
        }
    }

    /// Nothing can be done with the request.
    fn refuse(mut self, refusal: &Refusal, head: &Head, unread: bool) -> Response<Answer> {
        self.outcome.refused(refusal);
        let (code_header, grpc) = (self.switches().code_header, self.grpc);
        let mut response = answer::own(refusal.code, grpc, code_header, unread);
        if let Some(location) = refusal.location.as_deref().and_then(|path| HeaderValue::from_str(path).ok()) {
            response.headers_mut().insert(LOCATION, location);
        }
        let status = response.status().as_u16();
        let context = EditContext { request: Some(&head.headers), status, ..self.edit_context(head, "") };
        for edits in refusal.response_edits() {
            edits.apply(response.headers_mut(), &context);
        }
        answer::with_outcome(response, self.bodiless, self.outcome)
    }

    /// The client went away in the middle of its request: recorded as that, and nobody hears the answer.
    fn unheard(self) -> Response<Answer> {
        let response = answer::own(Code::BadRequest, self.grpc, self.switches().code_header, true);
        answer::with_outcome(response, self.bodiless, self.outcome)
    }

    /// An answer of gw's own before any rule was found. `unread`: what still comes is not read.
    fn local(mut self, code: Code, unread: bool) -> Response<Answer> {
        self.outcome.end(code);
        let close = unread || matches!(code, Code::BadRequest | Code::UpgradeRefused | Code::UnsupportedCoding);
        let response = answer::own(code, self.grpc, self.switches().code_header, close);
        answer::with_outcome(response, self.bodiless, self.outcome)
    }
}

/// `x-forwarded-for` gets the client's address at its end, `x-forwarded-host` the Host if it is absent (`docs/differences.md`). What
/// there was of them before.
fn append_forwarded(head: &mut Head, client: &HeaderValue) -> judged::Forwarded {
    let sent = match head.headers.entry(X_FORWARDED_FOR) {
        Entry::Occupied(mut sent) if !sent.get().is_empty() => {
            let list = [sent.get().as_bytes(), b", ", client.as_bytes()].concat();
            // Two values with a comma between them are a value.
            Some(match HeaderValue::from_bytes(&list) {
                Ok(list) => sent.insert(list),
                Err(_) => sent.get().clone(),
            })
        }
        Entry::Occupied(mut empty) => Some(empty.insert(client.clone())),
        Entry::Vacant(none) => {
            none.insert(client.clone());
            None
        }
    };
    let host = match head.headers.entry(X_FORWARDED_HOST) {
        Entry::Occupied(_) => true,
        Entry::Vacant(none) => {
            none.insert(head.host.value());
            false
        }
    };
    judged::Forwarded { client: sent, host }
}
