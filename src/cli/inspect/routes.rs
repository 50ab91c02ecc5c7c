//! `gw inspect routes`: everything that is served.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::app::config::ADMIN;
use crate::app::routes::{self, AskError, RoutesError};
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::cli::input;
use crate::ui::{Table, Ui};

/// List what is served: listeners, hosts, routes, targets
#[derive(Debug, Args)]
#[command(after_long_help = "\
EXAMPLES
  gw inspect routes                            of the gateway that answers at 127.0.0.1:19000
  gw inspect routes --admin 127.0.0.1:19001 -o json
  gw inspect routes -c gw.toml -o wide         of files, nothing running

EXIT CODES
  0  printed    2  usage    3  the files are refused    4  no gateway answers")]
pub(super) struct RoutesArgs {
    /// The admin listener of a running gateway
    #[arg(long, value_name = "IP:PORT", default_value_t = ADMIN, env = "GW_ADMIN", hide_env_values = true)]
    admin: SocketAddr,
    /// A gw.toml or a folder of config entries, instead of a running gateway; ./gw.toml or ./gw.d where none answers
    #[arg(short, long, value_name = "FILE|DIR", conflicts_with = "admin")]
    config: Option<PathBuf>,
    /// How it is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// Columns
    Table,
    /// More columns: rules and instances
    Wide,
    /// One JSON document
    Json,
    /// One JSON object a route
    Jsonl,
    /// The rules alone
    Name,
}

pub(super) fn run(args: RoutesArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let (routes, from) = match &args.config {
        Some(path) => (routes::of_files(path)?, path.display().to_string()),
        None => match (routes::of_running(args.admin), input::files(None)) {
            // Nothing was said, and nothing runs where a gateway is by itself: the files that one would run.
            (Err(RoutesError::Ask(AskError::Unreachable { .. })), path) if args.admin == ADMIN && path.exists() => {
                let from = format!("{}, for no gateway answers at {ADMIN}", path.display());
                (routes::of_files(&path)?, from)
            }
            (answer, _) => {
                let answer = answer?;
                let from = format!("the gateway at {}, generation {}", args.admin, answer["gateways"][0]["generation"]);
                (answer, from)
            }
        },
    };
    ui.note(&format!("from {from}"));
    match args.output {
        Output::Table => ui.table(&table(&routes, false))?,
        Output::Wide => ui.table(&table(&routes, true))?,
        Output::Json => ui.print(&format!("{routes:#}\n"))?,
        Output::Jsonl => lines(&routes).iter().try_for_each(|line| ui.print(&format!("{}\n", line.object())))?,
        Output::Name => lines(&routes).iter().try_for_each(|line| ui.print(&format!("{}\n", text(&line.route["rule"]))))?,
    }
    if let Some(why) = routes["refused"].as_str() {
        ui.note(&format!("the files as they are now are refused, and this goes on serving: {why}"));
    }
    for gateway in list(&routes["gateways"]) {
        for rejected in list(&gateway["rejected"]) {
            ui.note(&format!("{} runs without {}: {}", text(&gateway["gateway"]), text(&rejected["entry"]), text(&rejected["why"])));
        }
    }
    Ok(Answer::Yes)
}

impl From<RoutesError> for Failure {
    fn from(error: RoutesError) -> Self {
        match error {
            RoutesError::Files(problems) => Self::Invalid(problems),
            RoutesError::Ask(error) => Self::AskOrRead(error),
        }
    }
}

/// One route with what it hangs below.
struct Line<'a> {
    gateway: &'a Value,
    listener: &'a Value,
    service: &'a Value,
    route: &'a Value,
}

impl Line<'_> {
    fn object(&self) -> Value {
        serde_json::json!({
            "schema": "gw.route/v1",
            "gateway": self.gateway["gateway"],
            "listener": self.listener["listener"],
            "service": self.service["service"],
            "domains": self.service["domains"],
            "route": self.route,
        })
    }
}

fn lines(routes: &Value) -> Vec<Line<'_>> {
    let mut out = Vec::new();
    for gateway in list(&routes["gateways"]) {
        for listener in list(&gateway["listeners"]) {
            for service in list(&listener["services"]) {
                out.extend(list(&service["routes"]).iter().map(|route| Line { gateway, listener, service, route }));
            }
        }
    }
    out
}

fn table(routes: &Value, wide: bool) -> Table {
    let mut header = vec!["LISTENER", "HOSTS", "MATCH", "GOES TO"];
    if wide {
        header.extend(["INSTANCES", "RULE"]);
    }
    let mut table = Table::new(&header);
    for line in lines(routes) {
        let hosts: Vec<&str> = list(&line.service["domains"]).iter().map(text).collect();
        let mut cells =
            vec![text(&line.listener["listener"]).to_owned(), hosts.join(", "), text(&line.route["match"]).to_owned(), goes_to(line.route)];
        if wide {
            cells.push(instances(line.route));
            cells.push(text(&line.route["rule"]).to_owned());
        }
        table.row(cells);
    }
    table
}

/// `v1.web.default.default.dc1 90 %, ..`; what stands in for a target follows it.
fn goes_to(route: &Value) -> String {
    let destinations = list(&route["destinations"]);
    let one = |destination: &Value| {
        let targets: Vec<&str> = list(&destination["targets"]).iter().map(|t| text(&t["target"])).collect();
        let share = if destinations.len() > 1 { format!(" {} %", destination["percent"]) } else { String::new() };
        format!("{}{share}", targets.join(" or "))
    };
    destinations.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn instances(route: &Value) -> String {
    let targets = list(&route["destinations"]).iter().flat_map(|d| list(&d["targets"]));
    let used = |e: &Value, gateway: &str| match text(&e["health"]) {
        "warning" => format!("{}{gateway} (warning)", text(&e["address"])),
        _ => format!("{}{gateway}", text(&e["address"])),
    };
    let unused = |u: &Value| format!("{} ({})", text(&u["address"]), text(&u["why"]));
    let addresses = targets.flat_map(|t| {
        let gateway = if t["mesh_gateway"].is_string() { " (mesh gateway)" } else { "" };
        let used = list(&t["endpoints"]).iter().map(move |e| used(e, gateway));
        used.chain(list(&t["unused"]).iter().map(unused))
    });
    let mut addresses: Vec<String> = addresses.collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses.join(", ")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
