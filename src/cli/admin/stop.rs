//! `gw admin stop`

use std::time::Duration;

use clap::Args;

use super::OfGateway;
use crate::app::admin;
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::ui::Ui;

/// How long a gateway may take to end.
const ENDING: Duration = Duration::from_secs(10);

/// End now: open connections are cut
#[derive(Debug, Args)]
#[command(after_long_help = "\
EXAMPLES
  gw admin stop

EXIT CODES
  0  it has ended    4  no gateway answers    5  the token may not    7  it has not ended in time")]
pub(super) struct StopArgs {
    #[command(flatten)]
    of: OfGateway,
}

pub(super) fn run(args: &StopArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let done = admin::stop(args.of.admin)?;
    if !admin::wait_for_end(args.of.admin, ENDING) {
        return Err(Failure::Slow(format!("the gateway still runs after {} s", ENDING.as_secs())));
    }
    args.of.print(&done, "stopped", ui)?;
    Ok(Answer::Yes)
}
