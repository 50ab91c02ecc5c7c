//! `gw terminating`: the way out of the mesh.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use clap::Args;

use super::Answer;
use super::error::Failure;
use super::gateway::{self, LifeArgs};
use crate::app::origin::Wanted;
use crate::model::gateway::GatewayKind;
use crate::ui::Ui;

/// Run a terminating gateway
#[derive(Debug, Args)]
#[command(after_long_help = "\
Services of the mesh reach services outside of it through this gateway: its terminating-gateway entry links them, their server
name (SNI) chooses one, its leaf from [certs] is shown, the caller must show one of the mesh, and an intention must allow it.
What is run comes from -c and --config-dir, else from ./gw.toml or ./gw.d.

EXAMPLES
  gw certs init && gw certs issue billing
  gw terminating -c gw.toml                      the terminating gateways of a file
  gw terminating -c gw.toml --listen 8443        at 127.0.0.1:8443
  gw inspect authz web billing -c gw.toml        whether an intention lets web through, and which

SIGNALS
  TERM, INT  no new connection is taken, open ones finish within --drain-time, exit 0; a second one ends at once
  HUP        the files are read again, as they are by themselves when they change; what is refused changes nothing
  USR1       the file of --access-log is opened anew, after it was moved away

EXIT CODES
  0  drained    1  an address is taken, or the like    2  usage    3  the files are refused    70  a bug")]
pub(super) struct TerminatingArgs {
    /// The gw.toml: gateways, services, where the entries and certificates are
    #[arg(short, long, value_name = "FILE", env = "GW_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// A folder of config entries (repeatable)
    #[arg(long, value_name = "DIR", env = "GW_CONFIG_DIR", hide_env_values = true)]
    config_dir: Vec<PathBuf>,
    /// Listen on [IP:]PORT; a port alone is on 127.0.0.1
    #[arg(long, value_name = "[IP:]PORT", value_parser = listen, conflicts_with = "address", env = "GW_LISTEN", hide_env_values = true)]
    listen: Option<Place>,
    /// The gateway's service name, which is the name of its terminating-gateway entry too
    #[arg(long, value_name = "NAME", env = "GW_SERVICE", hide_env_values = true)]
    service: Option<String>,
    /// Where it listens; without the flag the gw.toml's address, or 127.0.0.1:8443
    #[arg(long, value_name = "IP[:PORT]", value_parser = address, env = "GW_ADDRESS", hide_env_values = true)]
    address: Option<Place>,
    #[command(flatten)]
    life: LifeArgs,
}

/// An address, and the port if it was given.
type Place = (IpAddr, Option<u16>);

pub(super) fn run(args: TerminatingArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let place = args.listen.or(args.address);
    let wanted = Wanted {
        kind: Some(GatewayKind::Terminating),
        config: args.config,
        folders: args.config_dir,
        service: args.service,
        address: place.map(|(ip, _)| ip),
        port: place.and_then(|(_, port)| port),
        ..Wanted::default()
    };
    gateway::serve(&wanted, args.life, ui)
}

fn listen(text: &str) -> Result<Place, String> {
    let (ip, port) = match text.rsplit_once(':') {
        Some((ip, port)) => (ip.trim_matches(['[', ']']).parse().ok(), port),
        None => (Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), text),
    };
    let place = ip.zip(port.parse().ok()).map(|(ip, port)| (ip, Some(port)));
    place.ok_or_else(|| "it is not [IP:]PORT, such as 8443 or 10.0.0.5:8443".to_owned())
}

fn address(text: &str) -> Result<Place, String> {
    let alone = text.parse().ok().map(|ip| (ip, None));
    alone
        .or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|socket| (socket.ip(), Some(socket.port()))))
        .ok_or_else(|| "it is not IP[:PORT], such as 10.0.0.5 or 10.0.0.5:8443".to_owned())
}
