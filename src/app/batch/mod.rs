//! `gw inspect batch`: the same brain for programs, JSON Lines in, one answer a line out, in order.

mod chain;
mod validate;

use serde_json::{Value, json};

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
    json!({"error": "a question is {\"chain\": {..}} or {\"validate\": {..}}"})
}
