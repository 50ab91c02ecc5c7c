//! The span of a hop: what is sent to an instance has a client's span (OpenTelemetry's conventions for HTTP), below that of the request
//! that it is sent for, and above what the instance records itself. It ends with the head of the answer.

use std::time::{Instant, SystemTime};

use http::HeaderValue;
use serde_json::Value;

use super::error::Failed;
use super::head::Head;
use super::outcome::protocol;
use super::trace::{Kind, Span, Traced, Tracing};
use crate::decide::snapshot::{Endpoint, Target};
use crate::model::service::Address;

/// A hop under way. Dropping it ends its span.
#[derive(Debug)]
pub(super) struct ClientSpan<'a> {
    tracing: &'a Tracing,
    /// `None`: it was told.
    span: Option<Span>,
    began: Instant,
}

impl<'a> ClientSpan<'a> {
    /// Begins with what is known of it. `traced`: its place; `again`: how many there were before it.
    pub(super) fn begin(tracing: &'a Tracing, traced: Traced, head: &Head, target: &Target, endpoint: &Endpoint, again: u32) -> Self {
        let Endpoint { id, address, tls, .. } = endpoint;
        let server = address.host().map_or_else(|| ip(address), str::to_owned);
        // What stands in a query may be a secret.
        let path = head.target().split('?').next().unwrap_or_default();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let mut attributes: Vec<(&'static str, Value)> = vec![
            ("http.request.method", head.method.as_str().into()),
            ("url.full", format!("{scheme}://{address}{path}").into()),
            ("server.address", server.into()),
            ("server.port", address.port().into()),
            ("gw.target", target.id.text().into()),
            ("gw.instance", id.as_str().into()),
        ];
        if again > 0 {
            attributes.push(("http.request.resend_count", again.into()));
        }
        let name = format!("{} {}", head.method, target.id);
        let (start, began) = (SystemTime::now(), Instant::now());
        let span = Span { kind: Kind::Client, traced, name, start, took: began.elapsed(), attributes, failed: false };
        Self { tracing, span: Some(span), began }
    }

    /// `traceparent`, as the instance is told.
    pub(super) fn parent(&self) -> Option<HeaderValue> {
        self.span.as_ref().map(|span| span.traced.sampled())
    }

    /// An answer came, or why none did.
    pub(super) fn ended<T>(mut self, result: Result<&http::Response<T>, &Failed>) {
        let Some(span) = &mut self.span else { return };
        let failed = match result {
            Ok(answer) => {
                let (status, version) = (answer.status(), protocol(answer.version()));
                span.attributes.push(("http.response.status_code", status.as_u16().into()));
                span.attributes.push(("network.protocol.version", version.trim_start_matches("HTTP/").into()));
                // Of a client 4xx is an error too.
                (status.as_u16() >= 400).then(|| status.as_u16().to_string())
            }
            Err(failed) => Some(failed.code().to_string()),
        };
        self.tell(failed);
    }

    fn tell(&mut self, failed: Option<String>) {
        let Some(mut span) = self.span.take() else { return };
        span.took = self.began.elapsed();
        span.failed = failed.is_some();
        span.attributes.extend(failed.map(|why| ("error.type", why.into())));
        self.tracing.write(span);
    }
}

impl Drop for ClientSpan<'_> {
    fn drop(&mut self) {
        // Nobody waits for it any more: the client went away, or the time was over.
        self.tell(Some("cancelled".to_owned()));
    }
}

fn ip(address: &Address) -> String {
    if let Address::Socket(address) = address { address.ip().to_string() } else { String::new() }
}
