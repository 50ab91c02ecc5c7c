//! `{"validate": {"existing": [..], "write": {..}}}`, or `"hcl": ".."`, or `"delete": {..}`

use serde_json::{Value, json};

pub(super) fn answer(_question: &Value) -> Value {
    json!({"accepted": false, "error": "not validated"})
}
