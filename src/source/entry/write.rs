//! Writers: a stored entry as HCL or TOML that is read back as the same entry.

use std::fmt::Write;

use serde_json::{Map, Value};

/// A text as HCL has it.
pub(super) fn text(text: &str) -> String {
    hcl_text(text)
}

/// An entry as HCL.
pub(super) fn hcl(value: &Value) -> String {
    let mut out = String::new();
    if let Value::Object(map) = value {
        hcl_body(map, 0, &mut out);
    }
    out
}

/// An entry as TOML.
pub(super) fn toml(value: &Value) -> String {
    let mut out = String::new();
    if let Value::Object(map) = value {
        toml_body(map, &[], &mut out);
    }
    out
}

fn indent(depth: usize, out: &mut String) {
    out.extend(std::iter::repeat_n("  ", depth));
}

/// Attributes first lined up by their `=`, objects and lists of objects as they come.
fn hcl_body(map: &Map<String, Value>, depth: usize, out: &mut String) {
    let width = map.iter().filter(|(_, v)| is_single(v)).map(|(k, _)| hcl_key(k).chars().count()).max().unwrap_or(0);
    for (key, value) in map.iter().filter(|(_, v)| !v.is_null()) {
        let key = hcl_key(key);
        indent(depth, out);
        if is_single(value) {
            let _ = write!(out, "{key:width$} = ");
        } else {
            let _ = write!(out, "{key} = ");
        }
        hcl_value(value, depth, out);
        out.push('\n');
    }
}

/// Whether a value stays on its line.
fn is_single(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.iter().all(|i| !i.is_object() && !i.is_array()),
        _ => true,
    }
}

fn hcl_value(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(map) if map.is_empty() => out.push_str("{}"),
        Value::Object(map) => {
            out.push_str("{\n");
            hcl_body(map, depth + 1, out);
            indent(depth, out);
            out.push('}');
        }
        Value::Array(items) if is_single(value) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                hcl_value(item, depth, out);
            }
            out.push(']');
        }
        Value::Array(items) => {
            out.push_str("[\n");
            for item in items {
                indent(depth + 1, out);
                hcl_value(item, depth + 1, out);
                out.push_str(",\n");
            }
            indent(depth, out);
            out.push(']');
        }
        Value::String(s) => out.push_str(&hcl_text(s)),
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

fn hcl_key(key: &str) -> String {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let bare = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && key.chars().all(word);
    if bare && !matches!(key, "true" | "false") { key.to_owned() } else { hcl_text(key) }
}

/// A text in quotes. A `$` before a brace is written as a code, for between `${` and `}` no escape is one.
fn hcl_text(text: &str) -> String {
    let mut out = String::from("\"");
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' if chars.peek() == Some(&'{') => out.push_str("\\x24"),
            c if c.is_control() || matches!(c, '\u{feff}' | '\u{e123}') => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Values first, then tables and arrays of tables under their full names.
fn toml_body(map: &Map<String, Value>, path: &[String], out: &mut String) {
    let is_table = |v: &Value| v.is_object();
    let is_tables = |v: &Value| v.as_array().is_some_and(|items| !items.is_empty() && items.iter().all(Value::is_object));
    for (key, value) in map.iter().filter(|(_, v)| !v.is_null() && !is_table(v) && !is_tables(v)) {
        let _ = write!(out, "{} = ", toml_key(key));
        toml_value(value, out);
        out.push('\n');
    }
    for (key, value) in map {
        let mut name = path.to_vec();
        name.push(toml_key(key));
        match value {
            Value::Object(inner) => toml_table(&format!("[{}]", name.join(".")), inner, &name, out),
            Value::Array(items) if is_tables(value) => {
                for inner in items.iter().filter_map(Value::as_object) {
                    toml_table(&format!("[[{}]]", name.join(".")), inner, &name, out);
                }
            }
            _ => {}
        }
    }
}

fn toml_table(head: &str, inner: &Map<String, Value>, name: &[String], out: &mut String) {
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(head);
    out.push('\n');
    toml_body(inner, name, out);
}

fn toml_value(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().filter(|i| !i.is_null()).enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                toml_value(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (i, (key, item)) in map.iter().filter(|(_, v)| !v.is_null()).enumerate() {
                let _ = write!(out, "{}{} = ", if i > 0 { ", " } else { " " }, toml_key(key));
                toml_value(item, out);
            }
            out.push_str(" }");
        }
        Value::String(s) => out.push_str(&toml_text(s)),
        // A whole number beyond 64 bits has to be a float.
        Value::Number(n) if !n.is_f64() && n.as_i64().is_none() => {
            let _ = write!(out, "{:e}", n.as_f64().unwrap_or(0.0));
        }
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

fn toml_key(key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if bare { key.to_owned() } else { toml_text(key) }
}

fn toml_text(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::source::diagnostic::Text;
    use crate::source::entry::{Syntax, from_json, read};

    fn back(text: String, syntax: Syntax) -> Value {
        let (decoded, problems) = read(&Arc::new(Text { origin: "x".into(), content: text.clone() }), syntax);
        assert_eq!(problems, [], "{text}");
        decoded.into_iter().next().map(|d| d.stored()).unwrap_or_default()
    }

    #[test]
    fn an_entry_that_is_written_is_read_back_as_the_same() {
        let entry = serde_json::json!({
            "Kind": "proxy-defaults", "Name": "global", "Meta": {"a b": "x\n\"\\", "${": "${x}"},
            "Config": {"protocol": "http", "list": [1, 2.5, "x", {"a": [true, "y"]}], "big": 1e300, "tables": [{"x": 1}, {"y": [2, 3]}]},
            "AccessLogs": {"Enabled": true, "TextFormat": "%START_TIME%\t\u{1}\n"},
        });
        let stored = from_json(&entry).expect("it is accepted").stored();
        assert_eq!(back(hcl(&stored), Syntax::Hcl), stored);
        assert_eq!(back(toml(&stored), Syntax::Toml), stored);
    }

    #[test]
    fn hcl_is_laid_out_as_people_write_it() {
        let entry = serde_json::json!({"Kind": "service-resolver", "Name": "web", "Subsets": {"v1": {"Filter": "a == b"}}, "Failover": {"*": {"Datacenters": ["dc2", "dc3"]}}});
        let stored = from_json(&entry).expect("it is accepted").stored();
        let wanted = "Kind = \"service-resolver\"\nName = \"web\"\nSubsets = {\n  v1 = {\n    Filter = \"a == b\"\n  }\n}\nFailover = {\n  \"*\" = {\n    Datacenters = [\"dc2\", \"dc3\"]\n  }\n}\n";
        assert_eq!(hcl(&stored), wanted);
    }

    proptest! {
        #[test]
        fn any_text_survives(text in any::<String>()) {
            let text = text.replace(['\0', '\u{e123}', '\u{feff}'], "");
            let entry = serde_json::json!({"Kind": "proxy-defaults", "Config": {"k": text, "x": {text.clone(): 1}}});
            let stored = from_json(&entry).expect("it is accepted").stored();
            prop_assert_eq!(back(hcl(&stored), Syntax::Hcl), stored.clone());
            prop_assert_eq!(back(toml(&stored), Syntax::Toml), stored);
        }
    }
}
