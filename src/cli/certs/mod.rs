//! `gw certs`: the CA of a mesh, and certificates.

mod init;
mod inspect;
mod issue;
mod list;
mod needs_renewal;
mod renew;
mod rotate;
mod sign;
mod verify;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::Answer;
use super::error::Failure;
use crate::app::certs::Folder;
use crate::model::duration::GoDuration;
use crate::ui::Ui;

/// Make, renew and look at certificates of the mesh
#[derive(Debug, Args)]
#[command(after_long_help = "\
A CA of files for a mesh of files, and leaves in exactly Consul's shape. In the folder, as `consul
tls` calls its files: ca.pem, what is trusted; ca-key.pem; NAME.pem, a leaf and what is sent along
with it; NAME-key.pem. Gateways with [certs] in gw.toml issue and renew their own leaves from it,
and take up new roots, without a restart.

EXAMPLES
  gw certs init && gw certs issue web                         a CA and a leaf, in ./certs
  gw certs issue shop.example.test --kind dns                 for a TLS listener
  gw certs verify certs/web.pem --roots certs/ca.pem --spiffe spiffe://TD/ns/default/dc/dc1/svc/web
  gw certs rotate; gw certs renew; gw certs rotate --finish   another root, while everything goes on")]
pub(super) struct CertsArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Init(init::InitArgs),
    Issue(issue::IssueArgs),
    Sign(sign::SignArgs),
    Renew(renew::RenewArgs),
    Rotate(rotate::RotateArgs),
    Inspect(inspect::InspectArgs),
    Verify(verify::VerifyArgs),
    NeedsRenewal(needs_renewal::NeedsRenewalArgs),
    List(list::ListArgs),
}

/// Where the CA is.
#[derive(Debug, Args)]
struct DirArgs {
    /// The folder of the CA and its certificates
    #[arg(long, value_name = "DIR", default_value = "certs", env = "GW_CERTS_DIR", hide_env_values = true)]
    dir: PathBuf,
}

impl DirArgs {
    fn folder(self) -> Folder {
        Folder::at(self.dir)
    }
}

pub(super) fn run(args: CertsArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    crate::app::certs::ready();
    match args.verb {
        Verb::Init(args) => init::run(args, ui),
        Verb::Issue(args) => issue::run(args, ui),
        Verb::Sign(args) => sign::run(args, ui),
        Verb::Renew(args) => renew::run(args, ui),
        Verb::Rotate(args) => rotate::run(args, ui),
        Verb::Inspect(args) => inspect::run(args, ui),
        Verb::Verify(args) => verify::run(&args, ui),
        Verb::NeedsRenewal(args) => needs_renewal::run(&args, ui),
        Verb::List(args) => list::run(args, ui),
    }
}

/// The paths of files that were written, one a line.
fn wrote(paths: &[PathBuf], ui: &mut Ui) -> Result<(), Failure> {
    for path in paths {
        ui.print(&format!("{}\n", path.display()))?;
    }
    Ok(())
}

/// A Go duration above zero, such as 72h.
fn life(text: &str) -> Result<Duration, String> {
    let parsed = GoDuration::parse(text).map_err(|e| e.to_string())?;
    parsed.positive().filter(|life| life.as_secs() > 0).ok_or_else(|| "it is less than a second".to_owned())
}

/// A share such as 66%.
fn share(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').and_then(|n| n.parse::<f64>().ok());
    let share = number.filter(|n| (0.0..=100.0).contains(n)).map(|n| n / 100.0);
    share.ok_or_else(|| "a share of the life of a certificate, such as 66%".to_owned())
}
