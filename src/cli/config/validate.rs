//! `gw config validate`: everything that is wrong, at once.

use std::path::PathBuf;

use clap::Args;

use crate::app::entries::{self, Checked, Level};
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::cli::input;
use crate::ui::Ui;

/// Check config entries, one by one and all together
#[derive(Debug, Args)]
#[command(after_long_help = "\
Entries are accepted and refused exactly as Consul does. What Consul takes and then chokes on is a finding; a
finding or a warning changes no exit code. All inputs together are checked as one set: protocols that clash, subsets that are
not defined, redirects in a circle, hosts that overlap, routes that no request reaches. Of a single entry that is given alone,
what other entries can set right is a warning.

EXAMPLES
  gw config validate gw.d                       every .hcl, .json and .toml file of a folder
  gw config validate gw.toml                    the gateways, their services and the entries they name
  gw config validate edge.hcl web.json          two files as one set
  gw config gen service-router web | gw config validate -
  gw config validate --error-format short gw.d  one line each, for editors

EXIT CODES
  0  accepted    2  usage    3  refused, or not readable")]
pub(super) struct ValidateArgs {
    /// Files, folders, a gw.toml, or - for stdin; without one ./gw.toml, or the folder ./gw.d
    #[arg(value_name = "FILE|DIR|-")]
    inputs: Vec<PathBuf>,
}

pub(super) fn run(args: ValidateArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let inputs = super::inputs(args.inputs)?;
    let checked = entries::validate(&inputs);
    for problem in &checked.problems {
        ui.report(&input::report(problem));
    }
    ui.note(&summary(&checked));
    if checked.count(Level::Error) > 0 { Err(Failure::Invalid(Vec::new())) } else { Ok(Answer::Yes) }
}

fn summary(checked: &Checked) -> String {
    let mut parts = vec![count(checked.entries, "entry", "entries")];
    if checked.gateways > 0 {
        parts.push(count(checked.gateways, "gateway", "gateways"));
    }
    let found = [(Level::Error, "error", "errors"), (Level::Finding, "finding", "findings"), (Level::Warning, "warning", "warnings")];
    let found = found.map(|(level, one, many)| (checked.count(level), one, many)).into_iter().filter(|(n, ..)| *n > 0);
    let found: Vec<String> = found.map(|(n, one, many)| count(n, one, many)).collect();
    let verdict = if found.is_empty() { "nothing is wrong".to_owned() } else { found.join(", ") };
    format!("{} read: {verdict}", parts.join(" and "))
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
