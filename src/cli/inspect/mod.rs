//! `gw inspect`: questions to the brain.

mod authz;
mod batch;
mod chain;
mod connections;
mod describe;
mod explain;
mod route;
mod routes;
mod sni;
mod status;

use clap::{Args, Subcommand};

use super::Answer;
use super::error::Failure;
use crate::ui::Ui;

/// See what is served, and why a request goes where it goes
#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    #[command(subcommand)]
    question: Question,
}

#[derive(Debug, Subcommand)]
enum Question {
    Status(status::StatusArgs),
    Route(route::RouteArgs),
    Routes(routes::RoutesArgs),
    Connections(connections::ConnectionsArgs),
    Chain(chain::ChainArgs),
    Authz(authz::AuthzArgs),
    Sni(sni::SniArgs),
    Explain(explain::ExplainArgs),
    Batch(batch::BatchArgs),
}

pub(super) fn run(args: InspectArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    match args.question {
        Question::Status(args) => status::run(&args, ui),
        Question::Route(args) => route::run(args, ui),
        Question::Routes(args) => routes::run(args, ui),
        Question::Connections(args) => connections::run(&args, ui),
        Question::Chain(args) => chain::run(args, ui),
        Question::Authz(args) => authz::run(args, ui),
        Question::Sni(args) => sni::run(args, ui),
        Question::Explain(args) => explain::run(&args, ui),
        Question::Batch(_) => batch::run(ui),
    }
}
