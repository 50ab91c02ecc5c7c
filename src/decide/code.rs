//! The stable reasons: one table for access records, metrics, `x-gw-code`, HTTP answers, inspect and the docs.

use std::fmt;

/// Why a connection or request ended as it did. The words never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The service answered.
    Ok,
    /// No listener of that name.
    NoListener,
    /// The server name of the TLS handshake is none that the listener offers.
    NoSni,
    /// The server name is of Consul's own servers, and the mesh gateway does not expose them.
    ServersNotExposed,
    /// The TLS handshake has no server name, and nothing else says which service is meant.
    SniAbsent,
    /// The TLS handshake with the client failed.
    ClientTls,
    /// The client did not say in time which service it means.
    HelloTimeout,
    /// An intention, or the default policy, does not allow it.
    Denied,
    /// The path is to be asked for in another spelling.
    PathSpelling,
    /// The Host matches no service of the listener.
    NoHost,
    /// The Host matches, but no route does.
    NoRoute,
    /// No instance of the target, or of any failover leg, is healthy.
    NoHealthyEndpoint,
    /// Every instance tried refused the connection or did not answer in time.
    ConnectFailed,
    /// The TLS handshake with the instance failed.
    UpstreamTls,
    /// The instance ended the connection before it answered.
    UpstreamReset,
    /// The instance broke off in the middle of its answer.
    UpstreamBroken,
    /// What the instance answered is not HTTP, or its head is too large.
    UpstreamMalformed,
    /// The request took longer than its timeout.
    RequestTimeout,
    /// Nothing moved for the idle timeout.
    IdleTimeout,
    /// The request is not well-formed.
    BadRequest,
    /// The request's headers are more than 60 KiB or 100.
    HeadersTooLarge,
    /// A `Transfer-Encoding` other than chunked.
    UnsupportedCoding,
    /// An `Upgrade` to a protocol other than websocket.
    UpgradeRefused,
    /// The client went away before it had its answer.
    ClientGone,
    /// The gateway took no more connections or requests.
    Overloaded,
    /// A bug in gw.
    Internal,
}

impl Code {
    /// Every code.
    pub const ALL: &[Self] = &[
        Self::Ok,
        Self::NoListener,
        Self::NoSni,
        Self::ServersNotExposed,
        Self::SniAbsent,
        Self::ClientTls,
        Self::HelloTimeout,
        Self::Denied,
        Self::PathSpelling,
        Self::NoHost,
        Self::NoRoute,
        Self::NoHealthyEndpoint,
        Self::ConnectFailed,
        Self::UpstreamTls,
        Self::UpstreamReset,
        Self::UpstreamBroken,
        Self::UpstreamMalformed,
        Self::RequestTimeout,
        Self::IdleTimeout,
        Self::BadRequest,
        Self::HeadersTooLarge,
        Self::UnsupportedCoding,
        Self::UpgradeRefused,
        Self::ClientGone,
        Self::Overloaded,
        Self::Internal,
    ];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The status of the answer that gw makes itself; 0 where none is made.
    pub const fn status(self) -> u16 {
        self.row().1
    }

    /// What it means, in one line for the one who reads the answer.
    pub const fn meaning(self) -> &'static str {
        self.row().2
    }

    /// Envoy's response flags that come closest, for who reads access records by them; `-`: none does.
    pub const fn flags(self) -> &'static str {
        match self {
            Self::NoListener | Self::NoSni | Self::SniAbsent | Self::NoHost | Self::NoRoute => "NR",
            Self::NoHealthyEndpoint => "UH",
            Self::ConnectFailed | Self::UpstreamTls => "UF",
            Self::UpstreamReset | Self::UpstreamBroken => "UC",
            Self::RequestTimeout => "UT",
            Self::IdleTimeout => "SI",
            Self::ClientGone => "DC",
            Self::BadRequest | Self::HeadersTooLarge => "DPE",
            Self::Overloaded => "OM",
            _ => "-",
        }
    }

    const fn row(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::Ok => ("ok", 0, "the service answered"),
            Self::NoListener => ("no_listener", 404, "the gateway has no such listener"),
            Self::NoSni => ("no_sni", 404, "the server name is none that this gateway offers"),
            Self::ServersNotExposed => {
                ("servers_not_exposed", 0, "the server name is of Consul's servers, and the gateway was started without --expose-servers")
            }
            Self::SniAbsent => ("sni_absent", 0, "the client sent no server name, and nothing else says which service is meant"),
            Self::ClientTls => ("client_tls", 0, "the TLS handshake with the client failed"),
            Self::HelloTimeout => ("hello_timeout", 0, "the client's ClientHello was not complete within 15 s"),
            Self::Denied => ("denied", 403, "RBAC: access denied"),
            Self::PathSpelling => ("path_spelling", 307, "the path is to be asked for as Location spells it"),
            Self::NoHost => ("no_host", 404, "no service of this listener has this Host"),
            Self::NoRoute => ("no_route", 404, "the Host is served, but no route matches"),
            Self::NoHealthyEndpoint => ("no_healthy_endpoint", 503, "no healthy instance of the service"),
            Self::ConnectFailed => ("connect_failed", 503, "no instance of the service could be connected to"),
            Self::UpstreamTls => ("upstream_tls", 503, "the TLS handshake with the service failed"),
            Self::UpstreamReset => ("upstream_reset", 503, "the service ended the connection before it answered"),
            Self::UpstreamBroken => ("upstream_broken", 502, "the service broke off in the middle of its answer"),
            Self::UpstreamMalformed => ("upstream_malformed", 502, "the service's answer is not well-formed, or has more than 100 headers"),
            Self::RequestTimeout => ("request_timeout", 504, "the service did not answer within the request timeout"),
            Self::IdleTimeout => ("idle_timeout", 504, "nothing moved within the idle timeout"),
            Self::BadRequest => ("bad_request", 400, "the request is not well-formed"),
            Self::HeadersTooLarge => ("headers_too_large", 431, "the request has more than 100 headers or 60 KiB of them"),
            Self::UnsupportedCoding => ("unsupported_coding", 501, "of transfer codings only chunked is understood"),
            Self::UpgradeRefused => ("upgrade_refused", 403, "only upgrades to websocket are passed on"),
            Self::ClientGone => ("client_gone", 0, "the client went away before it had its answer"),
            Self::Overloaded => ("overloaded", 503, "the gateway takes no more for now"),
            Self::Internal => ("internal", 500, "a bug in gw, please report it"),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
