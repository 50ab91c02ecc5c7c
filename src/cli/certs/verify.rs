//! `gw certs verify`: whether a certificate would be trusted.

use std::path::PathBuf;

use clap::Args;

use crate::app::certs::{self, CertsError};
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::ui::Ui;

/// Ask whether a certificate is trusted: chain, dates, purpose, name
#[derive(Debug, Args)]
#[command(after_long_help = "\
By the code that gateways verify with. A leaf of the mesh is looked at as a server's and as a
client's.

EXAMPLES
  gw certs verify certs/web.pem --roots certs/ca.pem --spiffe spiffe://TD/ns/default/dc/dc1/svc/web
  gw certs verify tls/shop.pem --roots /etc/ssl/certs/ca-certificates.crt --dns shop.example.test

EXIT CODES
  0  trusted    1  not trusted; why is on stderr    2  usage    3  a file is refused")]
#[command(group(clap::ArgGroup::new("who").required(true).args(["spiffe", "dns"])))]
pub(super) struct VerifyArgs {
    /// The certificate: the leaf, then intermediates
    file: PathBuf,
    /// The certificates that are trusted
    #[arg(long, value_name = "FILE")]
    roots: PathBuf,
    /// Whose it must be: the id of a service
    #[arg(long, value_name = "ID")]
    spiffe: Option<String>,
    /// The host name or address it must be for
    #[arg(long, value_name = "NAME")]
    dns: Option<String>,
}

pub(super) fn run(args: &VerifyArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    match certs::verify_file(&args.file, &args.roots, args.spiffe.as_deref(), args.dns.as_deref()) {
        Ok(until) => {
            ui.print(&format!("trusted until {until}\n"))?;
            Ok(Answer::Yes)
        }
        Err(CertsError::Distrusted(distrust)) => {
            ui.note(&format!("not trusted: {distrust}"));
            Ok(Answer::No)
        }
        Err(other) => Err(other.into()),
    }
}
