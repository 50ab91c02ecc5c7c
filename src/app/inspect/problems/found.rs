//! The problems that were found, each once, the worst first.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::app::world::Note;

/// Problems.
#[derive(Debug, Default)]
pub(in crate::app) struct Problems {
    seen: BTreeSet<(String, String)>,
    /// Those by which something is lost now come first.
    found: Vec<(bool, Value)>,
}

impl Problems {
    /// Something is lost now.
    pub(super) fn error(&mut self, code: &str, what: &str, place: Option<String>, matters: &str, next: &str) {
        self.push(true, code, what, place, matters, next);
    }

    /// Something will be, or is not what somebody meant.
    pub(super) fn warning(&mut self, code: &str, what: &str, place: Option<String>, matters: &str, next: &str) {
        self.push(false, code, what, place, matters, next);
    }

    /// What was noted when entries were read.
    pub(super) fn noted(&mut self, note: &Note, is_error: bool) {
        let matters = crate::app::entries::codes().into_iter().find(|(code, _)| *code == note.code).map_or("", |(_, meaning)| meaning);
        let next = if note.help.is_empty() { format!("gw inspect explain {}", note.code) } else { note.help.join("; ") };
        self.push(is_error, &note.code, &note.message, note.place.clone(), matters, &next);
    }

    fn push(&mut self, is_error: bool, code: &str, what: &str, place: Option<String>, matters: &str, next: &str) {
        if self.seen.insert((code.to_owned(), what.to_owned())) {
            let level = if is_error { "error" } else { "warning" };
            self.found.push((
                is_error,
                json!({
                    "level": level, "code": code, "what": what, "place": place, "matters": matters, "next": next,
                }),
            ));
        }
    }

    /// The worst first, otherwise as they were found.
    pub(super) fn sorted(mut self) -> Vec<Value> {
        self.found.sort_by_key(|(is_error, _)| !is_error);
        self.found.into_iter().map(|(_, problem)| problem).collect()
    }
}
