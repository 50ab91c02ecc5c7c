//! The problems that were found, each once, the worst first.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::app::world::Note;

/// Problems.
#[derive(Debug, Default)]
pub(in crate::app) struct Problems {
    seen: BTreeSet<(bool, String, String)>,
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
        if self.seen.insert((is_error, code.to_owned(), what.to_owned())) {
            let level = if is_error { "error" } else { "warning" };
            self.found.push((
                is_error,
                json!({
                    "level": level, "code": code, "what": what, "place": place, "matters": matters, "next": next,
                }),
            ));
        }
    }

    /// The worst first, otherwise as they were found. What is lost at one place, and elsewhere is not yet, is lost.
    pub(super) fn sorted(mut self) -> Vec<Value> {
        self.found.sort_by_key(|(is_error, _)| !is_error);
        let is_worst = |is_error: bool, problem: &Value| {
            let text = |key: &str| problem[key].as_str().unwrap_or_default().to_owned();
            is_error || !self.seen.contains(&(true, text("code"), text("what")))
        };
        self.found.retain(|(is_error, problem)| is_worst(*is_error, problem));
        self.found.into_iter().map(|(_, problem)| problem).collect()
    }
}

/// One word of a command, as a shell takes it: names come from entries, and a command is there to be pasted.
pub fn word(text: &str) -> Cow<'_, str> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:@%+,=".contains(&b);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_word_of_a_command_whatever_it_is() {
        for (name, as_typed) in [
            ("web", "web"),
            ("certs/web-1.pem", "certs/web-1.pem"),
            ("", "''"),
            ("<img src=x>", "'<img src=x>'"),
            ("a;reboot", "'a;reboot'"),
            ("$(id)", "'$(id)'"),
            ("it's", r"'it'\''s'"),
        ] {
            assert_eq!(word(name), as_typed);
        }
    }
}
