//! The flags of gateways that have one listener, mesh and terminating: where they come from, and where they listen.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use clap::Args;

use crate::app::origin::Wanted;
use crate::model::gateway::GatewayKind;

/// Where such a gateway comes from, as it is typed.
#[derive(Debug, Args)]
pub(super) struct OneListenerArgs {
    /// The gw.toml: gateways, services, where the entries and certificates are
    #[arg(short, long, value_name = "FILE", env = "GW_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// A folder of config entries (repeatable)
    #[arg(long, value_name = "DIR", env = "GW_CONFIG_DIR", hide_env_values = true)]
    config_dir: Vec<PathBuf>,
    /// Listen on [IP:]PORT; a port alone is on 127.0.0.1
    #[arg(long, value_name = "[IP:]PORT", value_parser = listen, conflicts_with = "address", env = "GW_LISTEN", hide_env_values = true)]
    listen: Option<Place>,
    /// The gateway's service name; an entry of its kind has the same name
    #[arg(long, value_name = "NAME", env = "GW_SERVICE", hide_env_values = true)]
    service: Option<String>,
    /// Where it listens; without the flag the gw.toml's address, or 127.0.0.1:8443
    #[arg(long, value_name = "IP[:PORT]", value_parser = address, env = "GW_ADDRESS", hide_env_values = true)]
    address: Option<Place>,
}

/// An address, and the port if it was given.
pub(super) type Place = (IpAddr, Option<u16>);

impl OneListenerArgs {
    pub(super) fn wanted(self, kind: GatewayKind) -> Wanted {
        let place = self.listen.or(self.address);
        Wanted {
            kind: Some(kind),
            config: self.config,
            folders: self.config_dir,
            service: self.service,
            address: place.map(|(ip, _)| ip),
            port: place.and_then(|(_, port)| port),
            ..Wanted::default()
        }
    }
}

fn listen(text: &str) -> Result<Place, String> {
    let (ip, port) = match text.rsplit_once(':') {
        Some((ip, port)) => (ip.trim_matches(['[', ']']).parse().ok(), port),
        None => (Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), text),
    };
    let place = ip.zip(port.parse().ok()).map(|(ip, port)| (ip, Some(port)));
    place.ok_or_else(|| "it is not [IP:]PORT, such as 8443 or 10.0.0.5:8443".to_owned())
}

pub(super) fn address(text: &str) -> Result<Place, String> {
    let alone = text.parse().ok().map(|ip| (ip, None));
    alone
        .or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|socket| (socket.ip(), Some(socket.port()))))
        .ok_or_else(|| "it is not IP[:PORT], such as 10.0.0.5 or 10.0.0.5:8443".to_owned())
}
