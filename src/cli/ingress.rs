//! `gw ingress`: entry from outside into the mesh.

use clap::Args;

use super::Answer;
use super::control_plane::ControlArgs;
use super::error::Failure;
use super::gateway::{self, LifeArgs, OriginArgs};
use crate::app::origin::Wanted;
use crate::ui::Ui;

/// Run an ingress gateway
#[derive(Debug, Args)]
#[command(after_long_help = "\
What is run comes from the first of these that is there, and the first line that is printed says
which: -c and --config-dir; --route; the Consul that --http-addr or CONSUL_HTTP_ADDR names;
./gw.toml or ./gw.d; the embedded default, a small mesh inside the process with the services web
(two versions) and api. With files, --listen says which address a port of the ingress-gateway
entry binds to; where there is no such entry, it puts a listener in front of every service.

EXAMPLES
  gw ingress --listen 8080                                     the embedded default
  gw ingress --listen 8080 --route /=http://127.0.0.1:3000     one service, without a file
  gw ingress --listen 8080 --route shop.test/api=127.0.0.1:3001 --route /=127.0.0.1:3000
  gw ingress -c gw.toml --access-log stdout                    the ingress gateways of a file
  gw ingress --http-addr 127.0.0.1:8500 --service edge --address 10.0.1.5 --register

SIGNALS
  TERM, INT  no new connection is taken, open ones finish within --drain-time, exit 0; a second
             one ends at once
  HUP        the files are read again, as they are by themselves when they change; what is refused
             changes nothing
  USR1       the file of --access-log is opened anew, after it was moved away

EXIT CODES
  0  drained    1  an address is taken, or the like    2  usage    3  the files are refused    70  a bug")]
pub(super) struct IngressArgs {
    #[command(flatten)]
    origin: OriginArgs,
    #[command(flatten)]
    control: ControlArgs,
    #[command(flatten)]
    life: LifeArgs,
}

pub(super) fn run(args: IngressArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    gateway::serve(&Wanted::from(args.origin), args.control, args.life, ui)
}
