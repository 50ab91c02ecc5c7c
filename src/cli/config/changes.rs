//! How a change set is printed, by the commands that find one.

use serde_json::{Value, json};

use crate::app::consul::apply::{self, ApplyError, Deed};
use crate::app::consul::change::{ChangeError, ChangeSet, Differs, EntryChange};
use crate::app::entries::Level;
use crate::cli::error::Failure;
use crate::cli::input;
use crate::cli::output::Output;
use crate::ui::{Table, Ui};

/// Every field that differs, a row each.
pub(super) fn differences(set: &ChangeSet, output: Output, ui: &mut Ui) -> Result<(), Failure> {
    match output {
        Output::Table | Output::Wide if set.changes.is_empty() => {}
        Output::Table | Output::Wide => {
            let mut table = Table::new(&["CHANGE", "ENTRY", "FIELD", "IN CONSUL", "WANTED"]);
            for change in &set.changes {
                let cells = |field: String, one: String, other: String| vec![word(change).to_owned(), entry(change), field, one, other];
                let none = String::new;
                if change.fields.is_empty() {
                    table.row(cells(none(), none(), none()));
                }
                change.fields.iter().for_each(|d| table.row(cells(d.place(), value(&d.one), value(&d.other))));
            }
            ui.table(&table)?;
        }
        Output::Json | Output::Jsonl => {
            let changes: Vec<Value> = set.changes.iter().map(as_json).collect();
            let whole = json!({"schema": "gw.config-diff/v1", "changes": changes, "same": set.same});
            output.document(&whole, "changes", "config-diff.change", ui)?;
        }
        Output::Name => set.changes.iter().try_for_each(|c| ui.print(&format!("{}\n", entry(c))))?,
    }
    Ok(())
}

/// The steps, in order; `done` says whether they were taken.
pub(super) fn steps(deeds: &[Deed], done: bool, output: Output, ui: &mut Ui) -> Result<(), Failure> {
    match output {
        Output::Table | Output::Wide if deeds.is_empty() => {}
        Output::Table | Output::Wide => {
            let mut table = Table::new(&["STEP", "ENTRY"]);
            deeds.iter().for_each(|d| table.row(vec![d.what.as_str().to_owned(), d.entry.to_string()]));
            ui.table(&table)?;
        }
        Output::Json | Output::Jsonl => {
            let step = |d: &Deed| json!({"step": d.what.as_str(), "kind": d.entry.kind.as_str(), "name": &*d.entry.name});
            let steps: Vec<Value> = deeds.iter().map(step).collect();
            let whole = json!({"schema": "gw.config-apply/v1", "done": done, "steps": steps});
            output.document(&whole, "steps", "config-apply.step", ui)?;
        }
        Output::Name => deeds.iter().try_for_each(|d| ui.print(&format!("{}\n", d.entry)))?,
    }
    Ok(())
}

/// Tells what is wrong, and refuses what must not be written.
pub(super) fn judge(set: &ChangeSet, force: bool, ui: &mut Ui) -> Result<(), Failure> {
    set.problems.iter().for_each(|problem| ui.report(&input::report(problem)));
    if set.is_sound(force) {
        return Ok(());
    }
    let is_said = set.problems.iter().any(|problem| problem.level == Level::Error);
    match apply::deeds(set) {
        Err(error) if !is_said => Err(error.into()),
        _ => Err(Failure::Invalid(Vec::new())),
    }
}

fn word(change: &EntryChange) -> &'static str {
    match (&change.to, change.modify_index) {
        (None, _) => "delete",
        (Some(_), 0) => "add",
        (Some(_), _) => "update",
    }
}

fn entry(change: &EntryChange) -> String {
    format!("{}/{}", change.kind, change.name)
}

/// A text as it is, the rest as JSON; nothing is nothing.
fn value(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn as_json(change: &EntryChange) -> Value {
    let field = |d: &Differs| json!({"path": d.place(), "consul": d.one, "wanted": d.other});
    let fields: Vec<Value> = change.fields.iter().map(field).collect();
    let mut printed = json!({
        "change": word(change), "kind": change.kind.as_str(), "name": change.name, "modify_index": change.modify_index, "fields": fields,
    });
    if let (Some(to), true) = (&change.to, change.modify_index == 0) {
        printed["entry"] = to.stored();
    }
    printed
}

impl From<ChangeError> for Failure {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Ask(error) => error.into(),
            ChangeError::Inputs(problems) => Self::Invalid(problems),
            ChangeError::Missing(..) => Self::NotFound(error.to_string()),
            ChangeError::UnknownKind(..) => Self::Refused(error.to_string()),
        }
    }
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        Self::Apply(Box::new(error))
    }
}
