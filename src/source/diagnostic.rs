//! What is wrong with an input, and where. `ui` draws it as rustc would.

use std::ops::Range;
use std::sync::Arc;

use crate::model::level::Level;

/// A text that was read, so that a diagnostic can show the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The path as the user gave it, `-` for stdin.
    pub origin: String,
    /// The whole text.
    pub content: String,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// A stable code, `GW0102`: the table is `docs/codes.md`.
    pub code: &'static str,
    /// How much it matters.
    pub level: Level,
    /// What was seen: lower case, no period.
    pub message: String,
    /// Where: the text and the bytes of it; `None` where there is no place (a set of entries from an API).
    pub place: Option<(Arc<Text>, Range<usize>)>,
    /// What to say at the place itself; may be empty.
    pub label: String,
    /// What to do next, one sentence each.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// An error without a place.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, level: Level::Error, message: message.into(), place: None, label: String::new(), help: Vec::new() }
    }

    /// The same at a place.
    pub fn at(mut self, text: &Arc<Text>, span: Range<usize>) -> Self {
        self.place = Some((text.clone(), span));
        self
    }

    /// The same with a level.
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// The same with words at the place.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// The same with one more piece of advice.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Line and column of the place, both from 1, the column in characters; `None` without a place.
    pub fn line_column(&self) -> Option<(usize, usize)> {
        let (text, span) = self.place.as_ref()?;
        let before = text.content.get(..span.start.min(text.content.len()))?;
        let line_start = before.rfind('\n').map_or(0, |n| n + 1);
        Some((before.matches('\n').count() + 1, before[line_start..].chars().count() + 1))
    }
}
