//! A call of gRPC: one message there, one back, and what the server says of it.

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderMap, Response};
use http_body_util::BodyExt;

use super::error::{AskError, Unreached};
use super::{Client, PATIENCE, TOKEN};

/// A chain of certificates is a hundredth of it.
const MOST_BYTES: usize = 1 << 20;
/// What stands before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// What came back.
#[derive(Debug)]
pub(in crate::source::consul) struct GrpcReply {
    /// That of HTTP.
    pub(in crate::source::consul) status: u16,
    /// Headers, and trailers in their place.
    pub(in crate::source::consul) headers: HeaderMap,
    body: Bytes,
}

impl GrpcReply {
    /// The message; `None`: there is none, or more, or it is compressed, which nobody asked for.
    pub(in crate::source::consul) fn message(&self) -> Option<&[u8]> {
        let (prefix, message) = self.body.split_first_chunk::<PREFIX>()?;
        let [0, length @ ..] = *prefix else { return None };
        (u32::from_be_bytes(length) as usize == message.len()).then_some(message)
    }
}

impl Client {
    /// Calls a method, `/package.Service/Method`.
    pub(in crate::source::consul) async fn call(&self, method: &str, message: &[u8]) -> Result<GrpcReply, AskError> {
        let failed = |why| AskError::Unreached { agent: self.settings.agent.to_string(), asked: method.to_owned(), why };
        let lost = |e| failed(Unreached::of(e, PATIENCE));
        let mut url = self.base.clone();
        url.set_path(method);
        let length = u32::try_from(message.len()).map_err(|_| failed(Unreached::TooLong(message.len())))?;
        let body = [&[0], &length.to_be_bytes()[..], message].concat();
        let mut request = self.http.post(url).header(CONTENT_TYPE, "application/grpc").header(TE, "trailers").body(body).timeout(PATIENCE);
        if let Some(token) = self.token()? {
            request = request.header(TOKEN, token);
        }
        let (head, mut frames) = Response::from(request.send().await.map_err(lost)?).into_parts();
        let (mut headers, mut body) = (head.headers, BytesMut::new());
        while let Some(frame) = frames.frame().await {
            match frame.map_err(lost)?.into_data() {
                Ok(data) if body.len() + data.len() > MOST_BYTES => return Err(failed(Unreached::TooLong(MOST_BYTES))),
                Ok(data) => body.extend_from_slice(&data),
                Err(frame) => headers.extend(frame.into_trailers().unwrap_or_default()),
            }
        }
        Ok(GrpcReply { status: head.status.as_u16(), headers, body: body.freeze() })
    }
}
