//! JSON reduced to what it means, so that two answers can be laid side by side.

use gw::model::duration::GoDuration;
use serde_json::{Map, Number, Value};

/// Fields in which Consul tells a given 0 from none; so do all fields of `Limits`.
const ZERO_COUNTS: [&str; 2] = ["EnforcingConsecutive5xx", "MaxEjectionPercent"];

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
    reduced(&chain, "").unwrap_or(Value::Null)
}

/// An entry as it is stored, without what the server adds.
pub(crate) fn entry(entry: &Value) -> Value {
    let mut entry = entry.clone();
    if let Some(map) = entry.as_object_mut() {
        for key in ["CreateIndex", "ModifyIndex", "Hash", "Status"] {
            map.remove(key);
        }
    }
    reduced(&entry, "").unwrap_or(Value::Null)
}

/// The value without what means nothing; `None` if nothing is left.
fn reduced(value: &Value, key: &str) -> Option<Value> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::Bool(true) => Some(value.clone()),
        Value::Number(n) => number(n).filter(|n| *n != 0.0).map(rounded),
        Value::String(text) => string(text),
        Value::Array(items) => {
            let items: Vec<Value> = items.iter().map(|v| reduced(v, "").unwrap_or(Value::Null)).collect();
            (!items.is_empty()).then_some(Value::Array(items))
        }
        Value::Object(map) => {
            // Sorted, since the order of keys means nothing.
            let mut names: Vec<&String> = map.keys().collect();
            names.sort();
            let mut out = Map::new();
            for name in names {
                let zero_counts = key == "Limits" || ZERO_COUNTS.contains(&name.as_str());
                let given = &map[name];
                let kept = if zero_counts && given.as_f64() == Some(0.0) { Some(rounded(0.0)) } else { reduced(given, name) };
                if let Some(kept) = kept {
                    out.insert(name.clone(), kept);
                }
            }
            (!out.is_empty()).then_some(Value::Object(out))
        }
    }
}

fn number(n: &Number) -> Option<f64> {
    n.as_f64()
}

/// To 0.0001, as weights are compared.
fn rounded(n: f64) -> Value {
    Number::from_f64((n * 10_000.0).round() / 10_000.0).map_or(Value::Null, Value::Number)
}

fn string(text: &str) -> Option<Value> {
    if text.is_empty() {
        return None;
    }
    match GoDuration::parse(text) {
        Ok(duration) if text.ends_with(char::is_alphabetic) => (!duration.is_zero()).then(|| format!("{}ns", duration.nanos()).into()),
        _ => Some(text.into()),
    }
}
