//! `gw certs init`: a new CA.

use clap::Args;

use super::{DirArgs, wrote};
use crate::app::certs::{self, Init};
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::ui::Ui;

/// Make a CA: a root, and an intermediate below it if asked for
#[derive(Debug, Args)]
#[command(after_long_help = "\
The root is as Consul's own: EC P-256, 10 years, URI spiffe://TRUST-DOMAIN. A CA from elsewhere,
also of RSA or Ed25519, is used as it is: its certificate as ca.pem, its key as ca-key.pem. With
an intermediate the root's key is not needed to issue, and can be kept elsewhere.

EXAMPLES
  gw certs init
  gw certs init --dir /etc/gw/certs --intermediate --datacenter dc2

EXIT CODES
  0  made; the paths are on stdout    1  cannot be written    2  usage    8  there is one, and no --force")]
pub(super) struct InitArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// The name of the mesh; without the flag a new one, UUID.consul as Consul's
    #[arg(long, value_name = "NAME")]
    trust_domain: Option<String>,
    /// The datacenter that leaves are issued for; without the flag dc1
    #[arg(long, value_name = "NAME")]
    datacenter: Option<String>,
    /// Sign leaves by a CA below the root
    #[arg(long)]
    intermediate: bool,
    /// Overwrite a CA that is there: whatever it signed is worthless then
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: InitArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let InitArgs { dir, trust_domain, datacenter, intermediate, force } = args;
    let folder = dir.folder();
    wrote(&certs::init(&folder, &Init { trust_domain, datacenter, intermediate, force })?, ui)?;
    if let Some(trust_domain) = certs::trust_domain(&folder) {
        ui.note(&format!("gw: the trust domain is {trust_domain}; gw certs issue NAME makes a leaf"));
    }
    Ok(Answer::Yes)
}
