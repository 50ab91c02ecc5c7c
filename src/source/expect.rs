//! Files of expectations, in TOML or JSON: what is asked of a gateway, and what is to come of it. `gw config test` runs them.

mod shape;

use std::ops::Range;
use std::sync::Arc;

use self::shape::{Reader, Shape};
use super::diagnostic::{Diagnostic, Text};
use super::entry::tree::Value;

/// A file may have so many; more are no tests that anybody reads.
const MOST: usize = 100_000;

/// What is asked, and what is to come of it.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// What it is about.
    pub kind: Kind,
    /// What its author calls it.
    pub name: Option<String>,
    /// Names and values of the question, as `gw inspect` asks it.
    pub asked: Vec<(&'static str, String)>,
    /// What is expected, in written order.
    pub wanted: Vec<Wanted>,
    /// Where it stands.
    pub place: (Arc<Text>, Range<usize>),
}

/// What an expectation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A request that a gateway reads: `[[request]]`.
    Request,
    /// A connection whose bytes it passes on: `[[connection]]`.
    Connection,
    /// Whether a service may speak to another: `[[authz]]`.
    Authz,
}

/// One thing that is expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Its key: `service`, `status`.
    pub what: &'static str,
    /// What it should be.
    pub value: WantedValue,
}

/// What something should be.
#[derive(Clone, Debug, PartialEq)]
pub enum WantedValue {
    /// A word.
    Text(String),
    /// A number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// Percent by name, as the legs of a splitter.
    Shares(Vec<(String, f64)>),
    /// Headers by name.
    Headers(Vec<(String, String)>),
    /// Names of headers.
    Names(Vec<String>),
}

impl Kind {
    const ALL: [Self; 3] = [Self::Request, Self::Connection, Self::Authz];

    /// `request`
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Connection => "connection",
            Self::Authz => "authz",
        }
    }

    /// The keys of a question: as it is written, as `gw inspect` is asked, and whether there is no question without it.
    const fn question(self) -> &'static [(&'static str, &'static str, Shape, bool)] {
        match self {
            Self::Request => &[
                ("method", "method", Shape::Text, false),
                ("url", "url", Shape::Text, true),
                ("headers", "header", Shape::Headers, false),
                ("source", "source", Shape::Text, false),
                ("sni", "sni", Shape::Text, false),
                ("peer", "peer", Shape::Text, false),
                ("roll", "roll", Shape::Number, false),
                ("gateway", "service", Shape::Text, false),
            ],
            Self::Connection => &[
                ("listener", "listener", Shape::Text, false),
                ("sni", "sni", Shape::Text, false),
                ("source", "source", Shape::Text, false),
                ("peer", "peer", Shape::Text, false),
                ("roll", "roll", Shape::Number, false),
                ("gateway", "service", Shape::Text, false),
            ],
            Self::Authz => &[
                ("source", "source", Shape::Text, true),
                ("destination", "destination", Shape::Text, true),
                ("method", "method", Shape::Text, false),
                ("path", "path", Shape::Text, false),
                ("authority", "authority", Shape::Text, false),
                ("headers", "header", Shape::Headers, false),
            ],
        }
    }

    /// What can be expected.
    const fn answer(self) -> &'static [(&'static str, Shape)] {
        const PLACE: [(&str, Shape); 8] = [
            ("service", Shape::Text),
            ("subset", Shape::Text),
            ("datacenter", Shape::Text),
            ("target", Shape::Text),
            ("instance", Shape::Text),
            ("code", Shape::Text),
            ("rule", Shape::Text),
            ("split", Shape::Shares),
        ];
        const REQUEST: [(&str, Shape); 16] = [
            PLACE[0],
            PLACE[1],
            PLACE[2],
            PLACE[3],
            PLACE[4],
            PLACE[5],
            PLACE[6],
            PLACE[7],
            ("status", Shape::Number),
            ("path", Shape::Text),
            ("location", Shape::Text),
            ("sends", Shape::Headers),
            ("drops", Shape::Names),
            ("answers", Shape::Headers),
            ("timeout", Shape::Number),
            ("retries", Shape::Number),
        ];
        match self {
            Self::Request => &REQUEST,
            Self::Connection => &PLACE,
            Self::Authz => &[("allowed", Shape::Flag), ("by", Shape::Text), ("rule", Shape::Text)],
        }
    }
}

impl Expectation {
    /// `routes.toml:12`
    pub fn line(&self) -> String {
        let (text, span) = &self.place;
        let before = text.content.get(..span.start.min(text.content.len())).unwrap_or_default();
        format!("{}:{}", text.origin, before.matches('\n').count() + 1)
    }

    /// What is wrong with it as a whole, at its place.
    pub fn wrong(&self, message: impl Into<String>) -> Diagnostic {
        let (text, span) = &self.place;
        Diagnostic::error("GW0015", message).at(text, span.clone())
    }
}

/// Reads a file: every expectation in written order, or everything that is wrong with it.
pub fn read(text: &Arc<Text>) -> Result<Vec<Expectation>, Vec<Diagnostic>> {
    let root = super::entry::tree_of(&text.content).map_err(|(why, span)| vec![Diagnostic::error("GW0014", why).at(text, span)])?;
    let mut reader = Reader { text, problems: Vec::new() };
    let mut expectations = Vec::new();
    let keys = Kind::ALL.map(Kind::as_str);
    for (key, node) in reader.members(&root, &keys) {
        let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.as_str() == key.text) else { continue };
        let Value::List(items) = &node.value else {
            reader.wrong(&node.span, format!("{} must be a list: [[{}]] begins one of it", key.text, key.text));
            continue;
        };
        expectations.extend(items.iter().filter_map(|item| reader.expectation(kind, item)));
    }
    expectations.sort_by_key(|one| one.place.1.start);
    if reader.problems.is_empty() && expectations.is_empty() {
        let help = "[[request]] with url and expect begins one; gw config test --help has an example";
        reader.problems.push(Diagnostic::error("GW0015", format!("{} expects nothing", text.origin)).help(help));
    }
    if expectations.len() > MOST {
        reader.problems.push(Diagnostic::error("GW0015", format!("{} has more than {MOST} expectations", text.origin)));
    }
    if reader.problems.is_empty() { Ok(expectations) } else { Err(reader.problems) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(content: &str) -> Result<Vec<Expectation>, Vec<Diagnostic>> {
        read(&Arc::new(Text { origin: "t".to_owned(), content: content.to_owned() }))
    }

    #[test]
    fn toml_and_json_say_the_same() {
        let toml = "[[authz]]\nsource = \"a\"\ndestination = \"b\"\nexpect = { allowed = false }\n\n\
                    [[request]]\nurl = \"http://x/\"\nheaders = { x-a = \"1\" }\nroll = 7\nexpect = { split = { v1 = 90, v2 = 10.0 } }\n";
        let json = r#"{"authz": [{"source": "a", "destination": "b", "expect": {"allowed": false}}],
                       "request": [{"url": "http://x/", "headers": ["x-a: 1"], "roll": 7, "expect": {"split": {"v1": 90, "v2": 10.0}}}]}"#;
        let [a, b] = [toml, json].map(|text| read_text(text).expect("expectations"));
        let plain = |all: &[Expectation]| all.iter().map(|e| (e.kind, e.asked.clone(), e.wanted.clone())).collect::<Vec<_>>();
        assert_eq!(plain(&a), plain(&b));
        assert_eq!(a[1].asked, [("url", "http://x/".to_owned()), ("header", "x-a: 1".to_owned()), ("roll", "7".to_owned())]);
        assert_eq!([a[0].line(), a[1].line()], ["t:1", "t:6"]);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_its_place() {
        for (text, words, line) in [
            ("[[request]]\nurl = \"http://x/\"\nexpect = { servce = \"web\" }", "unknown key \"servce\"", 3),
            ("[[request]]\nexpect = { service = \"web\" }", "url is missing", 1),
            ("[[request]]\nurl = \"http://x/\"", "expect is missing", 1),
            ("[[request]]\nurl = \"http://x/\"\nexpect = { }", "expects nothing", 3),
            ("[[request]]\nurl = 5\nexpect = { code = \"ok\" }", "url must be a text", 2),
            ("[[request]]\nurl = \"http://x/\"\nexpect = { status = \"404\" }", "status must be a number", 3),
            ("[[request]]\nurl = \"http://x/\"\nexpect = { split = { a = 50 } }", "50 and not 100", 3),
            ("[request]\nurl = \"http://x/\"", "must be a list", 1),
            ("[[requests]]\nurl = \"http://x/\"", "unknown key \"requests\"", 1),
            ("# nothing", "expects nothing", 0),
            ("[[request", "", 1),
            ("{\"request\": [{\"url\": }]}", "", 1),
        ] {
            let problems = read_text(text).expect_err(text);
            let found = problems.iter().find(|p| p.message.contains(words)).unwrap_or_else(|| panic!("{text}: {problems:?}"));
            assert_eq!(found.line_column().map_or(0, |(line, _)| line), line, "{text}: {found:?}");
        }
    }
}
