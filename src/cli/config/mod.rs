//! `gw config`: config entries, as files and as Consul has them.

mod convert;
mod generate;
mod list;
mod read;
mod validate;

use clap::{Args, Subcommand};

use super::Answer;
use super::error::Failure;
use crate::model::entry::EntryKind;
use crate::ui::Ui;

/// Check and convert config entries, read and write those of Consul
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
    Read(read::ReadArgs),
    List(list::ListArgs),
}

pub(super) fn run(args: ConfigArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    match args.verb {
        Verb::Validate(args) => validate::run(args, ui),
        Verb::Gen(args) => generate::run(&args, ui),
        Verb::Convert(args) => convert::run(args, ui),
        Verb::Read(args) => read::run(args, ui),
        Verb::List(args) => list::run(args, ui),
    }
}

/// A kind of entries, as an argument.
fn kind(text: &str) -> Result<EntryKind, String> {
    let known = || EntryKind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
    EntryKind::parse(text).ok_or_else(|| format!("no such kind of entries; there are {}", known()))
}

/// The name of an entry, as an argument: of some kinds there is one entry, which needs none.
fn name(kind: EntryKind, given: Option<String>) -> Result<String, Failure> {
    let name = given.or_else(|| kind.only_name().map(str::to_owned)).filter(|name| !name.is_empty());
    name.ok_or_else(|| Failure::Usage(format!("an entry of kind {kind} needs a name")))
}
