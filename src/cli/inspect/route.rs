//! `gw inspect route`: why a request goes where it goes.

use std::fmt::Write;
use std::net::IpAddr;

use clap::Args;

use super::place::{Asking, PlaceArgs, Unnamed};

use crate::app::inspect::{self, ExplainedOutcome, Explanation, QuestionError, RouteQuestion};
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::cli::input;
use crate::cli::inspect::describe;
use crate::cli::output::Output;
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
  gw inspect route GET http://shop.test/ --http-addr 127.0.0.1:8500 --service edge   as a gateway of that Consul would
  gw inspect route GET http://shop.test/ --dump gw.dump            of what gw inspect dump printed

EXIT CODES
  0  it is forwarded    1  gw would answer itself (404, 503)    2  usage    3  the files are refused
  4  nobody answers    5  the token may not    7  no answer in time")]
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
    /// At a gateway that goes by server names: that of the handshake, in full or the service alone; without the flag the URL's host
    #[arg(long, value_name = "NAME")]
    sni: Option<String>,
    /// At a terminating gateway: who connects, a service of the mesh or a SPIFFE id
    #[arg(long, value_name = "SERVICE|ID")]
    peer: Option<String>,
    /// How it is printed: table is a list of steps, name the target or the code alone
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) fn run(args: RouteArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    match args.url.split_once("://") {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") => {}
        Some((scheme, _)) => return Err(Failure::Usage(format!("{scheme:?} is neither http nor https"))),
        None => return Err(QuestionError::Url(args.url).into()),
    }
    let RouteArgs { method, url, headers, roll, source, sni, peer, place, output } = args;
    let question = RouteQuestion { method, url, headers, roll, source, sni, peer: None };
    let asked = inspect::written(&question, peer.as_deref(), None);
    let answer = place.ask(Asking::of(inspect::ROUTE, Unnamed::Files), &asked, ui)?;
    let explanation: Explanation = input::answer(&answer)?;
    output.one(&answer, || steps(&explanation), name(&explanation.outcome), ui)?;
    explanation.notes.iter().for_each(|note| ui.note(&format!("note: {note}")));
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

/// Every step, and what comes of it.
pub(in crate::cli) fn steps(explanation: &Explanation) -> String {
    let facts = &explanation.facts;
    let by = facts.peer.as_ref().map(|peer| format!(", which is {peer}")).unwrap_or_default();
    let what = match &facts.sni {
        Some(sni) if explanation.is_of_connection() => format!("a connection to {sni}"),
        None if explanation.is_of_connection() => "a connection".to_owned(),
        _ => format!("{} {}{}", facts.method, facts.authority, facts.target),
    };
    let mut text = format!("{what} from {}{by}\n", facts.client);
    for step in &explanation.steps {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {}", describe::step(step, &explanation.places));
    }
    text.push_str(&outcome_lines(explanation));
    text
}

fn outcome_lines(explanation: &Explanation) -> String {
    match &explanation.outcome {
        ExplainedOutcome::Forward { target, instances, path, roll, .. } => {
            let first = instances.first().map_or("", String::as_str);
            let path = if explanation.is_of_connection() { String::new() } else { format!(", as {path}") };
            format!("=> forwarded to {target}, {first}{path}\n{}", again(*roll))
        }
        ExplainedOutcome::Refuse { rule, roll, .. } => {
            let by = describe::by(rule.as_deref(), &explanation.places);
            format!("=> {}{by}\n{}", explanation.refused().unwrap_or_default(), again(*roll))
        }
    }
}

/// What the dice showed, where they were asked: another roll may be led elsewhere.
fn again(roll: Option<u32>) -> String {
    roll.map(|roll| format!("   by the dice, which showed {roll}: --roll {roll} shows it again, --roll N another one\n"))
        .unwrap_or_default()
}
