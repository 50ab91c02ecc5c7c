//! The parts of a long entry that it shares with what it was before: lines of a gateway, routes of a router. Of ten thousand
//! lines that stand in a list as they did, none is decoded again because of one more.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use super::earlier::MOST_GONE;
use super::tree::Span;

/// Of an entry with fewer parts none is remembered: to decode all of it costs nothing.
pub(super) const FEWEST: usize = 16;

/// What an element of a list was decoded to.
#[derive(Clone)]
pub(in crate::source) struct Known(Arc<dyn Any + Send + Sync>);

impl Known {
    pub(super) fn new<T: Any + Send + Sync>(part: &Arc<T>) -> Self {
        Self(part.clone())
    }

    /// The part, if it is of that type: what stands elsewhere in an entry may be written like it.
    pub(super) fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.clone().downcast().ok()
    }
}

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known")
    }
}

/// The parts of an accepted entry in their order, each with its bytes from the beginning of the entry on.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts(Option<Arc<[(u32, u32, Known)]>>);

impl Parts {
    /// Those of an entry that stands at `span`, where they are worth remembering. Texts are shorter than four gigabytes.
    pub(super) fn of(parts: &[(Span, Known)], entry: &Span) -> Self {
        let offset = |at: usize| (at - entry.start) as u32;
        let placed = |(span, known): &(Span, Known)| (offset(span.start), offset(span.end), known.clone());
        Self((parts.len() >= FEWEST).then(|| parts.iter().map(placed).collect()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// To be met again, of an entry that was written like this.
    pub(super) fn ahead<'a>(&'a self, written: &'a str) -> Ahead<'a> {
        Ahead { written, left: self.0.as_deref().unwrap_or_default() }
    }
}

/// The parts of an earlier entry that were not met again so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ahead<'a> {
    written: &'a str,
    left: &'a [(u32, u32, Known)],
}

impl Ahead<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// The part that a text begins with, byte for byte, and its length. An object in braces has one end, so that nothing that
    /// follows can make it another one.
    pub(super) fn next_in(&mut self, text: &str) -> Option<(Known, usize)> {
        if self.left.is_empty() || !text.starts_with('{') {
            return None;
        }
        let bytes = |(start, end, _): &(u32, u32, Known)| &self.written.as_bytes()[*start as usize..*end as usize];
        let at = self.left.iter().take(MOST_GONE).position(|part| text.as_bytes().starts_with(bytes(part)))?;
        let (start, end, known) = &self.left[at];
        self.left = &self.left[at + 1..];
        Some((known.clone(), (end - start) as usize))
    }
}
