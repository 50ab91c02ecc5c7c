//! `gw inspect route`: why a request goes where it goes.

use std::fmt::Write;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::app::inspect::{self, ExplainedOutcome, Explanation, QuestionError, RouteQuestion};
use crate::app::load;
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::cli::input;
use crate::cli::inspect::describe;
use crate::decide::compile::compile;
use crate::id::{SpiffeId, TargetId};
use crate::model::gateway::ListenerMode;
use crate::ui::Ui;

/// Show where a request goes, every step and near miss, and the rule that decided
#[derive(Debug, Args)]
#[command(after_long_help = "\
The answer comes from the code that the gateway itself obeys, asked with a witness. A - is a rule that was looked at and did not
match, with the reason; a + is a step that was taken.

EXAMPLES
  gw inspect route GET http://shop.test:8080/cart -c gw.toml
  gw inspect route POST http://shop.test/api/orders -H 'x-version: v2' -c gw.toml -o json
  gw inspect route GET http://shop.test/ --roll 9500 -c gw.toml     the choice that an access record logged
  gw inspect route GET https://billing/invoices --peer web -c gw.toml   through a terminating gateway

EXIT CODES
  0  it is forwarded    1  gw would answer itself (404, 503)    2  usage    3  the files are refused")]
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
    let loaded = load::load(&input::files(args.config), &[]).map_err(Failure::Invalid)?;
    let resources = loaded.gateway(args.service.as_deref())?;
    let of_the_mesh = |name: &str| SpiffeId::of_target(&TargetId::service(name, resources.datacenter.as_str()), &resources.trust_domain);
    let peer = args.peer.map(|peer| SpiffeId::parse(&peer).unwrap_or_else(|| of_the_mesh(&peer)));
    let RouteArgs { method, url, headers, roll, source, sni, .. } = args;
    let question = RouteQuestion { method, url, headers, roll, source, sni, peer };
    let snapshot = compile(&resources);
    let explanation = inspect::route(&snapshot, &question)?;
    let asked = snapshot.listeners.values().find(|l| l.listener.name.as_str() == explanation.facts.listener);
    match (https, asked.map(|l| l.listener.mode)) {
        (true, Some(ListenerMode::Plain)) => ui.note(&format!("note: {} takes http alone, no https", explanation.facts.listener)),
        (false, Some(ListenerMode::TerminateTls)) => ui.note(&format!("note: {} takes https alone, no http", explanation.facts.listener)),
        _ => {}
    }
    match args.output {
        Output::Table => ui.print(&steps(&explanation))?,
        Output::Json => ui.print(&format!("{:#}\n", serde_json::json!(explanation)))?,
        Output::Name => ui.print(&format!("{}\n", name(&explanation.outcome)))?,
    }
    Ok(if explanation.forwards() { Answer::Yes } else { Answer::No })
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
