//! Config entries, by the very decoders that read files.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::LeftOut;
use crate::model::entry::{ConfigEntry, EntryKind, IntentionAction};
use crate::source::consul::wire::IntentionRow;
use crate::source::diagnostic::Diagnostic;
use crate::source::entry::{Decoded, from_json, from_stored};

/// An entry as Consul has it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The entry.
    pub decoded: Decoded,
    /// `ModifyIndex`, for writes that must not undo another one's.
    pub modify_index: u64,
}

/// One entry that is to be shown or written once more, by the rules for writing: nothing of it may get lost.
pub fn entry(value: &Value) -> Result<Entry, LeftOut> {
    read(value, from_json)
}

/// One entry that is to be acted on, as Consul stores it: all that can be used is used, and what is wrong with it is among its notes,
/// which name it.
pub fn stored(value: &Value) -> Result<Entry, LeftOut> {
    let mut entry = read(value, from_stored)?;
    let Decoded { kind, name, notes, .. } = &mut entry.decoded;
    notes.iter_mut().for_each(|note| note.message = format!("{kind}/{name}: {}", note.message));
    Ok(entry)
}

fn read(value: &Value, by: fn(&Value) -> Result<Decoded, Vec<Diagnostic>>) -> Result<Entry, LeftOut> {
    let modify_index = value.get("ModifyIndex").and_then(Value::as_u64).unwrap_or_default();
    let decoded = by(&without_what_consul_adds(value));
    let what = || format!("{}/{}", text(value, "Kind").unwrap_or("?"), text(value, "Name").unwrap_or("?"));
    decoded.map(|decoded| Entry { decoded, modify_index }).map_err(|problems| LeftOut::of_problems(what(), &problems))
}

/// What stands in for an entry that cannot be read. Without its intentions a service would be open where the default is to allow.
pub fn in_place_of(value: &Value) -> Option<ConfigEntry> {
    let is_of_intentions = text(value, "Kind") == Some(EntryKind::ServiceIntentions.as_str());
    let name = text(value, "Name").filter(|_| is_of_intentions)?;
    let sources = json!([{"Name": "*", "Action": IntentionAction::Deny.as_str()}]);
    from_stored(&json!({"Kind": EntryKind::ServiceIntentions.as_str(), "Name": name, "Sources": sources})).ok()?.entry
}

fn text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field).and_then(Value::as_str)
}

/// A list of entries that are to be acted on: those that cannot be read are left out alone.
pub fn entries(values: &[Value], left_out: &mut Vec<LeftOut>) -> Vec<Entry> {
    values.iter().filter_map(|value| stored(value).map_err(|problem| left_out.push(problem)).ok()).collect()
}

/// An entry as it would be written. `Hash` does not fit into the numbers of files; the others no file has either.
pub fn without_what_consul_adds(value: &Value) -> Value {
    let added = |name: &str| matches!(name, "Hash" | "CreateIndex" | "ModifyIndex" | "Status");
    let Value::Object(fields) = value else { return value.clone() };
    Value::Object(fields.iter().filter(|(name, _)| !added(name)).map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// The service-intentions entries, as JSON, that say what a list of intentions says: 1.8 has the kind not yet.
pub fn of_intentions(rows: &[IntentionRow]) -> Vec<Value> {
    let mut by_destination: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    let mut required: BTreeMap<&str, &Value> = BTreeMap::new();
    for row in rows {
        by_destination.entry(&row.destination_name).or_default().push(source(row));
        if let Some(jwt) = &row.jwt {
            required.insert(&row.destination_name, jwt);
        }
    }
    let made = by_destination.into_iter().map(|(name, sources)| {
        let mut made = json!({"Kind": EntryKind::ServiceIntentions.as_str(), "Name": name, "Sources": sources});
        if let Some(jwt) = required.get(name) {
            made["JWT"] = (*jwt).clone();
        }
        made
    });
    made.collect()
}

fn source(row: &IntentionRow) -> Value {
    let mut made = json!({"Name": row.source_name, "Description": row.description});
    let mut put = |name: &str, value: Value| made[name] = value;
    if !row.source_peer.is_empty() {
        put("Peer", row.source_peer.as_str().into());
    }
    match &row.permissions {
        Some(permissions) if !permissions.is_null() => put("Permissions", permissions.clone()),
        _ => put("Action", row.action.as_str().into()),
    }
    made
}
