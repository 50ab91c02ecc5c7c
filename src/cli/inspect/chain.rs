//! `gw inspect chain`: what the entries make of a service.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::place::{Asking, PlaceArgs, Unnamed};

use crate::app::chain::{self, ChainQuestion, ChainQuestionError};
use crate::app::consul::Consul;
use crate::app::consul::verify::{self, ChainDiffers, Class, Verified, VerifyError};
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::cli::input;
use crate::cli::output::Output;
use crate::ui::{Table, Ui};

/// Show the discovery chain of a service: router, splitter, resolver, targets
#[derive(Debug, Args)]
#[command(after_long_help = "\
The entries are those of -c; else those of the Consul that --http-addr or CONSUL_HTTP_ADDR names; else those of ./gw.toml or ./gw.d.
With --verify the chain that Consul compiles itself is laid beside: what differs is listed, and what differs by the version of Consul
alone is counted and explained.

EXAMPLES
  gw inspect chain web -c gw.toml
  gw inspect chain web --http-addr 127.0.0.1:8500 --verify
  gw inspect chain web -c gw.d -o consul --datacenter dc2    as Consul's /v1/discovery-chain/web?compile-dc=dc2

EXIT CODES
  0  printed, or equal    1  differs from Consul's    2  usage    3  the files are refused, or the service has no chain
  4  Consul cannot be reached    5  the token may not    7  Consul did not answer in time")]
pub(super) struct ChainArgs {
    /// The service
    service: String,
    /// Compile for this datacenter
    #[arg(long, value_name = "NAME")]
    datacenter: Option<String>,
    /// Consul's OverrideProtocol
    #[arg(long, value_name = "PROTOCOL")]
    override_protocol: Option<String>,
    /// Consul's OverrideMeshGateway
    #[arg(long, value_name = "MODE")]
    override_mesh_gateway: Option<String>,
    /// Consul's OverrideConnectTimeout
    #[arg(long, value_name = "DURATION")]
    override_connect_timeout: Option<String>,
    /// Lay the chain that Consul compiles itself beside
    #[arg(long, conflicts_with_all = ["config", "admin", "dump"])]
    verify: bool,
    /// How it is printed: table is a tree, name the targets alone, consul the shape of Consul's /v1/discovery-chain
    #[arg(short, long, value_name = "FORMAT", default_value = "table", value_parser = form)]
    output: Form,
    #[command(flatten)]
    place: PlaceArgs,
}

/// As every answer is printed, or in Consul's own shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Own(Output),
    Consul,
}

fn form(text: &str) -> Result<Form, String> {
    if text == "consul" {
        Ok(Form::Consul)
    } else {
        Output::from_str(text, false).map(Form::Own).map_err(|_| "it is one of table, wide, json, jsonl, name, consul".to_owned())
    }
}

pub(super) fn run(args: ChainArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let question = ChainQuestion {
        service: args.service,
        datacenter: args.datacenter,
        protocol: args.override_protocol,
        mesh_gateway: args.override_mesh_gateway,
        connect_timeout: args.override_connect_timeout,
    };
    if args.verify {
        let consul = Consul::of(args.place.consul(ui)?)?;
        return verified(&consul, &verify::verify(&consul, &question)?, args.output, ui);
    }
    let asking = Asking { judged: false, ..Asking::of_entries(chain::CHAIN, Unnamed::Files) };
    let mut answer = args.place.ask(asking, &chain::written(&question), ui)?;
    let outline: Vec<String> = input::answer(&answer["outline"])?;
    let targets: Vec<String> = answer["chain"]["Targets"].as_object().into_iter().flatten().map(|(id, _)| id.clone()).collect();
    match args.output {
        Form::Consul => ui.print(&format!("{:#}\n", json!({ "Chain": answer["chain"].take() })))?,
        Form::Own(output) => output.one(&answer, || outline.join("\n") + "\n", &targets.join("\n"), ui)?,
    }
    Ok(Answer::Yes)
}

/// What differs from Consul's own chain, and what is explained.
fn verified(consul: &Consul, verified: &Verified, output: Form, ui: &mut Ui) -> Result<Answer, Failure> {
    verified.unread.iter().for_each(|unread| ui.note(&format!("warning: {unread}")));
    let place = |d: &ChainDiffers| d.differs.place();
    let real = || verified.differs.iter().filter(|d| d.class.is_none());
    match output {
        Form::Own(Output::Table | Output::Wide) if verified.is_equal() => {}
        Form::Own(Output::Table | Output::Wide) => {
            let mut table = Table::new(&["PLACE", "GW", "CONSUL"]);
            real().for_each(|d| table.row(vec![place(d), d.differs.one.to_string(), d.differs.other.to_string()]));
            ui.table(&table)?;
        }
        Form::Own(Output::Json | Output::Jsonl) | Form::Consul => {
            let one = |d: &ChainDiffers| json!({"place": place(d), "gw": d.differs.one, "consul": d.differs.other, "explained": d.class.map(Class::why)});
            let differs: Vec<Value> = verified.differs.iter().map(one).collect();
            let whole = json!({"schema": "gw.chain-verify/v1", "equal": verified.is_equal(), "differs": differs});
            ui.print(&if output == Form::Own(Output::Jsonl) { format!("{whole}\n") } else { format!("{whole:#}\n") })?;
        }
        Form::Own(Output::Name) => real().try_for_each(|d| ui.print(&format!("{}\n", place(d))))?,
    }
    let mut explained: BTreeMap<Class, usize> = BTreeMap::new();
    verified.differs.iter().filter_map(|d| d.class).for_each(|class| *explained.entry(class).or_default() += 1);
    for (class, times) in explained {
        ui.note(&format!("explained, {times} times: {}", class.why()));
    }
    let word = if verified.is_equal() { "the same" } else { "another one" };
    ui.note(&format!("{} compiles {word}", consul.name()));
    Ok(if verified.is_equal() { Answer::Yes } else { Answer::No })
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Ask(error) => error.into(),
            VerifyError::Question(error) => error.into(),
        }
    }
}

impl From<ChainQuestionError> for Failure {
    fn from(error: ChainQuestionError) -> Self {
        match error {
            ChainQuestionError::Duration(_) => Self::Usage(error.to_string()),
            ChainQuestionError::Chain(_) => Self::Refused(crate::app::log::with_causes(&error)),
        }
    }
}
