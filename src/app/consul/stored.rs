//! The config entries that a Consul has.

use serde_json::Value;

use super::{AskError, Consul, Why};
use crate::model::entry::EntryKind;
use crate::source::consul::call::Call;
use crate::source::consul::convert;
use crate::source::entry::{self, Decoded, Syntax};

/// An entry as Consul has it.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its kind.
    pub kind: EntryKind,
    /// Its name.
    pub name: String,
    /// When it was written last, for writes that must not undo another one's.
    pub modify_index: u64,
    /// As Consul printed it.
    pub value: Value,
    /// As gw reads it; or what it cannot read of it.
    pub read: Result<Decoded, String>,
}

impl Stored {
    fn of(kind: EntryKind, value: Value) -> Self {
        let name = value.get("Name").and_then(Value::as_str).or(kind.only_name()).unwrap_or_default().to_owned();
        let modify_index = value.get("ModifyIndex").and_then(Value::as_u64).unwrap_or_default();
        let read = convert::entry(&value).map(|entry| entry.decoded).map_err(|left_out| left_out.why);
        Self { kind, name, modify_index, value, read }
    }

    /// The entry without what Consul adds, as it would be written.
    pub fn as_written(&self) -> Value {
        self.read.as_ref().map_or_else(|_| convert::without_what_consul_adds(&self.value), Decoded::stored)
    }

    /// The entry in a syntax: JSON as Consul printed it, the others without what Consul adds; or what gw cannot read of it.
    pub fn print(&self, syntax: Syntax) -> Result<String, &str> {
        let stored = || self.read.as_ref().map(Decoded::stored).map_err(String::as_str);
        Ok(match syntax {
            Syntax::Json => format!("{:#}\n", self.value),
            Syntax::Hcl => entry::to_hcl(&stored()?),
            Syntax::Toml => entry::to_toml(&stored()?),
        })
    }
}

/// An entry of a Consul, if it is there.
pub fn read(consul: &Consul, kind: EntryKind, name: &str) -> Result<Option<Stored>, AskError> {
    Ok(consul.ask(&Call::entry(kind, name))?.what.map(|value| Stored::of(kind, value)))
}

/// All entries of some kinds, by kind and name, and the kinds that this Consul does not have.
pub fn list(consul: &Consul, kinds: &[EntryKind]) -> Result<(Vec<Stored>, Vec<EntryKind>), AskError> {
    let (mut all, mut unknown) = (Vec::new(), Vec::new());
    for kind in kinds {
        match consul.ask(&Call::entries(*kind)) {
            Ok(answer) => all.extend(answer.what.unwrap_or_default().into_iter().map(|value| Stored::of(*kind, value))),
            Err(error) if matches!(error.why(), Some(Why::UnknownKind(_))) => unknown.push(*kind),
            Err(error) => return Err(error),
        }
    }
    all.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    Ok((all, unknown))
}
