//! `gw config read`: an entry that Consul has.

use clap::{Args, ValueEnum};

use super::EntryArgs;
use crate::app::consul::{Consul, stored};
use crate::app::entries::Syntax;
use crate::cli::Answer;
use crate::cli::consul::ConsulArgs;
use crate::cli::error::Failure;
use crate::ui::Ui;

/// Print a config entry that Consul has
#[derive(Debug, Args)]
#[command(after_long_help = "\
JSON is what Consul answers, with its indexes. HCL and TOML are without them, and can be kept as files.

EXAMPLES
  gw config read service-router web
  gw config read service-router/web        as gw config list -o name prints it
  gw config read proxy-defaults -o hcl > gw.d/proxy-defaults.hcl
  gw config read mesh --http-addr https://consul.test:8501 --token-file token

EXIT CODES
  0  printed    2  usage    3  gw cannot read the entry    4  Consul cannot be reached    5  the token may not
  6  there is none    7  Consul did not answer in time")]
pub(super) struct ReadArgs {
    #[command(flatten)]
    entry: EntryArgs,
    /// The syntax to print
    #[arg(short, long, value_name = "SYNTAX", default_value = "json")]
    output: Printed,
    #[command(flatten)]
    consul: ConsulArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Printed {
    Json,
    Hcl,
    Toml,
}

pub(super) fn run(args: ReadArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let (kind, name) = args.entry.entry()?;
    let consul = Consul::of(args.consul.settings(ui)?)?;
    let missing = || Failure::NotFound(format!("{} has no {kind}/{name}", consul.name()));
    let entry = stored::read(&consul, kind, &name)?.ok_or_else(missing)?;
    let syntax = match args.output {
        Printed::Json => Syntax::Json,
        Printed::Hcl => Syntax::Hcl,
        Printed::Toml => Syntax::Toml,
    };
    let unreadable = |why: &str| Failure::Refused(format!("{kind}/{name} as Consul has it: {why}; -o json prints it as it is"));
    let text = entry.print(syntax).map_err(unreadable)?;
    ui.print(&text)?;
    Ok(Answer::Yes)
}
