//! HTTP on loopback for operators and probes. It reads the state that is published; what changes something is asked for by POST.

mod asked;
pub mod client;
mod deeds;
mod envoy;
mod guard;
mod metrics;
mod page;
mod paths;
pub mod probe;
mod tap;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

pub use self::asked::Asked;
pub use self::deeds::{Reloaded, Reloading};
use self::guard::Guard;
pub use self::guard::{Token, TokenError};
pub use self::metrics::{Exposition, Scrape};
use crate::model::resources::Resources;
use crate::rt::drain::DrainWatch;
use crate::rt::signal::Shutdown;
use crate::rt::task;
use crate::state::Live;
use crate::state::connections::Lister;
use crate::state::taps::Tapper;

/// Within which a request's head must be there.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// How many may ask at once at a listener; who comes then waits.
const MOST_CONNECTIONS: usize = 64;

/// What the admin listener can tell of.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What is served now.
    pub standing: Arc<Mutex<Standing>>,
    /// Questions that are answered here by somebody else, each at its page.
    pub questions: Arc<[(&'static str, Question)]>,
    /// Asks which connections are open.
    pub connections: Lister,
    /// Opens taps.
    pub taps: Tapper,
    /// How the process stands: where its state comes from, and how fresh that is.
    pub status: Status,
    /// What is told at `/metrics`.
    pub metrics: Scrape,
    /// Reads the configuration again.
    pub reload: Reloading,
    /// Told when the process drains: then it is not ready any more. Tells it to, too.
    pub shutdown: Shutdown,
}

/// Where it is answered, and what of it.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Who asks has to show it, but for whether the gateway is ready.
    pub token: Option<Token>,
    /// Nothing but metrics is told here.
    pub only_metrics: bool,
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

/// Answers a question about what is served.
#[derive(Clone)]
pub struct Question(pub Arc<Answering>);

/// What answers a question.
pub type Answering = dyn Fn(&Asked) -> Result<Value, Unanswered> + Send + Sync;

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// It is none, and this is wrong with it: 400.
    #[error("{0}")]
    Wrong(String),
    /// What it is asked of has no answer to it: 422.
    #[error("{0}")]
    Refused(String),
}

impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Question")
    }
}

/// Binds a listener. Off loopback without a token it is refused, but for metrics alone.
pub fn bind(address: SocketAddr, place: &Place) -> io::Result<std::net::TcpListener> {
    if !address.ip().is_loopback() && place.token.is_none() && !place.only_metrics {
        let why = "is no loopback address: off loopback the admin listener wants a token (--admin-token-file FILE)";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} {why}", address.ip())));
    }
    let socket = std::net::TcpListener::bind(address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Answers until the drain is over, so that `/ready` can say no while connections finish.
pub async fn serve(socket: std::net::TcpListener, place: Place, subject: Subject, ended: DrainWatch) {
    let any_host = socket.local_addr().is_ok_and(|address| !address.ip().is_loopback());
    let here = Rc::new(Here { subject, guard: Guard { token: place.token, any_host }, only_metrics: place.only_metrics });
    each_connection(socket, MOST_CONNECTIONS, ended, |stream| connection(stream, here.clone())).await;
}

/// No more than so many at a time: whoever connects beyond waits.
async fn each_connection<F: Future<Output = ()> + 'static>(
    socket: std::net::TcpListener,
    most: usize,
    ended: DrainWatch,
    mut serve: impl FnMut(TcpStream) -> F,
) {
    let listener = match TcpListener::from_std(socket) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "cannot listen for admin requests"),
    };
    let permits = Arc::new(Semaphore::new(most));
    loop {
        let next = async {
            // The semaphore is never closed.
            let permit = permits.clone().acquire_owned().await.ok();
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            () = ended.signaled() => return,
            next = next => next,
        };
        match accepted {
            Ok((stream, _)) => {
                let served = serve(stream);
                task::spawn(async move { drop((served.await, permit)) });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept an admin connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// A listener, and what is told at it.
struct Here {
    subject: Subject,
    guard: Guard,
    only_metrics: bool,
}

async fn connection(stream: TcpStream, here: Rc<Here>) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
    let service = service_fn(|request| {
        let here = here.clone();
        async move {
            Ok::<_, Infallible>(match tap::asked(&here, &request) {
                Some(query) => tap::response(&here.subject, query).await,
                None => answer(&here, &request).await.map(Either::Left),
            })
        }
    });
    // An error is a client that went away.
    drop(pin!(builder.serve_connection(TokioIo::new(stream), service)).await);
}

async fn answer(here: &Here, request: &Request<Incoming>) -> Response<Full<bytes::Bytes>> {
    let Here { subject, guard, only_metrics } = here;
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    if let Err(refused) = guard.admit(path, request.headers()) {
        return refused.response();
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if metrics::PATHS.contains(&path) && reads {
        return metrics::response(subject, request.headers());
    }
    if path == page::PATH && reads && !only_metrics {
        return page::response();
    }
    let elsewhere = *only_metrics && ![paths::PROBES, metrics::PATHS].concat().contains(&path);
    match (deeds::find(path), paths::find(subject, path)) {
        _ if elsewhere => text(StatusCode::NOT_FOUND, "here are metrics alone, at /metrics\n".to_owned()),
        (Some(deed), _) if request.method() == Method::POST => deed.response(subject, query).await,
        _ if path == tap::PATH => other_method("what passes is watched by GET\n", "GET"),
        (Some(_), _) => other_method("this is asked for by POST\n", "POST"),
        (None, None) if !metrics::PATHS.contains(&path) => {
            let known =
                [page::PATH.to_owned(), paths::names(subject), tap::PATH.to_owned(), metrics::PATHS.join(", "), deeds::names()].join(", ");
            text(StatusCode::NOT_FOUND, format!("no such page; there are {known}\n"))
        }
        (None, Some(make)) if reads => {
            let (status, kind, text) = make.page(subject, query).await;
            page(status, kind, text)
        }
        _ => other_method("this page is read by GET\n", "GET, HEAD"),
    }
}

fn other_method(why: &str, allowed: &'static str) -> Response<Full<bytes::Bytes>> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, why.to_owned());
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

fn text(status: StatusCode, text: String) -> Response<Full<bytes::Bytes>> {
    page(status, "text/plain", text)
}

fn page(status: StatusCode, kind: &'static str, text: String) -> Response<Full<bytes::Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_admin_listener_leaves_loopback_only_with_a_token_or_for_metrics_alone() {
        let everywhere = "0.0.0.0:0".parse().unwrap();
        let error = bind(everywhere, &Place::default()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("--admin-token-file"), "{error}");
        assert!(bind("127.0.0.1:0".parse().unwrap(), &Place::default()).is_ok());
        assert!(bind(everywhere, &Place { only_metrics: true, token: None }).is_ok());
        assert!(bind(everywhere, &Place { token: Some(Token::new("0123456789abcdef").unwrap()), only_metrics: false }).is_ok());
    }
}
