//! `gw config gen`: an entry to begin with.

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::app::entries;
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::ui::Ui;

/// Print a commented entry to begin with, valid as it is
#[derive(Debug, Args)]
#[command(after_long_help = "\
EXAMPLES
  gw config gen ingress-gateway edge > gw.d/edge.hcl
  gw config gen service-resolver web | gw config validate -

EXIT CODES
  0  printed    2  usage")]
pub(super) struct GenArgs {
    /// The kind of the entry
    #[arg(value_parser = PossibleValuesParser::new(entries::kinds()))]
    kind: String,
    /// Its name; proxy-defaults, mesh and exported-services, of which there is one, need none
    name: Option<String>,
}

pub(super) fn run(args: &GenArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let kind = super::kind(&args.kind).map_err(Failure::Usage)?;
    let name = super::name(kind, args.name.clone())?;
    // Only kinds with a starter are taken as arguments.
    ui.print(&entries::starter(&args.kind, &name).unwrap_or_default())?;
    Ok(Answer::Yes)
}
