//! Answers: those of gw's own, and those of services made ready for the client.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::{Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::lines::{join_answer, one_length};
use super::outcome::Outcome;
use super::patience::Taking;
use super::relay::Relay;
use super::upload::Cut;
use crate::decide::code::Code;

/// The body of an answer.
#[derive(Debug)]
pub(super) enum Answer {
    /// Gw's own, or a service's that was read to its end.
    Local(Local),
    /// A service's, passed on as it comes.
    Relayed(Relay),
    /// Nothing: a tunnel follows.
    Empty,
}

/// A text that is there as a whole.
#[derive(Debug)]
pub(super) struct Local {
    text: Bytes,
    // Recorded when the answer is sent.
    outcome: Outcome,
    // An HTTP/2 client's, which lets wait or does not.
    taking: Option<Taking>,
}

/// The answer that gw itself makes for a code (`docs/differences.md`: local-body, x-gw-code). Its body is the text of it.
pub(super) fn own(code: Code, grpc: bool, code_header: bool, close: bool) -> Response<String> {
    let text = if grpc { String::new() } else { format!("{code}: {} (gw inspect explain {code})\n", code.meaning()) };
    let status = if grpc { 200 } else { code.status() };
    let mut response = Response::new(String::new());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(if grpc { "application/grpc" } else { "text/plain" }));
    if grpc {
        headers.insert("grpc-status", HeaderValue::from_static(grpc_status(code.status())));
        if let Some(message) = grpc_message(code) {
            headers.insert("grpc-message", HeaderValue::from_static(message));
        }
    }
    if code_header {
        headers.insert("x-gw-code", HeaderValue::from_static(code.as_str()));
    }
    if close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response.map(|_| text)
}

/// An answer that is there as a whole, recorded when it is sent. `bodiless`: over HTTP/2 the head is all of it, and ends the stream: a
/// gRPC client takes it for the end of the call only then.
pub(super) fn with_outcome(response: Response<impl Into<Bytes>>, bodiless: bool, mut outcome: Outcome) -> Response<Answer> {
    outcome.status(response.status().as_u16());
    response.map(|text| Answer::Local(Local { text: if bodiless { Bytes::new() } else { text.into() }, outcome, taking: None }))
}

/// A service's answer that is there as a whole, for a client of HTTP/1: hyper writes its version and framing.
pub(super) fn whole(mut response: Response<Bytes>, outcome: Outcome) -> Response<Answer> {
    *response.version_mut() = Version::HTTP_11;
    with_outcome(response, false, outcome)
}

/// The gRPC status of an HTTP one (wire 1.8).
const fn grpc_status(status: u16) -> &'static str {
    match status {
        400 => "13",
        401 => "16",
        403 => "7",
        404 => "12",
        429 | 502 | 503 | 504 => "14",
        _ => "2",
    }
}

/// Envoy's own words, which gRPC clients may know; 404s have none (wire 1.8).
const fn grpc_message(code: Code) -> Option<&'static str> {
    match code {
        Code::NoListener | Code::NoHost | Code::NoRoute => None,
        Code::NoHealthyEndpoint => Some("no healthy upstream"),
        Code::RequestTimeout => Some("upstream request timeout"),
        Code::IdleTimeout => Some("stream timeout"),
        Code::ConnectFailed => Some("upstream connect error or disconnect/reset before headers. reset reason: remote connection failure"),
        Code::UpstreamReset => Some("upstream connect error or disconnect/reset before headers. reset reason: connection termination"),
        other => Some(other.meaning()),
    }
}

/// Takes the headers of the hop to the service out of its answer; what its `connection` names stays (wire 5). What is there is found
/// in one look: asking the map for each of them would cost more.
pub(super) fn clean(status: StatusCode, headers: &mut HeaderMap) {
    const HOP_BY_HOP: [HeaderName; 4] = [
        TRANSFER_ENCODING,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
        HeaderName::from_static("x-envoy-decorator-operation"),
    ];
    join_answer(headers);
    let (mut of_the_hop, mut lengthless, mut listed) = (false, status == StatusCode::NO_CONTENT, false);
    for (name, value) in &*headers {
        match name.as_str() {
            "connection" | "upgrade" | "keep-alive" | "proxy-connection" | "x-envoy-decorator-operation" => of_the_hop = true,
            // A length beside a coding means nothing (RFC 9112, 6.3), and would cut the answer off.
            "transfer-encoding" => (of_the_hop, lengthless) = (true, true),
            "content-length" => listed |= value.as_bytes().contains(&b','),
            _ => {}
        }
    }
    if listed {
        one_length(headers);
    }
    if lengthless {
        headers.remove(CONTENT_LENGTH);
    }
    if !of_the_hop {
        return;
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
    if status != StatusCode::SWITCHING_PROTOCOLS {
        headers.remove(CONNECTION);
        headers.remove(UPGRADE);
    }
}

/// Whether an answer says the length of what it does not send: a 304 may.
pub(super) fn is_not_modified_with_length<T>(response: &Response<T>) -> bool {
    if response.status() != StatusCode::NOT_MODIFIED {
        return false;
    }
    let mut lengths = response.headers().get_all(CONTENT_LENGTH).iter().map(HeaderValue::as_bytes);
    let number = |length: &[u8]| matches!(length.len(), 1..=18) && length.iter().all(u8::is_ascii_digit);
    lengths.next().is_some_and(number) && lengths.next().is_none()
}

/// An answer of a service, for the client: hyper writes its version and framing.
pub(super) fn relayed(mut response: Response<Incoming>, into: impl FnOnce(Incoming) -> Relay) -> Response<Answer> {
    *response.version_mut() = Version::HTTP_11;
    response.map(|incoming| Answer::Relayed(into(incoming)))
}

impl Answer {
    /// An HTTP/2 client takes it: counted as one that waits for it, until something is asked for.
    pub(super) fn is_taken(&mut self, taking: Taking) {
        taking.waits();
        match self {
            Self::Local(local) => local.taking = Some(taking),
            Self::Relayed(relay) => relay.is_taken(taking),
            Self::Empty => {}
        }
    }
}

impl Local {
    fn poll_frame(&mut self) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if self.text.is_empty() {
            return Poll::Ready(None);
        }
        self.outcome.sent(self.text.len());
        Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.text)))))
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.get_mut() {
            Self::Local(local) => local.poll_frame(),
            Self::Relayed(relay) => relay.poll_frame(cx),
            Self::Empty => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Local(local) => local.text.is_empty(),
            Self::Relayed(relay) => relay.is_end_stream(),
            Self::Empty => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Local(local) => SizeHint::with_exact(local.text.len() as u64),
            Self::Relayed(relay) => relay.size_hint(),
            Self::Empty => SizeHint::with_exact(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_loses_the_headers_of_its_hop_but_not_what_its_connection_names() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "x-kept"),
            ("x-kept", "1"),
            ("keep-alive", "timeout=3"),
            ("upgrade", "h2c"),
            ("te", "x"),
            ("content-length", "0"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let mut no_content = headers.clone();
        clean(StatusCode::OK, &mut headers);
        let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-length", "te", "x-kept"]);
        clean(StatusCode::NO_CONTENT, &mut no_content);
        assert!(!no_content.contains_key(CONTENT_LENGTH));
    }

    #[test]
    fn every_code_has_the_grpc_status_that_envoy_gives_its_http_status() {
        for (status, grpc) in [(403, "7"), (404, "12"), (503, "14"), (504, "14"), (500, "2")] {
            assert_eq!(grpc_status(status), grpc);
        }
    }
}
