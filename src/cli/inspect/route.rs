//! `gw inspect route`: why a request goes where it goes.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::app::inspect::{self, ExplainedOutcome, Explanation, QuestionError, RouteQuestion};
use crate::app::load;
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::cli::input;
use crate::cli::inspect::describe;
use crate::decide::compile::compile;
use crate::model::gateway::ListenerMode;
use crate::model::resources::Resources;
use crate::ui::Ui;

/// Show where a request goes, every step and near miss, and the rule that decided
#[derive(Debug, Args)]
#[command(after_long_help = "\
The answer comes from the code that the gateway itself obeys, asked with a witness. A - is a rule
that was looked at and did not match, with the reason; a + is a step that was taken.

EXAMPLES
  gw inspect route GET http://shop.test:8080/cart -c gw.toml
  gw inspect route POST http://shop.test/api/orders -H 'x-version: v2' -c gw.toml -o json
  gw inspect route GET http://shop.test/ --roll 9500 -c gw.toml     the choice that an access record logged
  gw inspect route GET https://billing/invoices --peer web -c gw.toml   through a terminating gateway
  gw inspect route GET http://shop.test/ --admin 127.0.0.1:19000   of a gateway that runs, by what it serves now

EXIT CODES
  0  it is forwarded    1  gw would answer itself (404, 503)    2  usage    3  the files are refused
  4  no gateway answers")]
pub(super) struct RouteArgs {
    /// The method
    method: String,
    /// Such as http://shop.test:8080/cart?x=1; its port chooses the listener where there are several
    url: String,
    /// A header, NAME: VALUE (repeatable)
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    headers: Vec<String>,
    /// What the dice show, as an access record logs it: 0 to 9999
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=9999))]
    roll: Option<u32>,
    /// The client's address
    #[arg(long, value_name = "IP")]
    source: Option<IpAddr>,
    /// At a terminating gateway: the server name of the handshake, in full or the service alone; without the flag the URL's host
    #[arg(long, value_name = "NAME")]
    sni: Option<String>,
    /// At a terminating gateway: who connects, a service of the mesh or a SPIFFE id
    #[arg(long, value_name = "SERVICE|ID")]
    peer: Option<String>,
    /// The gateway to ask, where gw.toml has several
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// The gw.toml, or a folder of config entries; without the flag ./gw.toml, or ./gw.d
    #[arg(short, long, value_name = "FILE", env = "GW_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// The admin listener of a running gateway, instead of files
    #[arg(long, value_name = "IP:PORT", conflicts_with = "config")]
    admin: Option<SocketAddr>,
    /// How it is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    /// As a list of steps
    Table,
    /// As JSON
    Json,
    /// The target or the code alone
    Name,
}

pub(super) fn run(args: RouteArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let https = match args.url.split_once("://") {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => false,
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => true,
        Some((scheme, _)) => return Err(Failure::Usage(format!("{scheme:?} is neither http nor https"))),
        None => return Err(QuestionError::Url(args.url).into()),
    };
    let RouteArgs { method, url, headers, roll, source, sni, peer, service, config, admin, output } = args;
    let mut question = RouteQuestion { method, url, headers, roll, source, sni, peer: None };
    let explanation = match admin {
        Some(address) => {
            let explanation = inspect::route_of_running(address, &question, peer.as_deref(), service.as_deref())?;
            ui.note(&format!("from the gateway at {address}"));
            explanation
        }
        None => {
            let loaded = load::load(&input::files(config), &[]).map_err(Failure::Invalid)?;
            let resources = loaded.gateway(service.as_deref())?;
            question.peer = peer.map(|named| inspect::peer(&named, &resources));
            of_files(&resources, &question, https, ui)?
        }
    };
    match output {
        Output::Table => ui.print(&steps(&explanation))?,
        Output::Json => ui.print(&format!("{:#}\n", serde_json::json!(explanation)))?,
        Output::Name => ui.print(&format!("{}\n", name(&explanation.outcome)))?,
    }
    Ok(if explanation.forwards() { Answer::Yes } else { Answer::No })
}

fn of_files(resources: &Resources, question: &RouteQuestion, https: bool, ui: &mut Ui) -> Result<Explanation, QuestionError> {
    let snapshot = compile(resources);
    let explanation = inspect::route(&snapshot, question)?;
    let asked = snapshot.listeners.values().find(|l| l.listener.name.as_str() == explanation.facts.listener);
    match (https, asked.map(|l| l.listener.mode)) {
        (true, Some(ListenerMode::Plain)) => ui.note(&format!("note: {} takes http alone, no https", explanation.facts.listener)),
        (false, Some(ListenerMode::TerminateTls)) => ui.note(&format!("note: {} takes https alone, no http", explanation.facts.listener)),
        _ => {}
    }
    Ok(explanation)
}

impl From<QuestionError> for Failure {
    fn from(error: QuestionError) -> Self {
        Self::Usage(error.to_string())
    }
}

fn name(outcome: &ExplainedOutcome) -> &str {
    match outcome {
        ExplainedOutcome::Forward { target, .. } => target,
        ExplainedOutcome::Refuse { code, .. } => code,
    }
}

fn steps(explanation: &Explanation) -> String {
    let facts = &explanation.facts;
    let by = facts.peer.as_ref().map(|peer| format!(", which is {peer}")).unwrap_or_default();
    let mut text = match &facts.sni {
        Some(sni) if facts.method.is_empty() => format!("a connection to {sni} from {}{by}\n", facts.client),
        _ => format!("{} {}{} from {}{by}\n", facts.method, facts.authority, facts.target, facts.client),
    };
    for step in &explanation.steps {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {}", describe::step(step));
    }
    text.push_str(&outcome_lines(&explanation.outcome));
    text
}

fn outcome_lines(outcome: &ExplainedOutcome) -> String {
    match outcome {
        ExplainedOutcome::Forward { target, instances, path, .. } => {
            let first = instances.first().map_or("", String::as_str);
            format!("=> forwarded to {target}, {first}, as {path}\n")
        }
        ExplainedOutcome::Refuse { code, status, meaning, rule, subject, .. } => {
            let by = rule.as_ref().map(|r| format!("   [{r}]")).unwrap_or_default();
            format!("=> refused with {status} {code}: {meaning} ({subject}){by}\n")
        }
    }
}
