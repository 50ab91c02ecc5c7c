//! `gw terminating`: the way out of the mesh.

use clap::Args;

use super::Answer;
use super::control_plane::ControlArgs;
use super::error::Failure;
use super::gateway::{self, LifeArgs};
use super::one_listener::OneListenerArgs;
use crate::model::gateway::GatewayKind;
use crate::ui::Ui;

/// Run a terminating gateway
#[derive(Debug, Args)]
#[command(after_long_help = "\
Services of the mesh reach services outside of it through this gateway: its terminating-gateway
entry links them, their server name (SNI) chooses one, its leaf from [certs] is shown, the caller
must show one of the mesh, and an intention must allow it. What is run comes from -c and
--config-dir, else from the Consul that --http-addr or CONSUL_HTTP_ADDR names, else from ./gw.toml
or ./gw.d.

EXAMPLES
  gw certs init && gw certs issue billing
  gw terminating -c gw.toml                      the terminating gateways of a file
  gw terminating -c gw.toml --listen 8443        at 127.0.0.1:8443
  gw inspect authz web billing -c gw.toml        whether an intention lets web through, and which

SIGNALS
  TERM, INT  no new connection is taken, open ones finish within --drain-time, exit 0; a second
             one ends at once
  HUP        the files are read again, as they are by themselves when they change; what is refused
             changes nothing
  USR1       the file of --access-log is opened anew, after it was moved away

EXIT CODES
  0  drained    1  an address is taken, or the like    2  usage    3  the files are refused    70  a bug")]
pub(super) struct TerminatingArgs {
    #[command(flatten)]
    origin: OneListenerArgs,
    #[command(flatten)]
    control: ControlArgs,
    #[command(flatten)]
    life: LifeArgs,
}

pub(super) fn run(args: TerminatingArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    gateway::serve(&args.origin.wanted(GatewayKind::Terminating), args.control, args.life, ui)
}
