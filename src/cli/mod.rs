//! Arguments in, one call, one rendering. A command a file, none of which knows how its answer is found.

mod config;
mod error;
mod input;
mod inspect;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::ui::{ErrorFormat, Ui};
use error::Failure;

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "gw", version, about, disable_help_subcommand = true)]
struct Cli {
    /// How errors are printed: as rustc does, one line each, or one JSON object each
    #[arg(long, global = true, value_name = "FORMAT", default_value = "full", env = "GW_ERROR_FORMAT", hide_env = true)]
    error_format: ErrorFormatArg,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ErrorFormatArg {
    Full,
    Short,
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    Config(config::ConfigArgs),
    Inspect(inspect::InspectArgs),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match command().try_get_matches().and_then(|m| Cli::from_arg_matches(&m)) {
        Ok(cli) => cli,
        Err(e) => e.exit(),
    };
    let mut ui = Ui::of_process(match cli.error_format {
        ErrorFormatArg::Full => ErrorFormat::Full,
        ErrorFormatArg::Short => ErrorFormat::Short,
        ErrorFormatArg::Json => ErrorFormat::Json,
    });
    let answer = run(cli.command, &mut ui).and_then(|yes| ui.flush().map(|()| yes).map_err(Failure::from));
    match answer {
        Ok(answer) => answer.exit_code(),
        Err(failure) => failure.report(&mut ui),
    }
}

/// The definition that help, man pages and completions are made of.
pub fn command() -> clap::Command {
    Cli::command()
}

fn run(command: Option<Command>, ui: &mut Ui) -> Result<Answer, Failure> {
    match command {
        None => {
            ui.print("gw inspect batch\n")?;
            Ok(Answer::Yes)
        }
        Some(Command::Config(args)) => config::run(args, ui),
        Some(Command::Inspect(args)) => inspect::run(args, ui),
    }
}

/// What a command that asks a question came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// Done, yes, healthy: exit 0.
    Yes,
    /// The answer is no: exit 1.
    No,
}

impl Answer {
    fn exit_code(self) -> ExitCode {
        match self {
            Self::Yes => ExitCode::SUCCESS,
            Self::No => ExitCode::from(1),
        }
    }
}
