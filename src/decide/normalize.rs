//! What a request is before it is judged: its path in one spelling, its headers without what the mesh does not take (semantics
//! 12.3, wire 9). Intentions look at what comes out, and that is what is sent on.

use std::borrow::Cow;

use http::HeaderMap;

use super::witness::{Step, Witness};
use crate::model::entry::{EscapedSlashesAction, Mesh, RequestNormalization, UnderscoresAction};

/// The rules of a mesh entry, `HTTP.Incoming.RequestNormalization`; without one, its defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Normalization(RequestNormalization);

/// What becomes of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Normalized<'a> {
    /// It is judged, and sent on, as this: path and query.
    Forward(Cow<'a, str>),
    /// It is answered with 307 to this path and query.
    Redirect(String),
    /// It is answered with 400.
    Reject(Unfit),
}

/// Why a request is answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// `PathWithEscapedSlashesAction` refuses such paths.
    #[error("the path has an escaped slash (%2F, %5C), which mesh HTTP.Incoming.RequestNormalization refuses")]
    EscapedSlash,
    /// No service can mean that byte.
    #[error("the path has %00")]
    Nul,
    /// The target is no path.
    #[error("the target does not begin with a slash")]
    NoPath,
    /// `HeadersWithUnderscoresAction` refuses such headers.
    #[error("a header's name has an underscore, which mesh HTTP.Incoming.RequestNormalization refuses")]
    Underscore,
}

impl Normalization {
    /// The rules of a mesh.
    pub fn of(mesh: Option<&Mesh>) -> Self {
        Self(mesh.and_then(Mesh::request_normalization).cloned().unwrap_or_default())
    }

    /// Normalizes path and query; the query is not touched. A path that is normal already is not copied.
    pub fn target<'a>(&self, target: &'a str, witness: &mut impl Witness) -> Normalized<'a> {
        if !target.starts_with('/') {
            return Normalized::Reject(Unfit::NoPath);
        }
        let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
        if self.is_normal(path) {
            return Normalized::Forward(Cow::Borrowed(target));
        }
        let answer = match self.path(path) {
            Ok((now, _)) if now == path => return Normalized::Forward(Cow::Borrowed(target)),
            Ok((now, false)) => Normalized::Forward(Cow::Owned(now + query)),
            Ok((now, true)) => Normalized::Redirect(location(now) + query),
            Err(unfit) => Normalized::Reject(unfit),
        };
        if let Normalized::Forward(now) = &answer {
            witness.saw(|| Step::Normalized { from: target.to_owned(), to: now.to_string() });
        }
        answer
    }

    /// Takes out, or refuses, the headers whose names have an underscore.
    pub fn headers(&self, headers: &mut HeaderMap) -> Result<(), Unfit> {
        let action = self.0.headers_with_underscores_action.unwrap_or(UnderscoresAction::Allow);
        if action == UnderscoresAction::Allow {
            return Ok(());
        }
        let named: Vec<_> = headers.keys().filter(|name| name.as_str().contains('_')).cloned().collect();
        if action == UnderscoresAction::RejectRequest && !named.is_empty() {
            return Err(Unfit::Underscore);
        }
        named.iter().for_each(|name| drop(headers.remove(name)));
        Ok(())
    }

    /// Whether nothing at all can be different about a path: one look at it, for most paths are.
    fn is_normal(&self, path: &str) -> bool {
        let mut last = 0;
        path.bytes().all(|b| {
            let odd = b == b'%' || b == b'\\' || is_escaped(b) || (last == b'/' && (b == b'.' || (b == b'/' && self.0.merge_slashes)));
            last = b;
            !odd
        })
    }

    /// The path in its one spelling, and whether a client is to come again with it.
    fn path(&self, path: &str) -> Result<(String, bool), Unfit> {
        use EscapedSlashesAction::{ImplementationSpecificDefault, KeepUnchanged, RejectRequest, UnescapeAndForward, UnescapeAndRedirect};
        let action = self.0.path_with_escaped_slashes_action.unwrap_or(ImplementationSpecificDefault);
        let unescaped = match action {
            ImplementationSpecificDefault | KeepUnchanged => None,
            RejectRequest if slashes_unescaped(path).is_some() => return Err(Unfit::EscapedSlash),
            RejectRequest => None,
            UnescapeAndRedirect | UnescapeAndForward => slashes_unescaped(path),
        };
        let redirect = action == UnescapeAndRedirect && unescaped.is_some();
        let mut path = unescaped.unwrap_or_else(|| path.to_owned());
        if !self.0.insecure_disable_path_normalization {
            path = resolved(&path)?;
        }
        if self.0.merge_slashes {
            path = merged(&path);
        }
        Ok((path, redirect))
    }
}

/// A path as a `Location`: one that begins with two slashes would name another host (RFC 3986, 4.2), and a browser takes a backslash
/// for one.
fn location(path: String) -> String {
    if path.starts_with("//") || path.starts_with("/\\") { format!("/.{path}") } else { path }
}

/// The path with `%2F` and `%5C` decoded, once; `None` where there is none.
fn slashes_unescaped(path: &str) -> Option<String> {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let slash = match decoded(escape.as_bytes()) {
            Some(b'/') => Some('/'),
            Some(b'\\') => Some('\\'),
            _ => None,
        };
        out.push(slash.unwrap_or('%'));
        rest = &escape[if slash.is_some() { 3 } else { 1 }..];
    }
    out.push_str(rest);
    (out.len() < path.len()).then_some(out)
}

fn merged(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !out.ends_with('/') {
            out.push(c);
        }
    }
    out
}

/// RFC 3986, 6.2.2, as browsers do it: unreserved characters decoded, backslashes turned, dot segments resolved.
fn resolved(path: &str) -> Result<String, Unfit> {
    let spelled = spelled(path.as_bytes())?;
    let mut out = String::with_capacity(spelled.len());
    let mut segments = spelled.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." => {}
            // Above the root is the root.
            ".." => out.truncate(out.rfind('/').unwrap_or(0)),
            _ => {
                out.push('/');
                out.push_str(segment);
                continue;
            }
        }
        // What a dot segment leaves at the end is a folder.
        if segments.peek().is_none() {
            out.push('/');
        }
    }
    Ok(out)
}

/// Every byte in its one spelling. A `%` that begins no escape stays one that begins none, whatever is decoded behind it.
fn spelled(path: &[u8]) -> Result<String, Unfit> {
    let mut out = String::with_capacity(path.len());
    let mut stray = None;
    let mut at = 0;
    while let Some(first) = path.get(at) {
        let escape = decoded(&path[at..]);
        at += if escape.is_some() { 3 } else { 1 };
        match (*first, escape) {
            (_, Some(0)) => return Err(Unfit::Nul),
            (_, Some(b)) if is_unreserved(b) => out.push(char::from(b)),
            (_, Some(_)) => out.extend(path[at - 3..at].iter().map(|b| char::from(*b))),
            (b'\\', None) => out.push('/'),
            (b, None) if is_escaped(b) => out.push_str(&format!("%{b:02X}")),
            (b, None) => {
                stray = if b == b'%' { Some(out.len()) } else { stray };
                out.push(char::from(b));
            }
        }
        if let Some(percent) = stray.filter(|percent| decoded(&out.as_bytes()[*percent..]).is_some()) {
            out.replace_range(percent..=percent, "%25");
            stray = None;
        }
    }
    Ok(out)
}

/// What the escape stands for that a text begins with; `None` where it begins with none.
fn decoded(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = text else { return None };
    let digit = |b: &u8| char::from(*b).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

fn is_unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-._~".contains(&b)
}

/// What may not stand in a path as it is.
fn is_escaped(b: u8) -> bool {
    b <= b' ' || b >= 0x7f || b"\"<>`{}".contains(&b)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules(off: bool, merge_slashes: bool, action: Option<EscapedSlashesAction>) -> Normalization {
        Normalization(RequestNormalization {
            insecure_disable_path_normalization: off,
            merge_slashes,
            path_with_escaped_slashes_action: action,
            headers_with_underscores_action: None,
        })
    }

    fn outcome(rules: &Normalization, target: &str) -> String {
        match rules.target(target, &mut ()) {
            Normalized::Forward(path) => path.into_owned(),
            Normalized::Redirect(path) => format!("307 {path}"),
            Normalized::Reject(_) => "400".to_owned(),
        }
    }

    const MERGE: Option<EscapedSlashesAction> = None;
    const REJECT: Option<EscapedSlashesAction> = Some(EscapedSlashesAction::RejectRequest);
    const REDIRECT: Option<EscapedSlashesAction> = Some(EscapedSlashesAction::UnescapeAndRedirect);
    const FORWARD: Option<EscapedSlashesAction> = Some(EscapedSlashesAction::UnescapeAndForward);

    /// As Consul with Envoy answers at a sidecar (wire 9).
    #[test]
    fn a_path_has_one_spelling_by_the_rules_of_the_mesh() {
        let default = Normalization::default();
        for (sent, wanted) in [
            ("/a", "/a"),
            ("/b/../a", "/a"),
            ("/./a", "/a"),
            ("/%61", "/a"),
            ("/b/%2e%2E/a", "/a"),
            ("//a", "//a"),
            ("/b%2f..%2fa", "/b%2f..%2fa"),
            ("/b%2F%2e%2e%2Fa", "/b%2F..%2Fa"),
            (r"/b\..\a", "/a"),
            (r"/b/..\a", "/a"),
            ("/b%5c..%5Ca", "/b%5c..%5Ca"),
            ("/a/..", "/"),
            ("/a/../x", "/x"),
            ("/..//a", "//a"),
            ("/../a", "/a"),
            ("/..", "/"),
            ("/a/.", "/a/"),
            ("/b//../a", "/b/a"),
            ("/a?x=/../b", "/a?x=/../b"),
            ("/b/../a?x=%2f..%2fa", "/a?x=%2f..%2fa"),
            ("/a?", "/a?"),
            ("/a%00", "400"),
            ("/a%3fb", "/a%3fb"),
            ("/b/..;/a", "/b/..;/a"),
            ("/a.", "/a."),
            ("/b/...", "/b/..."),
            ("/b/%252e%252e/a", "/b/%252e%252e/a"),
            ("/a%7E%41", "/a~A"),
            ("/%", "/%"),
            ("/%zza", "/%zza"),
            ("/a%25", "/a%25"),
            ("/%2%65%2%65/a", "/%252e%252e/a"),
            ("/%%32e", "/%252e"),
            ("/a\"{<", "/a%22%7B%3C"),
            ("*", "400"),
            (r"\a", "400"),
        ] {
            assert_eq!(outcome(&default, sent), wanted, "{sent}");
        }
        for (rules, sent, wanted) in [
            (rules(false, true, MERGE), "/b//a///", "/b/a/"),
            (rules(false, true, MERGE), "/..//a", "/a"),
            (rules(true, false, MERGE), "/b/../%61%00", "/b/../%61%00"),
            (rules(true, true, MERGE), "/..//a", "/../a"),
            (rules(false, false, REJECT), "/a%2f", "400"),
            (rules(false, false, REJECT), "/a%5C", "400"),
            (rules(false, false, REJECT), "/a?%2f", "/a?%2f"),
            (rules(false, false, REJECT), "/b/../a", "/a"),
            (rules(false, false, REDIRECT), "/b%2f..%2fa?x", "307 /a?x"),
            (rules(false, false, REDIRECT), "/b%5c..%5Ca", "307 /a"),
            (rules(false, false, REDIRECT), "/a%2f", "307 /a/"),
            (rules(false, false, REDIRECT), "/b%2f%2fa", "307 /b//a"),
            (rules(false, true, REDIRECT), "/b%2f%2fa", "307 /b/a"),
            (rules(false, false, REDIRECT), "/b/../a", "/a"),
            (rules(false, false, FORWARD), "/b%2F%2e%2e%2Fa", "/a"),
            (rules(false, true, FORWARD), "/b%2f%2Fa", "/b/a"),
            (rules(true, false, FORWARD), "/b%5c..%2f%2e", r"/b\../%2e"),
            (rules(false, false, FORWARD), "/%252f", "/%252f"),
        ] {
            assert_eq!(outcome(&rules, sent), wanted, "{sent} by {rules:?}");
        }
    }

    #[test]
    fn a_redirect_never_leads_to_another_host() {
        let as_written = rules(true, false, REDIRECT);
        assert_eq!(outcome(&as_written, "/%5Cevil.test/x"), r"307 /./\evil.test/x");
        let rules = rules(false, false, REDIRECT);
        assert_eq!(outcome(&rules, "/%2fevil.test"), "307 /.//evil.test");
        assert_eq!(outcome(&rules, "/.//evil.test"), "//evil.test");
    }

    #[test]
    fn headers_with_underscores_stay_or_go_or_are_refused() {
        let sent = || HeaderMap::from_iter([("x_a", "1"), ("x-b", "2"), ("_", "3")].map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())));
        for (action, wanted) in [
            (UnderscoresAction::Allow, Ok(3)),
            (UnderscoresAction::DropHeader, Ok(1)),
            (UnderscoresAction::RejectRequest, Err(Unfit::Underscore)),
        ] {
            let rules =
                Normalization(RequestNormalization { headers_with_underscores_action: Some(action), ..RequestNormalization::default() });
            let mut headers = sent();
            assert_eq!(rules.headers(&mut headers).map(|()| headers.len()), wanted, "{action:?}");
            let mut plain = HeaderMap::from_iter([("x-b".parse().unwrap(), "2".parse().unwrap())]);
            assert_eq!(rules.headers(&mut plain).map(|()| plain.len()), Ok(1), "{action:?}");
        }
    }

    /// Paths made of what is confused with something else.
    fn target() -> impl Strategy<Value = String> {
        let parts = [
            "/", "/", "/", ".", "..", "a", "b", "2", "e", "5", "c", "f", "%", "%2", "%2e", "%2E", "%2f", "%2F", "%5c", "%5C", "%25", "%61",
            "%32", "%65", "%66", "%7e", "%zz", "%3f", "\\", ";", "?", "{", "//", "/../", "/./", "%252e",
        ];
        proptest::collection::vec(proptest::sample::select(parts.to_vec()), 0..14).prop_map(|parts| format!("/{}", parts.concat()))
    }

    fn any_rules() -> impl Strategy<Value = Normalization> {
        let action = proptest::sample::select(vec![None, REJECT, REDIRECT, FORWARD]);
        (any::<bool>(), any::<bool>(), action).prop_map(|(off, merge, action)| rules(off, merge, action))
    }

    /// What a careless service may read in a path: every escape decoded, again and again.
    fn read_carelessly(path: &str) -> Vec<String> {
        let path = path.split('?').next().unwrap_or_default();
        path.replace("%2e", ".").replace("%2E", ".").split('/').map(str::to_owned).collect()
    }

    proptest! {
        #[test]
        fn what_was_normalized_is_normal(rules in any_rules(), target in target()) {
            match rules.target(&target, &mut ()) {
                // Unescaping alone, without what comes after it, may leave what a second look would take again.
                Normalized::Forward(once) if !(rules.0.insecure_disable_path_normalization) => {
                    prop_assert_eq!(rules.target(&once, &mut ()), Normalized::Forward(Cow::Borrowed(&*once)));
                }
                Normalized::Redirect(once) => {
                    let again = rules.target(&once, &mut ());
                    prop_assert!(matches!(again, Normalized::Forward(_)), "{} leads to {:?}", once, again);
                }
                _ => {}
            }
        }

        #[test]
        fn no_dot_segment_is_left_however_it_was_written(merge in any::<bool>(), target in target()) {
            for action in [None, REJECT, FORWARD] {
                let rules = rules(false, merge, action);
                if let Normalized::Forward(path) = rules.target(&target, &mut ()) {
                    prop_assert!(path.starts_with('/'));
                    prop_assert!(read_carelessly(&path).iter().all(|segment| segment != ".." && segment != "."), "{} is {}", target, path);
                    prop_assert!(action != FORWARD || !path.split('?').next().unwrap().to_lowercase().contains("%2f"));
                    prop_assert!(!merge || !path.split('?').next().unwrap().contains("//"));
                }
            }
        }

        #[test]
        fn the_query_is_never_touched(rules in any_rules(), target in target()) {
            let query = target.split_once('?').map(|(_, query)| query);
            if let Normalized::Forward(path) = rules.target(&target, &mut ()) {
                prop_assert_eq!(path.split_once('?').map(|(_, query)| query), query);
            }
        }

        #[test]
        fn whether_a_path_is_normal_is_seen_at_a_glance(rules in any_rules(), target in target()) {
            let path = target.split('?').next().unwrap();
            if rules.is_normal(path) {
                prop_assert_eq!(rules.path(path), Ok((path.to_owned(), false)));
            }
        }
    }
}
