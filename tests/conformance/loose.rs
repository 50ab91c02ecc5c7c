//! JSON reduced to what it means, so that two answers can be laid side by side.

use gw::source::consul::beside::meaning;
use serde_json::Value;

/// A chain: virtual addresses depend on history, and of the hash counts only whether there is one.
pub(crate) fn chain(chain: &Value) -> Value {
    let mut chain = chain.clone();
    if let Some(map) = chain.as_object_mut() {
        map.remove("AutoVirtualIPs");
        map.remove("ManualVirtualIPs");
        if map.get("CustomizationHash").and_then(Value::as_str).is_some_and(|h| !h.is_empty()) {
            map.insert("CustomizationHash".into(), "(set)".into());
        }
    }
    meaning(&chain)
}

/// An entry as it is stored, without what the server adds.
pub(crate) fn entry(entry: &Value) -> Value {
    let mut entry = entry.clone();
    if let Some(map) = entry.as_object_mut() {
        for key in ["CreateIndex", "ModifyIndex", "Hash", "Status"] {
            map.remove(key);
        }
    }
    meaning(&entry)
}
