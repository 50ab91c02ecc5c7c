//! One question to an instance: a request, or a connection.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request, StatusCode};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::model::check::{Check, Probe};
use crate::model::service::{Address, Health};
use crate::net::Dialer;

/// The most bytes of an answer's head that are read; its body is left where it is.
const MOST: usize = 64 * 1024;

/// What an instance answered.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) health: Health,
    /// For the log: `GET /health: 503 Service Unavailable`.
    pub(super) said: String,
}

/// Asks once, within the check's timeout.
pub(super) async fn ask(dialer: &Dialer, check: &Check, instance: &Address) -> Found {
    match &check.probe {
        Probe::Tcp { at } => {
            let address = at.as_ref().unwrap_or(instance);
            match dialer.connect(address, check.timeout).await {
                Ok(_) => Found { health: Health::Passing, said: "tcp: connected".to_owned() },
                Err(e) => Found { health: Health::Critical, said: format!("tcp: {e}") },
            }
        }
        Probe::Http { at, path, method, headers } => {
            let address = at.as_ref().unwrap_or(instance);
            let asked = format!("{method} {path}");
            match timeout(check.timeout, request(dialer, address, check.timeout, method, path, headers)).await {
                Ok(Ok(status)) => Found { health: health_of(status), said: format!("{asked}: {status}") },
                Ok(Err(e)) => Found { health: Health::Critical, said: format!("{asked}: {e}") },
                Err(_) => Found { health: Health::Critical, said: format!("{asked}: no answer within {:?}", check.timeout) },
            }
        }
    }
}

/// As a Consul agent judges; redirects are not followed.
const fn health_of(status: StatusCode) -> Health {
    match status.as_u16() {
        200..300 => Health::Passing,
        429 => Health::Warning,
        _ => Health::Critical,
    }
}

async fn request(
    dialer: &Dialer,
    address: &Address,
    within: Duration,
    method: &str,
    path: &str,
    headers: &[(String, String)],
) -> Result<StatusCode, String> {
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).map_err(|e| e.to_string())?;
    *request.uri_mut() = path.parse().map_err(|e: http::uri::InvalidUri| e.to_string())?;
    let fields = request.headers_mut();
    fields.insert(HOST, HeaderValue::from_str(&address.to_string()).map_err(|e| e.to_string())?);
    fields.insert(USER_AGENT, HeaderValue::from_static("gw health check"));
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|e| e.to_string())?;
        let value = HeaderValue::from_str(value).map_err(|e| e.to_string())?;
        // What gw says by itself gives way; what is said twice stands twice.
        if name == HOST || name == USER_AGENT {
            fields.insert(name, value);
        } else {
            fields.append(name, value);
        }
    }
    fields.insert(CONNECTION, HeaderValue::from_static("close"));

    let stream = dialer.connect(address, within).await.map_err(|e| e.to_string())?;
    let mut builder = http1::Builder::new();
    builder.max_buf_size(MOST);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
    let mut connection = pin!(connection);
    let mut answer = pin!(sender.send_request(request));
    let answer = tokio::select! {
        biased;
        answer = answer.as_mut() => answer,
        // A connection that has ended brought the answer, or its error.
        _ = connection.as_mut() => answer.await,
    };
    answer.map(|answer| answer.status()).map_err(|e| e.to_string())
}
