//! `{"validate": {"existing": [..], "write": {..}}}`, or `"hcl": ".."`, or `"delete": {..}`

use serde_json::{Value, json};

use crate::source::entry;

pub(super) fn answer(question: &Value) -> Value {
    match entry::from_json(&question["write"]) {
        Ok(d) => json!({"accepted": true, "stored": d.stored}),
        Err(e) => json!({"accepted": false, "error": e.iter().map(|d| d.message.clone()).collect::<Vec<_>>().join("; ")}),
    }
}
