//! A service's answer on its way to the client, watched over until its last byte.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::outcome::Outcome;
use super::patience::{Stuck, Taking};
use super::pool::Lease;
use super::progress::{Progress, Watchdog};
use super::upload::{Cut, Source};
use crate::decide::code::Code;
use crate::rt::task::{self, Held};

/// The body of a service's answer.
#[derive(Debug)]
pub(super) struct Relay {
    passing: Rc<RefCell<Passing>>,
    /// The length stands in the head of an answer that has no body, and stays there.
    length_kept: bool,
}

/// What an answer needs while it passes. A timeout, or a deny, takes away what is the service's.
#[derive(Debug)]
struct Passing {
    /// Read of it already.
    kept: Bytes,
    /// What follows the first frame.
    next: Next,
    incoming: Option<Incoming>,
    lease: Option<Lease>,
    outcome: Option<Outcome>,
    progress: Rc<Progress>,
    watchdog: Option<Watchdog>,
    /// The watchdog as a task of its own, for answers that take longer than a moment.
    watch: Option<Held>,
    /// The request, where it is not complete yet.
    request: Option<Rc<RefCell<Source>>>,
    /// Of the one who sends this on.
    waker: Option<Waker>,
    /// With an HTTP/2 client.
    taking: Option<Taking>,
    /// Given up, and the client does not know it yet.
    stuck: Option<Stuck>,
}

/// What follows the first frame, if one knows: most answers are complete with it, or with trailers that came with it.
#[derive(Debug)]
enum Next {
    Unknown,
    Nothing,
    Frame(Result<Frame<Bytes>, Cut>),
}

/// A look at what comes from a service.
pub(super) type Polled = Poll<Option<Result<Frame<Bytes>, hyper::Error>>>;

impl Relay {
    /// `kept`: what was read of it already; `first`: what was found at a look at it. `request`: its body, where it is not complete yet.
    #[expect(clippy::too_many_arguments, reason = "what an answer needs comes from as many places")]
    pub(super) fn new(
        kept: Bytes,
        first: Polled,
        incoming: Incoming,
        lease: Lease,
        outcome: Outcome,
        progress: Rc<Progress>,
        watchdog: Watchdog,
        request: Option<Rc<RefCell<Source>>>,
    ) -> Self {
        let (incoming, lease, outcome) = (Some(incoming), Some(lease), Some(outcome));
        let (watchdog, watch, waker) = (Some(watchdog), None, None);
        let (taking, stuck) = (None, None);
        let next = Next::Unknown;
        let mut passing = Passing { kept, next, incoming, lease, outcome, progress, watchdog, watch, request, waker, taking, stuck };
        match first {
            Poll::Ready(frame) => passing.next = passing.took(frame).map_or(Next::Nothing, Next::Frame),
            Poll::Pending => passing.check_end(),
        }
        let relay = Self { passing: Rc::new(RefCell::new(passing)), length_kept: false };
        let mut passing = relay.passing.borrow_mut();
        // A body goes on to the service also where nobody asks for the first frame of the answer, for the client has not yet taken the
        // one before on its connection.
        if passing.request.is_some() && passing.watchdog.as_ref().is_some_and(Watchdog::judges) {
            relay.watch(&mut passing);
        }
        drop(passing);
        relay
    }

    /// The same for an answer whose head says a length that its body does not have.
    pub(super) const fn keeping_length(mut self) -> Self {
        self.length_kept = true;
        self
    }

    /// An HTTP/2 client takes it.
    pub(super) fn is_taken(&self, taking: Taking) {
        self.passing.borrow_mut().taking = Some(taking);
    }

    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let mut passing = self.passing.borrow_mut();
        if let Some(taking) = &passing.taking {
            taking.moves();
        }
        let frame = passing.poll_frame(cx);
        if matches!(frame, Poll::Ready(Some(Ok(_)))) && passing.watch.is_none() {
            if passing.peek(cx).is_pending() {
                self.watch(&mut passing);
                passing.waits(cx);
            } else if let Some(taking) = passing.taking.as_ref().filter(|_| !passing.is_end_stream()) {
                // Nothing is left to watch over but how the client takes the end.
                taking.waits();
            }
        }
        frame
    }

    /// When not all is there with the first frame, nobody may ask for more for a long time: a client that reads nothing must not keep
    /// a service waiting.
    fn watch(&self, passing: &mut Passing) {
        let Some(watchdog) = passing.watchdog.take_if(|w| w.barks()) else {
            return;
        };
        let relay = Rc::downgrade(&self.passing);
        passing.watch = Some(task::hold(async move {
            let code = watchdog.await;
            if let Some(passing) = relay.upgrade() {
                passing.borrow_mut().cut(code);
            }
        }));
    }

    pub(super) fn is_end_stream(&self) -> bool {
        // To a body that has ended the server says no length. It leaves out the body of a 304 itself.
        !self.length_kept && self.passing.borrow().is_end_stream()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        let passing = self.passing.borrow();
        let incoming = passing.incoming.as_ref().filter(|_| passing.kept.is_empty() && !self.length_kept);
        let rest = incoming.map(Body::size_hint).unwrap_or_default();
        match (&passing.next, rest.exact()) {
            (Next::Frame(Ok(frame)), Some(rest)) => SizeHint::with_exact(frame.data_ref().map_or(0, |data| data.len() as u64) + rest),
            _ => rest,
        }
    }
}

impl Passing {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        self.waits(cx);
        if !self.kept.is_empty() {
            let kept = std::mem::take(&mut self.kept);
            self.progress.sent(kept.len());
            self.check_end();
            return Poll::Ready(Some(Ok(Frame::data(kept))));
        }
        match std::mem::replace(&mut self.next, Next::Unknown) {
            Next::Unknown => {}
            Next::Nothing => return Poll::Ready(None),
            Next::Frame(frame) => return Poll::Ready(Some(frame)),
        }
        let frame = self.poll_incoming(cx);
        // What is there goes on, so that most answers need no watch over them.
        if frame.is_pending()
            && let Some(watchdog) = &mut self.watchdog
            && let Poll::Ready(code) = Pin::new(watchdog).poll(cx)
        {
            self.cut(code);
            return Poll::Ready(Some(Err(Cut::Timeout)));
        }
        frame
    }

    /// Whoever watches wakes the one who sends this on.
    fn waits(&mut self, cx: &Context<'_>) {
        if self.watch.is_some() && !self.waker.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
        }
    }

    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let Some(incoming) = &mut self.incoming else {
            return Poll::Ready(Some(Err(Cut::Timeout)));
        };
        let frame = ready!(Pin::new(incoming).poll_frame(cx));
        Poll::Ready(self.took(frame))
    }

    /// What came from the service.
    fn took(&mut self, frame: Option<Result<Frame<Bytes>, hyper::Error>>) -> Option<Result<Frame<Bytes>, Cut>> {
        match &frame {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                if self.is_over() {
                    self.progress.sent_last(bytes)
                } else {
                    self.progress.sent(bytes)
                }
                self.check_end();
            }
            Some(Err(_)) => self.end(Code::UpstreamBroken),
            None => self.finish(),
        }
        frame.map(|frame| frame.map_err(Cut::Broken))
    }

    /// Looks whether the answer is complete. Pending: it is not.
    fn peek(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_end_stream() {
            return Poll::Ready(());
        }
        if matches!(self.next, Next::Unknown) {
            self.next = match self.poll_incoming(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => Next::Nothing,
                Poll::Ready(Some(frame)) => Next::Frame(frame),
            };
        }
        match &self.next {
            Next::Frame(Ok(frame)) if frame.is_data() && !self.is_over() => Poll::Pending,
            _ => Poll::Ready(()),
        }
    }

    /// Whether nothing more comes from the service.
    fn is_over(&self) -> bool {
        self.incoming.as_ref().is_some_and(Body::is_end_stream)
    }

    fn is_end_stream(&self) -> bool {
        match self.next {
            Next::Unknown => self.kept.is_empty() && self.is_over(),
            Next::Nothing => true,
            Next::Frame(_) => false,
        }
    }

    /// The server stops asking for frames once the announced length is there.
    fn check_end(&mut self) {
        if self.is_over() {
            self.finish();
        }
    }

    fn finish(&mut self) {
        self.end(Code::Ok);
        (self.watch, self.watchdog) = (None, None);
        // An answer that is complete before its request: nobody waits for the rest. A connection on which half a request stands
        // serves no other.
        let cut = self.request.take().is_some_and(|request| request.borrow_mut().cut());
        if let Some(mut lease) = self.lease.take()
            && !cut
        {
            lease.give_back();
        }
    }

    /// A timeout is over, or it is forbidden: the service is let go, whether the client reads what came or not.
    fn cut(&mut self, code: Code) {
        self.end(code);
        (self.incoming, self.lease, self.outcome, self.watchdog) = (None, None, None, None);
        if let Some(request) = self.request.take() {
            request.borrow_mut().cut();
        }
        if let Some(waker) = self.waker.take() {
            match &self.taking {
                // Many may be forbidden at once, of a client that takes all its answers.
                Some(taking) if code == Code::Denied => taking.waits(),
                taking => self.stuck = taking.as_ref().map(Taking::stuck),
            }
            waker.wake();
        }
    }

    fn end(&mut self, code: Code) {
        if let Some(outcome) = &mut self.outcome {
            outcome.end(code);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::pin::pin;

    use http::{Request, Response};
    use http_body_util::Empty;
    use hyper::client::conn::http2;
    use hyper::server;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::sync::oneshot;
    use tokio::task::LocalSet;

    use super::super::meters::Meter;
    use super::super::outcome::Ends;
    use super::super::patience::Patience;
    use super::super::pool::Peer;
    use super::super::worker::Worker;
    use super::super::{Dialer, LocalExecutor};
    use super::*;
    use crate::decide::plan::Timeouts;
    use crate::id::ListenerName;
    use crate::net::names;
    use crate::rt::rng::Rng;
    use crate::state::refusals::Refusals;

    /// A body of these frames.
    struct Frames(VecDeque<&'static str>);

    impl Body for Frames {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(self.0.pop_front().map(|frame| Ok(Frame::data(frame.into()))))
        }

        fn is_end_stream(&self) -> bool {
            self.0.is_empty()
        }
    }

    /// The answer of an HTTP/2 service, of these frames, of which all have come, after what was found at a first look.
    async fn relayed(first: Polled, frames: &'static [&'static str]) -> Relay {
        let (ours, theirs) = tokio::io::duplex(65_536);
        task::spawn(async move {
            let answer = async |_| Ok::<_, Infallible>(Response::new(Frames(frames.iter().copied().collect())));
            let builder = server::conn::http2::Builder::new(LocalExecutor);
            drop(pin!(builder.serve_connection(TokioIo::new(theirs), service_fn(answer))).await);
        });
        let (mut sender, connection) = http2::handshake(LocalExecutor, TokioIo::new(ours)).await.unwrap();
        let (tell, ended) = oneshot::channel();
        task::spawn(async move { tell.send(connection.await).unwrap() });
        let request = Request::get("http://h.test/").body(Empty::<Bytes>::new()).unwrap();
        let incoming = sender.send_request(request).await.unwrap().into_body();
        drop(sender);
        let meter = Meter::alone();
        let tally = meter.tally(&ListenerName::of("edge", 8080), None, true);
        let worker = Worker::new(Dialer::new(&names(Vec::new()).0), meter, Refusals::default(), None, None, None, Rng::from_entropy());
        let (here, progress) = (([127, 0, 0, 1], 80).into(), Progress::start());
        let outcome =
            Outcome::open(&worker, &ListenerName::of("edge", 8080), &tally, &std::sync::Arc::new(Ends::new(here, here)), &progress, None);
        let watchdog = Watchdog::new(&progress, Timeouts { request: None, idle: None }, &Rc::default());
        ended.await.unwrap().unwrap();
        Relay::new(Bytes::new(), first, incoming, Lease::new(&Rc::<Peer>::default()), outcome, progress, watchdog, None)
    }

    #[test]
    fn the_last_frame_of_an_answer_waits_for_its_client_until_it_is_asked_for() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let mut relay = relayed(Poll::Pending, &["ab", "cd"]).await;
            let patience = Rc::<Patience>::default();
            relay.is_taken(patience.ask().answered().unwrap());
            for (frame, waits) in [("ab", 1), ("cd", 0)] {
                let taken = std::future::poll_fn(|cx| relay.poll_frame(cx)).await.unwrap().unwrap();
                assert_eq!((taken.into_data().unwrap(), patience.waiting()), (Bytes::from(frame), waits));
            }
        });
    }

    #[test]
    fn what_came_with_the_head_of_an_answer_is_counted_when_it_is_taken_and_goes_before_what_follows() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let mut relay = relayed(Poll::Ready(Some(Ok(Frame::data("ab".into())))), &["cde"]).await;
            assert_eq!(relay.passing.borrow().progress.sent.get(), 2);
            for wanted in ["ab", "cde"] {
                let taken = std::future::poll_fn(|cx| relay.poll_frame(cx)).await.unwrap().unwrap();
                assert_eq!(taken.into_data().unwrap(), Bytes::from(wanted));
            }
            assert!(relay.is_end_stream());
            assert_eq!(relay.passing.borrow().progress.sent.get(), 5);
        });
    }
}
