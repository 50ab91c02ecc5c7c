//! How long a client may go on asking for what it does not take, or asking nothing. Over HTTP/2 a request that is reset at once costs
//! its client two small frames, and the gateway all of it; an answer of which nothing is taken costs it nothing at all.
//!
//! One timer a connection, and none for a request: an answer that waits is counted in the minute in which it began to.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;

/// So many requests of a connection, and more than half of them, may be reset before they are answered (Envoy: premature resets).
const MOST: u64 = 500;
/// So many answers of a connection may have been given up that their client still does not take: a part of each is kept for it.
const STUCK: u32 = 32;
/// How often one looks at a connection.
const MINUTE: Duration = Duration::from_secs(60);
/// In so many minutes an answer that waits for its client is given up: 5 have passed in full, the idle timeout of a route.
const TAKEN: usize = 6;
/// After so many minutes without a request or an answer under way a connection ends (Envoy: idle timeout, 1 h).
const IDLE: u32 = 60;

/// What the requests of an HTTP/2 connection came to.
#[derive(Debug, Default)]
pub(super) struct Patience {
    asked: Cell<u64>,
    dropped: Cell<u64>,
    /// Requests and answers under way.
    open: Cell<u32>,
    stuck: Cell<u32>,
    minute: Cell<usize>,
    /// Answers that wait for their client, by the minute since when.
    waiting: [Cell<u32>; TAKEN],
    /// Minutes without a request, and what had been asked before them.
    idle: Cell<u32>,
    asked_before: Cell<u64>,
    over: Notify,
}

/// What ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The client asks for what it does not take.
    Over,
    /// It asks nothing.
    Idle,
}

/// A request that is not answered yet. Dropped, it counts as one that its client dropped.
#[derive(Debug)]
pub(super) struct Asking(Option<Rc<Patience>>);

/// An answer that a client takes, until its last frame went out.
#[derive(Debug)]
pub(super) struct Taking {
    patience: Rc<Patience>,
    /// The minute since when it is the client that lets wait.
    waits: Cell<Option<usize>>,
}

impl Patience {
    pub(super) fn ask(self: &Rc<Self>) -> Asking {
        self.asked.set(self.asked.get() + 1);
        self.open.set(self.open.get() + 1);
        Asking(Some(self.clone()))
    }

    /// Resolves when the connection is to end.
    pub(super) async fn end(&self) -> End {
        loop {
            tokio::select! {
                biased;
                () = self.over.notified() => return End::Over,
                () = tokio::time::sleep(MINUTE) => self.look(),
            }
            if self.idle.get() >= IDLE {
                return End::Idle;
            }
        }
    }

    /// Another minute is over.
    fn look(&self) {
        let minute = self.minute.get() + 1;
        self.minute.set(minute);
        // What began to wait a round ago.
        self.add_stuck(self.waiting[minute % TAKEN].take());
        let works = self.open.get() > self.stuck.get() || self.asked.get() > self.asked_before.get();
        self.idle.set(if works { 0 } else { self.idle.get() + 1 });
        self.asked_before.set(self.asked.get());
    }

    fn add_stuck(&self, answers: u32) {
        self.stuck.set(self.stuck.get() + answers);
        if self.stuck.get() > STUCK {
            self.over.notify_one();
        }
    }

    fn is_over(&self) -> bool {
        self.dropped.get() > MOST && self.dropped.get() > self.asked.get() / 2
    }
}

impl Asking {
    /// There is an answer.
    pub(super) fn answered(mut self) -> Option<Taking> {
        self.0.take().map(|patience| Taking { patience, waits: Cell::new(None) })
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let Some(patience) = &self.0 else {
            return;
        };
        patience.open.set(patience.open.get().saturating_sub(1));
        patience.dropped.set(patience.dropped.get() + 1);
        if patience.is_over() {
            patience.over.notify_one();
        }
    }
}

impl Taking {
    /// From now on the client alone lets wait.
    pub(super) fn waits(&self) {
        if self.waits.get().is_none() {
            let minute = self.patience.minute.get();
            self.waits.set(Some(minute));
            let waiting = &self.patience.waiting[minute % TAKEN];
            waiting.set(waiting.get() + 1);
        }
    }

    /// It takes something, or the service lets wait.
    pub(super) fn moves(&self) {
        let Some(since) = self.waits.take() else {
            return;
        };
        let patience = &self.patience;
        let is_stuck = patience.minute.get() - since >= TAKEN;
        let counted = if is_stuck { &patience.stuck } else { &patience.waiting[since % TAKEN] };
        counted.set(counted.get().saturating_sub(1));
    }

    /// The answer was given up because its client takes nothing of it.
    pub(super) fn stuck(&self) -> Stuck {
        self.patience.add_stuck(1);
        Stuck(self.patience.clone())
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        self.moves();
        self.patience.open.set(self.patience.open.get().saturating_sub(1));
    }
}

/// An answer that was given up: counted until its client learns of it.
#[derive(Debug)]
pub(super) struct Stuck(Rc<Patience>);

impl Drop for Stuck {
    fn drop(&mut self) {
        self.0.stuck.set(self.0.stuck.get().saturating_sub(1));
    }
}

#[cfg(test)]
impl Patience {
    /// How many answers wait for their client.
    pub(super) fn waiting(&self) -> u32 {
        self.waiting.iter().map(Cell::get).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use http::{Request, StatusCode};
    use http_body_util::Empty;
    use hyper::client::conn::http2;
    use hyper_util::rt::TokioIo;
    use tokio::io::DuplexStream;
    use tokio::sync::oneshot;
    use tokio::task::LocalSet;
    use tokio::time::{Instant, sleep, timeout};

    use std::cell::{OnceCell, RefCell};

    use super::super::http::{Client, serve_http2};
    use super::super::listen::Open;
    use super::super::meters::Meter;
    use super::super::outcome::Ends;
    use super::super::worker::{Site, Worker};
    use super::super::{Dialer, LocalExecutor};
    use super::*;
    use crate::id::ListenerName;
    use crate::model::gateway::{Listener, ListenerMode, Protocol};
    use crate::model::resources::Resources;
    use crate::net::names;
    use crate::rt::rng::Rng;
    use crate::rt::{drain, task};
    use crate::state::publisher;
    use crate::state::refusals::Refusals;
    use crate::tls::Credentials;

    fn run<F: Future>(future: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        LocalSet::new().block_on(&runtime, future)
    }

    /// A connection of a gateway that knows no service: each answer is its own. It tells when it ends.
    fn serve(io: DuplexStream, drain: drain::DrainWatch) -> oneshot::Receiver<Instant> {
        crate::tls::install();
        let (_, live) = publisher(1, &Resources::of_a_gateway_alone(), Credentials::build(&[], None).unwrap());
        let here = ([127, 0, 0, 1], 80).into();
        let listener = ListenerName::from("edge:80");
        let listening = Listener { name: listener.clone(), bind: here, protocol: Protocol::Http, mode: ListenerMode::Plain };
        let worker =
            Worker::new(Dialer::new(&names(Vec::new()).0), Meter::alone(), Refusals::default(), None, None, None, Rng::from_entropy());
        let site = Site::new(&worker, &live, &Rc::new(listening));
        let open = Open::new(&site, None);
        let ends = Arc::new(Ends::new(here, here));
        let (asked, draining) = (Cell::new(false), Cell::new(false));
        let client = Rc::new(Client {
            site,
            waits: None,
            listener,
            forwarded_for: ends.forwarded_for(),
            ends,
            tls: false,
            drain,
            asked,
            draining,
            open,
            forwarded_cert: OnceCell::new(),
            before: Cell::default(),
            changes: RefCell::default(),
            timers: Rc::default(),
        });
        let (tell, ended) = oneshot::channel();
        task::spawn(async move {
            serve_http2(io, client).await;
            tell.send(Instant::now()).unwrap();
        });
        ended
    }

    /// A client that has room for so many bytes of each answer.
    async fn connect(io: DuplexStream, room: u32) -> http2::SendRequest<Empty<Bytes>> {
        let builder = http2::Builder::new(LocalExecutor);
        let (sender, connection) = builder.clone().initial_stream_window_size(room).handshake(TokioIo::new(io)).await.unwrap();
        task::spawn(async move { drop(connection.await) });
        sender
    }

    fn request() -> Request<Empty<Bytes>> {
        Request::get("http://h.test/").body(Empty::new()).unwrap()
    }

    /// When it ended, if it does within a day.
    async fn minutes(since: Instant, ended: oneshot::Receiver<Instant>) -> u64 {
        let ended = timeout(MINUTE * 60 * 24, ended).await.expect("the end of the connection").unwrap();
        ended.duration_since(since).as_secs() / 60
    }

    #[test]
    fn patience_ends_with_a_client_that_drops_most_of_many_requests() {
        for (answered, over) in [(0, true), (MOST - 1, true), (MOST + 1, false)] {
            let patience = Rc::<Patience>::default();
            (0..answered).for_each(|_| drop(patience.ask().answered()));
            (0..MOST).for_each(|_| drop(patience.ask()));
            assert!(!patience.is_over());
            drop(patience.ask());
            assert_eq!(patience.is_over(), over, "{answered}");
        }
    }

    #[test]
    fn a_client_that_asks_nothing_for_an_hour_loses_its_connection() {
        run(async {
            let (ours, theirs) = tokio::io::duplex(65_536);
            let (_drain, watch) = drain::channel();
            let (start, ended) = (Instant::now(), serve(ours, watch));
            let mut sender = connect(theirs, 65_535).await;
            sleep(MINUTE * 40).await;
            assert_eq!(sender.send_request(request()).await.unwrap().status(), StatusCode::NOT_FOUND);
            let minutes = minutes(start, ended).await;
            assert!((100..=102).contains(&minutes), "{minutes}");
        });
    }

    #[test]
    fn a_client_that_takes_nothing_of_many_short_answers_loses_its_connection() {
        run(async {
            let (ours, theirs) = tokio::io::duplex(65_536);
            let (_drain, watch) = drain::channel();
            let (start, ended) = (Instant::now(), serve(ours, watch));
            let mut sender = connect(theirs, 0).await;
            let mut answers = Vec::new();
            for _ in 0..=STUCK {
                answers.push(sender.send_request(request()).await.unwrap());
            }
            let minutes = minutes(start, ended).await;
            assert!((5..=6).contains(&minutes), "{minutes}");
        });
    }

    #[test]
    fn a_client_that_takes_nothing_of_one_answer_and_asks_no_other_loses_its_connection() {
        for drains in [false, true] {
            run(async {
                let (ours, theirs) = tokio::io::duplex(65_536);
                let (drain, watch) = drain::channel();
                let (start, ended) = (Instant::now(), serve(ours, watch));
                let mut sender = connect(theirs, 0).await;
                let answer = sender.send_request(request()).await.unwrap();
                if drains {
                    drain.say();
                }
                let minutes = minutes(start, ended).await;
                assert!((60..=70).contains(&minutes), "{minutes}");
                drop(answer);
            });
        }
    }
}
