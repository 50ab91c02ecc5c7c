//! Services and clients that speak HTTP/2.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use http_body_util::Full;
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::watch;

pub(crate) type Reply = Pin<Box<dyn Future<Output = Response<BoxBody<Bytes, Infallible>>> + Send>>;

/// A service on a free port that speaks HTTP/2. It goes on until the test ends.
pub(crate) struct Http2Service {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    leaves: watch::Sender<usize>,
}

impl Http2Service {
    /// Answers each request with what `serve` makes of it; a connection takes `streams` at once.
    pub(crate) fn start(streams: u32, serve: impl Fn(Request<Incoming>) -> Reply + Send + Sync + 'static) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (leaves, left) = watch::channel(0);
        let (serve, counter) = (Arc::new(serve), connections.clone());
        std::thread::spawn(move || {
            run(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
                    let (serve, mut left) = (serve.clone(), left.clone());
                    tokio::spawn(async move {
                        let service = service_fn(move |request| {
                            let reply = serve(request);
                            async { Ok::<_, Infallible>(reply.await) }
                        });
                        let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                        builder.max_concurrent_streams(streams);
                        let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
                        tokio::select! {
                            _ = connection.as_mut() => return,
                            _ = left.wait_for(|n| *n >= number) => connection.as_mut().graceful_shutdown(),
                        }
                        drop(connection.await);
                    });
                }
            });
        });
        Self { address, connections, leaves }
    }

    /// How many connections it has had.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Says GOAWAY on all connections that it has had up to now.
    pub(crate) fn leave(&self) {
        self.leaves.send_replace(self.connections());
    }
}

/// A text as the answer of a service.
pub(crate) fn text(text: &str) -> Response<BoxBody<Bytes, Infallible>> {
    Response::new(BoxBody::new(Full::new(Bytes::from(text.to_owned()))))
}

/// A client's connection.
pub(crate) async fn connect<B>(address: SocketAddr) -> SendRequest<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// A request without a body.
pub(crate) fn ask(path: &str) -> Request<Full<Bytes>> {
    Request::get(format!("http://h.test{path}")).body(Full::new(Bytes::new())).unwrap()
}

pub(crate) fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A body of these frames, after which it ends or never does.
pub(crate) struct Frames {
    frames: VecDeque<Frame<Bytes>>,
    ends: bool,
    pace: Option<tokio::time::Interval>,
}

impl Frames {
    pub(crate) fn of(data: &[&'static str], trailers: Option<HeaderMap>) -> Self {
        let data = data.iter().map(|d| Frame::data(Bytes::from_static(d.as_bytes())));
        Self { frames: data.chain(trailers.map(Frame::trailers)).collect(), ends: true, pace: None }
    }

    pub(crate) const fn for_ever(mut self) -> Self {
        self.ends = false;
        self
    }

    /// One frame each time.
    pub(crate) fn paced(mut self, time: Duration) -> Self {
        self.pace = Some(tokio::time::interval(time));
        self
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(pace) = &mut self.pace {
            ready!(pace.poll_tick(cx));
        }
        match self.frames.pop_front() {
            Some(frame) => Poll::Ready(Some(Ok(frame))),
            None if self.ends => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}
