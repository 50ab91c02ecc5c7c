//! `gw config`: config entries, as files and as Consul has them.

mod apply;
mod changes;
mod convert;
mod delete;
mod diff;
mod generate;
mod list;
mod read;
mod test;
mod validate;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::error::Failure;
use super::{Answer, input};
use crate::app::entries::Input;
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
    Test(test::TestArgs),
    Gen(generate::GenArgs),
    Convert(convert::ConvertArgs),
    Diff(diff::DiffArgs),
    Apply(apply::ApplyArgs),
    Read(read::ReadArgs),
    List(list::ListArgs),
    Delete(delete::DeleteArgs),
}

pub(super) fn run(args: ConfigArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    match args.verb {
        Verb::Validate(args) => validate::run(args, ui),
        Verb::Test(args) => test::run(args, ui),
        Verb::Gen(args) => generate::run(&args, ui),
        Verb::Convert(args) => convert::run(args, ui),
        Verb::Diff(args) => diff::run(args, ui),
        Verb::Apply(args) => apply::run(args, ui),
        Verb::Read(args) => read::run(args, ui),
        Verb::List(args) => list::run(args, ui),
        Verb::Delete(args) => delete::run(args, ui),
    }
}

/// What is read: the arguments, or what is there by default.
fn inputs(given: Vec<PathBuf>) -> Result<Vec<Input>, Failure> {
    let inputs = if given.is_empty() { vec![default_input()?] } else { given };
    inputs.into_iter().map(input::read).collect()
}

fn default_input() -> Result<PathBuf, Failure> {
    let candidates = ["gw.toml", "gw.d"].map(Path::new);
    let found = candidates.into_iter().find(|p| p.exists());
    found.map(Path::to_owned).ok_or_else(|| Failure::Usage("name a file or folder: there is no gw.toml and no gw.d here".to_owned()))
}

/// A kind of entries, as an argument.
fn kind(text: &str) -> Result<EntryKind, String> {
    let known = || EntryKind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
    EntryKind::parse(text).ok_or_else(|| format!("no such kind of entries; there are {}", known()))
}

/// An entry of Consul's, as arguments: two words, or one as `gw config list -o name` prints it.
#[derive(Debug, Args)]
struct EntryArgs {
    /// The kind of the entry; KIND/NAME is its name, too
    #[arg(value_name = "KIND", value_parser = kind_and_name)]
    kind: (EntryKind, Option<String>),
    /// Its name; proxy-defaults, mesh and exported-services, of which there is one, need none
    name: Option<String>,
}

fn kind_and_name(text: &str) -> Result<(EntryKind, Option<String>), String> {
    match text.split_once('/') {
        Some((kind_of, name)) => Ok((kind(kind_of)?, Some(name.to_owned()))),
        None => Ok((kind(text)?, None)),
    }
}

impl EntryArgs {
    /// Which entry it is.
    fn entry(self) -> Result<(EntryKind, String), Failure> {
        let (kind, of_kind) = self.kind;
        if let (Some(one), Some(other)) = (&of_kind, &self.name) {
            return Err(Failure::Usage(format!("{kind}/{one} is an entry already: {other} is one word too many")));
        }
        Ok((kind, name(kind, of_kind.or(self.name))?))
    }
}

/// The name of an entry: of some kinds there is one entry, which needs none.
fn name(kind: EntryKind, given: Option<String>) -> Result<String, Failure> {
    let name = given.or_else(|| kind.only_name().map(str::to_owned)).filter(|name| !name.is_empty());
    name.ok_or_else(|| Failure::Usage(format!("an entry of kind {kind} needs a name")))
}
