//! A text that is one of a few words, exact in case; none where it is empty (semantics 1).

use std::fmt::Debug;

use serde_json::Value as Json;

use super::codes;
use super::cx::Cx;
use super::decode::Field;
use super::fields::nearest;
use super::tree::Node;
use crate::source::diagnostic::Diagnostic;

/// A type whose values are words of Consul's.
pub(super) trait Words: Copy + PartialEq + Debug + 'static {
    /// Every word and what it is.
    const ALL: &'static [(&'static str, Self)];
}

macro_rules! words {
    ($type:ty) => {
        impl $crate::source::entry::word::Words for $type {
            const ALL: &'static [(&'static str, Self)] = Self::WORDS;
        }
    };
}
pub(super) use words;

/// How such a value is taken and printed.
#[derive(Clone, Copy)]
pub(super) struct Word<T>(Option<T>);

impl<T> Default for Word<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> From<Option<T>> for Word<T> {
    fn from(value: Option<T>) -> Self {
        Self(value)
    }
}

impl<T> From<Word<T>> for Option<T> {
    fn from(word: Word<T>) -> Self {
        word.0
    }
}

impl<T: Words> Field for Word<T> {
    fn decode(node: &Node, cx: &mut Cx) -> Self {
        let text = String::decode(node, cx);
        let found = T::ALL.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() && !text.is_empty() {
            let known = || T::ALL.iter().map(|(word, _)| *word);
            let message = format!("{} {text:?} is none of {}", cx.here(), known().collect::<Vec<_>>().join(", "));
            let mut diagnostic = Diagnostic::error(codes::VALUE, message);
            if let Some(word) = nearest(&text, known()) {
                diagnostic = diagnostic.label(format!("did you mean {word:?}?"));
            }
            let diagnostic = cx.place(diagnostic, &node.span);
            let place = cx.path();
            cx.refuse(diagnostic, || place);
        }
        Self(found)
    }

    fn print(&self) -> Json {
        let word = T::ALL.iter().find(|(_, value)| Some(*value) == self.0).map_or("", |(word, _)| word);
        Json::String(word.to_owned())
    }

    fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}
