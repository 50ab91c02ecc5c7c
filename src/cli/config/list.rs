//! `gw config list`: the entries that Consul has.

use clap::Args;
use serde_json::json;

use crate::app::consul::Consul;
use crate::app::consul::stored::{self, Stored};
use crate::cli::Answer;
use crate::cli::consul::ConsulArgs;
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::model::entry::EntryKind;
use crate::ui::{Table, Ui};

/// List the config entries that Consul has
#[derive(Debug, Args)]
#[command(after_long_help = "\
A token that may not see an entry is not told of it: what is listed is what the token may see.

EXAMPLES
  gw config list
  gw config list service-router -o name
  gw config list -o json --datacenter dc2

EXIT CODES
  0  listed    2  usage    4  Consul cannot be reached    5  the token may not    7  Consul did not answer in time")]
pub(super) struct ListArgs {
    /// Only entries of this kind
    #[arg(value_parser = super::kind)]
    kind: Option<EntryKind>,
    /// How it is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
    #[command(flatten)]
    consul: ConsulArgs,
}

pub(super) fn run(args: ListArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let consul = Consul::of(args.consul.settings(ui)?)?;
    let kinds = args.kind.as_ref().map_or(EntryKind::ALL, std::slice::from_ref);
    let (entries, _) = stored::list(&consul, kinds)?;
    match args.output {
        Output::Table | Output::Wide => {
            let mut table = Table::new(&["KIND", "NAME", "MODIFY INDEX"]);
            entries.iter().for_each(|e| table.row(vec![e.kind.to_string(), e.name.clone(), e.modify_index.to_string()]));
            ui.table(&table)?;
        }
        Output::Json | Output::Jsonl => {
            let one = |e: &Stored| json!({"kind": e.kind.as_str(), "name": e.name, "modify_index": e.modify_index});
            let entries: Vec<_> = entries.iter().map(one).collect();
            args.output.document(&json!({"schema": "gw.config-list/v1", "entries": entries}), "entries", "config-list.entry", ui)?;
        }
        Output::Name => entries.iter().try_for_each(|e| ui.print(&format!("{}/{}\n", e.kind, e.name)))?,
    }
    Ok(Answer::Yes)
}
