//! A request's head, checked and made ready for the routes: what may not pass is refused, hop-by-hop headers are gone (wire 2 to 4).

use http::header::Entry;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, HeaderName, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, Method, Version};

use super::MAX_HEADERS;
use super::asked::{Host, Sent, host, target};
use super::framing::is_websocket;
use super::lines::join_request;
use crate::decide::code::Code;
use crate::decide::facts::RequestHead;

pub(super) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(super) const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
pub(super) const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Headers of one connection, never passed on (wire 4).
const HOP_BY_HOP: [HeaderName; 3] = [HeaderName::from_static("keep-alive"), HeaderName::from_static("proxy-connection"), TRANSFER_ENCODING];

/// Headers by which a client could steer an Envoy, and what an ingress does not let in (wire 4).
const CONTROL: [&str; 12] = [
    "x-envoy-upstream-rq-timeout-ms",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-stream-duration-ms",
    "x-envoy-upstream-rq-timeout-alt-response",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-retry-on",
    "x-envoy-retry-grpc-on",
    "x-envoy-max-retries",
    "x-envoy-retriable-status-codes",
    "x-envoy-retriable-header-names",
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-is-timeout-retry",
];
const X_FORWARDED_CLIENT_CERT: HeaderName = HeaderName::from_static("x-forwarded-client-cert");
/// Headers that the next hop reads of the gateway: no client may have them taken away there.
const GATEWAYS_OWN: [HeaderName; 5] = [HOST, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO, X_FORWARDED_CLIENT_CERT];

/// The methods that HTTP/1 requests may have, as registered; over HTTP/2 any token passes (wire 3).
const METHODS: [&str; 34] = [
    "ACL",
    "BIND",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MOVE",
    "MSEARCH",
    "NOTIFY",
    "OPTIONS",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "PUT",
    "REBIND",
    "REPORT",
    "SEARCH",
    "SOURCE",
    "SUBSCRIBE",
    "TRACE",
    "UNBIND",
    "UNLINK",
    "UNLOCK",
    "UNSUBSCRIBE",
];

/// Those of them that nearly all have.
const USUAL: [Method; 4] = [Method::GET, Method::POST, Method::PUT, Method::HEAD];

/// A request's head as the routes see it.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) method: Method,
    pub(super) version: Version,
    /// Whose request it is: the target's authority, else the one Host.
    pub(super) host: Host,
    /// Path and query as sent.
    pub(super) target: Sent,
    pub(super) scheme: &'static str,
    pub(super) headers: HeaderMap,
    /// `host` is among them, for an instance that speaks HTTP/1. Nobody but the instance reads it there.
    pub(super) names_host: bool,
    /// The client asks for a websocket; `connection` and `upgrade` are still there.
    pub(super) websocket: bool,
    /// The length may be told to the instance; not if the client called it hop-by-hop.
    pub(super) framed: bool,
}

/// What is known of the connection that a request came on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Came<'a> {
    pub(super) tls: bool,
    /// Who connected, as services are told of it; what the client says of that itself stays in front. `None`: neither is told.
    pub(super) client_cert: Option<&'a HeaderValue>,
}

impl Head {
    /// Whether answers of gw's own are gRPC's: for content-type `application/grpc` and `application/grpc+..` (wire 1.8).
    pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
        let Some(rest) = headers.get(CONTENT_TYPE).and_then(|v| v.as_bytes().strip_prefix(b"application/grpc")) else {
            return false;
        };
        rest.is_empty() || rest[0] == b'+'
    }

    /// Whether an HTTP/2 request says whose it is, and with a length that is one, and is no CONNECT (wire 2 and 4).
    pub(super) fn is_answerable<B>(request: &http::Request<B>) -> bool {
        let named = match request.uri().authority() {
            Some(authority) => !authority.as_str().contains('@'),
            None => request.headers().contains_key(HOST),
        };
        let length = request.headers().get(CONTENT_LENGTH);
        named && !length.is_some_and(HeaderValue::is_empty) && request.method() != Method::CONNECT
    }

    /// The authority as text.
    pub(super) fn authority(&self) -> &str {
        self.host.as_str()
    }

    /// Path and query as sent.
    pub(super) fn target(&self) -> &str {
        self.target.as_str()
    }

    /// Checks a head and takes out what is not for the routes. `id` makes a request id where there is none. The headers are not among
    /// the parts afterwards.
    pub(super) fn read(parts: &mut Parts, came: Came<'_>, id: impl FnOnce() -> HeaderValue) -> Result<Self, Code> {
        let (method, uri, version, mut headers) = (parts.method.clone(), &parts.uri, parts.version, std::mem::take(&mut parts.headers));
        let http2 = version == Version::HTTP_2;
        if !http2 && !USUAL.contains(&method) && !METHODS.contains(&method.as_str()) {
            return Err(Code::BadRequest);
        }
        let (host, names_host) = host(uri, &mut headers, version)?;
        let target = target(uri, &method, http2)?;
        let mut head = Self { method, version, host, target, scheme: "http", headers, names_host, websocket: false, framed: true };
        join_request(&mut head.headers, http2);
        let found = Found::among(&head.headers);
        head.connection(found, http2)?;
        // The crumbs that HTTP/2 makes of a cookie are one header again.
        if head.headers.len() - usize::from(names_host) > MAX_HEADERS {
            return Err(Code::HeadersTooLarge);
        }
        head.client_cert(found, came.client_cert);
        if found.control {
            CONTROL.iter().for_each(|name| drop(head.headers.remove(*name)));
        }
        head.standard_headers(came, id)?;
        Ok(head)
    }

    /// Puts `host` among the headers, or takes it out, once for all attempts. Only HTTP/1 has it.
    pub(super) fn name_host(&mut self, http1: bool) {
        match (self.names_host, http1) {
            (false, true) => drop(self.headers.insert(HOST, self.host.value())),
            (true, false) => drop(self.headers.remove(HOST)),
            (true, true) | (false, false) => {}
        }
        self.names_host = http1;
    }

    /// It asks for something else by now.
    pub(super) fn asks_for(&mut self, target: String) -> Result<(), Code> {
        self.target = Sent::of(target)?;
        Ok(())
    }

    /// Who connected is told behind what the client says, as Envoy does it (wire 4).
    fn client_cert(&mut self, found: Found, own: Option<&HeaderValue>) {
        let Some(own) = own else {
            if found.client_cert {
                self.headers.remove(X_FORWARDED_CLIENT_CERT);
            }
            return;
        };
        if !found.client_cert {
            self.headers.insert(X_FORWARDED_CLIENT_CERT, own.clone());
            return;
        }
        let sent: Vec<&[u8]> = self.headers.get_all(X_FORWARDED_CLIENT_CERT).iter().map(HeaderValue::as_bytes).collect();
        let whole = [sent.join(&b","[..]).as_slice(), own.as_bytes()].join(&b","[..]);
        // Values with commas between them are a value.
        if let Ok(whole) = HeaderValue::from_bytes(&whole) {
            self.headers.insert(X_FORWARDED_CLIENT_CERT, whole);
        }
    }

    /// The head as `plan` takes it.
    pub(super) fn facts(&self) -> RequestHead<'_> {
        RequestHead {
            method: &self.method,
            authority: self.authority(),
            target: self.target(),
            scheme: self.scheme,
            headers: &self.headers,
        }
    }

    /// `connection` and what it names, upgrades, and the other headers of one hop.
    fn connection(&mut self, found: Found, http2: bool) -> Result<(), Code> {
        if !found.of_the_hop {
            return Ok(());
        }
        let named = nominations(&self.headers)?;
        let upgrades = named.contains(&UPGRADE) && self.headers.contains_key(UPGRADE) && !http2;
        if upgrades {
            let protocol = self.headers.get(UPGRADE).map_or(&b""[..], HeaderValue::as_bytes);
            self.websocket = is_websocket(protocol);
            // An offer of HTTP/2 may be ignored; of anything else the client must know that it is not taken.
            if !self.websocket && !protocol.eq_ignore_ascii_case(b"h2c") {
                return Err(Code::UpgradeRefused);
            }
        }
        self.framed = !named.contains(&CONTENT_LENGTH);
        for name in &named {
            let kept = (self.websocket && *name == UPGRADE) || *name == TE;
            if !kept {
                self.headers.remove(name);
            }
        }
        if self.websocket {
            // What else is named is done with here: the next hop, which may have it of the gateway or an entry, takes nothing out.
            if named.iter().any(|name| *name != UPGRADE && !HOP_BY_HOP.contains(name)) {
                self.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            }
        } else {
            self.headers.remove(CONNECTION);
            self.headers.remove(UPGRADE);
        }
        for name in &HOP_BY_HOP {
            self.headers.remove(name);
        }
        self.te();
        if self.headers.get(EXPECT).is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
            self.headers.remove(EXPECT);
        }
        Ok(())
    }

    /// Of `te`, only `trailers` is passed on.
    fn te(&mut self) {
        if self.headers.get(TE).is_none_or(HeaderValue::is_empty) {
            return;
        }
        let trailers = self.headers.get_all(TE).iter().flat_map(tokens).any(|t| t == b"trailers");
        if trailers {
            self.headers.insert(TE, HeaderValue::from_static("trailers"));
        } else {
            self.headers.remove(TE);
        }
    }

    fn standard_headers(&mut self, came: Came<'_>, id: impl FnOnce() -> HeaderValue) -> Result<(), Code> {
        let own = if came.tls { "https" } else { "http" };
        let proto = self.headers.entry(X_FORWARDED_PROTO).or_insert(HeaderValue::from_static(own));
        self.scheme = match proto.as_bytes() {
            b"" => return Err(Code::NoRoute),
            b"https" => "https",
            b"http" => "http",
            _ => own,
        };
        match self.headers.entry(X_REQUEST_ID) {
            Entry::Occupied(mut sent) if sent.get().is_empty() => drop(sent.insert(id())),
            Entry::Occupied(_) => {}
            Entry::Vacant(none) => drop(none.insert(id())),
        }
        Ok(())
    }
}

/// What a head holds of the headers that mean something to a gateway, found in one look at the names: asking the map for each of
/// them would cost more than all else that is done with a head.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    /// Headers of the connection that the request came on.
    of_the_hop: bool,
    /// [`CONTROL`]
    control: bool,
    /// [`X_FORWARDED_CLIENT_CERT`]
    client_cert: bool,
}

impl Found {
    fn among(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        for name in headers.keys() {
            match name.as_str() {
                "connection" | "upgrade" | "te" | "expect" | "keep-alive" | "proxy-connection" | "transfer-encoding" => {
                    found.of_the_hop = true
                }
                "x-forwarded-client-cert" => found.client_cert = true,
                name => found.control |= name.starts_with("x-envoy-"),
            }
        }
        found
    }
}

/// The names in `connection`. Some may not be taken away from the gateway by a client (wire 4).
fn nominations(headers: &HeaderMap) -> Result<Vec<HeaderName>, Code> {
    let mut named = Vec::new();
    for token in headers.get_all(CONNECTION).iter().flat_map(tokens) {
        if token.first() == Some(&b':') {
            return Err(Code::BadRequest);
        }
        // What is no name of a header names none.
        if let Ok(name) = HeaderName::from_bytes(token) {
            if GATEWAYS_OWN.contains(&name) {
                return Err(Code::BadRequest);
            }
            named.push(name);
        }
    }
    Ok(named)
}

/// The elements of a comma-separated list.
fn tokens(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|b| *b == b',').map(<[u8]>::trim_ascii).filter(|t| !t.is_empty())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn read(method: &str, target: &str, headers: &[(&str, &str)]) -> Result<Head, Code> {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Head::read(&mut request.body(()).unwrap().into_parts().0, Came { tls: false, client_cert: None }, || {
            HeaderValue::from_static("made")
        })
    }

    fn values<'a>(head: &'a Head, name: &str) -> Vec<&'a str> {
        head.headers.get_all(name).iter().map(|v| v.to_str().unwrap()).collect()
    }

    #[test]
    fn the_targets_authority_wins_over_host_and_user_info_goes() {
        for (target, host, authority, path) in [
            ("/x?y=1", "h.test", "h.test", "/x?y=1"),
            ("http://o.test/x", "h.test", "o.test", "/x"),
            ("http://o.test", "h.test", "o.test", "/"),
            ("HTTP://O.TEST:9/x", "h.test", "O.TEST:9", "/x"),
            ("http://u:p@o.test/x", "h.test", "o.test", "/x"),
            ("//o.test/x", "h.test", "h.test", "//o.test/x"),
            ("/", "", "", "/"),
            ("/", "a,b", "a,b", "/"),
            ("/", "[::1]", "[::1]", "/"),
        ] {
            let head = read("GET", target, &[("host", host)]).unwrap();
            assert_eq!((head.authority(), head.target()), (authority, path), "{target} {host}");
        }
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for (method, target, host, code) in [
            ("GET", "/", "a b", Code::BadRequest),
            ("GET", "/", "a/b", Code::BadRequest),
            ("GET", "/", "ü", Code::BadRequest),
            ("GET", "*", "h.test", Code::BadRequest),
            ("OPTIONS", "*", "h.test", Code::NoRoute),
            ("BREW", "/", "h.test", Code::BadRequest),
            ("get", "/", "h.test", Code::BadRequest),
            ("GET", "ftp://h.test/x", "h.test", Code::BadRequest),
            ("CONNECT", "h.test:80", "h.test", Code::NoRoute),
            ("CONNECT", "http://h.test:80", "h.test", Code::NoRoute),
            ("CONNECT", ":80", "h.test", Code::BadRequest),
            ("CONNECT", "h.test", "h.test", Code::BadRequest),
            ("M-SEARCH", "/", "h.test", Code::BadRequest),
            ("GET", "http://a@b@h.test/", "h.test", Code::BadRequest),
            ("GET", "http://h.test:/", "h.test", Code::BadRequest),
            ("GET", "http://h.test:99999/", "h.test", Code::BadRequest),
        ] {
            assert_eq!(
                read(method, target, &[("host", host)]).map(|h| h.target().to_owned()).unwrap_err(),
                code,
                "{method} {target} {host}"
            );
        }
        assert_eq!(read("GET", "/", &[]).map(|h| h.target().to_owned()).unwrap_err(), Code::BadRequest);
        assert_eq!(read("GET", "/", &[("host", "a"), ("host", "a")]).map(|h| h.target().to_owned()).unwrap_err(), Code::BadRequest);
    }

    #[test]
    fn connection_and_what_it_names_are_removed_but_some_names_are_refused() {
        let head = read(
            "GET",
            "/",
            &[("host", "h"), ("connection", "x-drop, keep-alive, X-Two"), ("x-drop", "1"), ("x-two", "2"), ("x-three", "3")],
        );
        let head = head.unwrap();
        assert_eq!(
            head.headers.keys().map(HeaderName::as_str).filter(|n| *n != "x-request-id" && *n != "x-forwarded-proto").collect::<Vec<_>>(),
            ["host", "x-three"]
        );
        for name in ["host", ":path", "x-forwarded-for", "upgrade, X-Forwarded-Client-Cert"] {
            assert_eq!(
                read("GET", "/", &[("host", "h"), ("connection", name)]).map(|h| h.target().to_owned()).unwrap_err(),
                Code::BadRequest,
                "{name}"
            );
        }
    }

    #[test]
    fn only_websocket_is_upgraded() {
        let upgrade = |protocol| read("GET", "/", &[("host", "h"), ("connection", "keep-alive, Upgrade"), ("upgrade", protocol)]);
        let head = upgrade("WebSocket").unwrap();
        assert!(head.websocket);
        assert_eq!((values(&head, "connection"), values(&head, "upgrade")), (vec!["keep-alive, Upgrade"], vec!["WebSocket"]));
        let more = [("host", "h"), ("connection", "Upgrade, X-Team"), ("upgrade", "websocket"), ("x-team", "a")];
        let head = read("GET", "/", &more).unwrap();
        assert_eq!((values(&head, "connection"), values(&head, "x-team")), (vec!["upgrade"], vec![]));
        assert!(!upgrade("h2c").unwrap().headers.contains_key("upgrade"));
        assert_eq!(upgrade("other").map(|h| h.target().to_owned()).unwrap_err(), Code::UpgradeRefused);
        let two = [("host", "h"), ("connection", "upgrade"), ("upgrade", "websocket"), ("upgrade", "h2c")];
        assert_eq!(read("GET", "/", &two).map(|h| h.target().to_owned()).unwrap_err(), Code::UpgradeRefused);
        let unnamed = read("GET", "/", &[("host", "h"), ("upgrade", "websocket")]).unwrap();
        assert!(!unnamed.websocket && !unnamed.headers.contains_key("upgrade"));
    }

    #[test]
    fn te_keeps_trailers_and_expect_keeps_what_is_not_100_continue() {
        for (sent, kept) in [
            ("trailers", vec!["trailers"]),
            ("gzip", vec![]),
            ("TRAILERS", vec![]),
            ("", vec![""]),
            ("trailers, deflate;q=0.5", vec!["trailers"]),
        ] {
            assert_eq!(values(&read("GET", "/", &[("host", "h"), ("te", sent)]).unwrap(), "te"), kept);
        }
        assert!(values(&read("GET", "/", &[("host", "h"), ("expect", "100-Continue")]).unwrap(), "expect").is_empty());
        assert_eq!(values(&read("GET", "/", &[("host", "h"), ("expect", "else")]).unwrap(), "expect"), ["else"]);
    }

    #[test]
    fn more_headers_than_a_request_may_have_are_refused_in_every_version_but_a_cookie_is_one() {
        let read = |name: &str, version| {
            let mut request = Request::builder().uri("http://h.test/").version(version);
            for n in 0..=MAX_HEADERS {
                request = request.header(name, format!("a={n}"));
            }
            Head::read(&mut request.body(()).unwrap().into_parts().0, Came { tls: false, client_cert: None }, || {
                HeaderValue::from_static("made")
            })
            .map(|h| h.headers.len())
        };
        assert_eq!(read("x-many", Version::HTTP_2), Err(Code::HeadersTooLarge));
        assert_eq!(read("x-many", Version::HTTP_11), Err(Code::HeadersTooLarge));
        assert_eq!(read("cookie", Version::HTTP_2), Ok(3));
    }

    #[test]
    fn request_id_and_forwarded_proto_are_added_unless_sent() {
        let head = read("GET", "/", &[("host", "h"), ("x-request-id", "")]).unwrap();
        assert_eq!((values(&head, "x-request-id"), values(&head, "x-forwarded-proto"), head.scheme), (vec!["made"], vec!["http"], "http"));
        let head = read("GET", "/", &[("host", "h"), ("x-request-id", "mine"), ("x-forwarded-proto", "https")]).unwrap();
        assert_eq!((values(&head, "x-request-id"), head.scheme), (vec!["mine"], "https"));
        assert_eq!(
            read("GET", "/", &[("host", "h"), ("x-forwarded-proto", "")]).map(|h| h.target().to_owned()).unwrap_err(),
            Code::NoRoute
        );
    }
}
