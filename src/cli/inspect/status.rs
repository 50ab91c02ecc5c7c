//! `gw inspect status`: where the state of a running gateway comes from, and how fresh it is.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::app::config::ADMIN;
use crate::app::status;
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::ui::{Table, Ui};

/// Tell where the state of a running gateway comes from, how fresh it is, and what is wrong with it
#[derive(Debug, Args)]
#[command(after_long_help = "\
EXAMPLES
  gw inspect status                            the gateway that answers at 127.0.0.1:19000
  gw inspect status -o json | jq '.consul.watches[] | select(.trouble)'

EXIT CODES
  0  all is well    1  something is wrong, and stands in the table    2  usage    4  no gateway answers")]
pub(super) struct StatusArgs {
    /// The admin listener of a running gateway
    #[arg(long, value_name = "IP:PORT", default_value_t = ADMIN, env = "GW_ADMIN", hide_env_values = true)]
    admin: SocketAddr,
    /// How it is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// Columns
    Table,
    /// One JSON document
    Json,
}

pub(super) fn run(args: &StatusArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let status = status::of_running(args.admin)?;
    match args.output {
        Output::Table => ui.table(&table(&status))?,
        Output::Json => ui.print(&format!("{status:#}\n"))?,
    }
    Ok(if is_well(&status) { Answer::Yes } else { Answer::No })
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

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
