//! The services of the embedded default: they say who answered and what reached them.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Map, Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use crate::rt::drain::DrainWatch;
use crate::rt::task;
use crate::source::demo::Echoes;

/// The most of a request's body that is read; more is left where it is.
const READ: usize = 1024 * 1024;
/// Within which a request must begin.
const HEAD_TIME: Duration = Duration::from_secs(60);

/// The echo services, bound but not yet answering.
#[derive(Debug)]
pub struct EchoServices {
    bound: Vec<(Echo, std::net::TcpListener)>,
    addresses: Echoes,
}

#[derive(Clone, Copy, Debug)]
struct Echo {
    service: &'static str,
    instance: &'static str,
    version: Option<&'static str>,
}

impl EchoServices {
    /// Binds `web` in two versions and `api` to free ports of loopback.
    pub fn bind() -> io::Result<Self> {
        let echoes = [
            Echo { service: "web", instance: "web-1", version: Some("v1") },
            Echo { service: "web", instance: "web-2", version: Some("v2") },
            Echo { service: "api", instance: "api-1", version: None },
        ];
        let mut bound = Vec::new();
        let mut addresses = [SocketAddr::from(([127, 0, 0, 1], 0)); 3];
        for (echo, address) in echoes.into_iter().zip(&mut addresses) {
            let socket = std::net::TcpListener::bind(*address)?;
            socket.set_nonblocking(true)?;
            *address = socket.local_addr()?;
            bound.push((echo, socket));
        }
        let [web_v1, web_v2, api] = addresses;
        Ok(Self { bound, addresses: Echoes { web_v1, web_v2, api } })
    }

    /// Where they answer.
    pub const fn addresses(&self) -> Echoes {
        self.addresses
    }

    /// Answers on this thread until it ends.
    pub(super) fn serve(self, ended: &DrainWatch) {
        for (echo, socket) in self.bound {
            task::spawn(accept(echo, socket, ended.clone()));
        }
    }
}

async fn accept(echo: Echo, socket: std::net::TcpListener, ended: DrainWatch) {
    let listener = match TcpListener::from_std(socket) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, service = echo.service, "cannot listen"),
    };
    loop {
        let accepted = tokio::select! {
            () = ended.signaled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => task::spawn(connection(echo, stream)),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Speaks HTTP/2 if the connection begins so, else HTTP/1, as services do whose protocol is not known.
async fn connection(echo: Echo, mut stream: TcpStream) {
    let mut first = [0; 3];
    let peeked = tokio::time::timeout(HEAD_TIME, stream.peek(&mut first)).await;
    let Ok(Ok(1..)) = peeked else {
        drop(stream.read(&mut first).await);
        return;
    };
    let service = service_fn(move |request| answer(echo, request));
    let io = TokioIo::new(stream);
    if first[0] == b'P' && first[1] == b'R' {
        drop(pin!(http2::Builder::new(Local).serve_connection(io, service)).await);
    } else {
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
        drop(pin!(builder.serve_connection(io, service)).await);
    }
}

async fn answer(echo: Echo, request: Request<Incoming>) -> Result<Response<Full<bytes::Bytes>>, Infallible> {
    let (parts, mut body) = request.into_parts();
    let mut length = 0;
    while let Some(Ok(frame)) = body.frame().await {
        length += frame.data_ref().map_or(0, bytes::Bytes::len);
        if length > READ {
            break;
        }
    }
    let mut headers = Map::new();
    for (name, value) in &parts.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        match headers.get_mut(name.as_str()) {
            Some(Value::String(sent)) => *sent = format!("{sent}, {value}"),
            _ => drop(headers.insert(name.to_string(), json!(value))),
        }
    }
    let text = json!({
        "service": echo.service,
        "instance": echo.instance,
        "version": echo.version,
        "method": parts.method.as_str(),
        "path": parts.uri.path_and_query().map_or("/", |p| p.as_str()),
        "host": parts.uri.authority().map(|a| a.as_str()).or_else(|| parts.headers.get("host").and_then(|h| h.to_str().ok())),
        "headers": headers,
        "body_bytes": length,
    });
    let mut response = Response::new(Full::from(format!("{text:#}\n")));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

#[derive(Clone, Copy, Debug)]
struct Local;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, future: F) {
        task::spawn(future);
    }
}
