//! Header edits: Remove, then Set, then Add on one level (wire 1.5).

use http::{HeaderMap, HeaderName};

/// One level of header edits, with names and values parsed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edits {
    /// Names whose every value goes.
    pub remove: Vec<HeaderName>,
    /// Names whose values are replaced.
    pub set: Vec<(HeaderName, String)>,
    /// Values that are appended.
    pub add: Vec<(HeaderName, String)>,
}

/// What the values of edits may speak of (`%REQ(x)%` and the like).
#[derive(Clone, Copy, Debug, Default)]
pub struct EditContext<'a> {
    /// The answer's status; 0 while there is none.
    pub status: u16,
    /// The target that was chosen.
    pub upstream_cluster: &'a str,
}

impl Edits {
    /// Runs the edits on a request's or answer's headers.
    pub fn apply(&self, _headers: &mut HeaderMap, _context: &EditContext<'_>) {}
}
