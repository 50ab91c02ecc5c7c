//! `gw wan-fed status`: how datacenters stand to each other.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::told;
use crate::app::wan_fed::{self, Agents, View};
use crate::cli::consul::AgentsArgs;
use crate::cli::error::Failure;
use crate::cli::gateway::duration;
use crate::cli::output::Output;
use crate::cli::{Answer, input};
use crate::ui::{Table, Ui};

/// Show datacenter by datacenter how they stand to each other
#[derive(Debug, Args)]
#[command(after_long_help = "\
Each agent is asked what it knows of every datacenter, so that one agent in each of them shows both
directions: the time that a question takes there and back (?dc=), mesh gateways that can be used,
servers that are well, whether roots of the mesh are the same, whether the federation state is what
the catalog over there says, and whether ACLs come from the primary. With -c the mesh gateways that
a gw.toml names.

EXAMPLES
  gw wan-fed status --http-addr 10.0.1.10:8500 --http-addr 10.0.2.10:8500
  gw wan-fed status --watch -o json | jq -c '.matrix[] | select(.round_trip == null)'
  gw wan-fed status -c gw.toml

EXIT CODES
  0  all is well    1  something is wrong, and is told    2  usage    3  the files are refused    4  Consul cannot be reached
  5  the token may not")]
pub(super) struct StatusArgs {
    #[command(flatten)]
    agents: AgentsArgs,
    /// The gw.toml, where no Consul is asked
    #[arg(short, long, value_name = "FILE", env = "GW_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// Look again and again, and print what became another one
    #[arg(long)]
    watch: bool,
    /// How long it waits between two looks
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration)]
    interval: Duration,
    /// How it is printed: json with --watch is a line each time, jsonl has a line for each way and each thing that is wrong, name what is
    /// wrong alone
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
}

pub(super) fn run(args: StatusArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    if let Some(config) = args.config.filter(|_| !args.agents.is_named()) {
        let view = wan_fed::of_files(&input::files(Some(config))).map_err(Failure::Invalid)?;
        return shown(&[view], args.output, false, ui);
    }
    let agents = Agents::of(args.agents.settings(ui)?)?;
    let mut last = String::new();
    loop {
        let (views, unasked) = agents.views();
        let all_fail = views.is_empty() && !args.watch;
        if let Some(unasked) = unasked.into_iter().next() {
            if all_fail {
                return Err(unasked.why.into());
            }
            ui.failure(&unasked.why, &[]);
        }
        if !args.watch {
            return shown(&views, args.output, false, ui);
        }
        // That a question takes another time is no news.
        let quiet = |mut view: View| {
            view.datacenters.iter_mut().for_each(|dc| dc.round_trip = dc.round_trip.map(|_| 0.0));
            view.clock_ahead = None;
            view
        };
        let now = json!(views.iter().cloned().map(quiet).collect::<Vec<_>>()).to_string();
        if now != last {
            last = now;
            shown(&views, args.output, true, ui)?;
            ui.flush()?;
        }
        std::thread::sleep(args.interval);
    }
}

fn shown(views: &[View], output: Output, in_lines: bool, ui: &mut Ui) -> Result<Answer, Failure> {
    let (matrix, findings) = (wan_fed::rows(views), wan_fed::findings(views));
    let whole = || json!({"schema": "gw.wan-fed-status/v1", "agents": views, "matrix": matrix, "findings": findings});
    match output {
        Output::Json if in_lines => ui.print(&format!("{}\n", whole()))?,
        Output::Json => ui.print(&format!("{:#}\n", whole()))?,
        Output::Jsonl => {
            let whole = whole();
            output.document(&whole, "matrix", "wan-fed-status.way", ui)?;
            output.document(&whole, "findings", "wan-fed.finding", ui)?;
        }
        Output::Name => findings.iter().try_for_each(|finding| ui.print(&format!("{}\n", finding.fault.as_str())))?,
        Output::Table | Output::Wide => {
            if views.iter().any(View::is_of_agent) {
                ui.table(&between(&matrix))?;
                ui.print("\n")?;
            }
            ui.table(&gateways(views))?;
            if !findings.is_empty() {
                ui.print(&format!("\n{}", told(&findings)))?;
            }
        }
    }
    Ok(if findings.is_empty() { Answer::Yes } else { Answer::No })
}

fn between(matrix: &[wan_fed::Row]) -> Table {
    let mut table = Table::new(&["FROM", "TO", "ROUND TRIP", "GATEWAYS", "SERVERS", "ROOTS", "STATE", "ACLS", "TROUBLE"]);
    let word = |known: Option<bool>, yes: &str, no: &str| known.map_or("-", |known| if known { yes } else { no }).to_owned();
    for row in matrix {
        let trip = row.round_trip.map_or("-".to_owned(), |seconds| format!("{:.1} ms", seconds * 1000.0));
        table.row(vec![
            row.from.clone(),
            row.to.clone(),
            trip,
            format!("{}/{}", row.gateways.0, row.gateways.1),
            format!("{}/{}", row.servers.0, row.servers.1),
            word(row.same_roots, "same", "other"),
            word(row.state_is_fresh, "fresh", "stale"),
            word(row.acls_come, "come", "stand"),
            row.trouble.clone().unwrap_or_default(),
        ]);
    }
    table
}

/// Every mesh gateway, as who is asked first knows it.
fn gateways(views: &[View]) -> Table {
    let mut table = Table::new(&["DATACENTER", "GATEWAY", "LAN", "WAN", "SERVERS", "HEALTH"]);
    let mut seen = Vec::new();
    for datacenter in views.iter().flat_map(|view| view.datacenters.iter().map(move |dc| (view, dc))) {
        let (view, dc) = datacenter;
        for gateway in view.gateways_of(&dc.name) {
            if seen.contains(&(&dc.name, &gateway.id)) {
                continue;
            }
            seen.push((&dc.name, &gateway.id));
            let carries = if gateway.federates { "carried" } else { "no meta" };
            let wan = gateway.wan.clone().unwrap_or_else(|| "-".to_owned());
            table.row(vec![dc.name.clone(), gateway.id.clone(), gateway.lan.clone(), wan, carries.to_owned(), gateway.health.to_owned()]);
        }
    }
    table
}
