//! The page at `/`: one document, with its style and its script in it. It is the same for everybody and knows nothing: what it shows
//! it asks for at `/v1/` and `/metrics`, with the token of who looks at it where one is wanted.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY, X_FRAME_OPTIONS};
use http::{HeaderName, Response, StatusCode};
use http_body_util::Full;

use super::page as answer;
use crate::tls;

/// Where it is.
pub(super) const PATH: &str = "/";

const STYLE: &str = include_str!("page.css");

/// Files of one script, each with what the ones before it have.
const SCRIPT: &str = concat!(
    include_str!("dom.js"),
    include_str!("state.js"),
    include_str!("rates.js"),
    include_str!("topology.js"),
    include_str!("serving.js"),
    include_str!("mesh.js"),
    include_str!("config.js"),
    include_str!("tap.js"),
    include_str!("ask.js"),
    include_str!("start.js"),
);

static DOCUMENT: LazyLock<String> = LazyLock::new(|| include_str!("page.html").replace("/*STYLE*/", STYLE).replace("/*SCRIPT*/", SCRIPT));

/// Nothing runs and nothing styles but what stands in the document, nothing is asked elsewhere, and no other page has it in a frame.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(tls::sha256(text)));
    format!(
        "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        hash(SCRIPT),
        hash(STYLE)
    )
});

const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// The page.
pub(super) fn response() -> Response<Full<bytes::Bytes>> {
    let mut response = answer(StatusCode::OK, "text/html; charset=utf-8", DOCUMENT.clone());
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(OPENER, HeaderValue::from_static("same-origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_one_document_that_asks_nobody_else_and_sets_no_text_as_markup() {
        assert!(!DOCUMENT.contains("/*STYLE*/") && !DOCUMENT.contains("/*SCRIPT*/"));
        for elsewhere in ["http://", "https://", "//cdn", "src=", "@import", "url("] {
            let found = DOCUMENT.lines().find(|line| {
                line.contains(elsewhere) && !line.contains("www.w3.org") && !line.contains("127.0.0.1") && !line.contains("${ADDRESS}")
            });
            assert_eq!(found, None, "{elsewhere}");
        }
        for markup in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "localStorage", "cookie"] {
            assert!(!SCRIPT.contains(markup), "{markup}");
        }
        // Neither has what would end its element.
        assert!(!SCRIPT.contains("</script") && !STYLE.contains("</style"));
    }

    #[test]
    fn the_policy_lets_only_the_pages_own_style_and_script_pass() {
        assert!(!POLICY.contains("unsafe") && POLICY.contains("default-src 'none'") && POLICY.contains("frame-ancestors 'none'"));
        // Of the text between the tags, and nothing else, as a browser takes it.
        let between = |open: &str, close: &str| DOCUMENT.split_once(open).unwrap().1.split_once(close).unwrap().0.to_owned();
        for (text, directive) in
            [(between("<script type=\"module\">", "</script>"), "script-src"), (between("<style>", "</style>"), "style-src")]
        {
            assert!(POLICY.contains(&format!("{directive} 'sha256-{}'", STANDARD.encode(tls::sha256(&text)))), "{directive}");
        }
    }
}
