//! What validation rules say their findings with: a place by Consul's field names, a code, a sentence.

use std::fmt::Display;

use super::cx::Cx;
use super::tree::{Node, Span, Value};
use crate::model::level::Level;
use crate::source::diagnostic::Diagnostic;

/// The entry under validation: its tree, to point into, and what is wrong with it.
pub(super) struct Check<'a> {
    root: &'a Node,
    cx: &'a mut Cx,
}

impl<'a> Check<'a> {
    pub(super) fn new(root: &'a Node, cx: &'a mut Cx) -> Self {
        Self { root, cx }
    }

    /// Refuses the entry for what stands at a path; the empty path is the entry as a whole.
    pub(super) fn error(&mut self, code: &'static str, path: impl Display, message: impl Into<String>) {
        let path = path.to_string();
        let diagnostic = self.cx.place(Diagnostic::error(code, message), &find(self.root, &path));
        self.cx.refuse(diagnostic, || path);
    }

    /// What Consul takes and then chokes on.
    pub(super) fn finding(&mut self, code: &'static str, path: impl Display, message: impl Into<String>, help: &str) {
        let span = find(self.root, &path.to_string());
        self.cx.note(Level::Finding, code, &span, message, help);
    }

    /// What is worth knowing.
    pub(super) fn warning(&mut self, code: &'static str, path: impl Display, message: impl Into<String>, help: &str) {
        let span = find(self.root, &path.to_string());
        self.cx.note(Level::Warning, code, &span, message, help);
    }
}

/// The bytes of a place such as `Routes[2].Match` or `Subsets[v1].Filter`; the nearest part of it that exists.
pub(super) fn find(root: &Node, path: &str) -> Span {
    let mut at = root;
    for part in parts(path) {
        let next = match part {
            Part::Field(name) => at.member(name),
            Part::Index(text) => index(at, text),
        };
        match next {
            Some(node) => at = node,
            None => break,
        }
    }
    at.span.clone()
}

enum Part<'a> {
    Field(&'a str),
    Index(&'a str),
}

fn index<'a>(node: &'a Node, text: &str) -> Option<&'a Node> {
    let key = |node: &'a Node| match &node.value {
        Value::Map(map) => map.iter().find(|(k, _)| k.text == text).map(|(_, v)| v),
        _ => None,
    };
    match text.parse::<usize>() {
        Ok(n) => node.element(n).or_else(|| key(node.unwrapped())),
        // Repeated blocks with labels are a list of maps that belong together.
        Err(_) => match &node.value {
            Value::List(items) => items.iter().find_map(|item| key(item.unwrapped())),
            _ => key(node),
        },
    }
}

fn parts(path: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = path;
    std::iter::from_fn(move || {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if rest.is_empty() {
            return None;
        }
        if let Some(inner) = rest.strip_prefix('[') {
            let end = inner.find(']').unwrap_or(inner.len());
            let (text, after) = inner.split_at(end);
            rest = after.strip_prefix(']').unwrap_or(after);
            return Some(Part::Index(text));
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        rest = after;
        Some(Part::Field(name))
    })
}
