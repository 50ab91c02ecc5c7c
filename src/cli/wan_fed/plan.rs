//! `gw wan-fed plan`: what a federation needs, and what of it is there.

use clap::Args;
use serde_json::{Value, json};

use super::datacenter::DatacenterArgs;
use crate::app::wan_fed::{Agents, Step, steps};
use crate::cli::Answer;
use crate::cli::consul::AgentsArgs;
use crate::cli::error::Failure;
use crate::cli::output::{Listing, Output, with_schema};
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
    /// How it is printed; name has what is to be done alone
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
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
    output.list(&Steps(&steps), ui)?;
    Ok(if steps.iter().all(|step| step.done) { Answer::Yes } else { Answer::No })
}

struct Steps<'a>(&'a [Step]);

impl Listing for Steps<'_> {
    fn whole(&self) -> Value {
        json!({"schema": "gw.wan-fed-plan/v1", "steps": self.0})
    }

    fn lines(&self) -> Vec<Value> {
        self.0.iter().map(|step| with_schema("wan-fed-plan.step", &json!(step))).collect()
    }

    fn table(&self, _: bool) -> Table {
        let mut table = Table::new(&["STATE", "WHAT", "HOW"]);
        for step in self.0 {
            table.row(vec![if step.done { "done" } else { "to do" }.to_owned(), step.what.clone(), step.how.clone()]);
        }
        table
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().filter(|step| !step.done).map(|step| step.what.clone()).collect()
    }
}
