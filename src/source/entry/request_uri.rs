//! Which texts Consul takes for the URI of a request: those that Go's `url.ParseRequestURI` takes.

/// Whether a text is an absolute path or begins with a scheme, and has nothing in it that cannot be read.
pub(super) fn is_one(text: &str) -> bool {
    if text.is_empty() || text.bytes().any(|b| b.is_ascii_control()) {
        return false;
    }
    if text == "*" {
        return true;
    }
    let Some((scheme, rest)) = scheme(text) else { return false };
    let rest = rest.split('?').next().unwrap_or_default();
    if !rest.starts_with('/') {
        return !scheme.is_empty();
    }
    match rest.strip_prefix("//").filter(|_| !scheme.is_empty()) {
        Some(authority) => {
            let (authority, path) = authority.split_at(authority.find('/').unwrap_or(authority.len()));
            is_authority(authority) && is_escaped(path, |_| true)
        }
        None => is_escaped(rest, |_| true),
    }
}

/// The scheme and what follows; an empty one where there is none, and `None` where there is a colon and nothing before it.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let letter = |b: u8| b.is_ascii_alphabetic();
    let more = |b: u8| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.');
    let end = text.bytes().enumerate().find(|(i, b)| !letter(*b) && (*i == 0 || !more(*b)));
    match end {
        Some((0, b':')) => None,
        Some((i, b':')) => Some((&text[..i], &text[i + 1..])),
        _ => Some(("", text)),
    }
}

fn is_authority(authority: &str) -> bool {
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let of_user = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
    user.bytes().all(of_user) && is_escaped(user, |_| true) && is_host(host)
}

fn is_host(host: &str) -> bool {
    let of_host = |b: u8| b.is_ascii_alphanumeric() || !b.is_ascii() || b"-._~!$&'()*+,;=:[]<>\"%".contains(&b);
    // In the name of a host only bytes beyond ASCII are escaped, and the percent sign before a zone.
    let readable = |part: &str| part.bytes().all(of_host) && is_escaped(part, |byte| byte >= 0x80 || byte == b'%');
    if let Some(rest) = host.strip_prefix('[') {
        let Some((name, port)) = rest.rsplit_once(']') else { return false };
        let address = name.split('%').next().unwrap_or_default();
        return is_port(port) && readable(host) && !rest.contains('[') && address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let port = host.find(':').map_or("", |colon| &host[colon..]);
    !host.contains('[') && is_port(port) && readable(host)
}

fn is_port(port: &str) -> bool {
    port.is_empty() || port.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether every percent sign begins an escape of a byte that may be escaped there.
fn is_escaped(text: &str, may_be: impl Fn(u8) -> bool) -> bool {
    text.split('%').skip(1).all(|after| {
        let byte = after.get(..2).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        byte.and_then(|hex| u8::from_str_radix(hex, 16).ok()).is_some_and(&may_be)
    })
}

#[cfg(test)]
mod tests {
    use super::is_one;

    #[test]
    fn uris_are_taken_as_go_takes_them() {
        for good in
            ["https://x", "/x", "*", "mailto:a b", "http://u:p@x:80/a%20b?%zz", "//x", "http://[::1]:8080/", "http://x:/", "a:", "http:///"]
        {
            assert!(is_one(good), "{good}");
        }
        for bad in [
            "",
            "x",
            ":x",
            "1a:/x",
            "http://x/%zz",
            "http://x:8a",
            "http://a b/",
            "http://[x]/",
            "http://[::1/",
            "/a\n",
            "http://%41/",
            "#",
        ] {
            assert!(!is_one(bad), "{bad}");
        }
    }
}
