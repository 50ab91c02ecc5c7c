//! Headers that travel as one line each, however many lines came (wire 1.2): those of which Envoy keeps one value.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// In requests.
const OF_REQUESTS: [HeaderName; 25] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::ACCESS_CONTROL_REQUEST_HEADERS,
    header::ACCESS_CONTROL_REQUEST_METHOD,
    header::AUTHORIZATION,
    header::CACHE_CONTROL,
    header::CONTENT_ENCODING,
    header::CONTENT_TYPE,
    header::EXPECT,
    HeaderName::from_static("grpc-accept-encoding"),
    HeaderName::from_static("grpc-timeout"),
    header::IF_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::IF_RANGE,
    header::IF_UNMODIFIED_SINCE,
    header::ORIGIN,
    header::PRAGMA,
    header::REFERER,
    header::UPGRADE,
    header::USER_AGENT,
    header::VIA,
    HeaderName::from_static("x-client-trace-id"),
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-request-id"),
];

/// In answers.
const OF_ANSWERS: [HeaderName; 19] = [
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
    header::AGE,
    header::CACHE_CONTROL,
    header::CONTENT_ENCODING,
    header::CONTENT_TYPE,
    header::ETAG,
    header::EXPIRES,
    HeaderName::from_static("grpc-message"),
    HeaderName::from_static("grpc-status"),
    header::LAST_MODIFIED,
    header::LOCATION,
    header::VARY,
    header::VIA,
    HeaderName::from_static("x-request-id"),
];

/// Joins the lines of a request. Of most requests no header has two, which is seen at once.
pub(super) fn join_request(headers: &mut HeaderMap, http2: bool) {
    if headers.len() == headers.keys_len() {
        return;
    }
    for name in &OF_REQUESTS {
        join(headers, name, b",");
    }
    join(headers, &HeaderName::from_static("x-forwarded-proto"), b",");
    if http2 {
        join(headers, &header::COOKIE, b"; ");
    }
}

/// Joins the lines of an answer.
pub(super) fn join_answer(headers: &mut HeaderMap) {
    if headers.len() == headers.keys_len() {
        return;
    }
    for name in &OF_ANSWERS {
        join(headers, name, b",");
    }
    if headers.get_all(header::CONTENT_LENGTH).iter().nth(1).is_some() {
        one_length(headers);
    }
}

/// Lengths that agree, in lines or in a list, are one; of others none is true.
pub(super) fn one_length(headers: &mut HeaderMap) {
    let values = headers.get_all(header::CONTENT_LENGTH).iter();
    let mut lengths = values.flat_map(|value| value.as_bytes().split(|b| *b == b',')).map(<[u8]>::trim_ascii);
    let first = lengths.next().filter(|first| lengths.all(|other| other == *first));
    match first.and_then(|first| HeaderValue::from_bytes(first).ok()) {
        Some(length) => drop(headers.insert(header::CONTENT_LENGTH, length)),
        None => drop(headers.remove(header::CONTENT_LENGTH)),
    }
}

/// Empty lines add nothing.
fn join(headers: &mut HeaderMap, name: &HeaderName, with: &[u8]) {
    let mut values = headers.get_all(name).iter();
    if values.next().is_none() || values.next().is_none() {
        return;
    }
    let values = headers.get_all(name).iter().map(HeaderValue::as_bytes).filter(|value| !value.is_empty());
    let joined = values.collect::<Vec<_>>().join(with);
    if let Ok(value) = HeaderValue::from_bytes(&joined) {
        headers.insert(name.clone(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn values<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
        headers.get_all(name).iter().map(|v| v.to_str().unwrap()).collect()
    }

    #[test]
    fn lines_of_which_one_is_kept_are_joined_and_others_stay_apart() {
        let mut headers = map(&[
            ("accept", "a"),
            ("accept", "b"),
            ("x-request-id", ""),
            ("x-request-id", "r"),
            ("x-request-id", ""),
            ("x-own", "1"),
            ("x-own", "2"),
            ("accept-language", "de"),
            ("accept-language", "en"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
            ("via", ""),
            ("via", ""),
        ]);
        let mut http2 = headers.clone();
        join_request(&mut headers, false);
        for (name, wanted) in [
            ("accept", vec!["a,b"]),
            ("x-request-id", vec!["r"]),
            ("x-own", vec!["1", "2"]),
            ("accept-language", vec!["de", "en"]),
            ("cookie", vec!["a=1", "b=2"]),
            ("via", vec![""]),
        ] {
            assert_eq!(values(&headers, name), wanted, "{name}");
        }
        join_request(&mut http2, true);
        assert_eq!(values(&http2, "cookie"), ["a=1; b=2"]);
    }

    #[test]
    fn of_an_answer_lengths_that_disagree_are_none() {
        for (lengths, wanted) in [(["5", "5"], vec!["5"]), (["5", "6"], vec![]), (["5", "5, 5"], vec!["5"]), (["5", "5, 6"], vec![])] {
            let mut headers = map(&[("content-length", lengths[0]), ("content-length", lengths[1]), ("vary", "a"), ("vary", "b")]);
            headers.append("set-cookie", HeaderValue::from_static("a"));
            headers.append("set-cookie", HeaderValue::from_static("b"));
            join_answer(&mut headers);
            assert_eq!(values(&headers, "content-length"), wanted);
            assert_eq!((values(&headers, "vary"), values(&headers, "set-cookie")), (vec!["a,b"], vec!["a", "b"]));
        }
    }
}
