//! `gw config diff`: how files differ from what Consul has.

use std::path::PathBuf;

use clap::Args;

use super::changes;
use crate::app::consul::Consul;
use crate::app::consul::change::{self, Wanted};
use crate::cli::Answer;
use crate::cli::consul::ConsulArgs;
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::ui::Ui;

/// Show what gw config apply would change in Consul
#[derive(Debug, Args)]
#[command(after_long_help = "\
Entries are compared by what they mean: the order of fields, what is not given and what is empty, 60s and 1m make no difference.
What Consul has and the files do not is told only with --prune. What is wrong with the entries, and with what comes out of it
together with those that Consul has, is told too.

EXAMPLES
  gw config diff gw.d
  gw config diff gw.d --prune -o json
  gw config gen service-router web | gw config diff -

EXIT CODES
  0  nothing differs    1  something differs    2  usage    3  the entries are refused    4  Consul cannot be reached
  5  the token may not    7  Consul did not answer in time")]
pub(super) struct DiffArgs {
    /// Files, folders, a gw.toml, or - for stdin; without one ./gw.toml, or the folder ./gw.d
    #[arg(value_name = "FILE|DIR|-")]
    inputs: Vec<PathBuf>,
    /// Entries that Consul has and the files do not count as deleted
    #[arg(long)]
    prune: bool,
    /// How it is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
    #[command(flatten)]
    consul: ConsulArgs,
}

pub(super) fn run(args: DiffArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let inputs = super::inputs(args.inputs)?;
    let consul = Consul::of(args.consul.settings(ui)?)?;
    let set = change::changes(&consul, &Wanted::Entries { inputs, prune: args.prune })?;
    changes::differences(&set, args.output, ui)?;
    changes::judge(&set, false, ui)?;
    ui.note(&format!("{}: {} of {} entries differ", consul.name(), set.changes.len(), set.changes.len() + set.same));
    Ok(if set.changes.is_empty() { Answer::Yes } else { Answer::No })
}
