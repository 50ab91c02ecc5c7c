//! `gw inspect sni`: what a server name names, and where it leads.

use std::fmt::Write;

use clap::Args;

use super::place::{Asking, PlaceArgs, Unnamed};
use crate::app::sni::{self, SniAnswer};
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::cli::input;
use crate::cli::inspect::describe;
use crate::cli::output::Output;
use crate::model::gateway::GatewayKind;
use crate::ui::Ui;

/// Show what a server name (SNI) names, and where a mesh or terminating gateway leads it
#[derive(Debug, Args)]
#[command(after_long_help = "\
The answer comes from the code that the gateway itself obeys, asked with a witness. Names have no
case.

EXAMPLES
  gw inspect sni web.default.dc1.internal.11111111-2222-3333-4444-555555555555.consul -c gw.toml
  gw inspect sni v1.web.default.dc2.internal.11111111-2222-3333-4444-555555555555.consul -o json
  gw inspect sni web.default.dc1.internal.11111111-2222-3333-4444-555555555555.consul --admin 127.0.0.1:19000

EXIT CODES
  0  it is passed on    1  it is closed    2  usage    3  the files are refused
  4  nobody answers    5  the token may not    7  no answer in time")]
pub(super) struct SniArgs {
    /// The server name, as a ClientHello has it
    name: String,
    /// How it is printed: table is a list of steps, name the target or the code alone
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) fn run(args: SniArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let asking = Asking { kind: Some(GatewayKind::Mesh), ..Asking::of(sni::SNI, Unnamed::Files) };
    let answer = args.place.ask(asking, &[("name", args.name)], ui)?;
    let said: SniAnswer = input::answer(&answer)?;
    let name = said.target.clone().unwrap_or_else(|| said.code.clone().into_owned());
    args.output.one(&answer, || steps(&said), &name, ui)?;
    Ok(if said.routed { Answer::Yes } else { Answer::No })
}

fn steps(answer: &SniAnswer) -> String {
    let named = named(answer);
    let mut text = format!("{}, {named}, at the gateway {}\n", answer.name, answer.gateway);
    // Writing to a String cannot fail.
    for step in &answer.steps {
        let _ = writeln!(text, "  {}", describe::step(step, &answer.places));
    }
    for endpoint in &answer.endpoints {
        let _ = writeln!(text, "  . {} at {}, {}, weight {}", endpoint.id, endpoint.address, endpoint.health, endpoint.weight);
    }
    let by = describe::by(answer.rule.as_deref(), &answer.places);
    let code = if answer.routed { String::new() } else { format!("closed, {}: ", answer.code) };
    let _ = writeln!(text, "=> {code}{}{by}", answer.why);
    if let Some(help) = &answer.help {
        let _ = writeln!(text, "   {help}");
    }
    text
}

/// `which names subset v1 of service web in dc2`
fn named(answer: &SniAnswer) -> String {
    let names = &answer.names;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let place = names.datacenter.as_ref().map(|datacenter| format!(" in {datacenter}")).unwrap_or_default();
    match &*names.what {
        "service" => format!("which names service {}{place}", text(&names.service)),
        "subset" => format!("which names subset {} of service {}{place}", text(&names.subset), text(&names.service)),
        "peer" => format!("which names service {} that a peer exports to {}", text(&names.service), text(&names.peer)),
        "gateways" => format!("which names the mesh gateways{place}"),
        "query" => format!("which names the prepared query {}{place}", text(&names.query)),
        "peering" => format!("which names the peering of the servers{place}"),
        "server" if names.node.is_some() => format!("which names the server {}{place}", text(&names.node)),
        "server" => format!("which names the servers{place}"),
        _ => "which names nothing of a mesh".to_owned(),
    }
}
