//! `gw certs needs-renewal`: a question for scripts.

use std::path::PathBuf;

use clap::Args;

use super::share;
use crate::app::certs::{self, Moment};
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::ui::Ui;

/// Ask whether a certificate is far enough in its life to be renewed
#[derive(Debug, Args)]
#[command(after_long_help = "\
EXAMPLES
  if gw certs needs-renewal certs/web.pem --at 66%; then gw certs renew web; fi

EXIT CODES
  0  it needs it    1  it does not    2  usage    3  the file is refused")]
pub(super) struct NeedsRenewalArgs {
    /// The certificate
    file: PathBuf,
    /// The share of its life after which it needs it
    #[arg(long, value_name = "PERCENT", default_value = "66%", value_parser = share)]
    at: f64,
}

pub(super) fn run(args: &NeedsRenewalArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let leaf = certs::leaf_in(&args.file)?;
    let age = leaf.age(Moment::now());
    ui.print(&format!("{:.1} % of its life is over, which ends at {}\n", age * 100.0, leaf.until))?;
    Ok(if age >= args.at { Answer::Yes } else { Answer::No })
}
