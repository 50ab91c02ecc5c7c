//! What has to change in a Consul so that it has certain entries: what differs, whether it fits together, and in which order Consul
//! takes it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::stored::{self, Stored};
use super::{AskError, Consul};
use crate::app::entries::{self, Input};
use crate::app::load;
use crate::decide::graph::{self, Change, GraphError, Step};
use crate::model::entry::{Entries, EntryKind, IntentionAction};
use crate::model::level::Level;
use crate::source::consul::beside::differences;
use crate::source::diagnostic::Diagnostic;
use crate::source::entry::Decoded;

pub use crate::source::consul::beside::Differs;

/// What a Consul should have.
#[derive(Debug)]
pub enum Wanted {
    /// The entries of these inputs; and no others, where that is said.
    Entries {
        /// Files, folders, stdin.
        inputs: Vec<Input>,
        /// What Consul has and the inputs do not is deleted.
        prune: bool,
    },
    /// What it has, without one.
    Without(EntryKind, String),
}

/// What happens to an entry.
#[derive(Debug)]
pub struct EntryChange {
    /// Its kind.
    pub kind: EntryKind,
    /// Its name.
    pub name: String,
    /// The entry as it is to be; nothing: it is deleted.
    pub to: Option<Decoded>,
    /// When Consul wrote it last; 0: it is not there.
    pub modify_index: u64,
    /// What differs: first what Consul has, then what it is to have. Of what is new or goes it is not told.
    pub fields: Vec<Differs>,
}

/// Everything that has to change.
#[derive(Debug)]
pub struct ChangeSet {
    /// The changes, by kind and name.
    pub changes: Vec<EntryChange>,
    /// How many entries are as they should be.
    pub same: usize,
    /// What is wrong with what comes out of it; of errors those that Consul's entries do not have already.
    pub problems: Vec<Diagnostic>,
    /// The order in which Consul takes it; or, in its words, why it takes it in none.
    pub steps: Result<Vec<Step>, GraphError>,
    /// When Consul wrote each of its entries last; names are in lower case.
    pub(super) indexes: HashMap<(EntryKind, String), u64>,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Consul does not say what it has.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// What is wrong with the inputs.
    #[error("the entries are refused")]
    Inputs(Vec<Diagnostic>),
    /// There is no such entry.
    #[error("there is no {0}/{1}")]
    Missing(EntryKind, String),
    /// A kind of entries that this Consul does not have.
    #[error("this Consul has no entries of kind {0}, of which {1} is")]
    UnknownKind(EntryKind, String),
}

impl ChangeSet {
    /// Whether it may be written. What ends a Consul of version 1.21 may be forced, for there are others.
    pub fn is_sound(&self, force: bool) -> bool {
        let stops = |p: &Diagnostic| p.level == Level::Error && !(force && p.code == graph::codes::CRASH);
        self.steps.is_ok() && !self.problems.iter().any(stops)
    }
}

/// What has to change.
pub fn changes(consul: &Consul, wanted: &Wanted) -> Result<ChangeSet, ChangeError> {
    let written = match wanted {
        Wanted::Entries { inputs, .. } => read(inputs)?,
        Wanted::Without(..) => Vec::new(),
    };
    let (there, unknown) = stored::list(consul, EntryKind::ALL)?;
    if let Some(new) = written.iter().find(|new| unknown.contains(&new.kind)) {
        return Err(ChangeError::UnknownKind(new.kind, new.name.clone()));
    }
    let gone = gone(&there, &written, wanted)?;
    let of: BTreeMap<Key, &Stored> = there.iter().map(|stored| (key(stored.kind, &stored.name), stored)).collect();
    let mut set = judged(&there, &written, &gone);
    for new in written {
        match written_over(new, &of) {
            Some(change) => set.changes.push(change),
            None => set.same += 1,
        }
    }
    set.changes.extend(gone.iter().map(|stored| EntryChange {
        kind: stored.kind,
        name: stored.name.clone(),
        to: None,
        modify_index: stored.modify_index,
        fields: Vec::new(),
    }));
    set.changes.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    set.steps = graph::order(&entries_of(there.iter().filter_map(|s| s.read.as_ref().ok())), &graph_changes(&set.changes));
    Ok(set)
}

type Key = (EntryKind, String);

/// Names have no case.
fn key(kind: EntryKind, name: &str) -> Key {
    (kind, name.to_lowercase())
}

fn read(inputs: &[Input]) -> Result<Vec<Decoded>, ChangeError> {
    let (decoded, mut problems) = entries::read(inputs);
    if problems.iter().any(|p| p.level == Level::Error) {
        load::sort(&mut problems);
        return Err(ChangeError::Inputs(problems));
    }
    Ok(decoded)
}

/// The entries that are to be deleted.
fn gone<'a>(there: &'a [Stored], written: &[Decoded], wanted: &Wanted) -> Result<Vec<&'a Stored>, ChangeError> {
    match wanted {
        Wanted::Entries { prune: false, .. } => Ok(Vec::new()),
        Wanted::Entries { prune: true, .. } => {
            let kept: HashSet<Key> = written.iter().map(|new| key(new.kind, &new.name)).collect();
            // Those of servers are the servers' to delete.
            let is_gone = |s: &&Stored| s.kind != EntryKind::BoundApiGateway && !kept.contains(&key(s.kind, &s.name));
            Ok(there.iter().filter(is_gone).collect())
        }
        Wanted::Without(kind, name) => {
            let found = there.iter().find(|s| key(s.kind, &s.name) == key(*kind, name));
            found.map(|stored| vec![stored]).ok_or_else(|| ChangeError::Missing(*kind, name.clone()))
        }
    }
}

fn written_over(new: Decoded, there: &BTreeMap<Key, &Stored>) -> Option<EntryChange> {
    let old = there.get(&key(new.kind, &new.name));
    let fields = match old {
        None => Vec::new(),
        Some(old) => {
            let fields = fields(old, &new);
            if fields.is_empty() {
                return None;
            }
            fields
        }
    };
    let (kind, name, modify_index) = (new.kind, new.name.clone(), old.map_or(0, |old| old.modify_index));
    Some(EntryChange { kind, name, to: Some(new), modify_index, fields })
}

/// What differs; an entry of Consul's that gw cannot read is compared as it came.
fn fields(old: &Stored, new: &Decoded) -> Vec<Differs> {
    let mut differs = differences(&old.as_written(), &new.stored());
    // The namespace that is meant where none is given: 1.8 fills it in.
    let is_default = |d: &Differs| d.path.last().is_some_and(|key| key == "Namespace") && d.one == "default" && d.other.is_null();
    differs.retain(|d| !is_default(d));
    differs
}

/// Whether what comes out fits together. What Consul has already is not the change's fault: of that no error is one.
fn judged(there: &[Stored], written: &[Decoded], gone: &[&Stored]) -> ChangeSet {
    let replaced: HashSet<Key> =
        written.iter().map(|new| key(new.kind, &new.name)).chain(gone.iter().map(|s| key(s.kind, &s.name))).collect();
    let before: Vec<&Decoded> = there.iter().filter_map(|s| s.read.as_ref().ok()).collect();
    let kept = before.iter().copied().filter(|d| !replaced.contains(&key(d.kind, &d.name)));
    let after: Vec<&Decoded> = kept.chain(written).collect();
    // Which policy decides is not looked at: traps of intentions are for who writes their files.
    let known = load::check_set(&before, IntentionAction::Deny).1;
    let mut problems = load::check_set(&after, IntentionAction::Deny).1;
    problems.retain(|p| !known.iter().any(|old| (old.code, &old.message) == (p.code, &p.message)));
    problems.iter_mut().for_each(of_consul);
    problems.extend(there.iter().filter_map(unread));
    load::sort(&mut problems);
    let indexes = there.iter().map(|s| (key(s.kind, &s.name), s.modify_index)).collect();
    ChangeSet { changes: Vec::new(), same: 0, problems, steps: Ok(Vec::new()), indexes }
}

/// What stands in no file has no place.
fn of_consul(problem: &mut Diagnostic) {
    if problem.place.as_ref().is_some_and(|(text, _)| text.origin.is_empty()) {
        problem.place = None;
        problem.help.push("this is about an entry that Consul has, together with the others".to_owned());
    }
}

fn unread(stored: &Stored) -> Option<Diagnostic> {
    let why = stored.read.as_ref().err()?;
    let message = format!("{}/{} as Consul has it is not looked at: {why}", stored.kind, stored.name);
    Some(Diagnostic::error("GW0510", message).level(Level::Warning))
}

fn entries_of<'a>(decoded: impl Iterator<Item = &'a Decoded>) -> Entries {
    let mut entries = Entries::default();
    decoded.for_each(|d| graph::make(&mut entries, &entries::write(d)));
    entries
}

fn graph_changes(changes: &[EntryChange]) -> Vec<Change<'_>> {
    changes.iter().map(|c| c.to.as_ref().map_or(Change::Delete(c.kind, &c.name), entries::write)).collect()
}
