//! Makes the changes of a set in a Consul, each only where nobody else changed the entry meanwhile.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde_json::Value;

use super::change::{ChangeSet, EntryChange};
use super::{AskError, Consul, stored};
use crate::decide::graph::{GraphError, Step};
use crate::model::entry::{ConfigEntry, EntryKind, EntryRef};
use crate::source::consul::call::Call;
use crate::source::entry;

/// One step, for the one who watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// What happens.
    pub what: What,
    /// The entry.
    pub entry: EntryRef,
}

/// What happens to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It is new.
    Add,
    /// It is another one.
    Update,
    /// It goes.
    Delete,
    /// It goes for a moment.
    Aside,
    /// A part of it goes for a moment.
    Reduce,
    /// It comes back as it was.
    Back,
}

impl What {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Aside => "set aside",
            Self::Reduce => "reduce",
            Self::Back => "bring back",
        }
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.what.as_str(), self.entry)
    }
}

/// Why not everything was done.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Consul takes the changes in no order.
    #[error("Consul would refuse it in any order")]
    NoOrder(#[source] GraphError),
    /// Somebody else changed the entry.
    #[error("{entry} was changed by somebody else meanwhile: {done} of {all} steps are done, and the others are not{lost}")]
    Conflict {
        /// The entry.
        entry: EntryRef,
        /// Steps that were done.
        done: usize,
        /// All steps.
        all: usize,
        /// What was set aside and could not be brought back.
        lost: Lost,
    },
    /// Consul does not take a step.
    #[error("cannot {deed}: {done} of {all} steps are done, and the others are not{lost}")]
    Step {
        /// The step.
        deed: Deed,
        /// Steps that were done.
        done: usize,
        /// All steps.
        all: usize,
        /// What was set aside and could not be brought back.
        lost: Lost,
        /// Why.
        source: Box<AskError>,
    },
}

/// Entries that were set aside and could not be brought back.
#[derive(Debug, Default)]
pub struct Lost(Vec<Value>);

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|entry| write!(f, "; this entry was set aside and is not back: {entry}"))
    }
}

/// What will be done, in order.
pub fn deeds(set: &ChangeSet) -> Result<Vec<Deed>, ApplyError> {
    let steps = set.steps.as_ref().map_err(|why| ApplyError::NoOrder(why.clone()))?;
    Ok(steps.iter().map(|step| deed(step, &set.changes)).collect())
}

fn deed(step: &Step, changes: &[EntryChange]) -> Deed {
    match step {
        Step::Change(n) => {
            let EntryChange { kind, name, to, modify_index, .. } = &changes[*n];
            let what = match (to, modify_index) {
                (None, _) => What::Delete,
                (Some(_), 0) => What::Add,
                (Some(_), _) => What::Update,
            };
            Deed { what, entry: EntryRef::new(*kind, name) }
        }
        Step::Aside { was, left } => Deed { what: if left.is_some() { What::Reduce } else { What::Aside }, entry: was.entry_ref() },
        Step::Back(entry) => Deed { what: What::Back, entry: entry.entry_ref() },
    }
}

/// Does it, step by step; `done` hears of each.
pub fn apply(consul: &Consul, set: &ChangeSet, mut done: impl FnMut(&Deed)) -> Result<(), ApplyError> {
    let deeds = deeds(set)?;
    let steps = set.steps.as_ref().map_err(|why| ApplyError::NoOrder(why.clone()))?;
    let mut writing = Writing { consul, changes: &set.changes, indexes: &set.indexes, own: HashSet::new() };
    for (n, (step, deed)) in steps.iter().zip(&deeds).enumerate() {
        let outcome = writing.step(step, deed);
        if matches!(outcome, Ok(true)) {
            done(deed);
            continue;
        }
        let (all, lost) = (steps.len(), writing.bring_back(&steps[..n]));
        return Err(match outcome {
            Ok(_) => ApplyError::Conflict { entry: deed.entry.clone(), done: n, all, lost },
            Err(source) => ApplyError::Step { deed: deed.clone(), done: n, all, lost, source: Box::new(source) },
        });
    }
    Ok(())
}

struct Writing<'a> {
    consul: &'a Consul,
    changes: &'a [EntryChange],
    /// When each entry was written last, when the set was made.
    indexes: &'a HashMap<(EntryKind, String), u64>,
    /// What was written or deleted here.
    own: HashSet<(EntryKind, String)>,
}

impl Writing<'_> {
    /// Does one step. False: the entry is not as it was when the set was made.
    fn step(&mut self, step: &Step, deed: &Deed) -> Result<bool, AskError> {
        match step {
            Step::Change(n) => match &self.changes[*n].to {
                Some(to) => self.write(&deed.entry, &to.stored()),
                None => self.delete(&deed.entry),
            },
            Step::Aside { left: None, .. } => self.delete(&deed.entry),
            Step::Aside { left: Some(left), .. } => self.write(&deed.entry, &entry::print(left)),
            Step::Back(was) => self.write(&deed.entry, &entry::print(was)),
        }
    }

    /// When it was written last, as far as this set may know. What was written here is asked for when it is needed: few entries are
    /// written twice.
    fn index(&self, entry: &EntryRef) -> Result<u64, AskError> {
        if self.own.contains(&key(entry)) { self.index_now(entry) } else { Ok(self.indexes.get(&key(entry)).copied().unwrap_or_default()) }
    }

    fn index_now(&self, entry: &EntryRef) -> Result<u64, AskError> {
        Ok(stored::read(self.consul, entry.kind, &entry.name)?.map_or(0, |stored| stored.modify_index))
    }

    fn write(&mut self, entry: &EntryRef, value: &Value) -> Result<bool, AskError> {
        let value = without_the_unsaid(value);
        let written = self.consul.ask(&Call::write_entry(&value).if_still(self.index(entry)?))?.what == Some(true);
        self.own.extend(written.then(|| key(entry)));
        Ok(written)
    }

    fn delete(&mut self, entry: &EntryRef) -> Result<bool, AskError> {
        let index = self.index(entry)?;
        // 1.8 deletes without asking for the index, so it is looked at just before.
        if self.index_now(entry)? != index {
            return Ok(false);
        }
        let deleted = self.consul.ask(&Call::delete_entry(entry.kind, &entry.name).if_still(index))?.what == Some(true);
        self.own.extend(deleted.then(|| key(entry)));
        Ok(deleted)
    }

    /// After a step that failed: what was set aside comes back as far as Consul takes it. What does not.
    fn bring_back(&mut self, done: &[Step]) -> Lost {
        let mut aside: Vec<&ConfigEntry> = Vec::new();
        for step in done {
            let written = match step {
                Step::Aside { was, .. } => {
                    // What was reduced twice comes back as it was before the first time.
                    if !aside.iter().any(|other| other.entry_ref() == was.entry_ref()) {
                        aside.push(was);
                    }
                    continue;
                }
                Step::Change(n) => (self.changes[*n].kind, self.changes[*n].name.to_lowercase()),
                Step::Back(entry) => key(&entry.entry_ref()),
            };
            aside.retain(|was| key(&was.entry_ref()) != written);
        }
        let mut is_lost = |was: &&ConfigEntry| !matches!(self.write(&was.entry_ref(), &entry::print(was)), Ok(true));
        Lost(aside.into_iter().rev().filter(|was| is_lost(was)).map(entry::print).collect())
    }
}

/// The entry without fields that say nothing: of those that came later an older Consul knows none, empty or not.
fn without_the_unsaid(entry: &Value) -> Value {
    let Value::Object(fields) = entry else { return entry.clone() };
    let says = |value: &Value| !matches!(value, Value::Null) && value.as_object().is_none_or(|fields| !fields.is_empty());
    Value::Object(fields.iter().filter(|(_, value)| says(value)).map(|(key, value)| (key.clone(), value.clone())).collect())
}

fn key(entry: &EntryRef) -> (EntryKind, String) {
    (entry.kind, entry.name.to_lowercase())
}
