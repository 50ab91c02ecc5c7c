//! HTTP on loopback for operators and probes. It reads the state that is published and changes nothing.

mod asked;
pub mod client;
mod paths;
pub mod probe;

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::header::{ALLOW, CONTENT_TYPE, HOST, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

pub use self::asked::Asked;
use crate::model::resources::Resources;
use crate::rt::drain::DrainWatch;
use crate::rt::signal::Shutdown;
use crate::rt::task;
use crate::state::Live;
use crate::state::connections::Lister;

/// Within which a request's head must be there.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// What the admin listener can tell of.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What is served now.
    pub standing: Arc<Mutex<Standing>>,
    /// Questions that are answered here by somebody else, each at its page.
    pub questions: &'static [(&'static str, Question)],
    /// Asks which connections are open.
    pub connections: Lister,
    /// How the process stands: where its state comes from, and how fresh that is.
    pub status: Status,
    /// Told when the process drains: then it is not ready any more.
    pub shutdown: Shutdown,
}

/// Tells how a process stands, as JSON.
#[derive(Clone)]
pub struct Status(pub Arc<dyn Fn(&Standing) -> Value + Send + Sync>);

impl std::fmt::Debug for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Status")
    }
}

/// What a process serves.
#[derive(Debug, Default)]
pub struct Standing {
    /// The gateways.
    pub gateways: Vec<Gateway>,
    /// Why what the files say by now is not served, if it is not.
    pub refused: Option<String>,
}

/// A gateway of the process.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// What the source says.
    pub said: Resources,
    /// What is made of it.
    pub live: Live,
}

/// Answers a question about what is served, or says what is wrong with it.
pub type Question = fn(&[Gateway], &Asked) -> Result<Value, String>;

/// Binds the listener. Off loopback it is refused: the pages have no password.
pub fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    if !address.ip().is_loopback() {
        let reason = format!("{} is no loopback address, and the admin listener has no password", address.ip());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    }
    let socket = std::net::TcpListener::bind(address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Answers until the drain is over, so that `/ready` can say no while connections finish.
pub async fn serve(socket: std::net::TcpListener, subject: Subject, ended: DrainWatch) {
    let subject = Rc::new(subject);
    each_connection(socket, ended, |stream| task::spawn(connection(stream, subject.clone()))).await;
}

async fn each_connection(socket: std::net::TcpListener, ended: DrainWatch, mut take: impl FnMut(TcpStream)) {
    let listener = match TcpListener::from_std(socket) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "cannot listen for admin requests"),
    };
    loop {
        let accepted = tokio::select! {
            () = ended.signaled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => take(stream),
            Err(error) => {
                tracing::warn!(%error, "cannot accept an admin connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, subject: Rc<Subject>) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
    let service = service_fn(|request| {
        let subject = subject.clone();
        async move { Ok::<_, Infallible>(answer(&subject, &request).await) }
    });
    // An error is a client that went away.
    drop(pin!(builder.serve_connection(TokioIo::new(stream), service)).await);
}

async fn answer(subject: &Subject, request: &Request<Incoming>) -> Response<Full<bytes::Bytes>> {
    let host = request.headers().get(HOST).and_then(|h| h.to_str().ok());
    if !host.is_some_and(is_own_name) {
        return page(StatusCode::FORBIDDEN, "text/plain", "the Host of an admin request is an address or localhost\n".to_owned());
    }
    let Some(make) = paths::find(subject, request.uri().path()) else {
        return page(StatusCode::NOT_FOUND, "text/plain", format!("no such page; there are {}\n", paths::names(subject)));
    };
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut response = page(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "this page is read by GET\n".to_owned());
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let (status, kind, text) = make.page(subject, request.uri().query().unwrap_or_default()).await;
    page(status, kind, text)
}

fn page(status: StatusCode, kind: &'static str, text: String) -> Response<Full<bytes::Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Names that a page of another site cannot have resolved to this listener: addresses, and localhost.
fn is_own_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        // The colons of a bare IPv6 address are not a port's.
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && (name.ends_with(']') || !name.contains(':')) => name,
        _ => host,
    };
    let bare = name.strip_prefix('[').and_then(|n| n.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_localhost_are_hosts_of_the_admin_listener() {
        for host in ["127.0.0.1:19000", "127.0.0.1", "localhost:19000", "LOCALHOST", "[::1]:19000", "[::1]", "::1"] {
            assert!(is_own_name(host), "{host}");
        }
        for host in ["evil.test", "evil.test:19000", "localhost.evil.test", "", ":19000", "127.0.0.1.evil.test"] {
            assert!(!is_own_name(host), "{host}");
        }
    }

    #[test]
    fn the_admin_listener_does_not_leave_loopback() {
        assert_eq!(bind("0.0.0.0:0".parse().unwrap()).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert!(bind("127.0.0.1:0".parse().unwrap()).is_ok());
    }
}
