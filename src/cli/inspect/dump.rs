//! `gw inspect dump`: everything that a gateway is asked by, to be asked elsewhere.

use clap::Args;

use super::place::{Asking, PlaceArgs, Unnamed};
use crate::app::world::DUMP;
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::cli::output::Output;
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
    /// How it is printed: json, or jsonl, which is the same in one line
    #[arg(short, long, value_name = "FORMAT", default_value = "json", value_parser = json)]
    output: Output,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) fn run(args: DumpArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let dump = args.place.ask(Asking::of(DUMP, Unnamed::Running), &[], ui)?;
    args.output.one(&dump, String::new, "", ui)?;
    Ok(Answer::Yes)
}

/// A dump is read by gw: it has no other form.
fn json(text: &str) -> Result<Output, String> {
    match text {
        "json" => Ok(Output::Json),
        "jsonl" => Ok(Output::Jsonl),
        _ => Err("a dump is json, or jsonl".to_owned()),
    }
}
