//! What a file said before: an entry that stands in it now as it did then is not read again.

use std::sync::{Arc, OnceLock};

use super::parts::Ahead;
use super::read::Again;
use super::{Decoded, EntrySource};
use crate::source::diagnostic::{Diagnostic, Text};

/// How many earlier entries may be gone at one place before the rest of the text is read anew.
pub(super) const MOST_GONE: usize = 16;

/// The entries that were read before, in their order, as far as they were not met again.
pub(super) struct Earlier<'a> {
    left: &'a [Decoded],
    gone: Vec<&'a Decoded>,
}

impl<'a> Earlier<'a> {
    /// Of a text that was a list in JSON as well: elsewhere values may be nested one deeper or less.
    pub(super) fn of(read: &'a [Decoded]) -> Self {
        let list = read.first().is_some_and(|d| d.source.text.content.trim_start().starts_with('['));
        let json = read.first().is_some_and(|d| matches!(d.source.again, Again::Json));
        if list && json { Self { left: read, gone: Vec::new() } } else { Self { left: &[], gone: read.iter().collect() } }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.left.len() + self.gone.len()
    }

    /// Those that were not met again.
    pub(super) fn gone(self) -> Vec<&'a Decoded> {
        let Self { left, mut gone } = self;
        gone.extend(left);
        gone
    }

    /// The earlier entry that a text begins with, byte for byte. The order of a file mostly stays: what is new stands between
    /// entries that are known, and what is gone was between entries that still are there. A value in braces has one end, so
    /// nothing that follows in the text can make it another one.
    pub(super) fn next_in(&mut self, text: &str) -> Option<&'a Decoded> {
        let begins = |d: &Decoded| text.as_bytes().starts_with(d.source.written().as_bytes());
        let at = self.left.iter().take(MOST_GONE).position(begins)?;
        let found = &self.left[at];
        self.gone.extend(&self.left[..at]);
        self.left = &self.left[at + 1..];
        Some(found)
    }
}

impl<'a> Earlier<'a> {
    /// The parts of the earlier entry that stands next, where it may be another one now.
    pub(super) fn parts(&self) -> Ahead<'a> {
        let long = self.left.iter().take(MOST_GONE).find(|d| !d.parts.is_empty());
        long.map(|d| d.parts.ahead(d.source.written())).unwrap_or_default()
    }
}

impl EntrySource {
    /// The entry as it is written.
    fn written(&self) -> &str {
        &self.text.content[self.span.clone()]
    }
}

impl Decoded {
    /// The same entry at another place of another text.
    pub(super) fn moved(&self, text: &Arc<Text>, start: usize) -> Self {
        let was = self.source.span.start;
        let moved = |span: &std::ops::Range<usize>| span.start - was + start..span.end - was + start;
        let note = |note: &Diagnostic| {
            let place = note.place.as_ref().map(|(_, span)| (text.clone(), moved(span)));
            Diagnostic { place, ..note.clone() }
        };
        let span = moved(&self.source.span);
        let source = EntrySource { text: text.clone(), span, tree: OnceLock::new(), again: self.source.again };
        let Self { kind, name, entry, notes, parts, .. } = self;
        let notes = notes.iter().map(note).collect();
        Self { kind: *kind, name: name.clone(), entry: entry.clone(), notes, source, parts: parts.clone() }
    }
}
