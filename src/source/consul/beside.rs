//! Two values of Consul's JSON laid side by side: what differs is what means something else.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Number, Value};

use crate::model::duration::GoDuration;

/// Fields in which Consul tells a given 0 from none; so do all fields of `Limits`.
const ZERO_COUNTS: [&str; 2] = ["EnforcingConsecutive5xx", "MaxEjectionPercent"];

/// A place where two values differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Differs {
    /// Keys and numbers that lead there.
    pub path: Vec<String>,
    /// What the one has there; `null` is nothing.
    pub one: Value,
    /// What the other has.
    pub other: Value,
}

impl Differs {
    /// The place, `Routes[2].Destination.Service`.
    pub fn place(&self) -> String {
        Place(&self.path).to_string()
    }
}

struct Place<'a>(&'a [String]);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, part) in self.0.iter().enumerate() {
            match part {
                // Numbers of a list, and keys that are no field.
                part if !part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') || part.parse::<usize>().is_ok() => {
                    write!(f, "[{part}]")?
                }
                part if n == 0 => f.write_str(part)?,
                part => write!(f, ".{part}")?,
            }
        }
        Ok(())
    }
}

/// Everything that differs, by place. Key order is nothing; absent, null, false, empty and zero are one; durations are times.
pub fn differences(one: &Value, other: &Value) -> Vec<Differs> {
    let mut out = Vec::new();
    walk(&meaning(one), &meaning(other), &mut Vec::new(), &mut out);
    out
}

/// A value reduced to what it means.
pub fn meaning(value: &Value) -> Value {
    reduced(value, "").unwrap_or(Value::Null)
}

fn walk(one: &Value, other: &Value, path: &mut Vec<String>, out: &mut Vec<Differs>) {
    let mut step = |key: String, one: &Value, other: &Value| {
        path.push(key);
        walk(one, other, path, out);
        path.pop();
    };
    match (one, other) {
        _ if one == other => {}
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            keys.into_iter().for_each(|key| step(key.clone(), a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null)));
        }
        (Value::Array(a), Value::Array(b)) => {
            let at = |list: &[Value], n: usize| list.get(n).cloned().unwrap_or_default();
            (0..a.len().max(b.len())).for_each(|n| step(n.to_string(), &at(a, n), &at(b, n)));
        }
        _ => out.push(Differs { path: path.clone(), one: one.clone(), other: other.clone() }),
    }
}

/// The value without what means nothing; `None` if nothing is left.
fn reduced(value: &Value, key: &str) -> Option<Value> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::Bool(true) => Some(value.clone()),
        Value::Number(n) => n.as_f64().filter(|n| *n != 0.0).map(rounded),
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

/// To 0.0001, as weights are compared; a whole number is printed as one.
fn rounded(n: f64) -> Value {
    const WHOLE: f64 = 9_007_199_254_740_992.0;
    if n.fract() == 0.0 && n.abs() < WHOLE {
        return Value::from(n as i64);
    }
    Number::from_f64((n * 10_000.0).round() / 10_000.0).map_or(Value::Null, Value::Number)
}

fn string(text: &str) -> Option<Value> {
    if text.is_empty() {
        return None;
    }
    match GoDuration::parse(text) {
        Ok(duration) if text.ends_with(char::is_alphabetic) => (!duration.is_zero()).then(|| duration.to_string().into()),
        _ => Some(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_means_the_same_does_not_differ_and_what_does_is_named_by_its_place() {
        let one = json!({"A": "60s", "B": null, "C": [], "Limits": {"Max": 0}, "Targets": {"web.dc1": {"X": 1}}, "Routes": [{"P": "/a"}]});
        let other =
            json!({"A": "1m", "C": {}, "D": false, "Limits": {}, "Targets": {"web.dc1": {"X": 2}}, "Routes": [{"P": "/a"}, {"P": "/b"}]});
        let places: Vec<String> = differences(&one, &other).iter().map(|d| format!("{} {} {}", d.place(), d.one, d.other)).collect();
        let limits = r#"Limits {"Max":0} null"#;
        assert_eq!(places, [limits, r#"Routes[1] null {"P":"/b"}"#, "Targets[web.dc1].X 1 2"]);
        assert!(differences(&one, &one).is_empty());
    }
}
