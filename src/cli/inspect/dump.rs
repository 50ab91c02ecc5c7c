//! `gw inspect dump`: everything that a gateway is asked by, to be asked elsewhere.

use clap::Args;

use super::place::{Asking, PlaceArgs, Unnamed};
use crate::app::world::DUMP;
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::ui::Ui;

/// Print everything that a gateway goes by, without keys and tokens: --dump FILE asks it
#[derive(Debug, Args)]
#[command(after_long_help = "\
One JSON document: entries, services and their health, other datacenters, certificates (what they say, no key), watches, and where each rule
is written. Whoever has it can ask it as if the gateway ran, and gets the same answers. Values of headers such as authorization that
entries set are hidden.

EXAMPLES
  gw inspect dump > gw.dump
  gw inspect route GET http://shop.test/ --dump gw.dump
  gw inspect problems --dump gw.dump

EXIT CODES
  0  printed    2  usage    3  the files are refused    4  nobody answers    5  the token may not    7  no answer in time")]
pub(super) struct DumpArgs {
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) fn run(args: DumpArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let dump = args.place.ask(Asking::of(DUMP, Unnamed::Running), &[], ui)?;
    ui.print(&format!("{dump:#}\n"))?;
    Ok(Answer::Yes)
}
