//! `gw admin drain`

use std::time::Duration;

use clap::Args;

use super::OfGateway;
use crate::app::admin;
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::cli::gateway::duration;
use crate::ui::Ui;

/// How much longer than its drain a gateway may take to end.
const ENDING: Duration = Duration::from_secs(10);
/// How long is waited for a gateway whose drain time is its own.
const LONGEST: Duration = Duration::from_secs(3600);

/// Take no new connection, let those that are open finish, and end; waits for that
#[derive(Debug, Args)]
#[command(after_long_help = "\
EXAMPLES
  gw admin drain
  gw admin drain --timeout 5s        what is open after 5 s is cut

EXIT CODES
  0  it has ended    4  no gateway answers    5  the token may not    7  it has not ended in time")]
pub(super) struct DrainArgs {
    /// How long connections may take to finish; without it as long as the gateway's --drain-time
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,
    #[command(flatten)]
    of: OfGateway,
}

pub(super) fn run(args: &DrainArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let done = admin::drain(args.of.admin, args.timeout)?;
    let most = args.timeout.map_or(LONGEST, |time| time + ENDING);
    if !admin::wait_for_end(args.of.admin, most) {
        return Err(Failure::Slow(format!("the gateway still runs after {} s: gw admin stop ends it", most.as_secs())));
    }
    args.of.print(&done, "drained", ui)?;
    Ok(Answer::Yes)
}
