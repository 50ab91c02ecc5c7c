//! `gw inspect routes`: everything that is served.

use clap::Args;
use serde_json::Value;

use super::list::list;
use super::place::{Asking, PlaceArgs, Unnamed};
use crate::app::routes::ROUTES;
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::cli::output::{Listing, Output};
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
    /// How it is printed: wide has instances and rules too, name the rules alone
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) fn run(args: RoutesArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let routes = args.place.ask(Asking::of(ROUTES, Unnamed::Running), &[], ui)?;
    args.output.list(&Listed(&routes), ui)?;
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

struct Listed<'a>(&'a Value);

impl Listing for Listed<'_> {
    fn whole(&self) -> Value {
        self.0.clone()
    }

    fn lines(&self) -> Vec<Value> {
        lines(self.0).iter().map(Line::object).collect()
    }

    fn table(&self, wide: bool) -> Table {
        table(self.0, wide)
    }

    fn names(&self) -> Vec<String> {
        lines(self.0).iter().map(|line| text(&line.route["rule"]).to_owned()).collect()
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

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
