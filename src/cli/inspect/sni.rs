//! `gw inspect sni`: what a server name names, and where it leads.

use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::app::load;
use crate::app::sni::{self, AsksForHost, SniAnswer};
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::cli::input;
use crate::cli::inspect::describe;
use crate::decide::compile::compile;
use crate::ui::Ui;

/// Show what a server name (SNI) names, and where a mesh or terminating gateway leads it
#[derive(Debug, Args)]
#[command(after_long_help = "\
The answer comes from the code that the gateway itself obeys, asked with a witness. Names have no
case.

EXAMPLES
  gw inspect sni web.default.dc1.internal.11111111-2222-3333-4444-555555555555.consul -c gw.toml
  gw inspect sni v1.web.default.dc2.internal.11111111-2222-3333-4444-555555555555.consul -o json

EXIT CODES
  0  it is passed on    1  it is closed    2  usage    3  the files are refused")]
pub(super) struct SniArgs {
    /// The server name, as a ClientHello has it
    name: String,
    /// The gateway to ask, where gw.toml has several that go by server names
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

pub(super) fn run(args: SniArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let loaded = load::load(&input::files(args.config), &[]).map_err(Failure::Invalid)?;
    let resources = sni::gateway(&loaded, args.service.as_deref())?;
    let answer = sni::explain(&compile(&resources), &resources, &args.name)?;
    match args.output {
        Output::Table => ui.print(&steps(&answer))?,
        Output::Json => ui.print(&format!("{:#}\n", serde_json::json!(answer)))?,
        Output::Name => ui.print(&format!("{}\n", answer.target.as_deref().unwrap_or(answer.code)))?,
    }
    Ok(if answer.routed { Answer::Yes } else { Answer::No })
}

impl From<AsksForHost> for Failure {
    fn from(error: AsksForHost) -> Self {
        Self::Usage(error.to_string())
    }
}

fn steps(answer: &SniAnswer) -> String {
    let named = named(answer);
    let mut text = format!("{}, {named}, at the gateway {}\n", answer.name, answer.gateway);
    // Writing to a String cannot fail.
    for step in &answer.steps {
        let _ = writeln!(text, "  {}", describe::step(step));
    }
    for endpoint in &answer.endpoints {
        let _ = writeln!(text, "  . {} at {}, {}, weight {}", endpoint.id, endpoint.address, endpoint.health, endpoint.weight);
    }
    let by = answer.rule.as_ref().map(|rule| format!("   [{rule}]")).unwrap_or_default();
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
    match names.what {
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
