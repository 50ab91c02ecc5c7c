//! `gw inspect status`: where the state of a running gateway comes from, and how fresh it is.

use clap::Args;
use serde_json::Value;

use super::list::list;
use super::place::{Asking, PlaceArgs, Unnamed};
use crate::app::status::STATUS;
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::cli::output::{Listing, Output, with_schema};
use crate::ui::{Table, Ui};

/// Tell where the state of a running gateway comes from, how fresh it is, and what is wrong with it
#[derive(Debug, Args)]
#[command(after_long_help = "\
EXAMPLES
  gw inspect status                            the gateway that answers at 127.0.0.1:19000
  gw inspect status --http-addr 127.0.0.1:8500 --service edge   what that Consul says to a gateway, nothing running
  gw inspect status -o json | jq '.consul.watches[] | select(.trouble)'

EXIT CODES
  0  all is well    1  something is wrong, and stands in the table    2  usage    3  the files are refused
  4  nobody answers    5  the token may not    7  no answer in time")]
pub(super) struct StatusArgs {
    /// How it is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) fn run(args: StatusArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let status = args.place.ask(Asking::of(STATUS, Unnamed::Running), &[], ui)?;
    args.output.list(&Listed(&status), ui)?;
    Ok(if is_well(&status) { Answer::Yes } else { Answer::No })
}

struct Listed<'a>(&'a Value);

impl Listing for Listed<'_> {
    fn whole(&self) -> Value {
        self.0.clone()
    }

    fn lines(&self) -> Vec<Value> {
        let gateways = list(&self.0["gateways"]).iter().map(|gateway| with_schema("status.gateway", gateway));
        gateways.chain(list(&self.0["consul"]["watches"]).iter().map(|watch| with_schema("status.watch", watch))).collect()
    }

    fn table(&self, _: bool) -> Table {
        table(self.0)
    }

    fn names(&self) -> Vec<String> {
        list(&self.0["gateways"]).iter().filter_map(|gateway| gateway["gateway"].as_str().map(str::to_owned)).collect()
    }
}

fn table(status: &Value) -> Table {
    let mut table = Table::new(&["WHAT", "INDEX", "AGE", "STATE"]);
    let mut row = |what: String, index: &Value, age: &Value, state: &str| {
        let index = index.as_u64().filter(|n| *n > 0).map_or("-".to_owned(), |n| n.to_string());
        let age = age.as_f64().map_or("-".to_owned(), |s| format!("{s:.1}s"));
        table.row(vec![what, index, age, state.to_owned()]);
    };
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    row(format!("from {}", text(&status["from"])), &Value::Null, &Value::Null, status["refused"].as_str().unwrap_or("ok"));
    for gateway in list(&status["gateways"]) {
        let rejected = gateway["rejected"].as_u64().unwrap_or_default();
        let state = if rejected > 0 { format!("{rejected} left out: gw inspect routes") } else { "ok".to_owned() };
        row(format!("{} {}", text(&gateway["kind"]), text(&gateway["gateway"])), &gateway["generation"], &Value::Null, &state);
    }
    let consul = &status["consul"];
    if consul["away"].is_number() {
        row("agent".to_owned(), &Value::Null, &consul["away"], "does not answer: what is known goes on serving");
    }
    for missing in list(&consul["missing"]) {
        row(text(missing), &Value::Null, &Value::Null, "not known yet");
    }
    for watch in list(&consul["watches"]) {
        row(text(&watch["what"]), &watch["index"], &watch["age"], watch["trouble"].as_str().unwrap_or("ok"));
    }
    for registration in list(&status["registrations"]) {
        let what = format!("registration {}", text(&registration["gateway"]));
        row(what, &Value::Null, &registration["age"], registration["trouble"].as_str().unwrap_or("ok"));
    }
    table
}

fn is_well(status: &Value) -> bool {
    let consul = &status["consul"];
    let troubled = |value: &Value| value["trouble"].is_string();
    status["refused"].is_null()
        && consul["away"].is_null()
        && list(&consul["missing"]).is_empty()
        && !list(&consul["watches"]).iter().any(troubled)
        && !list(&status["registrations"]).iter().any(troubled)
}
