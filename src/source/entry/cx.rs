//! Where a reader is in an entry, and everything that it found wrong so far.

use std::fmt::Write;
use std::sync::Arc;

use super::codes;
use super::parts::{self, Known};
use super::tree::{Node, Span, Value, number};
use crate::model::level::Level;
use crate::source::diagnostic::{Diagnostic, Text};

/// What is found while one entry is read: where we are in it, and everything that is wrong so far.
pub(super) struct Cx {
    text: Option<Arc<Text>>,
    path: Vec<Step>,
    /// Whether the entry was written in HCL, which Consul's command decodes once more before the server does.
    pub(super) twice: bool,
    /// Whether a Consul stores the entry already: what it took is not refused here, only told.
    pub(super) stored: bool,
    /// Of what is stored, the places that say what is not understood or not allowed, in Consul's field names.
    pub(super) doubts: Vec<String>,
    pub(super) found: Vec<Diagnostic>,
    /// The elements of lists that are shared, and where they stand.
    pub(super) parts: Vec<(Span, Known)>,
}

/// A step into an entry. Its words are only put together where something is wrong.
pub(super) enum Step {
    /// `Match`
    Field(&'static str),
    /// `[2]`
    Index(usize),
    /// `[v1]`
    Key(String),
    /// A key that has no field.
    Other(String),
}

impl Cx {
    pub(super) fn new(text: Option<Arc<Text>>, twice: bool) -> Self {
        Self { text, path: Vec::new(), twice, stored: false, doubts: Vec::new(), found: Vec::new(), parts: Vec::new() }
    }

    /// For an entry that a Consul stores.
    pub(super) fn of_stored() -> Self {
        Self { stored: true, ..Self::new(None, false) }
    }

    /// The place in Consul's field names: `Routes[0].Match.HTTP`.
    pub(super) fn path(&self) -> String {
        let field = |out: &mut String, name: &str| {
            out.push_str(if out.is_empty() { "" } else { "." });
            out.push_str(name);
        };
        let mut out = String::new();
        for step in &self.path {
            match step {
                Step::Index(number) => drop(write!(out, "[{number}]")),
                Step::Key(key) => drop(write!(out, "[{key}]")),
                Step::Field(name) => field(&mut out, name),
                Step::Other(name) => field(&mut out, name),
            }
        }
        out
    }

    /// Makes room for the elements of a long list, which may be parts.
    pub(super) fn expect_parts(&mut self, elements: usize) {
        if elements >= parts::FEWEST {
            self.parts.reserve(elements);
        }
    }

    /// Runs `f` one step further down.
    pub(super) fn at<T>(&mut self, step: Step, f: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let result = f(self);
        self.path.pop();
        result
    }

    /// Records an error at a place.
    pub(super) fn error(&mut self, code: &'static str, span: &Span, message: impl Into<String>) {
        let diagnostic = self.place(Diagnostic::error(code, message), span);
        self.found.push(diagnostic);
    }

    /// Refuses the entry for what it says at a path, unless it is stored already: then that is told, and doubted.
    pub(super) fn refuse(&mut self, mut diagnostic: Diagnostic, path: impl FnOnce() -> String) {
        if self.stored {
            diagnostic = diagnostic.level(Level::Finding);
            self.doubts.push(path());
        }
        self.found.push(diagnostic);
    }

    /// Records something that does not refuse the entry.
    pub(super) fn note(&mut self, level: Level, code: &'static str, span: &Span, message: impl Into<String>, help: &str) {
        let mut diagnostic = self.place(Diagnostic::error(code, message), span).level(level);
        if !help.is_empty() {
            diagnostic = diagnostic.help(help);
        }
        self.found.push(diagnostic);
    }

    /// Puts a diagnostic at a place of this text, if there is one.
    pub(super) fn place(&self, diagnostic: Diagnostic, span: &Span) -> Diagnostic {
        match &self.text {
            Some(text) => diagnostic.at(text, span.clone()),
            None => diagnostic,
        }
    }

    pub(super) fn failed(&self) -> bool {
        self.found.iter().any(|d| d.level == Level::Error)
    }

    /// Records that a value is of the wrong type.
    pub(super) fn wrong(&mut self, node: &Node, wanted: &str) {
        let message = format!("{} must be {wanted}, not {}", self.here(), described(node));
        self.error(codes::TYPE, &node.span, message);
    }

    /// Records a null within a list where no list is meant: a Consul server ends when it takes this (semantics 1).
    pub(super) fn null_in_list(&mut self, node: &Node) {
        let message = format!("null inside a list in {}: a Consul server ends when it takes this", self.here());
        self.error(codes::NULL_IN_LIST, &node.span, message);
    }

    /// The place for a sentence.
    pub(super) fn here(&self) -> String {
        if self.path.is_empty() { "the entry".to_owned() } else { self.path() }
    }
}

fn described(node: &Node) -> String {
    match &node.value {
        Value::Text(s) if s.chars().count() <= 40 => format!("{s:?}"),
        Value::Text(_) => "this text".to_owned(),
        Value::Int(n) => n.to_string(),
        Value::Float(f) => number(*f).to_string(),
        Value::Bool(b) => b.to_string(),
        Value::Null => "null".to_owned(),
        Value::List(items) => format!("a list of {}", items.len()),
        Value::Map(_) | Value::Known(_) => "an object".to_owned(),
    }
}
