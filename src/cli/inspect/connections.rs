//! `gw inspect connections`: which tcp connections are open.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::list::{list, text};
use crate::app::config::ADMIN;
use crate::app::connections::{self, Sort};
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::cli::output::{Listing, Output, with_schema};
use crate::ui::{Table, Ui};

/// List the open tcp connections of a running gateway: files and Consul have none
#[derive(Debug, Args)]
#[command(after_long_help = "\
EXAMPLES
  gw inspect connections                       the oldest of the gateway that answers at 127.0.0.1:19000
  gw inspect connections --sort bytes --limit 10
  gw inspect connections -o json --limit 10000

EXIT CODES
  0  printed    2  usage    4  no gateway answers")]
pub(super) struct ConnectionsArgs {
    /// The admin listener of a running gateway
    #[arg(long, value_name = "IP:PORT", default_value_t = ADMIN, env = "GW_ADMIN", hide_env_values = true)]
    admin: SocketAddr,
    /// Which come first
    #[arg(long, value_name = "BY", default_value = "age")]
    sort: By,
    /// How many are printed at most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
    /// How it is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    /// The oldest
    Age,
    /// Those with the most bytes, both ways together
    Bytes,
}

pub(super) fn run(args: &ConnectionsArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let sort = match args.sort {
        By::Age => Sort::Age,
        By::Bytes => Sort::Bytes,
    };
    let listing = connections::of_running(args.admin, sort, args.limit.into())?;
    args.output.list(&Listed(&listing), ui)?;
    let of: Vec<&str> = list(&listing["gateways"]).iter().filter_map(Value::as_str).collect();
    ui.note(&format!("from the gateway at {}: {}", args.admin, of.join(", ")));
    let (shown, total) = (list(&listing["connections"]).len(), listing["total"].as_u64().unwrap_or_default());
    if total > shown as u64 {
        ui.note(&format!("{shown} of {total}: --limit N shows more"));
    }
    if let Some(n) = listing["unanswered"].as_u64().filter(|n| *n > 0) {
        ui.note(&format!("without those of {n} workers, which did not answer in time: gw inspect connections again"));
    }
    Ok(Answer::Yes)
}

struct Listed<'a>(&'a Value);

impl Listing for Listed<'_> {
    fn whole(&self) -> Value {
        self.0.clone()
    }

    fn lines(&self) -> Vec<Value> {
        list(&self.0["connections"]).iter().map(|connection| with_schema("connection", connection)).collect()
    }

    fn table(&self, _: bool) -> Table {
        table(self.0)
    }

    fn names(&self) -> Vec<String> {
        list(&self.0["connections"]).iter().map(|connection| text(connection, "client")).collect()
    }
}

fn table(listing: &Value) -> Table {
    let mut table = Table::new(&["LISTENER", "CLIENT", "SNI", "TARGET", "INSTANCE", "IN", "OUT", "AGE", "SILENT"]);
    for connection in list(&listing["connections"]) {
        let text = |key: &str| text(connection, key);
        let bytes = |key: &str| connection[key].to_string();
        let time = |key: &str| age(Duration::from_millis(connection[key].as_u64().unwrap_or_default()));
        table.row(vec![
            text("listener"),
            text("client"),
            text("sni"),
            text("target"),
            text("address"),
            bytes("bytes_received"),
            bytes("bytes_sent"),
            time("age_ms"),
            time("silent_ms"),
        ]);
    }
    table
}

/// `340ms`, `12s`, `3m05s`, `2h10m`, `4d03h`: as exact as one who looks wants it.
fn age(time: Duration) -> String {
    let s = time.as_secs();
    match s {
        0 => format!("{}ms", time.as_millis()),
        1..60 => format!("{s}s"),
        60..3600 => format!("{}m{:02}s", s / 60, s % 60),
        3600..86_400 => format!("{}h{:02}m", s / 3600, s / 60 % 60),
        _ => format!("{}d{:02}h", s / 86_400, s / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_its_two_largest_units() {
        for (seconds, told) in [(1, "1s"), (59, "59s"), (185, "3m05s"), (7800, "2h10m"), (356_400, "4d03h")] {
            assert_eq!(age(Duration::from_secs(seconds)), told);
        }
        assert_eq!(age(Duration::from_millis(340)), "340ms");
    }
}
