//! Answers of gRPC services for clients that speak HTTP/1 and cannot read trailers: the status goes into the head, as Envoy's
//! bridge does on grpc listeners (wire 4).

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::error::Failed;
use super::progress::Progress;

/// The most of an answer that is kept until its trailers are there.
const MOST: usize = 1024 * 1024;
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// An answer as the client can read it.
#[derive(Debug)]
pub(super) enum Bridged {
    /// Complete, with the status in its head.
    Whole(Response<Bytes>),
    /// Too long to be kept: passed on as it comes, after what came.
    Long(Response<Incoming>, Bytes),
}

/// Reads an answer up to its trailers. Each frame of it renews the idle timeout, as when it is passed on.
pub(super) async fn bridge(response: Response<Incoming>, progress: &Progress) -> Result<Bridged, Failed> {
    let (mut head, mut incoming) = response.into_parts();
    let mut kept = BytesMut::new();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(Failed::from_hyper)?;
        progress.moves();
        if let Some(data) = frame.data_ref() {
            kept.extend_from_slice(data);
        } else if let Some(trailers) = frame.trailers_ref() {
            into_head(trailers, &mut head.headers, &mut head.status);
        }
        if kept.len() > MOST {
            return Ok(Bridged::Long(Response::from_parts(head, incoming), kept.freeze()));
        }
    }
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(kept.len()));
    Ok(Bridged::Whole(Response::from_parts(head, kept.freeze())))
}

/// Any status but OK is a failure to those who do not know gRPC.
fn into_head(trailers: &HeaderMap, headers: &mut HeaderMap, http: &mut StatusCode) {
    if let Some(status) = trailers.get(&STATUS) {
        if status != "0" {
            *http = StatusCode::SERVICE_UNAVAILABLE;
        }
        headers.insert(STATUS, status.clone());
    }
    if let Some(message) = trailers.get(&MESSAGE) {
        headers.insert(MESSAGE, message.clone());
    }
}
