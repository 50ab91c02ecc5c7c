//! `gw wan-fed init`: what a datacenter needs to join a federation, as files.

use clap::Args;

use super::datacenter::DatacenterArgs;
use crate::app::wan_fed::{self, Agents};
use crate::cli::Answer;
use crate::cli::consul::AgentsArgs;
use crate::cli::error::Failure;
use crate::ui::Ui;

/// Write what a datacenter needs to be federated: configuration and certificates of servers, the gateway's command
#[derive(Debug, Args)]
#[command(after_long_help = "\
Of each server its configuration (NODE.hcl, in the form that its version takes), its certificate
with both names that others ask for (server.DC.consul, NODE.server.DC.consul) and its key; of the
mesh gateway its command (mesh-gateway.sh) and a unit of systemd; of a primary the entry
proxy-defaults. Servers are certified by a CA of their own, never by that of the mesh: whoever has
a certificate by it may speak to servers. Keys are 0600. The paths are on stdout, one a line.

EXAMPLES
  gw wan-fed init --role primary --dc dc1 --server s1=10.0.1.10 --gateway-address 10.0.1.1:8443 \\
    --gateway-wan-address 192.0.2.1:8443 --out dc1
  gw wan-fed init --role secondary --dc dc2 --primary-dc dc1 --primary-gateway 192.0.2.1:8443 \\
    --server s1=10.0.2.10 --gateway-address 10.0.2.1:8443 --gateway-wan-address 192.0.2.2:8443 \\
    --ca dc1/agent-ca --out dc2 --consul-version 1.8.7

EXIT CODES
  0  written; the paths are on stdout    1  cannot be written    2  usage    3  the CA is refused    6  no CA
  8  something is there, and no --force")]
pub(super) struct InitArgs {
    #[command(flatten)]
    datacenter: DatacenterArgs,
    /// Overwrite what is there, but for the CA
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    agents: AgentsArgs,
}

pub(super) fn run(args: InitArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let InitArgs { datacenter, force, agents } = args;
    let version = if datacenter.lacks_version() && agents.is_named() { Agents::of(agents.settings(ui)?)?.version()? } else { None };
    let out = datacenter.out.clone();
    let Some(wanted) = datacenter.wanted(version.as_deref(), force)? else {
        return Err(Failure::Usage("say what the datacenter is: --role primary --dc NAME, or --role secondary --dc NAME".to_owned()));
    };
    for path in wan_fed::init(&wanted, &out)? {
        ui.print(&format!("{}\n", path.display()))?;
    }
    let run = format!("gw: on each server, consul agent -config-file NODE.hcl; beside them, sh {}", out.join("mesh-gateway.sh").display());
    ui.note(&run);
    Ok(Answer::Yes)
}
