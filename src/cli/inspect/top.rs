//! `gw inspect top`: what a running gateway does, again and again.

use std::fmt::Write;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::app::config::ADMIN;
use crate::app::top::{self, Row, Top};
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::cli::gateway::duration;
use crate::cli::output::{Listing, Output};
use crate::ui::{Screen, Table, Ui};

/// Watch what a running gateway does: rates, errors, latency and connections, by listener and service
#[derive(Debug, Args)]
#[command(after_long_help = "\
EXAMPLES
  gw inspect top                               the whole terminal, until Ctrl-C
  gw inspect top --once --interval 10s         a table of the next ten seconds
  gw inspect top -o jsonl | jq -c '.total | [.rate, .errors, .p99]'

All is the difference of two readings of the counters that /metrics tells. Rates are a second's; P50 and P99 are as exact as the
classes of gw_http_request_duration_seconds. ERRORS are answers of 500 and more, and tcp connections that failed.

EXIT CODES
  0  it is over: --once or Ctrl-C    2  usage    4  no gateway answers, or it is gone    5  the token may not")]
pub(super) struct TopArgs {
    /// The admin listener of a running gateway
    #[arg(long, value_name = "IP:PORT", default_value_t = ADMIN, env = "GW_ADMIN", hide_env_values = true)]
    admin: SocketAddr,
    /// How long each reading is after the last
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = interval)]
    interval: Duration,
    /// Print one interval, and end
    #[arg(long)]
    once: bool,
    /// Which come first
    #[arg(long, value_name = "BY", default_value = "rate")]
    sort: By,
    /// How it is printed, each time: table is the whole terminal, and columns on a pipe; name the services of which there is something to say
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    /// Those with the most requests or connections
    Rate,
    /// Those with the most errors
    Errors,
    /// The slowest
    P99,
    /// Those with the most bytes, both ways together
    Bytes,
    /// Those with the most under way
    Open,
}

/// No shorter than a tenth of a second: who is asked has other things to do.
fn interval(text: &str) -> Result<Duration, String> {
    let interval = duration(text)?;
    if interval < Duration::from_millis(100) { Err("at least 100ms".to_owned()) } else { Ok(interval) }
}

pub(super) fn run(args: &TopArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let whole = args.output.is_text() && !args.once && ui.is_terminal();
    let mut screen = if whole { Screen::take() } else { None };
    let mut failed = None;
    if let Some(screen) = &mut screen {
        screen.draw(&format!("{}: the first interval", args.admin))?;
    }
    let watched = top::watch(args.admin, args.interval, |top| match show(args, top, screen.as_mut(), ui) {
        Ok(()) if args.once => ControlFlow::Break(()),
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    });
    // What is said from here on is to stay.
    drop(screen);
    match failed {
        Some(failed) => Err(failed),
        None => Ok(watched.map(|()| Answer::Yes)?),
    }
}

fn show(args: &TopArgs, top: &Top, screen: Option<&mut Screen>, ui: &mut Ui) -> Result<(), Failure> {
    let top = Top { rows: sorted(top.rows.clone(), args.sort), ..top.clone() };
    match screen {
        Some(screen) => return Ok(screen.draw(&format!("{}\n\n{}", heading(args.admin, &top), table(&top).plain()))?),
        None => args.output.list(&top, ui)?,
    }
    if args.output.is_text() && !args.once {
        ui.print("\n")?;
    }
    Ok(ui.flush()?)
}

impl Listing for Top {
    fn whole(&self) -> Value {
        json!(self)
    }

    /// One reading is one line.
    fn lines(&self) -> Vec<Value> {
        vec![self.whole()]
    }

    fn table(&self, _: bool) -> Table {
        table(self)
    }

    fn names(&self) -> Vec<String> {
        self.rows.iter().map(|row| row.service.clone()).filter(|name| !name.is_empty()).collect()
    }
}

/// The largest first.
fn sorted(mut rows: Vec<Row>, by: By) -> Vec<Row> {
    let key = |row: &Row| match by {
        By::Rate => row.rate,
        By::Errors => row.errors,
        By::P99 => row.p99.unwrap_or_default(),
        By::Bytes => row.received + row.sent,
        By::Open => row.open as f64,
    };
    rows.sort_by(|one, other| key(other).total_cmp(&key(one)));
    rows
}

/// Two lines over the table: all together, and who is connected where.
fn heading(admin: SocketAddr, top: &Top) -> String {
    let Row { rate, errors, denied, open, .. } = &top.total;
    let mut text = format!("{admin}  {rate:.1}/s  errors {errors:.1}/s  denied {denied:.1}/s  open {open}  (Ctrl-C ends)\nconnections:");
    for door in &top.listeners {
        let _ = write!(text, "  {} {} open, {:.1}/s", door.listener, door.open, door.rate);
    }
    text
}

fn table(top: &Top) -> Table {
    let mut table =
        Table::new(&["LISTENER", "SERVICE", "KIND", "RATE/S", "ERRORS/S", "DENIED/S", "P50", "P99", "IN/S", "OUT/S", "OPEN", "CODES"]);
    let mut total = top.total.clone();
    "all".clone_into(&mut total.listener);
    for row in top.rows.iter().chain([&total]) {
        let name = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        let mut codes: Vec<_> = row.codes.iter().collect();
        codes.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let codes: Vec<String> = codes.iter().map(|(code, rate)| format!("{code} {rate:.1}")).collect();
        table.row(vec![
            row.listener.clone(),
            name(&row.service),
            name(&row.kind),
            format!("{:.1}", row.rate),
            format!("{:.1}", row.errors),
            format!("{:.1}", row.denied),
            time(row.p50),
            time(row.p99),
            bytes(row.received),
            bytes(row.sent),
            row.open.to_string(),
            name(&codes.join(", ")),
        ]);
    }
    table
}

/// `3.1ms`, `1.25s`
fn time(seconds: Option<f64>) -> String {
    match seconds {
        None => "-".to_owned(),
        Some(seconds) if seconds < 1.0 => format!("{:.1}ms", seconds * 1000.0),
        Some(seconds) => format!("{seconds:.2}s"),
    }
}

/// `512B`, `1.5KiB`, `20.0MiB`
fn bytes(n: f64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if n < 1024.0 {
        return format!("{n:.0}B");
    }
    let mut scaled = n / 1024.0;
    let mut units = UNITS.iter();
    let mut unit = units.next();
    while scaled >= 1024.0
        && let Some(next) = units.next()
    {
        (scaled, unit) = (scaled / 1024.0, Some(next));
    }
    format!("{scaled:.1}{}", unit.unwrap_or(&""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_as_one_reads_them() {
        assert_eq!([0.0, 1023.0, 1536.0, 20.0 * 1024.0 * 1024.0].map(bytes), ["0B", "1023B", "1.5KiB", "20.0MiB"]);
        assert_eq!([None, Some(0.0031), Some(1.25)].map(time), ["-", "3.1ms", "1.25s"]);
    }

    #[test]
    fn an_interval_is_no_shorter_than_a_tenth_of_a_second() {
        assert!(interval("10ms").is_err() && interval("0").is_err() && interval("250ms").is_ok());
    }
}
