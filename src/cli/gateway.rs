//! What running a gateway takes: the flags that commands share, and what they mean.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::app::origin::{Listen, RouteFlag, Wanted};
use crate::model::duration::GoDuration;

/// Flags of every command that runs gateways, as they are typed.
#[derive(Debug, Args)]
pub(super) struct LifeArgs {
    /// Where the admin listener binds; without the flag the gw.toml's, or 127.0.0.1:19000
    #[arg(long, value_name = "IP:PORT", env = "GW_ADMIN_BIND", hide_env_values = true)]
    pub(super) admin_bind: Option<SocketAddr>,
    /// Write an access record for every request and connection
    #[arg(long, value_name = "FILE|stdout", env = "GW_ACCESS_LOG", hide_env_values = true)]
    pub(super) access_log: Option<PathBuf>,
    /// How long connections may take to finish after TERM or INT
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration, env = "GW_DRAIN_TIME", hide_env_values = true)]
    pub(super) drain_time: Duration,
    /// Worker threads; without the flag one a core
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), env = "GW_WORKERS", hide_env_values = true)]
    pub(super) workers: Option<u16>,
    /// What is logged to stderr, such as info or gw=debug
    #[arg(long, value_name = "FILTER", default_value = "info", env = "GW_LOG", hide_env_values = true)]
    pub(super) log: String,
    /// Log JSON lines
    #[arg(long)]
    pub(super) log_json: bool,
}

/// Where gateways come from, as it is typed.
#[derive(Debug, Args)]
pub(super) struct OriginArgs {
    /// The gw.toml: gateways, services, where the entries are
    #[arg(short, long, value_name = "FILE", env = "GW_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// A folder of config entries (repeatable)
    #[arg(long, value_name = "DIR", env = "GW_CONFIG_DIR", hide_env_values = true)]
    config_dir: Vec<PathBuf>,
    /// Listen on [IP:]PORT[/http|/http2|/grpc|/tcp]; a port alone is on 127.0.0.1 (repeatable)
    #[arg(long, value_name = "[IP:]PORT[/PROTO]", env = "GW_LISTEN", hide_env_values = true)]
    listen: Vec<Listen>,
    /// Without files: requests for HOST (empty: any) below PREFIX go to TARGET, HOST/PREFIX=TARGET (repeatable)
    #[arg(long, value_name = "HOST/PREFIX=TARGET", conflicts_with_all = ["config", "config_dir"])]
    route: Vec<RouteFlag>,
    /// The gateway's service name, which is the name of its ingress-gateway entry too
    #[arg(long, value_name = "NAME", env = "GW_SERVICE", hide_env_values = true)]
    service: Option<String>,
    /// Where the listeners of the entry bind; without the flag the gw.toml's address, or 127.0.0.1
    #[arg(long, value_name = "IP", env = "GW_ADDRESS", hide_env_values = true)]
    address: Option<IpAddr>,
}

impl From<OriginArgs> for Wanted {
    fn from(args: OriginArgs) -> Self {
        Self {
            config: args.config,
            folders: args.config_dir,
            listens: args.listen,
            routes: args.route,
            service: args.service,
            address: args.address,
        }
    }
}

/// A Go duration that is not negative.
fn duration(text: &str) -> Result<Duration, String> {
    let parsed = GoDuration::parse(text).map_err(|e| e.to_string())?;
    if parsed == GoDuration::ZERO {
        return Ok(Duration::ZERO);
    }
    parsed.positive().ok_or_else(|| "it is negative".to_owned())
}
