//! `gw config apply`: entries of files are written to Consul, as one change set.

use std::path::PathBuf;

use clap::Args;

use super::changes;
use crate::app::consul::change::{self, ChangeSet, Wanted};
use crate::app::consul::{Consul, apply};
use crate::cli::Answer;
use crate::cli::consul::ConsulArgs;
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::ui::Ui;

/// Write config entries to Consul, as one change set
#[derive(Debug, Args)]
#[command(after_long_help = "\
Nothing is written unless all entries, together with those that Consul has, fit together as gw config validate has it. They are
written in an order that Consul takes: a protocol before its router, a jwt-provider before what names it. Where there is none, what
is in the way is set aside for a moment and brought back, which --dry-run tells: a router goes, of an ingress gateway only the service
that does not fit; intentions never go. Each entry is written only if nobody else has changed it since it was read (Consul's cas).

EXAMPLES
  gw config apply gw.d --dry-run          the steps, in order
  gw config apply gw.d
  gw config apply gw.d --prune            what is not in the folder is deleted
  gw config gen ingress-gateway edge | gw config apply -

EXIT CODES
  0  written, or nothing differs    2  usage    3  the entries are refused, by gw or by Consul    4  Consul cannot be reached
  5  the token may not    7  Consul did not answer in time    8  somebody else changed an entry meanwhile")]
pub(super) struct ApplyArgs {
    /// Files, folders, a gw.toml, or - for stdin; without one ./gw.toml, or the folder ./gw.d
    #[arg(value_name = "FILE|DIR|-")]
    inputs: Vec<PathBuf>,
    /// Delete the entries that Consul has and the files do not
    #[arg(long)]
    prune: bool,
    #[command(flatten)]
    how: How,
}

/// What all commands that change entries take.
#[derive(Debug, Args)]
pub(super) struct How {
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Write also what kills a Consul server of version 1.21 (GW0409)
    #[arg(long)]
    force: bool,
    /// How it is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
    #[command(flatten)]
    pub(super) consul: ConsulArgs,
}

pub(super) fn run(args: ApplyArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let inputs = super::inputs(args.inputs)?;
    change(&Wanted::Entries { inputs, prune: args.prune }, args.how, ui)
}

/// Finds the change set, judges it, and makes the changes.
pub(super) fn change(wanted: &Wanted, how: How, ui: &mut Ui) -> Result<Answer, Failure> {
    let consul = Consul::of(how.consul.settings(ui)?)?;
    let set = change::changes(&consul, wanted)?;
    changes::judge(&set, how.force, ui)?;
    let deeds = apply::deeds(&set)?;
    if how.dry_run {
        changes::steps(&deeds, false, how.output, ui)?;
        ui.note(&format!("{}: nothing is written, {}", consul.name(), summary(&set, deeds.len())));
        return Ok(Answer::Yes);
    }
    let mut done = Vec::new();
    let outcome = apply::apply(&consul, &set, |deed| done.push(deed.clone()));
    // Also after a failure: what is done is done.
    changes::steps(&done, outcome.is_ok(), how.output, ui)?;
    outcome?;
    ui.note(&format!("{}: {}", consul.name(), summary(&set, done.len())));
    Ok(Answer::Yes)
}

fn summary(set: &ChangeSet, steps: usize) -> String {
    format!("{} of {} entries differ, {steps} steps", set.changes.len(), set.changes.len() + set.same)
}
