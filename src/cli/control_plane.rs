//! Consul as the control plane of a gateway: the flags, the first sync, and what is registered.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::consul::{AgentArgs, settings};
use super::error::Failure;
use super::gateway::duration;
use crate::app::consul::Flags;
use crate::app::from_consul::{ConsulError, ConsulSource, Progress, WantedOfConsul};
use crate::app::origin::Wanted;
use crate::app::register;
use crate::model::gateway::{GatewayConfig, GatewayKind};
use crate::model::resources::Resources;
use crate::ui::{self, Ui};

/// Flags of gateways that may take everything from Consul.
#[derive(Debug, Args)]
pub(super) struct ControlArgs {
    #[command(flatten)]
    agent: AgentArgs,
    /// The gRPC port of a Consul server: keys of one's own, signed by its CA with the DNS names of TLS listeners; CONSUL_GRPC_ADDR
    #[arg(long, value_name = "ADDR", help_heading = "Consul")]
    grpc_addr: Option<String>,
    /// PEM: whom its certificate must be from; CONSUL_GRPC_CACERT
    #[arg(long, value_name = "FILE", help_heading = "Consul")]
    grpc_ca_file: Option<String>,
    /// Register with the agent once it listens, and take it back at the end
    #[arg(long, help_heading = "Consul", env = "GW_REGISTER", hide_env_values = true)]
    register: bool,
    /// Where clients of other datacenters connect, if that is another address
    #[arg(long, value_name = "IP:PORT", help_heading = "Consul", requires = "register", env = "GW_WAN_ADDRESS", hide_env_values = true)]
    wan_address: Option<SocketAddr>,
    /// After which the agent forgets the gateway if it is gone
    #[arg(long, value_name = "DURATION", help_heading = "Consul", requires = "register", default_value = "6h", value_parser = duration)]
    deregister_after_critical: Duration,
    /// Where the last good state is kept, keys included; without the flag STATE_DIRECTORY, or gw below XDG_STATE_HOME or ~/.local/state
    #[arg(long, value_name = "DIR", help_heading = "Consul", env = "GW_STATE_DIR", hide_env_values = true)]
    state_dir: Option<PathBuf>,
}

/// A gateway of Consul that is to be run.
#[derive(Debug)]
pub(super) struct OfConsul {
    pub(super) source: ConsulSource,
    pub(super) resources: Vec<Resources>,
    pub(super) register: Option<register::Wanted>,
}

impl ControlArgs {
    /// The gateway, when the first sync is complete. `None`: it comes from elsewhere, for files come first and no agent is named.
    pub(super) fn gateway(self, wanted: &Wanted, ui: &mut Ui) -> Result<Option<OfConsul>, Failure> {
        let of_files = wanted.config.is_some() || !wanted.folders.is_empty() || !wanted.routes.is_empty();
        if of_files || !self.agent.is_named() {
            return if self.register {
                Err(Failure::Usage(
                    "--register is for gateways that Consul controls: name its agent by --http-addr or CONSUL_HTTP_ADDR, without -c"
                        .to_owned(),
                ))
            } else {
                Ok(None)
            };
        }
        let kind = wanted.kind.unwrap_or(GatewayKind::Ingress);
        let gateway = gateway(wanted, kind);
        let state = self.state_dir.or_else(state_dir);
        let flags = Flags { grpc_addr: self.grpc_addr, grpc_ca_file: self.grpc_ca_file, ..self.agent.flags() };
        let settings = settings(&flags, ui)?;
        let of_consul = WantedOfConsul { settings, gateways: vec![gateway], certificates: Vec::new(), state };
        let mut source = ConsulSource::begin(of_consul)?;
        let mut shown = ui::Progress::begin();
        let agent = source.agent();
        let resources = source.sync(|progress| {
            if let Some(line) = shown.at(&told(&agent, progress)) {
                ui.note(&line);
            }
        })?;
        shown.end();
        let register = match self.register {
            true => Some(registered(&resources[0], self.wan_address, self.deregister_after_critical)?),
            false => None,
        };
        Ok(Some(OfConsul { source, resources, register }))
    }
}

fn gateway(wanted: &Wanted, kind: GatewayKind) -> GatewayConfig {
    let name = wanted.service.clone().unwrap_or_else(|| kind.default_name().to_owned());
    let gateway = GatewayConfig::of(kind, &name);
    let addresses = wanted.listens.iter().map(|listen| (listen.port, listen.ip)).collect();
    GatewayConfig { address: wanted.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), addresses, port: wanted.port, ..gateway }
}

/// How far the first sync is, in a line.
fn told(agent: &str, progress: &Progress) -> String {
    let (done, all) = progress.services;
    let missing = progress.missing.join(", ");
    let trouble = progress.trouble.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    let services = if all > 0 { format!(", {done} of {all} services") } else { String::new() };
    format!("gw: first sync with Consul at {agent}{services}; still without {missing}{trouble}")
}

/// What the agent is told. An ingress gateway is where its first listener is.
fn registered(resources: &Resources, wan: Option<SocketAddr>, forgotten_after: Duration) -> Result<register::Wanted, Failure> {
    let gateway = &resources.gateway;
    let port = match gateway.kind {
        GatewayKind::Ingress => {
            let entry = resources.entries.ingress_gateways.get(&crate::id::ServiceKey::of(&gateway.name));
            let port = entry.and_then(|entry| u16::try_from(entry.listeners.first()?.port).ok());
            port.ok_or_else(|| {
                Failure::Refused(format!("ingress-gateway/{} has no listener yet, so that there is nothing to register", gateway.name))
            })?
        }
        GatewayKind::Mesh | GatewayKind::Terminating => gateway.port.unwrap_or(GatewayConfig::PORT),
    };
    let address = SocketAddr::new(gateway.addresses.get(&port).copied().unwrap_or(gateway.address), port);
    let wanted = register::Wanted { wan, forgotten_after, ..register::Wanted::new(gateway.kind, &gateway.name, address) };
    wanted.check().map_err(|why| Failure::Usage(why.to_string()))?;
    Ok(wanted)
}

fn state_dir() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    folder("STATE_DIRECTORY")
        .or_else(|| folder("XDG_STATE_HOME").map(|state| state.join("gw")))
        .or_else(|| folder("HOME").map(|home| home.join(".local/state/gw")))
}

impl From<ConsulError> for Failure {
    fn from(error: ConsulError) -> Self {
        match error {
            ConsulError::Ask(error) => error.into(),
            other => Self::Refused(crate::app::log::with_causes(&other)),
        }
    }
}
