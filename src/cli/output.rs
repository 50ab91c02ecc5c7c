//! How answers are printed: one flag, `-o`, with one meaning at every command.

use clap::ValueEnum;
use serde_json::Value;

use super::error::Failure;
use crate::ui::{Table, Ui};

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// Columns, a list of steps, or a line
    #[value(alias = "text")]
    Table,
    /// More columns, where there are more
    Wide,
    /// One JSON document
    Json,
    /// One JSON object a line
    Jsonl,
    /// Names or codes alone
    Name,
}

/// An answer that is a list.
pub(super) trait Listing {
    /// All of it, with its schema.
    fn whole(&self) -> Value;
    /// An object for each, with a schema.
    fn lines(&self) -> Vec<Value>;
    /// As columns.
    fn table(&self, wide: bool) -> Table;
    /// The names alone.
    fn names(&self) -> Vec<String>;
}

impl Output {
    /// Whether it is for one who reads.
    pub(super) const fn is_text(self) -> bool {
        matches!(self, Self::Table | Self::Wide)
    }

    /// Prints a document: as it is, or, a line each, what its list has, as `gw.ITEM/v1`.
    pub(super) fn document(self, whole: &Value, list: &str, item: &str, ui: &mut Ui) -> Result<(), Failure> {
        if self != Self::Jsonl {
            return Ok(ui.print(&format!("{whole:#}\n"))?);
        }
        let items = whole[list].as_array().into_iter().flatten();
        items.map(|one| with_schema(item, one)).try_for_each(|line| Ok(ui.print(&format!("{line}\n"))?))
    }

    /// Prints a list.
    pub(super) fn list(self, listing: &impl Listing, ui: &mut Ui) -> Result<(), Failure> {
        match self {
            Self::Table => ui.table(&listing.table(false))?,
            Self::Wide => ui.table(&listing.table(true))?,
            Self::Json => ui.print(&format!("{:#}\n", listing.whole()))?,
            Self::Jsonl => listing.lines().iter().try_for_each(|line| ui.print(&format!("{line}\n")))?,
            Self::Name => listing.names().iter().try_for_each(|name| ui.print(&format!("{name}\n")))?,
        }
        Ok(())
    }

    /// Prints one answer: `text` for one who reads, `name` the one word of it.
    pub(super) fn one(self, whole: &Value, text: impl FnOnce() -> String, name: &str, ui: &mut Ui) -> Result<(), Failure> {
        match self {
            Self::Table | Self::Wide => ui.print(&text())?,
            Self::Json => ui.print(&format!("{whole:#}\n"))?,
            Self::Jsonl => ui.print(&format!("{whole}\n"))?,
            Self::Name => ui.print(&format!("{name}\n"))?,
        }
        Ok(())
    }
}

/// A line for programs: the item with `gw.ITEM/v1` before it.
pub(super) fn with_schema(item: &str, value: &Value) -> Value {
    let mut line = serde_json::Map::new();
    line.insert("schema".to_owned(), format!("gw.{item}/v1").into());
    line.extend(value.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
    line.into()
}
