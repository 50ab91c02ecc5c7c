//! `gw inspect problems`: everything that is wrong or soon will be.

use std::fmt::Write;

use clap::Args;
use serde_json::Value;

use super::list::{list, text};
use super::place::{Asking, PlaceArgs, Unnamed};
use crate::app::inspect::problems::PROBLEMS;
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::cli::output::{Listing, Output, with_schema};
use crate::ui::{Table, Ui};

/// List everything that is wrong or soon will be: where, why it matters, and what to type
#[derive(Debug, Args)]
#[command(after_long_help = "\
Rejected entries, shadowed routes and intentions, services without a healthy instance, certificates near their end, watches of Consul that
do not come, holes of a token, datacenters without gateways, listeners on one port; of a gateway that runs also instances that took no
connection within the last five minutes. What is lost now comes first.

EXAMPLES
  gw inspect problems                          of the gateway that answers at 127.0.0.1:19000
  gw inspect problems -c gw.toml || exit 1     in CI, nothing running
  gw inspect problems -o json | jq -r '.problems[] | select(.level == \"error\") | .what'

EXIT CODES
  0  none    1  there are some    2  usage    3  the files are refused    4  nobody answers    5  the token may not    7  no answer in time")]
pub(super) struct ProblemsArgs {
    /// How it is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) fn run(args: ProblemsArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let (mut answer, again) = args.place.ask_who(Asking::of(PROBLEMS, Unnamed::Running), &[], ui)?;
    for problem in answer["problems"].as_array_mut().into_iter().flatten() {
        problem["next"] = again.typed(problem["next"].as_str().unwrap_or_default()).into();
    }
    let problems = list(&answer["problems"]);
    match args.output {
        Output::Table => problems.iter().try_for_each(|problem| ui.print(&told(problem)))?,
        other => other.list(&Problems(&answer), ui)?,
    }
    if problems.is_empty() {
        ui.note("nothing is wrong");
    }
    Ok(if problems.is_empty() { Answer::Yes } else { Answer::No })
}

/// What, where, why and what next, a line each.
fn told(problem: &Value) -> String {
    let mut told = format!("{} {}: {}\n", text(problem, "level"), text(problem, "code"), text(problem, "what"));
    for (word, key) in [("at", "place"), ("so", "matters"), ("do", "next")] {
        if let Some(text) = problem[key].as_str().filter(|text| !text.is_empty()) {
            // Writing to a String cannot fail.
            let _ = writeln!(told, "  {word} {text}");
        }
    }
    told
}

struct Problems<'a>(&'a Value);

impl Listing for Problems<'_> {
    fn whole(&self) -> Value {
        self.0.clone()
    }

    fn lines(&self) -> Vec<Value> {
        list(&self.0["problems"]).iter().map(|problem| with_schema("problem", problem)).collect()
    }

    fn table(&self, _: bool) -> Table {
        let keys = ["level", "code", "what", "place", "matters", "next"];
        let mut table = Table::new(&["LEVEL", "CODE", "WHAT", "PLACE", "MATTERS", "NEXT"]);
        list(&self.0["problems"]).iter().for_each(|problem| table.row(keys.iter().map(|key| text(problem, key)).collect()));
        table
    }

    fn names(&self) -> Vec<String> {
        list(&self.0["problems"]).iter().map(|problem| text(problem, "code")).collect()
    }
}
