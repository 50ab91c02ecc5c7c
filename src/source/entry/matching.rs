//! What routes and the permissions of intentions ask of a request, and are judged by alike (semantics 3.1, 11.1).

use std::fmt::Arguments;

use super::check::Check;
use super::codes;

/// The methods that Consul knows.
pub(super) const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"];

/// At most one path, and it starts with a slash unless it is a regex.
pub(super) fn paths(exact: &str, prefix: &str, regex: &str, at: Arguments<'_>, check: &mut Check<'_>) {
    for (field, path) in [("PathExact", exact), ("PathPrefix", prefix)] {
        if !path.is_empty() && !path.starts_with('/') {
            check.error(codes::PATH, format!("{at}.{field}"), format!("{at}.{field} does not start with '/': {path:?}"));
        }
    }
    if [exact, prefix, regex].into_iter().filter(|p| !p.is_empty()).count() > 1 {
        check.error(codes::EXCLUSIVE, at, format!("{at} may have at most one of PathExact, PathPrefix and PathRegex"));
    }
}

/// Methods that are known, each once.
pub(super) fn methods(methods: &[String], at: Arguments<'_>, check: &mut Check<'_>) {
    for (i, method) in methods.iter().enumerate() {
        let place = format_args!("{at}.Methods[{i}]");
        if !METHODS.contains(&method.as_str()) {
            check.error(codes::VALUE, place, format!("{place} is no method: {method:?}"));
        } else if methods[..i].contains(method) {
            check.error(codes::DUPLICATE, place, format!("{at}.Methods has {method:?} more than once"));
        }
    }
}

/// A name, and exactly one of the ways to match.
pub(super) fn one_kind(name: &str, present: bool, texts: &[&String], kinds: &str, at: Arguments<'_>, check: &mut Check<'_>) {
    if name.is_empty() {
        check.error(codes::NAME, at, format!("{at} needs a Name"));
    }
    let given = usize::from(present) + texts.iter().filter(|t| !t.is_empty()).count();
    if given != 1 {
        check.error(codes::EXCLUSIVE, at, format!("{at} must have exactly one of {kinds}"));
    }
}
