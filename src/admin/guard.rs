//! Who may ask at all: no page of another site, by whatever name it has this address, and off loopback nobody without the token.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderValue, ORIGIN, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use http_body_util::Full;

use super::{page, paths, text};
use crate::tls;

/// By which a browser says whether a page of another site asks.
const SEC_FETCH_SITE: &str = "sec-fetch-site";
/// Fewer bytes are guessed.
const SHORTEST: usize = 16;

/// What who asks has to show.
#[derive(Clone)]
pub struct Token(Arc<str>);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Its file cannot be read.
    #[error("cannot read the admin token in {}", .0.display())]
    Read(PathBuf, #[source] std::io::Error),
    /// It is none.
    #[error("the admin token is {0}: `openssl rand -hex 16` makes one")]
    Unfit(&'static str),
}

impl Token {
    /// At least 16 visible ASCII characters.
    pub fn new(token: &str) -> Result<Self, TokenError> {
        if !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(TokenError::Unfit("not one word of visible ASCII"));
        }
        if token.len() < SHORTEST {
            return Err(TokenError::Unfit("shorter than 16 characters"));
        }
        Ok(Self(token.into()))
    }

    /// The one that stands in a file, alone.
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        let text = std::fs::read_to_string(path).map_err(|e| TokenError::Read(path.to_owned(), e))?;
        Self::new(text.trim())
    }

    /// As it is shown.
    pub(super) fn bearer(&self) -> HeaderValue {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0)).expect("visible ASCII is a header's value");
        value.set_sensitive(true);
        value
    }

    fn is_shown_by(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
        tls::same_secret(shown, self.bearer().as_bytes())
    }
}

/// What is asked of who asks.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) token: Option<Token>,
    /// Off loopback the listener has names that nobody knows here.
    pub(super) any_host: bool,
}

/// Why it is not answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The Host is a name that another site may have given this address.
    Host,
    /// A page of another site asks.
    Site,
    /// The token is not shown.
    Token,
}

impl Guard {
    pub(super) fn admit(&self, path: &str, headers: &HeaderMap) -> Result<(), Refused> {
        let value = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let host = value(HOST.as_str()).ok_or(Refused::Host)?;
        if !self.any_host && !is_own_name(host) {
            return Err(Refused::Host);
        }
        if path == page::PATH {
            // Tells nothing and does nothing: it is shown to who follows a link, and asks for the token itself.
            return Ok(());
        }
        let own_origin = |origin: &str| origin.strip_prefix("http://").is_some_and(|of| of.eq_ignore_ascii_case(host));
        let same_site = value(SEC_FETCH_SITE).is_none_or(|site| matches!(site, "same-origin" | "none"));
        if !same_site || !value(ORIGIN.as_str()).is_none_or(own_origin) {
            return Err(Refused::Site);
        }
        match &self.token {
            Some(token) if !paths::PROBES.contains(&path) && !token.is_shown_by(headers) => Err(Refused::Token),
            _ => Ok(()),
        }
    }
}

impl Refused {
    pub(super) fn response(&self) -> Response<Full<bytes::Bytes>> {
        match self {
            Self::Host => text(StatusCode::FORBIDDEN, "the Host of an admin request is an address or localhost\n".to_owned()),
            Self::Site => text(StatusCode::FORBIDDEN, "a page of another site may not ask here\n".to_owned()),
            Self::Token => {
                let why = "show the token: authorization: Bearer TOKEN (gw reads it from the file in GW_ADMIN_TOKEN_FILE)\n";
                let mut response = text(StatusCode::UNAUTHORIZED, why.to_owned());
                response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
                response
            }
        }
    }
}

/// Names that a page of another site cannot have resolved to this listener: addresses, and localhost.
fn is_own_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        // The colons of a bare IPv6 address are not a port's.
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && (name.ends_with(']') || !name.contains(':')) => name,
        _ => host,
    };
    let bare = name.strip_prefix('[').and_then(|n| n.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(of: &[(&'static str, &str)]) -> HeaderMap {
        of.iter().map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn only_addresses_and_localhost_are_hosts_of_the_admin_listener() {
        for host in ["127.0.0.1:19000", "127.0.0.1", "localhost:19000", "LOCALHOST", "[::1]:19000", "[::1]", "::1"] {
            assert!(is_own_name(host), "{host}");
        }
        for host in ["evil.test", "evil.test:19000", "localhost.evil.test", "", ":19000", "127.0.0.1.evil.test"] {
            assert!(!is_own_name(host), "{host}");
        }
    }

    #[test]
    fn a_page_of_another_site_is_told_by_what_its_browser_says() {
        let guard = Guard { token: None, any_host: false };
        let own = ("host", "127.0.0.1:19000");
        for (more, admitted) in [
            (vec![], Ok(())),
            (vec![("origin", "http://127.0.0.1:19000"), ("sec-fetch-site", "same-origin")], Ok(())),
            (vec![("sec-fetch-site", "none")], Ok(())),
            (vec![("sec-fetch-site", "cross-site")], Err(Refused::Site)),
            (vec![("sec-fetch-site", "same-site")], Err(Refused::Site)),
            (vec![("origin", "http://evil.test")], Err(Refused::Site)),
            (vec![("origin", "http://127.0.0.1:8080")], Err(Refused::Site)),
            (vec![("origin", "null")], Err(Refused::Site)),
        ] {
            assert_eq!(guard.admit("/ready", &headers(&[vec![own], more.clone()].concat())), admitted, "{more:?}");
        }
        assert_eq!(guard.admit("/ready", &headers(&[("host", "evil.test")])), Err(Refused::Host));
        assert_eq!(guard.admit("/ready", &headers(&[])), Err(Refused::Host));
        // A link from elsewhere leads to the page, which tells nothing; not by another name.
        assert_eq!(guard.admit("/", &headers(&[own, ("sec-fetch-site", "cross-site")])), Ok(()));
        assert_eq!(guard.admit("/", &headers(&[("host", "evil.test")])), Err(Refused::Host));
    }

    #[test]
    fn where_a_token_is_asked_for_only_probes_are_answered_without() {
        let guard = Guard { token: Some(Token::new("0123456789abcdef").unwrap()), any_host: true };
        let asked = |path, value| {
            let authorization = ("authorization", value);
            guard.admit(path, &headers(&[("host", "gateway.test"), authorization]))
        };
        assert_eq!(asked("/ready", ""), Ok(()));
        assert_eq!(asked("/", ""), Ok(()), "the page asks for the token itself");
        assert_eq!(asked("/metrics", "Bearer 0123456789abcdef"), Ok(()));
        for wrong in ["", "Bearer 0123456789abcdeF", "Bearer 0123456789abcdef0", "0123456789abcdef"] {
            assert_eq!(asked("/metrics", wrong), Err(Refused::Token), "{wrong}");
        }
    }

    #[test]
    fn a_token_is_a_long_word_and_is_not_printed() {
        assert!(matches!(Token::new("short"), Err(TokenError::Unfit(_))));
        assert!(matches!(Token::new("0123456789 abcdef"), Err(TokenError::Unfit(_))));
        assert_eq!(format!("{:?}", Token::new("0123456789abcdef").unwrap()), "Token");
    }
}
