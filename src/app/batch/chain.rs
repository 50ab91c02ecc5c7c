//! `{"chain": {"entries": [..], "service": "web", "datacenter": "dc1", "override": {..}}}`

use serde_json::{Value, json};

pub(super) fn answer(_question: &Value) -> Value {
    json!({"error": "no chain"})
}
