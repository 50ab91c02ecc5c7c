//! `gw admin`: has a running gateway do something.

mod drain;
mod log;
mod reload;
mod stop;

use std::net::SocketAddr;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::Answer;
use super::error::Failure;
use super::output::Output;
use crate::app::config::ADMIN;
use crate::ui::Ui;

/// Have a running gateway reload, drain, stop, or log something else
#[derive(Debug, Args)]
pub(super) struct AdminArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Reload(reload::ReloadArgs),
    Drain(drain::DrainArgs),
    Stop(stop::StopArgs),
    Log(log::LogArgs),
}

/// Which gateway, and how it is printed what came of it.
#[derive(Debug, Args)]
struct OfGateway {
    /// The admin listener of a running gateway
    #[arg(long, value_name = "IP:PORT", default_value_t = ADMIN, env = "GW_ADMIN", hide_env_values = true)]
    admin: SocketAddr,
    /// How it is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
}

impl OfGateway {
    fn print(&self, done: &Value, line: &str, ui: &mut Ui) -> Result<(), Failure> {
        self.output.one(done, || format!("{line}\n"), line, ui)
    }
}

pub(super) fn run(args: AdminArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    match args.command {
        Command::Reload(args) => reload::run(&args, ui),
        Command::Drain(args) => drain::run(&args, ui),
        Command::Stop(args) => stop::run(&args, ui),
        Command::Log(args) => log::run(&args, ui),
    }
}
