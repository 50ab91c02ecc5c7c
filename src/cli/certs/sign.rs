//! `gw certs sign`: a leaf for a key that stays where it is.

use std::io::Read;
use std::path::PathBuf;

use clap::Args;

use super::DirArgs;
use super::issue::LeafArgs;
use crate::app::certs;
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::ui::Ui;

/// No request is longer.
const LONGEST: u64 = 1 << 20;

/// Sign a request (PKCS #10), whose key stays where it is
#[derive(Debug, Args)]
#[command(after_long_help = "\
The certificate and what is sent along with it is printed. Its names are those said here: a
request that asks for others is refused.

EXAMPLES
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout web-key.pem -subj / | gw certs sign - --service web > web.pem
  gw certs sign web.csr --service web

EXIT CODES
  0  signed    2  usage    3  the request or the CA is refused    6  no CA, or no such file")]
pub(super) struct SignArgs {
    /// The file of the request, or - for stdin
    #[arg(value_name = "CSR|-")]
    request: PathBuf,
    /// Whose certificate it is: the service, or the name of another --kind
    #[arg(long, value_name = "NAME")]
    service: String,
    #[command(flatten)]
    leaf: LeafArgs,
    #[command(flatten)]
    dir: DirArgs,
}

pub(super) fn run(args: SignArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let request = text(&args.request)?;
    let order = args.leaf.order(args.service, false);
    ui.print(&certs::sign(&args.dir.folder(), &request, &order)?)?;
    Ok(Answer::Yes)
}

/// The bytes of a file, or of stdin.
pub(super) fn text(path: &PathBuf) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().lock().take(LONGEST).read_to_end(&mut text).map_err(Failure::Stdin)?;
        return Ok(text);
    }
    let file = std::fs::File::open(path).map_err(|source| Failure::Read { path: path.clone(), source })?;
    file.take(LONGEST).read_to_end(&mut text).map_err(|source| Failure::Read { path: path.clone(), source })?;
    Ok(text)
}
