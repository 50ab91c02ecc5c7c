//! What a request asks for, and of whom: its host and its target, as sent (wire 2 and 3).

use http::header::{Entry, HOST, HeaderValue};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Version};

use super::carried::{is_needed, restore};
use super::framing;
use crate::decide::code::Code;

/// Whose request it is. Text of ASCII, shared with the header that it came in.
#[derive(Clone, Debug)]
pub(super) struct Host(HeaderValue);

impl Host {
    fn new(text: &str) -> Result<Self, Code> {
        HeaderValue::from_str(text).map(Self).map_err(|_| Code::BadRequest)
    }

    /// As text.
    pub(super) fn as_str(&self) -> &str {
        // It was checked; what could not be shown would be nobody's.
        self.0.to_str().unwrap_or_default()
    }

    /// As the value of a header.
    pub(super) fn value(&self) -> HeaderValue {
        self.0.clone()
    }
}

/// Path and query as sent.
#[derive(Clone, Debug)]
pub(super) enum Sent {
    /// As the HTTP library holds them.
    Plain(PathAndQuery),
    /// With bytes that the library does not take.
    Odd(String),
}

impl Sent {
    /// Of a text.
    pub(super) fn of(target: String) -> Result<Self, Code> {
        if is_needed(&target) {
            return Ok(Self::Odd(target));
        }
        PathAndQuery::try_from(target).map(Self::Plain).map_err(|_| Code::BadRequest)
    }

    /// As text.
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Plain(target) => target.as_str(),
            Self::Odd(target) => target,
        }
    }
}

/// Which host is meant: the target's authority, else the one Host header; and whether that header stays, for it says just that: one of
/// HTTP/1 mostly goes on to a service that reads it. Otherwise `host` leaves the headers.
pub(super) fn host(uri: &http::Uri, headers: &mut HeaderMap, version: Version) -> Result<(Host, bool), Code> {
    if uri.authority().is_none() && version != Version::HTTP_2 {
        let mut hosts = headers.get_all(HOST).iter();
        return match (hosts.next(), hosts.next()) {
            (Some(_), Some(_)) => Err(Code::BadRequest),
            (Some(host), None) => Ok((checked_host(host.clone())?, true)),
            // Old clients know no Host; they get what an empty one gets.
            (None, _) if version < Version::HTTP_11 => Ok((Host::new("")?, false)),
            (None, _) => Err(Code::BadRequest),
        };
    }
    let host = match headers.entry(HOST) {
        Entry::Occupied(hosts) if hosts.iter().nth(1).is_some() => return Err(Code::BadRequest),
        Entry::Occupied(host) => Some(host.remove()),
        Entry::Vacant(_) => None,
    };
    if let Some(authority) = uri.authority() {
        // User info is nobody's business behind the gateway.
        let text = authority.as_str();
        let host = text.split_once('@').map_or(text, |(_, host)| host);
        let port = host.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.ends_with(']'));
        let wrong_port = version != Version::HTTP_2 && port.is_some_and(|port| port.parse::<u16>().is_err());
        if host.contains('@') || wrong_port {
            return Err(Code::BadRequest);
        }
        return Ok((Host::new(host)?, false));
    }
    Ok((checked_host(host.ok_or(Code::BadRequest)?)?, false))
}

fn checked_host(value: HeaderValue) -> Result<Host, Code> {
    if framing::all(value.as_bytes(), framing::HOST) { Ok(Host(value)) } else { Err(Code::BadRequest) }
}

/// Path and query as sent.
pub(super) fn target(uri: &http::Uri, method: &Method, http2: bool) -> Result<Sent, Code> {
    if method == Method::CONNECT {
        // A well-formed one names a host and a port, and no service is a way to them.
        return Err(if uri.port().is_some() && uri.host() != Some("") { Code::NoRoute } else { Code::BadRequest });
    }
    // Over HTTP/2 any scheme passes.
    let scheme = uri.scheme_str().filter(|_| !http2);
    if scheme.is_some_and(|s| !s.eq_ignore_ascii_case("http") && !s.eq_ignore_ascii_case("https")) {
        return Err(Code::BadRequest);
    }
    let target = uri.path_and_query().map_or("", PathAndQuery::as_str);
    if target == "*" {
        return Err(if method == Method::OPTIONS { Code::NoRoute } else { Code::BadRequest });
    }
    // `http://x?y` has no path that a route could match.
    if scheme.is_some() && target.starts_with('?') {
        return Err(Code::NoRoute);
    }
    if target.is_empty() && scheme.is_some() {
        return Ok(Sent::Plain(PathAndQuery::from_static("/")));
    }
    let whole = uri.path_and_query().filter(|_| target.starts_with('/')).ok_or(Code::BadRequest)?;
    if target.is_ascii() {
        return Ok(Sent::Plain(whole.clone()));
    }
    // The guard lets nothing but ASCII in, and carries a part of it; HTTP/2 has no guard.
    let restored = restore(target).filter(|_| !http2);
    restored.map(Sent::Odd).ok_or(Code::BadRequest)
}
