//! Regular expressions as RE2 reads them, which is what Consul's entries are written for.

mod translate;

use std::fmt;
use std::sync::Arc;

/// A compiled pattern. Matching takes time linear in the text, whatever the pattern.
#[derive(Clone)]
pub struct Pattern {
    regex: regex::bytes::Regex,
    text: Arc<str>,
}

/// Why a text is no RE2 pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(String);

/// What a compiled pattern may take, in bytes: more than any sane route needs, and bounded.
const SIZE_LIMIT: usize = 4 << 20;

impl Pattern {
    /// A pattern that a text must match as a whole, as in routes.
    pub fn full(text: &str) -> Result<Self, PatternError> {
        Self::compile(text, format!("^(?:{})$", translate::translate(text)?))
    }

    /// A pattern that may match anywhere in a text, as in subset filters.
    pub fn anywhere(text: &str) -> Result<Self, PatternError> {
        Self::compile(text, translate::translate(text)?)
    }

    fn compile(text: &str, translated: String) -> Result<Self, PatternError> {
        let regex = regex::bytes::RegexBuilder::new(&translated).size_limit(SIZE_LIMIT).nest_limit(200).build();
        regex.map(|regex| Self { regex, text: text.into() }).map_err(|e| PatternError(brief(&e)))
    }

    /// Whether the text matches, as a whole or anywhere, as the pattern was compiled.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// The last line of the library's error is the reason; the lines before draw the translated pattern, which nobody wrote.
fn brief(error: &regex::Error) -> String {
    let text = error.to_string();
    let reason = text.lines().last().unwrap_or_default();
    reason.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(pattern: &str, text: &str) -> bool {
        Pattern::full(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}")).is_match(text.as_bytes())
    }

    #[test]
    fn a_whole_text_matches_or_does_not() {
        for (pattern, text, wanted) in [
            ("/a.*", "/abc", true),
            ("a|b", "ab", false),
            ("(?i)/A", "/a", true),
            ("", "", true),
            ("[0-9]{2}", "12", true),
            ("a{1000}", "a", false),
            ("^/x$", "/x", true),
        ] {
            assert_eq!(full(pattern, text), wanted, "{pattern} on {text}");
        }
    }

    #[test]
    fn what_re2_reads_otherwise_is_read_as_re2_does() {
        for (pattern, text, wanted) in [
            (r"\Qa.b\E+", "a.bb", true),
            (r"\Qa.b\E", "axb", false),
            (r"\Qa.b", "a.b", true),
            (r"\101", "A", true),
            (r"\C", "x", true),
            (r"\<a\>", "<a>", true),
            (r"[a&&b]", "&", true),
            (r"[a&&b]", "b", true),
            (r"[a~~b]", "~", true),
            (r"[+--]", ",", true),
            (r"[[a]", "[", true),
            (r"[]a]", "]", true),
            (r"[^]a]", "b", true),
            (r"a{,2}", "a{,2}", true),
            (r"a{x", "a{x", true),
            (r"\d", "٣", false),
            (r"\w", "é", false),
            (r"[\d-x]", "-", true),
            (r"[[:alpha:]]", "q", true),
            (r"[[:^alpha:]]", "1", true),
            (r"\pL", "é", true),
            (r"\x{41}\x42", "AB", true),
            (r"[\x41-C]", "B", true),
            (r"\ba\b", "a", true),
            (r"(?P<n>a)(?:b)", "ab", true),
            (r"(?s-i:.)", "\n", true),
            (r".", "\n", false),
            (r"a*?b+?c??", "aabc", true),
            (r"\-\_\/\#", "-_/#", true),
        ] {
            assert_eq!(full(pattern, text), wanted, "{pattern} on {text}");
        }
    }

    #[test]
    fn what_re2_refuses_is_refused() {
        for pattern in [
            "(",
            ")",
            "[",
            "[b-a]",
            "*a",
            "a**",
            "a*+",
            "a{1001}",
            "a{2}{3}",
            "a{3,2}",
            r"\",
            r"\1",
            r"\u0041",
            r"(?x)a",
            "(?=a)",
            "(?!a)",
            "(?<=a)",
            r"\K",
            "(?P<n",
            r"\p{Nope}",
            r"\x{110000}",
            "(?z)",
            "[[:nope:]]",
            "[a-\\d]",
        ] {
            assert!(Pattern::full(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn a_huge_pattern_is_refused_and_not_compiled() {
        assert!(Pattern::full("((((a{100}){100}){100}){100})").is_err());
        assert!(Pattern::full(&"(".repeat(100_000)).is_err());
    }
}
