//! `gw config`: config entries in files.

mod validate;

use clap::{Args, Subcommand};

use super::Answer;
use super::error::Failure;
use crate::ui::Ui;

/// Write and check config entries
#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Validate(validate::ValidateArgs),
}

pub(super) fn run(args: ConfigArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    match args.verb {
        Verb::Validate(args) => validate::run(args, ui),
    }
}
