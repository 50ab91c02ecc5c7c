//! Arguments in, one call, one rendering. A command a file, none of which knows how its answer is found.

mod admin;
mod certs;
mod config;
mod consul;
mod control_plane;
mod error;
mod gateway;
pub mod generated;
mod ingress;
mod input;
mod inspect;
mod mesh;
mod one_listener;
mod output;
mod run;
mod shell;
mod terminating;
mod told;
mod wan_fed;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::ui::{ErrorFormat, Ui};
use error::Failure;

/// Gateways for the Consul service mesh, without Envoy
#[derive(Debug, Parser)]
#[command(name = "gw", version, disable_help_subcommand = true, after_long_help = AFTER_HELP)]
struct Cli {
    /// How errors are printed: full (as rustc does), short (a line each) or json (an object each)
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "full",
        hide_default_value = true,
        hide_possible_values = true,
        env = "GW_ERROR_FORMAT",
        hide_env = true
    )]
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
    Ingress(ingress::IngressArgs),
    Mesh(mesh::MeshArgs),
    Terminating(terminating::TerminatingArgs),
    Run(run::RunArgs),
    Certs(certs::CertsArgs),
    Config(config::ConfigArgs),
    WanFed(wan_fed::WanFedArgs),
    Inspect(inspect::InspectArgs),
    Admin(admin::AdminArgs),
    Completions(shell::CompletionsArgs),
    Man(shell::ManArgs),
    Version(shell::VersionArgs),
}

const AFTER_HELP: &str = "\
ENVIRONMENT
  GW_*                      the flags of the same name: GW_CONFIG, GW_LISTEN, GW_ADMIN_BIND ..
  CONSUL_*                  as Consul's own tools read them: CONSUL_HTTP_ADDR ..
  NO_COLOR, CLICOLOR_FORCE  no colour, or colour on a pipe too

EXIT CODES
  0  done or yes    1  the answer is no   2  usage    3  input refused    4  nothing is reached
  5  token refused  6  not found  7  too late  8  a conflict  70  a bug  130, 143  killed";

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
    let answered = AssertUnwindSafe(|| run(cli.command, &mut ui).and_then(|answer| ui.flush().map(|()| answer).map_err(Failure::from)));
    match catch_unwind(answered) {
        Ok(Ok(answer)) => answer.exit_code(),
        Ok(Err(failure)) => failure.report(&mut ui),
        Err(_) => {
            ui.note("gw: a bug; what is above says where");
            ExitCode::from(70)
        }
    }
}

/// The definition that help, man pages and completions are made of.
pub fn command() -> clap::Command {
    let gw = Cli::command();
    let template = format!("{{about}}\n\n{{usage-heading}} {{usage}}\n\n{}Options:\n{{options}}{{after-help}}", groups(&gw));
    gw.help_template(template)
}

/// The commands in the order of what one needs first, in groups.
const GROUPS: [(&str, &[&str]); 3] = [
    ("Gateways", &["ingress", "mesh", "terminating", "run"]),
    ("Tools", &["certs", "config", "wan-fed", "inspect", "admin"]),
    ("Shell", &["completions", "man", "version"]),
];

fn groups(gw: &clap::Command) -> String {
    let mut text = String::new();
    for (heading, names) in GROUPS {
        text.push_str(&format!("{heading}:\n"));
        for command in names.iter().filter_map(|name| gw.find_subcommand(name)) {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            text.push_str(&format!("  {:<13}{about}\n", command.get_name()));
        }
        text.push('\n');
    }
    text
}

const FIRST_WORDS: &str = "\
gw: gateways for the Consul service mesh, without Envoy

  gw ingress --listen 8080      run an ingress gateway; with no files, on a small mesh inside it
  gw run -c gw.toml             run every gateway of a file
  gw config validate gw.d       check config entries as Consul would
  gw certs init                 a CA of the mesh; gw certs issue NAME a leaf
  gw inspect route METHOD URL   why a request goes where it goes
  gw inspect routes             what a running gateway serves

  gw --help                     everything; gw COMMAND --help has examples and exit codes
";

fn run(command: Option<Command>, ui: &mut Ui) -> Result<Answer, Failure> {
    match command {
        None => {
            ui.print(FIRST_WORDS)?;
            Ok(Answer::Yes)
        }
        Some(Command::Ingress(args)) => ingress::run(args, ui),
        Some(Command::Mesh(args)) => mesh::run(args, ui),
        Some(Command::Terminating(args)) => terminating::run(args, ui),
        Some(Command::Run(args)) => run::run(args, ui),
        Some(Command::Certs(args)) => certs::run(args, ui),
        Some(Command::Config(args)) => config::run(args, ui),
        Some(Command::WanFed(args)) => wan_fed::run(args, ui),
        Some(Command::Inspect(args)) => inspect::run(args, ui),
        Some(Command::Admin(args)) => admin::run(args, ui),
        Some(Command::Completions(args)) => shell::completions(&args, ui),
        Some(Command::Man(args)) => shell::man(args, ui),
        Some(Command::Version(_)) => shell::version(ui),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds_together_and_every_command_is_in_a_group() {
        command().debug_assert();
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        let gw = command();
        let commands: Vec<&str> = gw.get_subcommands().map(clap::Command::get_name).collect();
        assert_eq!(commands.iter().filter(|c| !grouped.contains(c)).count(), 0, "{commands:?}");
    }

    #[test]
    fn the_first_words_are_ten_lines_and_the_help_fits_one_screen() {
        assert_eq!(FIRST_WORDS.lines().count(), 10);
        assert!(command().render_long_help().to_string().lines().count() <= 40);
    }
}
