//! What is known when a decision is made. Nothing is looked up later.

use std::net::SocketAddr;

use http::{HeaderMap, Method};

use crate::id::{ListenerName, SpiffeId};

/// All that is known about a connection or request when it is planned.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The listener that took the connection.
    pub listener: &'a ListenerName,
    /// Who connected.
    pub client: SocketAddr,
    /// Where the connection arrived.
    pub local: SocketAddr,
    /// The server name of the TLS handshake, if there was one.
    pub sni: Option<&'a str>,
    /// Whose certificate who connected has shown, on a listener that asks for one.
    pub peer: Option<&'a SpiffeId>,
    /// The request, on a listener that reads requests.
    pub request: Option<RequestHead<'a>>,
}

/// The head of a request, as the client sent it, whatever the HTTP version.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// `:authority` or `Host`, unchanged; of an absolute target, the target's authority without user info.
    pub authority: &'a str,
    /// Path and query as sent, neither decoded nor normalized.
    pub target: &'a str,
    /// `http` or `https`: what `x-forwarded-proto` says, else what the listener speaks.
    pub scheme: &'a str,
    /// All other headers, as they reach the router: hop-by-hop ones removed, `x-forwarded-proto` and `x-request-id` there.
    pub headers: &'a HeaderMap,
}

impl<'a> RequestHead<'a> {
    /// The path without the query.
    pub fn path(&self) -> &'a str {
        self.target.split_once('?').map_or(self.target, |(path, _)| path)
    }

    /// The query without the question mark; `None` without one.
    pub fn query(&self) -> Option<&'a str> {
        self.target.split_once('?').map(|(_, query)| query)
    }
}
