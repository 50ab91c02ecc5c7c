//! A server of gRPC that signs as Consul's do, or does anything else in its place: `ConnectCAService/Sign` over HTTP/2, with and without
//! TLS.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Makes the chain of a request, both in PEM.
pub(crate) type Signs = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// What is answered.
#[derive(Clone)]
pub(crate) enum Does {
    /// It signs what is asked for.
    Sign,
    /// A gRPC status in the head, as where nothing else is said.
    Refuse(u32, &'static str),
    /// The same after the body.
    RefuseLate(u32, &'static str),
    /// What some other server of HTTP/2 says.
    Http(u16),
    /// A body without a word about how it went.
    NoStatus,
    /// A message that is none, and all is well.
    Garbled(&'static [u8]),
    /// So many bytes.
    Long(usize),
}

/// It goes on until the test ends.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    does: Arc<Mutex<Does>>,
    /// Method and token of each call.
    pub(crate) asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Server {
    pub(crate) async fn start(tls: Option<TlsAcceptor>, signs: Signs) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (does, asked) = (Arc::new(Mutex::new(Does::Sign)), Arc::<Mutex<Vec<_>>>::default());
        let (saying, noting) = (does.clone(), asked.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, signs, saying, noting) = (tls.clone(), signs.clone(), saying.clone(), noting.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, signs, saying, noting).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, signs, saying, noting).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, does, asked }
    }

    pub(crate) fn does(&self, does: Does) {
        *self.does.lock().expect("nobody panicked") = does;
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    signs: Signs,
    does: Arc<Mutex<Does>>,
    asked: Arc<Mutex<Vec<(String, String)>>>,
) {
    let answer = service_fn(move |request: http::Request<Incoming>| {
        let (signs, does, asked) = (signs.clone(), does.lock().expect("nobody panicked").clone(), asked.clone());
        async move {
            let header = |name| request.headers().get(name).map_or("", |value| value.to_str().expect("a text")).to_owned();
            assert_eq!((header("content-type").as_str(), header("te").as_str()), ("application/grpc", "trailers"));
            let method = format!("{} {}", request.method(), request.uri().path());
            asked.lock().expect("nobody panicked").push((method, header("x-consul-token")));
            let body = request.into_body().collect().await.expect("a body").to_bytes();
            Ok::<_, Infallible>(answered(&does, &signs, &body))
        }
    });
    let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    drop(builder.serve_connection(TokioIo::new(stream), answer).await);
}

fn answered(does: &Does, signs: &Signs, asked: &[u8]) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    let grpc = |status: u16| Response::builder().status(status).header("content-type", "application/grpc");
    let body = |bytes: Bytes| Full::new(bytes);
    let status = |code: u32, text: &str| {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", code.to_string().parse().expect("a number"));
        trailers.insert("grpc-message", text.parse().expect("a text"));
        async move { Some(Ok(trailers)) }
    };
    let made = match *does {
        Does::Sign => grpc(200).body(body(framed(&signed(signs, asked))).with_trailers(status(0, "")).boxed_unsync()),
        Does::Refuse(code, text) => {
            grpc(200).header("grpc-status", code).header("grpc-message", text).body(body(Bytes::new()).boxed_unsync())
        }
        Does::RefuseLate(code, text) => grpc(200).body(body(Bytes::new()).with_trailers(status(code, text)).boxed_unsync()),
        Does::Http(code) => Response::builder().status(code).header("content-type", "text/html").body(body("<html>".into()).boxed_unsync()),
        Does::NoStatus => grpc(200).body(body(framed(&signed(signs, asked))).boxed_unsync()),
        Does::Garbled(bytes) => grpc(200).body(body(bytes.into()).with_trailers(status(0, "")).boxed_unsync()),
        Does::Long(length) => grpc(200).body(body(vec![0; length].into()).with_trailers(status(0, "")).boxed_unsync()),
    };
    made.expect("an answer")
}

fn framed(message: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    out.put_u8(0);
    out.put_u32(u32::try_from(message.len()).expect("it is short"));
    out.put_slice(message);
    out.freeze()
}

/// The answer to a framed request.
fn signed(signs: &Signs, asked: &[u8]) -> Vec<u8> {
    let at = asked.windows(10).position(|w| w == b"-----BEGIN").expect("a request in PEM");
    assert_eq!((asked[0], asked[5]), (0, 0x0a), "not compressed, the first field");
    let chain = signs(std::str::from_utf8(&asked[at..]).expect("a text"));
    let mut out = vec![2 << 3 | 2, (chain.len() & 0x7f) as u8 | 0x80, u8::try_from(chain.len() >> 7).expect("below 16 KiB")];
    out.extend_from_slice(chain.as_bytes());
    out
}
