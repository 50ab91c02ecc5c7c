//! Config entries, by the very decoders that read files.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::LeftOut;
use crate::model::entry::EntryKind;
use crate::source::consul::wire::IntentionRow;
use crate::source::entry::{Decoded, from_json};

/// An entry as Consul has it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The entry.
    pub decoded: Decoded,
    /// `ModifyIndex`, for writes that must not undo another one's.
    pub modify_index: u64,
}

/// One entry.
pub fn entry(value: &Value) -> Result<Entry, LeftOut> {
    let modify_index = value.get("ModifyIndex").and_then(Value::as_u64).unwrap_or_default();
    let decoded = from_json(&without_what_consul_adds(value));
    decoded.map(|decoded| Entry { decoded, modify_index }).map_err(|problems| {
        let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or("?").to_owned();
        LeftOut::of_problems(format!("{}/{}", text("Kind"), text("Name")), &problems)
    })
}

/// A list of entries: those that cannot be read are left out alone.
pub fn entries(values: &[Value], left_out: &mut Vec<LeftOut>) -> Vec<Entry> {
    values.iter().filter_map(|value| entry(value).map_err(|problem| left_out.push(problem)).ok()).collect()
}

/// An entry as it would be written. `Hash` does not fit into the numbers of files; the others no file has either.
pub fn without_what_consul_adds(value: &Value) -> Value {
    let added = |name: &str| matches!(name, "Hash" | "CreateIndex" | "ModifyIndex" | "Status");
    let Value::Object(fields) = value else { return value.clone() };
    Value::Object(fields.iter().filter(|(name, _)| !added(name)).map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// The service-intentions entries that say what a list of intentions says: 1.8 has the kind not yet.
pub fn of_intentions(rows: &[IntentionRow], left_out: &mut Vec<LeftOut>) -> Vec<Entry> {
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
    entries(&made.collect::<Vec<_>>(), left_out)
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
