//! What load balancers and Consul's agent ask of an ingress gateway from outside: whether it is ready, and nothing else.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;

use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use super::{HEAD_TIME, Subject, each_connection, page, paths};
use crate::rt::drain::DrainWatch;

/// Open connections at a time: whoever connects beyond waits for one to end, which none puts off for long.
const MOST: usize = 256;
/// The one page.
const READY: &str = "/ready";

/// Binds the listener, on any address.
pub fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = std::net::TcpListener::bind(address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Answers until the drain is over, one request a connection.
pub async fn serve(socket: std::net::TcpListener, subject: Subject, ended: DrainWatch) {
    let subject = Rc::new(subject);
    each_connection(socket, MOST, ended, |stream| connection(stream, subject.clone())).await;
}

async fn connection(stream: TcpStream, subject: Rc<Subject>) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).keep_alive(false);
    let service = service_fn(|request| {
        let subject = subject.clone();
        async move { Ok::<_, Infallible>(answer(&subject, &request).await) }
    });
    // An error is a client that went away, or does not take its answer.
    let served = pin!(builder.serve_connection(TokioIo::new(stream), service));
    drop(tokio::time::timeout(HEAD_TIME, served).await);
}

async fn answer(subject: &Subject, request: &Request<Incoming>) -> Response<Full<bytes::Bytes>> {
    let reads = request.method() == Method::GET || request.method() == Method::HEAD;
    let Some(ready) = paths::find(subject, READY).filter(|_| reads && request.uri().path() == READY) else {
        return page(StatusCode::NOT_FOUND, "text/plain", format!("here is {READY} alone, read by GET\n"));
    };
    let (status, kind, text) = ready.page(subject, "").await;
    page(status, kind, text)
}
