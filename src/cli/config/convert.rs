//! `gw config convert`: entries in another syntax.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::app::entries::{self, Syntax};
use crate::cli::error::Failure;
use crate::cli::{Answer, input};
use crate::ui::Ui;

/// Print entries as HCL, JSON or TOML
#[derive(Debug, Args)]
#[command(after_long_help = "\
The entry is printed as Consul would store it: Consul's field names, durations as Go prints them,
what is not given left out. Comments are not kept. HCL and TOML have no place for several entries;
JSON prints several as a list.

EXAMPLES
  gw config convert --to json gw.d/web.hcl
  consul config read -kind service-router -name web | gw config convert --to hcl -

EXIT CODES
  0  printed    2  usage    3  the entry is refused, or not readable")]
pub(super) struct ConvertArgs {
    /// The syntax to print
    #[arg(long, value_name = "SYNTAX")]
    to: To,
    /// A file of entries, or - for stdin
    #[arg(value_name = "FILE|-", default_value = "-")]
    input: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum To {
    Hcl,
    Json,
    Toml,
}

pub(super) fn run(args: ConvertArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let to = match args.to {
        To::Hcl => Syntax::Hcl,
        To::Json => Syntax::Json,
        To::Toml => Syntax::Toml,
    };
    let text = entries::convert(&input::read(args.input)?, to).map_err(Failure::Invalid)?;
    ui.print(&text)?;
    Ok(Answer::Yes)
}
