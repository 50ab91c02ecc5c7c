//! `gw inspect batch`: the same brain for programs, JSON Lines in, one answer a line out, in order.

mod authz;
mod chain;
mod validate;

pub use authz::default_action;
use serde_json::{Value, json};

use crate::model::entry::Entries;
use crate::source::entry::from_json;

/// Answers one line. Never fails: what cannot be answered is `{"error": ".."}`.
pub fn answer(line: &str) -> Value {
    let question: Value = match serde_json::from_str(line) {
        Ok(v) => v,
        Err(e) => return json!({"error": format!("not a line of JSON: {e}")}),
    };
    if let Some(q) = question.get("chain") {
        return chain::answer(q);
    }
    if let Some(q) = question.get("validate") {
        return validate::answer(q);
    }
    if let Some(q) = question.get("authz") {
        return authz::answer(q);
    }
    json!({"error": "a question is {\"chain\": {..}}, {\"validate\": {..}} or {\"authz\": {..}}"})
}

/// The entries of a question, each as Consul's HTTP API takes it.
fn entries(question: &Value) -> Result<Entries, String> {
    let list = question.get("entries").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut entries = Entries::default();
    for (i, value) in list.iter().enumerate() {
        let decoded = from_json(value).map_err(|problems| {
            let messages: Vec<String> = problems.into_iter().map(|p| p.message).collect();
            format!("entries[{i}]: {}", messages.join("; "))
        })?;
        if let Some(entry) = decoded.entry {
            entries.insert(entry);
        }
    }
    Ok(entries)
}
