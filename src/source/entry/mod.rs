//! Config entries as Consul takes them: HCL v1, JSON or TOML to the model, weakly decoded, normalized and validated.

use std::ops::Range;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Text};
use crate::model::entry::{ConfigEntry, EntryKind};

/// How a text is written. A text whose first non-blank byte is `{` is JSON, whatever its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// HCL version 1, Consul's dialect.
    Hcl,
    /// JSON.
    Json,
    /// TOML with Consul's field names.
    Toml,
}

/// An entry that was read and is accepted for itself; whether the set fits together is `decide::graph`.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// Its kind.
    pub kind: EntryKind,
    /// Its name.
    pub name: String,
    /// The entry, of a kind that `gw` acts on; `None` of one that is only recognised.
    pub entry: Option<ConfigEntry>,
    /// What Consul would store and print: its JSON without indexes.
    pub stored: serde_json::Value,
    /// Findings and warnings.
    pub notes: Vec<Diagnostic>,
    /// Where it was read.
    pub source: EntrySource,
}

/// Where an entry was read, so that later checks can point into it.
#[derive(Clone, Debug)]
pub struct EntrySource {
    /// The text.
    pub text: Arc<Text>,
    /// The whole entry.
    pub span: Range<usize>,
}

impl EntrySource {
    /// The bytes of a place in Consul's field names, `Routes[2].Match`; the nearest part of it that exists.
    pub fn find(&self, _path: &str) -> Range<usize> {
        self.span.clone()
    }
}

/// Reads one entry that came as JSON, as Consul's HTTP API takes it.
pub fn from_json(_value: &serde_json::Value) -> Result<Decoded, Vec<Diagnostic>> {
    Err(vec![])
}

/// Reads all entries of a text. Each is accepted or refused for itself: the accepted ones, then everything that is wrong
/// with the others.
pub fn read(_text: &Arc<Text>, _syntax: Syntax) -> (Vec<Decoded>, Vec<Diagnostic>) {
    (vec![], vec![])
}
