//! `gw mesh`: between datacenters.

use clap::Args;

use super::Answer;
use super::control_plane::ControlArgs;
use super::error::Failure;
use super::gateway::{self, LifeArgs};
use super::one_listener::OneListenerArgs;
use crate::app::origin::Wanted;
use crate::model::gateway::GatewayKind;
use crate::ui::Ui;

/// Run a mesh gateway
#[derive(Debug, Args)]
#[command(after_long_help = "\
Services of different datacenters reach each other through mesh gateways, which read the server
name (SNI) of the ClientHello and pass TLS on as it is: they hold no key of anybody's. What the
names of the own datacenter mean are its services with mesh = true and the subsets of their
resolvers; all names of another datacenter go to its gateways, those of [[datacenter]], and what a
peer exports to those of [[peer]]. Any other name is closed, and so is what has none. With
--expose-servers the names of Consul's own servers are among them, so that datacenters whose servers
have no route to each other are one federation: docs/wan-federation.md. What is run comes from -c
and --config-dir, else from the Consul that --http-addr or CONSUL_HTTP_ADDR names, else from
./gw.toml or ./gw.d.

EXAMPLES
  gw mesh -c gw.toml                             the mesh gateways of a file
  gw mesh -c gw.toml --address 10.0.1.1:8443     at that address
  gw mesh --expose-servers --register --address 10.0.1.1:8443 --wan-address 192.0.2.1:8443
                                                 a gateway of a federation; CONSUL_HTTP_ADDR is set
  gw inspect sni web.default.dc2.internal.11111111-2222-3333-4444-555555555555.consul -c gw.toml

SIGNALS
  TERM, INT  no new connection is taken, open ones go on within --drain-time, exit 0; a second one
             ends at once
  HUP        the files are read again, as they are by themselves when they change; what is refused
             changes nothing
  USR1       the file of --access-log is opened anew, after it was moved away

EXIT CODES
  0  drained    1  an address is taken, or the like    2  usage    3  the files are refused    70  a bug")]
pub(super) struct MeshArgs {
    #[command(flatten)]
    origin: OneListenerArgs,
    /// Carry what Consul's servers of federated datacenters say to each other: WAN gossip and RPC
    #[arg(long, env = "GW_EXPOSE_SERVERS", hide_env_values = true)]
    expose_servers: bool,
    #[command(flatten)]
    control: ControlArgs,
    #[command(flatten)]
    life: LifeArgs,
}

pub(super) fn run(args: MeshArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let wanted = Wanted { expose_servers: args.expose_servers, ..args.origin.wanted(GatewayKind::Mesh) };
    gateway::serve(&wanted, args.control, args.life, ui)
}
