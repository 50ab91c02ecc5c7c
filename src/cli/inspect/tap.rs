//! `gw inspect tap`: requests and tcp connections of a running gateway, as they pass.

use std::net::SocketAddr;
use std::ops::ControlFlow;

use clap::Args;
use serde_json::Value;

use crate::app::config::ADMIN;
use crate::app::tap;
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::ui::Ui;

/// Watch requests and tcp connections of a running gateway as they pass
#[derive(Debug, Args)]
#[command(after_long_help = "\
EXAMPLES
  gw inspect tap                               all that passes, until Ctrl-C
  gw inspect tap --status 5xx --limit 10       the next ten that fail
  gw inspect tap --service web --path-prefix /api --header x-version --sample 1/100
  gw inspect tap --code denied -o jsonl | jq -r .source

The gateway looks for what is asked for before it copies anything. A request is told when it has ended, a tcp connection when it
stands and when it has ended. What stands behind the ? of a path is told with --query alone, a header only by its name, and what
has a secret in it (authorization, cookie and their like) never. A reader that is too slow loses lines, and is told how many.

EXIT CODES
  0  it is over: --limit, --for or Ctrl-C    2  usage    4  no gateway answers, or it is gone    5  the token may not")]
pub(super) struct TapArgs {
    /// The admin listener of a running gateway
    #[arg(long, value_name = "IP:PORT", default_value_t = ADMIN, env = "GW_ADMIN", hide_env_values = true)]
    admin: SocketAddr,
    /// What comes to this gateway, where a process has several
    #[arg(long, value_name = "NAME")]
    gateway: Option<String>,
    /// What comes to this listener: edge:8080, or its port
    #[arg(long, value_name = "LISTENER")]
    listener: Option<String>,
    /// What goes to this service
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,
    /// What comes from there: the service of a certificate, its SPIFFE id, or an IP address
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// What ends in this code (gw inspect explain); repeatable
    #[arg(long, value_name = "CODE")]
    code: Vec<String>,
    /// What is answered with this status, such as 404 or 5xx; repeatable
    #[arg(long, value_name = "STATUS")]
    status: Vec<String>,
    /// Requests for paths that begin so
    #[arg(long, value_name = "PREFIX")]
    path_prefix: Option<String>,
    /// Requests for this host; *.shop.test is all below
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// One of N, by chance
    #[arg(long, value_name = "1/N")]
    sample: Option<String>,
    /// It is over after so many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// It is over after this time, such as 30s
    #[arg(long = "for", value_name = "DURATION")]
    within: Option<String>,
    /// Tell what stands behind the ? of a path, too
    #[arg(long)]
    query: bool,
    /// Tell this header of requests, too; repeatable
    #[arg(long, value_name = "NAME")]
    header: Vec<String>,
    /// How it is printed: table is a line each, jsonl has lines that tell of the tap itself, name the codes alone
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
}

pub(super) fn run(args: TapArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let (admin, output) = (args.admin, args.output);
    let mut failed = None;
    let watched = tap::watch(admin, &args.asked(), |line| match tell(line, output, ui) {
        Ok(goes_on) => goes_on,
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    });
    match failed {
        Some(failed) => Err(failed.into()),
        None => Ok(watched.map(|()| Answer::Yes)?),
    }
}

impl TapArgs {
    /// As it is asked of the gateway, which judges it.
    fn asked(self) -> Vec<(&'static str, String)> {
        let one = [
            ("gateway", self.gateway),
            ("listener", self.listener),
            ("service", self.service),
            ("source", self.source),
            ("path_prefix", self.path_prefix),
            ("host", self.host),
            ("sample", self.sample),
            ("limit", self.limit.map(|n| n.to_string())),
            ("for", self.within),
            ("query", self.query.then(|| "true".to_owned())),
        ];
        let several = [("code", self.code), ("status", self.status), ("header", self.header)];
        let several = several.into_iter().flat_map(|(name, values)| values.into_iter().map(move |value| (name, value)));
        one.into_iter().filter_map(|(name, value)| Some((name, value?))).chain(several).collect()
    }
}

/// Prints a line, and lets it go at once: somebody waits for it.
fn tell(line: &str, output: Output, ui: &mut Ui) -> std::io::Result<ControlFlow<()>> {
    let event: Value = serde_json::from_str(line).unwrap_or_default();
    // At the end of the gateway itself the stream just ends: it is gone.
    let is_over = event["event"] == "over" && event["why"] != "end";
    if output == Output::Jsonl {
        ui.print(&format!("{line}\n"))?;
    }
    match event["event"].as_str() {
        Some("opened" | "ended") if output.is_text() => ui.print(&of_one(&event))?,
        Some("opened" | "ended") if output == Output::Json => ui.print(&format!("{event:#}\n"))?,
        Some("ended") if output == Output::Name => ui.print(&format!("{}\n", event["code"].as_str().unwrap_or("-")))?,
        Some("dropped") => ui.note(&format!("{} were lost: more passes than is read", event["dropped"])),
        Some("begins") if let Some(note) = event["note"].as_str() => ui.note(note),
        _ => {}
    }
    ui.flush()?;
    Ok(if is_over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
}

/// `2026-11-28T12:00:00Z edge:8080 10.0.0.7:4242 GET shop.test/cart 200 ok 12.3ms -> web web-1 10.0.0.9:80 [service-router/web Routes[1]]`
fn of_one(event: &Value) -> String {
    let text = |key: &str| event[key].as_str().map_or_else(|| "-".to_owned(), printable);
    let what = match event["kind"].as_str() {
        Some("request") => format!("{} {}{}", text("method"), text("host"), text("path")),
        _ if event["sni"].is_null() => "tcp".to_owned(),
        _ => format!("tcp {}", text("sni")),
    };
    let how = match event["event"].as_str() {
        Some("opened") => "open".to_owned(),
        _ => {
            let status = event["status"].as_u64().map(|status| format!("{status} ")).unwrap_or_default();
            format!("{status}{} {:.1}ms", text("code"), event["duration"].as_f64().unwrap_or_default() * 1000.0)
        }
    };
    let from = event["source"].as_str().map_or_else(|| text("client"), printable);
    let mut line = format!("{} {} {from} {what} {how}", text("time"), text("listener"));
    if !event["service"].is_null() {
        line += &format!(" -> {} {} {}", text("service"), text("instance"), text("address"));
    }
    if !event["rule"].is_null() {
        line += &format!(" [{}]", text("rule"));
    }
    for (name, value) in event["headers"].as_object().into_iter().flatten() {
        line += &format!(" {name}: {}", printable(value.as_str().unwrap_or_default()));
    }
    line + "\n"
}

/// What a client wrote, so that it neither ends the line nor tells the terminal anything.
fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_client_wrote_tells_a_terminal_nothing() {
        let event = json!({"event": "ended", "kind": "request", "method": "GET", "host": "a\u{1b}[2J", "path": "/\u{9b}x\n", "code": "ok", "status": 200});
        let line = of_one(&event);
        assert!(line.ends_with('\n') && !line.trim_end().chars().any(char::is_control), "{line:?}");
        assert!(line.contains("\\u{1b}[2J"), "{line:?}");
    }
}
