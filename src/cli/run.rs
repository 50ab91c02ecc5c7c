//! `gw run`: every gateway of a file, in one process.

use std::path::PathBuf;

use clap::Args;

use super::Answer;
use super::control_plane::ControlArgs;
use super::error::Failure;
use super::gateway::{self, LifeArgs};
use super::input;
use crate::app::origin::Wanted;
use crate::ui::Ui;

/// Run every gateway of gw.toml
#[derive(Debug, Args)]
#[command(after_long_help = "\
EXAMPLES
  gw run
  gw run -c /etc/gw/gw.toml --access-log /var/log/gw/access.log
  gw config validate gw.toml && gw run

With [consul] in the file everything else comes from there, for all its gateways together; flags and
their variables say over it which agent that is, and --register registers each of them.

SIGNALS
  TERM, INT  no new connection is taken, open ones finish within --drain-time, exit 0; a second
             one ends at once
  HUP        the files are read again, as they are by themselves when they change; what is refused
             changes nothing
  USR1       the file of --access-log is opened anew, after it was moved away

EXIT CODES
  0  drained    1  an address is taken, or the like    2  usage    3  the files are refused    70  a bug")]
pub(super) struct RunArgs {
    /// The gw.toml, or a folder of config entries; without the flag ./gw.toml, or ./gw.d
    #[arg(short, long, value_name = "FILE", env = "GW_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    #[command(flatten)]
    control: ControlArgs,
    #[command(flatten)]
    life: LifeArgs,
}

pub(super) fn run(args: RunArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let wanted = Wanted { config: Some(input::files(args.config)), ..Wanted::default() };
    gateway::serve(&wanted, args.control, args.life, ui)
}
