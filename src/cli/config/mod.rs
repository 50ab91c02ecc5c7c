//! `gw config`: config entries as files.

mod convert;
mod generate;
mod validate;

use clap::{Args, Subcommand};

use super::Answer;
use super::error::Failure;
use crate::ui::Ui;

/// Check, begin and convert config entries
#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Validate(validate::ValidateArgs),
    Gen(generate::GenArgs),
    Convert(convert::ConvertArgs),
}

pub(super) fn run(args: ConfigArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    match args.verb {
        Verb::Validate(args) => validate::run(args, ui),
        Verb::Gen(args) => generate::run(&args, ui),
        Verb::Convert(args) => convert::run(args, ui),
    }
}
