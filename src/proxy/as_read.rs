//! A request's head as the data path reads it, for who asks what would become of it.

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};

use super::head::{Came, Head};
use crate::decide::code::Code;

/// A head after what may not pass was refused, hop-by-hop headers were taken out and those of a gateway put in: what is decided by.
#[derive(Clone, Debug)]
pub struct HeadAsRead {
    /// The method.
    pub method: Method,
    /// Whose request it is: the target's authority, else the one Host.
    pub authority: String,
    /// Path and query as sent.
    pub target: String,
    /// `http` or `https`
    pub scheme: &'static str,
    /// All other headers.
    pub headers: HeaderMap,
}

impl HeadAsRead {
    /// Reads a head as it came, on a connection with TLS or without; or why it is answered before anything is decided.
    pub fn of(mut parts: Parts, tls: bool) -> Result<Self, Code> {
        let came = Came { tls, client_cert: None };
        let head = Head::read(&mut parts, came, || HeaderValue::from_static("an-id-of-the-gateway"))?;
        let (authority, target) = (head.authority().to_owned(), head.target().to_owned());
        Ok(Self { method: head.method, authority, target, scheme: head.scheme, headers: head.headers })
    }
}
