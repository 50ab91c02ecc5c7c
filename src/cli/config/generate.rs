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
    /// Its name; a proxy-defaults is always called global
    #[arg(required_unless_present_any = ["kind_alone"])]
    name: Option<String>,
}

pub(super) fn run(args: &GenArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let starter = entries::starter(&args.kind, args.name.as_deref().unwrap_or("global"));
    let starter = starter.ok_or_else(|| Failure::Usage(format!("gw does not act on entries of kind {}", args.kind)))?;
    ui.print(&starter)?;
    Ok(Answer::Yes)
}
