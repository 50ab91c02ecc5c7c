//! `gw admin log`

use clap::Args;

use super::OfGateway;
use crate::app::admin;
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::ui::Ui;

/// Log something else from now on, or say what is logged
#[derive(Debug, Args)]
#[command(after_long_help = "\
EXAMPLES
  gw admin log                        what is logged
  gw admin log debug
  gw admin log gw::proxy=debug,warn   a part of it

EXIT CODES
  0  done    2  the filter is none    4  no gateway answers    5  the token may not")]
pub(super) struct LogArgs {
    /// What is to be logged, as --log takes it
    level: Option<String>,
    #[command(flatten)]
    of: OfGateway,
}

pub(super) fn run(args: &LogArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let done = admin::log(args.of.admin, args.level.as_deref())?;
    args.of.print(&done, done["filter"].as_str().unwrap_or_default(), ui)?;
    Ok(Answer::Yes)
}
