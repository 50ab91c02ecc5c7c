//! `{"validate": {"existing": [..], "write": {..}}}`, or `"hcl": ".."`, or `"delete": {..}`

use std::sync::Arc;

use serde_json::{Value, json};

use crate::app::entries;
use crate::decide::graph::{self, Change};
use crate::model::entry::{Entries, EntryKind};
use crate::model::level::Level;
use crate::source::diagnostic::{Diagnostic, Text};
use crate::source::entry::{self, Decoded, Syntax};

/// `{"accepted": true, "stored": {..}}` as Consul stores it, or `{"accepted": false, "error": ".."}`.
pub(super) fn answer(question: &Value) -> Value {
    match judged(question) {
        Ok(Some(stored)) => json!({"accepted": true, "stored": stored}),
        Ok(None) => json!({"accepted": true}),
        Err(error) => json!({"accepted": false, "error": error}),
    }
}

/// What is stored after a write; nothing after a delete.
fn judged(question: &Value) -> Result<Option<Value>, String> {
    let existing = existing(question.get("existing").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default())?;
    if let Some(gone) = question.get("delete") {
        let text = |name: &str| gone.get(name).and_then(Value::as_str).unwrap_or_default();
        let kind = EntryKind::parse(text("kind")).ok_or_else(|| format!("invalid config entry kind: {}", text("kind")))?;
        if kind == EntryKind::BoundApiGateway {
            return Err("bound-api-gateway entries are deleted by Consul's servers alone".to_owned());
        }
        graph::check(&existing, &Change::Delete(kind, text("name"))).map_err(|e| e.to_string())?;
        return Ok(None);
    }
    let written = match question.get("hcl").and_then(Value::as_str) {
        Some(text) => from_text(text)?,
        None => entry::from_json(question.get("write").unwrap_or(&Value::Null)).map_err(|p| sentence(&p))?,
    };
    graph::check(&existing, &entries::write(&written)).map_err(|e| e.to_string())?;
    Ok(Some(written.stored()))
}

/// The entries that are there before, in the order of their writes.
fn existing(list: &[Value]) -> Result<Entries, String> {
    let mut existing = Entries::default();
    for (i, value) in list.iter().enumerate() {
        let decoded = entry::from_json(value).map_err(|problems| format!("existing[{i}]: {}", sentence(&problems)))?;
        graph::make(&mut existing, &entries::write(&decoded));
    }
    Ok(existing)
}

/// The one entry of a text, as `consul config write` takes it: HCL, or JSON if it begins with a brace.
fn from_text(text: &str) -> Result<Decoded, String> {
    let text = Arc::new(Text { origin: "-".to_owned(), content: text.to_owned() });
    let (mut decoded, problems) = entry::read(&text, Syntax::Hcl);
    match decoded.len() {
        1 if problems.is_empty() => Ok(decoded.remove(0)),
        0 if problems.is_empty() => Err("the text has no entry".to_owned()),
        _ if problems.is_empty() => Err("the text has several entries".to_owned()),
        _ => Err(sentence(&problems)),
    }
}

fn sentence(problems: &[Diagnostic]) -> String {
    let errors = problems.iter().filter(|p| p.level == Level::Error);
    errors.map(|p| p.message.as_str()).collect::<Vec<_>>().join("; ")
}
