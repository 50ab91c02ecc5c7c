//! A request's body on its way to an instance, kept while it is small enough to be sent again.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::error::{Cancelled, cancelled};
use super::progress::Progress;

/// How much of a body is kept for further attempts: what C+E keeps is between 60 kB and 2 MB (wire 7).
const KEPT: usize = 256 * 1024;

/// Why a body stops before its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Cut {
    /// The side that sends it broke off.
    #[error("the body broke off")]
    Broken(#[source] hyper::Error),
    /// A timeout of the route was over, or the request is forbidden by now.
    #[error("a timeout of the route was over, or the request is forbidden by now")]
    Timeout,
    /// Another attempt sends it now, or nobody waits for it any more.
    #[error("nobody waits for the body any more")]
    Superseded(#[source] Cancelled),
}

/// How a client's body broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    /// The connection ended before the body.
    Off,
    /// Its framing is wrong.
    Malformed,
}

impl Broken {
    fn of(error: &hyper::Error) -> Self {
        use std::error::Error as _;
        let source = error.source().and_then(|s| s.downcast_ref::<std::io::Error>());
        match source.map(std::io::Error::kind) {
            Some(std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData) => Self::Malformed,
            _ => Self::Off,
        }
    }
}

/// The body as it comes from the client, shared by the attempts that send it.
#[derive(Debug)]
pub(super) struct Source {
    /// Gone when gw itself has answered.
    incoming: Option<Incoming>,
    progress: Rc<Progress>,
    /// Frames for further attempts.
    kept: Vec<Bytes>,
    kept_bytes: usize,
    trailers: Option<HeaderMap>,
    /// Whether frames are kept at all.
    keeps: bool,
    /// Whether something was sent that is not kept.
    lost: bool,
    ended: bool,
    /// The client's side of it broke.
    broken: Option<Broken>,
    length: Option<u64>,
    /// The attempt that may read.
    attempt: u32,
    /// Of an attempt that waits for more.
    waker: Option<Waker>,
}

impl Source {
    /// `keeps`: the route may try again. `framed`: its length may be told to the instance.
    pub(super) fn new(incoming: Incoming, progress: &Rc<Progress>, keeps: bool, framed: bool) -> Rc<RefCell<Self>> {
        let ended = incoming.is_end_stream();
        if ended {
            progress.complete_at_once();
        }
        let length = incoming.size_hint().exact().filter(|_| framed);
        let (kept, trailers) = (Vec::new(), None);
        let source = Self {
            incoming: Some(incoming),
            progress: progress.clone(),
            kept,
            kept_bytes: 0,
            trailers,
            keeps,
            lost: false,
            ended,
            broken: None,
            length,
            attempt: 0,
            waker: None,
        };
        Rc::new(RefCell::new(source))
    }

    /// Whether all of the body that was sent can be sent again.
    pub(super) const fn replays(&self) -> bool {
        !self.lost && self.broken.is_none()
    }

    /// Whether the client sent something that is no body.
    pub(super) fn malformed(&self) -> bool {
        self.broken == Some(Broken::Malformed)
    }

    /// Whether the client broke off.
    pub(super) fn broke_off(&self) -> bool {
        self.broken == Some(Broken::Off)
    }

    /// Ends every attempt, and tells whether something was still to come: nobody waits for the rest.
    pub(super) fn cut(&mut self) -> bool {
        self.attempt += 1;
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        self.incoming.take().is_some() && !self.ended && self.broken.is_none()
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let Some(incoming) = &mut self.incoming else {
            return Poll::Ready(Some(Err(Cut::Superseded(cancelled()))));
        };
        let frame = match Pin::new(incoming).poll_frame(cx) {
            Poll::Pending => {
                if !self.waker.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
                    self.waker = Some(cx.waker().clone());
                }
                return Poll::Pending;
            }
            Poll::Ready(frame) => frame,
        };
        let frame = match frame {
            Some(Ok(frame)) => frame,
            Some(Err(e)) => {
                self.broken = Some(Broken::of(&e));
                return Poll::Ready(Some(Err(Cut::Broken(e))));
            }
            None => {
                self.end();
                return Poll::Ready(None);
            }
        };
        if let Some(data) = frame.data_ref() {
            self.progress.received(data.len());
            self.keep(data);
        } else if let Some(trailers) = frame.trailers_ref() {
            self.trailers = Some(trailers.clone());
            self.end();
        }
        if self.incoming.as_ref().is_some_and(Incoming::is_end_stream) {
            self.end();
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn end(&mut self) {
        self.ended = true;
        self.progress.complete();
    }

    fn keep(&mut self, data: &Bytes) {
        if self.keeps && !self.lost && self.kept_bytes + data.len() <= KEPT {
            self.kept_bytes += data.len();
            self.kept.push(data.clone());
        } else {
            self.lost = true;
            self.kept = Vec::new();
        }
    }
}

/// The body of one attempt: what is kept, then what still comes.
#[derive(Debug)]
pub(super) struct Upload {
    source: Rc<RefCell<Source>>,
    at: usize,
    trailers_sent: bool,
    attempt: u32,
}

impl Upload {
    /// The next attempt. All earlier ones are cut, and learn of it: what sends a body over HTTP/2 outlives its attempt.
    pub(super) fn new(source: &Rc<RefCell<Source>>) -> Self {
        let mut inner = source.borrow_mut();
        inner.attempt += 1;
        if let Some(waker) = inner.waker.take() {
            waker.wake();
        }
        Self { source: source.clone(), at: 0, trailers_sent: false, attempt: inner.attempt }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = &mut *self;
        let mut source = this.source.borrow_mut();
        if source.attempt != this.attempt {
            return Poll::Ready(Some(Err(Cut::Superseded(cancelled()))));
        }
        if let Some(data) = source.kept.get(this.at) {
            this.at += 1;
            return Poll::Ready(Some(Ok(Frame::data(data.clone()))));
        }
        if source.ended {
            if !this.trailers_sent {
                this.trailers_sent = true;
                return Poll::Ready(source.trailers.clone().map(|t| Ok(Frame::trailers(t))));
            }
            return Poll::Ready(None);
        }
        let frame = ready!(source.poll_more(cx));
        this.at = source.kept.len();
        this.trailers_sent |= matches!(&frame, Some(Ok(f)) if f.is_trailers());
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        let source = self.source.borrow();
        source.ended && self.at >= source.kept.len() && (self.trailers_sent || source.trailers.is_none())
    }

    fn size_hint(&self) -> SizeHint {
        // Asked before the first frame only, where the length is that of the whole body.
        let source = self.source.borrow();
        match source.length {
            Some(length) if self.at == 0 => SizeHint::with_exact(length),
            _ => SizeHint::default(),
        }
    }
}
