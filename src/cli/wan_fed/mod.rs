//! `gw wan-fed`: a federation of datacenters through mesh gateways.

mod datacenter;
mod init;
mod plan;
mod status;
mod test;

use clap::{Args, Subcommand};

use super::Answer;
use super::error::Failure;
use crate::app::wan_fed::Finding;
use crate::ui::Ui;

/// Federate datacenters through mesh gateways: prepare it, see it, find what is wrong
#[derive(Debug, Args)]
#[command(after_long_help = "\
Servers of Consul in different datacenters reach each other through mesh gateways alone: each
connection is TLS from server to server, which gateways pass on by its server name.

EXAMPLES
  gw wan-fed init --role primary --dc dc1 --server s1=10.0.1.10 --gateway-address 10.0.1.1:8443 \\
    --gateway-wan-address 192.0.2.1:8443 --out dc1
  gw wan-fed init --role secondary --dc dc2 --primary-dc dc1 --primary-gateway 192.0.2.1:8443 \\
    --server s1=10.0.2.10 --gateway-address 10.0.2.1:8443 --gateway-wan-address 192.0.2.2:8443 \\
    --ca dc1/agent-ca --out dc2
  gw wan-fed status --http-addr 10.0.1.10:8500 --http-addr 10.0.2.10:8500
  gw wan-fed test --ca dc1/agent-ca.pem --cert dc1/s1.pem --key dc1/s1-key.pem")]
pub(super) struct WanFedArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Init(init::InitArgs),
    Plan(plan::PlanArgs),
    Status(status::StatusArgs),
    Test(test::TestArgs),
}

pub(super) fn run(args: WanFedArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    match args.verb {
        Verb::Init(args) => init::run(args, ui),
        Verb::Plan(args) => plan::run(args, ui),
        Verb::Status(args) => status::run(args, ui),
        Verb::Test(args) => test::run(args, ui),
    }
}

/// What is wrong, in lines: the word, the way, what, why, what to do.
fn told(findings: &[Finding]) -> String {
    let one = |finding: &Finding| {
        let hop = if finding.hop.is_empty() { String::new() } else { format!(" {}", finding.hop) };
        format!("{}{hop}: {}\n  {}\n  => {}\n", finding.fault.as_str(), finding.at, finding.cause, finding.fix)
    };
    findings.iter().map(one).collect()
}
