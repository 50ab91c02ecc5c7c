//! `gw config delete`: an entry of Consul's goes, if the others can do without it.

use clap::Args;

use super::EntryArgs;
use super::apply::{self, How};
use crate::app::consul::change::Wanted;
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::ui::Ui;

/// Delete a config entry of Consul's
#[derive(Debug, Args)]
#[command(after_long_help = "\
Nothing is deleted unless what is left fits together. Several entries at once: gw config apply --prune.

EXAMPLES
  gw config delete service-router web
  gw config delete service-defaults/web --dry-run

EXIT CODES
  0  deleted    2  usage    3  other entries need it    4  Consul cannot be reached    5  the token may not    6  there is none
  7  Consul did not answer in time    8  somebody else changed it meanwhile")]
pub(super) struct DeleteArgs {
    #[command(flatten)]
    entry: EntryArgs,
    #[command(flatten)]
    how: How,
}

pub(super) fn run(args: DeleteArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let (kind, name) = args.entry.entry()?;
    apply::change(&Wanted::Without(kind, name), args.how, ui)
}
