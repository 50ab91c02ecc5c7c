//! `gw inspect`: questions to the brain.

mod again;
mod authz;
mod batch;
mod chain;
mod connections;
pub(super) mod describe;
mod dump;
mod explain;
mod list;
pub(super) mod place;
mod problems;
pub(super) mod route;
mod routes;
mod sni;
mod status;
mod tap;
mod top;

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
    Problems(problems::ProblemsArgs),
    Route(route::RouteArgs),
    Routes(routes::RoutesArgs),
    /// List where gateways listen, and what is spoken there
    #[command(after_long_help = OF_LISTS)]
    Listeners(list::ListArgs),
    /// List the services that are known, and how their instances are
    #[command(after_long_help = OF_LISTS)]
    Services(list::ListArgs),
    /// List the certificates that gateways show or trust, and how long they last
    #[command(after_long_help = OF_LISTS)]
    Certs(list::ListArgs),
    /// List the intentions, the strongest first
    #[command(after_long_help = OF_LISTS)]
    Intentions(list::ListArgs),
    /// List other datacenters and peers, and the gateways by which they are reached
    #[command(after_long_help = OF_LISTS)]
    Datacenters(list::ListArgs),
    Connections(connections::ConnectionsArgs),
    Tap(tap::TapArgs),
    Top(top::TopArgs),
    Chain(chain::ChainArgs),
    Authz(authz::AuthzArgs),
    Sni(sni::SniArgs),
    Explain(explain::ExplainArgs),
    Batch(batch::BatchArgs),
    Dump(dump::DumpArgs),
}

const OF_LISTS: &str = "\
EXAMPLES
  .. --admin 127.0.0.1:19000                   a gateway that runs; without a flag the one at 127.0.0.1:19000
  .. -c gw.toml -o wide                        files, nothing running
  .. --http-addr 127.0.0.1:8500 --service edge   what a gateway would need of a Consul, read once
  .. -o jsonl | jq -c .

EXIT CODES
  0  printed    2  usage    3  the files are refused    4  nobody answers    5  the token may not    7  no answer in time";

pub(super) fn run(args: InspectArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    match args.question {
        Question::Status(args) => status::run(args, ui),
        Question::Problems(args) => problems::run(args, ui),
        Question::Route(args) => route::run(args, ui),
        Question::Routes(args) => routes::run(args, ui),
        Question::Listeners(args) => list::run(list::OF_LISTENERS, args, ui),
        Question::Services(args) => list::run(list::OF_SERVICES, args, ui),
        Question::Certs(args) => list::run(list::OF_CERTS, args, ui),
        Question::Intentions(args) => list::run(list::OF_INTENTIONS, args, ui),
        Question::Datacenters(args) => list::run(list::OF_DATACENTERS, args, ui),
        Question::Connections(args) => connections::run(&args, ui),
        Question::Tap(args) => tap::run(args, ui),
        Question::Top(args) => top::run(&args, ui),
        Question::Chain(args) => chain::run(args, ui),
        Question::Authz(args) => authz::run(args, ui),
        Question::Sni(args) => sni::run(args, ui),
        Question::Explain(args) => explain::run(&args, ui),
        Question::Batch(_) => batch::run(ui),
        Question::Dump(args) => dump::run(args, ui),
    }
}
