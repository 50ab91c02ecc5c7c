//! Header values that speak of the request: Envoy's command operators, the subset that `gw` knows (wire 7).

use std::net::SocketAddr;

use http::{HeaderMap, HeaderName};

/// Names that say whose message it is and where it ends: the connections decide them, and an edit would let one request be read as
/// two (`docs/differences.md`, stricter).
const NOT_EDITABLE: [&str; 7] = ["host", "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "upgrade"];

/// Whether header edits may name this header. Pseudo headers such as `:path` are none.
pub fn is_editable(name: &str) -> bool {
    !name.starts_with(':') && !NOT_EDITABLE.iter().any(|n| name.eq_ignore_ascii_case(n))
}

/// A value of a header edit, parsed once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Operator(Operator, Option<usize>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operator {
    Request(Field, Option<Field>),
    Response(Field, Option<Field>),
    Protocol,
    Client(Piece),
    Local(Piece),
    UpstreamCluster,
    ResponseCode,
    ServerName,
    /// Known to Envoy and always without a value behind Consul.
    Nothing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Field {
    Method,
    Authority,
    Path,
    Scheme,
    Header(HeaderName),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Whole,
    Ip,
    Port,
}

/// Why a value is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A `%` without its partner.
    #[error("a single % in {0:?}; write %% for a percent sign")]
    SinglePercent(String),
    /// An operator that `gw` does not know.
    #[error(
        "unknown operator %{0}%; known are REQ(..), RESP(..), PROTOCOL, DOWNSTREAM_REMOTE_ADDRESS[_WITHOUT_PORT], DOWNSTREAM_LOCAL_ADDRESS[_WITHOUT_PORT], DOWNSTREAM_LOCAL_PORT, UPSTREAM_CLUSTER, RESPONSE_CODE, REQUESTED_SERVER_NAME"
    )]
    Unknown(String),
    /// An operator whose argument is not a header name, or whose length is no number.
    #[error("operator %{0}% is not well-formed")]
    Malformed(String),
}

/// What the values of edits may speak of. The brain is given it, nothing is looked up.
#[derive(Clone, Copy, Debug)]
pub struct EditContext<'a> {
    /// The request's method.
    pub method: &'a str,
    /// The request's authority.
    pub authority: &'a str,
    /// Path and query of the request.
    pub target: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// The request's headers, when an answer is edited; `None` when the request itself is.
    pub request: Option<&'a HeaderMap>,
    /// The answer's status; 0 while there is none.
    pub status: u16,
    /// `HTTP/1.1` or `HTTP/2`, as the client speaks.
    pub protocol: &'a str,
    /// Who connected.
    pub client: SocketAddr,
    /// Where the connection arrived.
    pub local: SocketAddr,
    /// The server name of the client's TLS handshake.
    pub sni: Option<&'a str>,
    /// The cluster's name as Consul with Envoy would call it: the target's SNI.
    pub upstream_cluster: &'a str,
}

/// The context, and the headers that are being edited.
struct Rendering<'a> {
    context: &'a EditContext<'a>,
    edited: &'a HeaderMap,
}

impl<'a> Rendering<'a> {
    fn request(&self) -> &'a HeaderMap {
        self.context.request.unwrap_or(self.edited)
    }

    fn response(&self) -> Option<&'a HeaderMap> {
        self.context.request.is_some().then_some(self.edited)
    }
}

impl Template {
    /// Reads a value. Texts without `%` are themselves.
    pub fn parse(value: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = value;
        while let Some(at) = rest.find('%') {
            text.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            if let Some(more) = after.strip_prefix('%') {
                text.push('%');
                rest = more;
                continue;
            }
            let end = after.find('%').ok_or_else(|| TemplateError::SinglePercent(value.to_owned()))?;
            if !text.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut text)));
            }
            parts.push(operator(&after[..end])?);
            rest = &after[end + 1..];
        }
        text.push_str(rest);
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        Ok(Self { parts })
    }

    /// Whether the value depends on the request or answer at all.
    pub fn is_text(&self) -> bool {
        self.parts.iter().all(|p| matches!(p, Part::Text(_)))
    }

    /// The value, or `None` where it is a single operator that yields nothing: then the header is dropped.
    pub fn render(&self, edited: &HeaderMap, context: &EditContext<'_>) -> Option<String> {
        let from = &Rendering { context, edited };
        if let [Part::Operator(operator, limit)] = self.parts.as_slice() {
            return operator.value(from).map(|v| cut(v, *limit)).filter(|v| !v.is_empty());
        }
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Operator(operator, limit) => out.push_str(&operator.value(from).map(|v| cut(v, *limit)).unwrap_or_default()),
            }
        }
        Some(out)
    }
}

fn cut(mut value: String, limit: Option<usize>) -> String {
    if let Some(limit) = limit.filter(|n| *n < value.len()) {
        let end = (0..=limit).rev().find(|n| value.is_char_boundary(*n)).unwrap_or(0);
        value.truncate(end);
    }
    value
}

/// `NAME`, `NAME(argument)`, either with `:length`.
fn operator(text: &str) -> Result<Part, TemplateError> {
    let malformed = || TemplateError::Malformed(text.to_owned());
    let (call, limit) = match text.rfind(')') {
        Some(end) => (&text[..=end], &text[end + 1..]),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let limit = match limit.strip_prefix(':') {
        Some(digits) => Some(digits.parse().map_err(|_| malformed())?),
        None if limit.is_empty() => None,
        None => return Err(malformed()),
    };
    let (name, argument) = match call.split_once('(') {
        Some((name, rest)) => (name, Some(rest.strip_suffix(')').ok_or_else(malformed)?)),
        None => (call, None),
    };
    let operator = match (name, argument) {
        ("REQ", Some(fields)) => {
            let (main, other) = alternatives(fields).ok_or_else(malformed)?;
            Operator::Request(main, other)
        }
        ("RESP", Some(fields)) => {
            let (main, other) = alternatives(fields).ok_or_else(malformed)?;
            Operator::Response(main, other)
        }
        ("REQ" | "RESP", None) => return Err(malformed()),
        (_, Some(_)) => return Err(TemplateError::Unknown(text.to_owned())),
        (name, None) => plain(name).ok_or_else(|| TemplateError::Unknown(text.to_owned()))?,
    };
    Ok(Part::Operator(operator, limit))
}

fn plain(name: &str) -> Option<Operator> {
    Some(match name {
        "PROTOCOL" => Operator::Protocol,
        "DOWNSTREAM_REMOTE_ADDRESS" | "DOWNSTREAM_DIRECT_REMOTE_ADDRESS" => Operator::Client(Piece::Whole),
        "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT" | "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT" => Operator::Client(Piece::Ip),
        "DOWNSTREAM_REMOTE_PORT" | "DOWNSTREAM_DIRECT_REMOTE_PORT" => Operator::Client(Piece::Port),
        "DOWNSTREAM_LOCAL_ADDRESS" => Operator::Local(Piece::Whole),
        "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT" => Operator::Local(Piece::Ip),
        "DOWNSTREAM_LOCAL_PORT" => Operator::Local(Piece::Port),
        "UPSTREAM_CLUSTER" => Operator::UpstreamCluster,
        "RESPONSE_CODE" => Operator::ResponseCode,
        "REQUESTED_SERVER_NAME" => Operator::ServerName,
        "ROUTE_NAME" | "VIRTUAL_CLUSTER_NAME" => Operator::Nothing,
        _ => return None,
    })
}

fn alternatives(text: &str) -> Option<(Field, Option<Field>)> {
    match text.split_once('?') {
        Some((main, other)) => Some((field(main)?, Some(field(other)?))),
        None => Some((field(text)?, None)),
    }
}

fn field(name: &str) -> Option<Field> {
    Some(match name.to_ascii_lowercase().as_str() {
        ":method" => Field::Method,
        ":authority" | "host" => Field::Authority,
        ":path" => Field::Path,
        ":scheme" => Field::Scheme,
        other => Field::Header(HeaderName::from_bytes(other.as_bytes()).ok()?),
    })
}

impl Operator {
    fn value(&self, from: &Rendering<'_>) -> Option<String> {
        match self {
            Self::Request(main, other) => request_field(main, from).or_else(|| request_field(other.as_ref()?, from)),
            Self::Response(main, other) => response_field(main, from).or_else(|| response_field(other.as_ref()?, from)),
            Self::Protocol => Some(from.context.protocol.to_owned()),
            Self::Client(piece) => Some(piece.of(from.context.client)),
            Self::Local(piece) => Some(piece.of(from.context.local)),
            Self::UpstreamCluster => Some(from.context.upstream_cluster.to_owned()),
            Self::ResponseCode => Some(from.context.status.to_string()),
            Self::ServerName => from.context.sni.map(str::to_owned),
            Self::Nothing => None,
        }
    }
}

impl Piece {
    fn of(self, addr: SocketAddr) -> String {
        match self {
            Self::Whole => addr.to_string(),
            Self::Ip => addr.ip().to_string(),
            Self::Port => addr.port().to_string(),
        }
    }
}

fn request_field(field: &Field, from: &Rendering<'_>) -> Option<String> {
    match field {
        Field::Method => Some(from.context.method.to_owned()),
        Field::Authority => Some(from.context.authority.to_owned()),
        Field::Path => Some(from.context.target.to_owned()),
        Field::Scheme => Some(from.context.scheme.to_owned()),
        Field::Header(name) => header(from.request(), name),
    }
}

fn response_field(field: &Field, from: &Rendering<'_>) -> Option<String> {
    match field {
        Field::Header(name) => header(from.response()?, name),
        _ => None,
    }
}

fn header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(value: &str) -> Option<String> {
        let mut request = HeaderMap::new();
        request.insert("x-in", http::HeaderValue::from_static("abc"));
        let context = EditContext {
            method: "GET",
            authority: "h.test",
            target: "/p?q=1",
            scheme: "http",
            request: None,
            status: 0,
            protocol: "HTTP/1.1",
            client: SocketAddr::from(([127, 0, 0, 1], 40000)),
            local: SocketAddr::from(([127, 0, 0, 1], 8080)),
            sni: None,
            upstream_cluster: "web.default.dc1.internal.td",
        };
        Template::parse(value).expect("a value that parses").render(&request, &context)
    }

    #[test]
    fn operators_yield_what_envoy_makes_of_them() {
        for (value, wanted) in [
            ("plain", Some("plain")),
            ("100%%", Some("100%")),
            ("%PROTOCOL%", Some("HTTP/1.1")),
            ("%REQ(:path)%", Some("/p?q=1")),
            ("%REQ(:METHOD)%", Some("GET")),
            ("%REQ(x-none)%", None),
            ("%REQ(x-none?x-in)%", Some("abc")),
            ("%REQ(x-in):2%", Some("ab")),
            ("a%REQ(x-in)%b", Some("aabcb")),
            ("a%REQ(x-none)%b", Some("ab")),
            ("%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", Some("127.0.0.1")),
            ("%DOWNSTREAM_LOCAL_PORT%", Some("8080")),
            ("%UPSTREAM_CLUSTER%", Some("web.default.dc1.internal.td")),
            ("%RESPONSE_CODE%", Some("0")),
            ("%ROUTE_NAME%", None),
        ] {
            assert_eq!(render(value).as_deref(), wanted, "{value}");
        }
    }

    #[test]
    fn what_envoy_cannot_parse_is_an_error() {
        for value in ["50%", "%BOGUS%", "%REQ(x%", "%%%", "%REQ%", "%REQ(a b)%", "%PROTOCOL:x%"] {
            assert!(Template::parse(value).is_err(), "{value}");
        }
    }
}
