//! How the values of an expectation are taken: by tables of keys, strictly, with a place for everything that is wrong.

use std::sync::Arc;

use super::{Expectation, Kind, Wanted, WantedValue};
use crate::source::diagnostic::{Diagnostic, Text};
use crate::source::entry::nearest;
use crate::source::entry::tree::{Key, Map, Node, Span, Value};

/// What stands behind a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Number,
    Flag,
    Shares,
    Headers,
    Names,
}

/// A file as it is read, and what is wrong with it so far.
pub(super) struct Reader<'a> {
    pub(super) text: &'a Arc<Text>,
    pub(super) problems: Vec<Diagnostic>,
}

impl Reader<'_> {
    /// Notes that something is wrong.
    pub(super) fn wrong(&mut self, span: &Span, message: impl Into<String>) {
        self.problems.push(Diagnostic::error("GW0014", message).at(self.text, span.clone()));
    }

    /// The members of a table; keys that are none of those known are wrong.
    pub(super) fn members<'n>(&mut self, node: &'n Node, known: &[&str]) -> &'n [(Key, Node)] {
        static NONE: Map = Map::new();
        let Value::Map(members) = &node.value else {
            self.wrong(&node.span, "a table is wanted here");
            return &NONE;
        };
        for (key, _) in members.iter().filter(|(key, _)| !known.contains(&key.text.as_str())) {
            let unknown = Diagnostic::error("GW0014", format!("unknown key {:?}", key.text)).at(self.text, key.span.clone());
            let unknown = match nearest(&key.text, known.iter().copied()) {
                Some(name) => unknown.label(format!("did you mean {name:?}?")),
                None => unknown,
            };
            self.problems.push(unknown.help(format!("there are {}", known.join(", "))));
        }
        members
    }

    /// One expectation of a list.
    pub(super) fn expectation(&mut self, kind: Kind, node: &Node) -> Option<Expectation> {
        let known: Vec<&str> = kind.question().iter().map(|(key, ..)| *key).chain(["name", "expect"]).collect();
        let members = self.members(node, &known);
        let member = |wanted: &str| members.iter().find(|(key, _)| key.text == wanted).map(|(_, node)| node);
        let before = self.problems.len();
        let name = member("name").and_then(|node| self.texts("name", Shape::Text, node).pop());
        let mut asked = Vec::new();
        for (key, ask, shape, needed) in kind.question() {
            match member(key) {
                Some(node) => asked.extend(self.texts(key, *shape, node).into_iter().map(|value| (*ask, value))),
                None if *needed => self.wrong(&node.span, format!("{key} is missing")),
                None => {}
            }
        }
        let mut wanted = Vec::new();
        match member("expect") {
            Some(node) => wanted = self.wanted(kind, node),
            None => self.wrong(&node.span, "expect is missing: what is to come of it"),
        }
        let place = (self.text.clone(), node.span.clone());
        (self.problems.len() == before).then_some(Expectation { kind, name, asked, wanted, place })
    }

    fn wanted(&mut self, kind: Kind, node: &Node) -> Vec<Wanted> {
        let known: Vec<&str> = kind.answer().iter().map(|(key, _)| *key).collect();
        let members = self.members(node, &known);
        if members.is_empty() {
            self.problems.push(Diagnostic::error("GW0015", "it expects nothing").at(self.text, node.span.clone()));
        }
        let mut wanted = Vec::new();
        for (key, node) in members {
            let Some((what, shape)) = kind.answer().iter().find(|(known, _)| *known == key.text) else { continue };
            wanted.extend(self.value(what, *shape, node).map(|value| Wanted { what, value }));
        }
        wanted
    }

    fn value(&mut self, key: &str, shape: Shape, node: &Node) -> Option<WantedValue> {
        match (shape, &node.value) {
            (Shape::Text, Value::Text(text)) => Some(WantedValue::Text(text.clone())),
            (Shape::Number, _) if let Some(number) = number(node) => Some(WantedValue::Number(number)),
            (Shape::Flag, Value::Bool(flag)) => Some(WantedValue::Flag(*flag)),
            (Shape::Names, Value::List(items)) => Some(WantedValue::Names(self.list(key, items))),
            (Shape::Headers, _) => {
                let lines = self.headers(key, node);
                let pair = |line: String| line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
                Some(WantedValue::Headers(lines.into_iter().filter_map(pair).collect()))
            }
            (Shape::Shares, Value::Map(members)) if members.iter().all(|(_, node)| number(node).is_some()) => {
                let shares: Vec<_> = members.iter().filter_map(|(key, node)| Some((key.text.clone(), number(node)?))).collect();
                let sum: f64 = shares.iter().map(|(_, share)| share).sum();
                if (sum - 100.0).abs() > 0.05 {
                    self.wrong(&node.span, format!("the shares of {key} are percent, and their sum is {sum} and not 100"));
                }
                Some(WantedValue::Shares(shares))
            }
            _ => {
                self.wrong(&node.span, format!("{key} must be {}", shape.words()));
                None
            }
        }
    }

    /// A value of a question, as it is asked: several where it is a list of headers.
    fn texts(&mut self, key: &str, shape: Shape, node: &Node) -> Vec<String> {
        match (shape, &node.value) {
            (Shape::Text, Value::Text(text)) => vec![text.clone()],
            (Shape::Number, _) if let Some(number) = number(node) => vec![number.to_string()],
            (Shape::Headers, _) => self.headers(key, node),
            _ => {
                self.wrong(&node.span, format!("{key} must be {}", shape.words()));
                Vec::new()
            }
        }
    }

    /// `NAME: VALUE`, from a list of such, or from a table.
    fn headers(&mut self, key: &str, node: &Node) -> Vec<String> {
        match &node.value {
            Value::List(items) => {
                let lines = self.list(key, items);
                let lines: Vec<Option<String>> = lines.iter().map(|line| header(line)).collect();
                if lines.contains(&None) {
                    self.wrong(&node.span, format!("{key} has one that is no header such as \"x-version: v2\""));
                }
                lines.into_iter().flatten().collect()
            }
            Value::Map(members) => {
                let mut lines = Vec::new();
                for (name, node) in members {
                    match &node.value {
                        Value::Text(value) => lines.push(format!("{}: {value}", name.text)),
                        _ => self.wrong(&node.span, format!("{key}.{} must be a text", name.text)),
                    }
                }
                lines
            }
            _ => {
                self.wrong(&node.span, format!("{key} must be {}", Shape::Headers.words()));
                Vec::new()
            }
        }
    }

    fn list(&mut self, key: &str, items: &[Node]) -> Vec<String> {
        let mut out = Vec::new();
        for item in items {
            match &item.value {
                Value::Text(text) => out.push(text.clone()),
                _ => self.wrong(&item.span, format!("{key} is a list of texts")),
            }
        }
        out
    }
}

impl Shape {
    const fn words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Flag => "true or false",
            Self::Shares => "a table of percent: { v1 = 90, v2 = 10 }",
            Self::Headers => "a table of headers: { x-version = \"v2\" }, or a list of \"x-version: v2\"",
            Self::Names => "a list of names",
        }
    }
}

fn number(node: &Node) -> Option<f64> {
    match node.value {
        Value::Int(number) => Some(number as f64),
        Value::Float(number) => Some(number),
        _ => None,
    }
}

/// A header with one blank behind its colon.
fn header(line: &str) -> Option<String> {
    let (name, value) = line.split_once(':')?;
    Some(format!("{}: {}", name.trim(), value.trim()))
}
