//! `gw wan-fed plan`: what a federation needs, and what of it is there.

use clap::{Args, ValueEnum};
use serde_json::json;

use super::datacenter::DatacenterArgs;
use crate::app::wan_fed::{Agents, steps};
use crate::cli::Answer;
use crate::cli::consul::AgentsArgs;
use crate::cli::error::Failure;
use crate::ui::{Table, Ui};

/// Say what is needed for a federation and what of it is there, without doing anything
#[derive(Debug, Args)]
#[command(after_long_help = "\
With the flags of gw wan-fed init: which files it would write, and which are there. With agents
(--http-addr, CONSUL_HTTP_ADDR): what their datacenters have of what a federation needs.

EXAMPLES
  gw wan-fed plan --http-addr 10.0.1.10:8500 --http-addr 10.0.2.10:8500
  gw wan-fed plan --role primary --dc dc1 --gateway-address 10.0.1.1:8443 -o json

EXIT CODES
  0  all of it is there    1  something is to be done    2  usage    4  Consul cannot be reached    5  the token may not")]
pub(super) struct PlanArgs {
    #[command(flatten)]
    datacenter: DatacenterArgs,
    #[command(flatten)]
    agents: AgentsArgs,
    /// How it is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    /// Columns
    Table,
    /// One JSON document
    Json,
}

pub(super) fn run(args: PlanArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let PlanArgs { datacenter, agents, output } = args;
    let mut views = Vec::new();
    if agents.is_named() {
        let (known, unasked) = Agents::of(agents.settings(ui)?)?.views();
        if let Some(unasked) = unasked.into_iter().next() {
            return Err(unasked.why.into());
        }
        views = known;
    }
    let out = datacenter.out.clone();
    let version = views.first().map(|view| view.version.clone());
    let wanted = datacenter.wanted(version.as_deref(), false)?;
    if wanted.is_none() && views.is_empty() {
        let why = "say which datacenter is planned (--role, --dc, as for gw wan-fed init), or name an agent by --http-addr";
        return Err(Failure::Usage(why.to_owned()));
    }
    let steps = steps(wanted.as_ref().map(|wanted| (wanted, out.as_path())), &views);
    match output {
        Output::Table => {
            let mut table = Table::new(&["STATE", "WHAT", "HOW"]);
            for step in &steps {
                table.row(vec![if step.done { "done" } else { "to do" }.to_owned(), step.what.clone(), step.how.clone()]);
            }
            ui.table(&table)?;
        }
        Output::Json => ui.print(&format!("{:#}\n", json!({"schema": "gw.wan-fed-plan/v1", "steps": steps})))?,
    }
    Ok(if steps.iter().all(|step| step.done) { Answer::Yes } else { Answer::No })
}
