//! Consul as the control plane of a gateway: the flags, the first sync, and what is registered.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::consul::{AgentArgs, settings};
use super::error::Failure;
use super::gateway::duration;
use super::input;
use crate::app::consul::Flags;
use crate::app::from_consul::{ConsulError, ConsulSource, Progress, WantedOfConsul};
use crate::app::inspect::problems::word;
use crate::app::load::{self, GatewayFile, Loaded, WhichGateway};
use crate::app::origin::{self, AccessLogFile, Wanted};
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
    /// Where clients of other datacenters connect, if that is another address; a mesh gateway listens there too
    #[arg(long, value_name = "IP:PORT", help_heading = "Consul", requires = "register", env = "GW_WAN_ADDRESS", hide_env_values = true)]
    wan_address: Option<SocketAddr>,
    /// After which the agent forgets the gateway if it is gone
    #[arg(long, value_name = "DURATION", help_heading = "Consul", requires = "register", default_value = "6h", value_parser = duration)]
    deregister_after_critical: Duration,
    /// Where the last good state is kept, keys included; without the flag STATE_DIRECTORY, or gw below XDG_STATE_HOME or ~/.local/state
    #[arg(long, value_name = "DIR", help_heading = "Consul", env = "GW_STATE_DIR", hide_env_values = true)]
    state_dir: Option<PathBuf>,
}

/// Gateways of Consul that are to be run.
#[derive(Debug)]
pub(super) struct OfConsul {
    pub(super) source: ConsulSource,
    /// The gw.toml that says which.
    pub(super) by: Option<PathBuf>,
    pub(super) resources: Vec<Resources>,
    pub(super) register: Vec<register::Wanted>,
    /// Where gw.toml puts the admin listener.
    pub(super) admin: Option<SocketAddr>,
    /// And access records.
    pub(super) access_log: Option<AccessLogFile>,
    /// The DNS servers that it names.
    pub(super) dns: Vec<SocketAddr>,
}

impl ControlArgs {
    /// The gateways, when the first sync is complete. `None`: they come from elsewhere, for files come first and no agent is named.
    pub(super) fn gateways(self, wanted: &Wanted, ui: &mut Ui) -> Result<Option<OfConsul>, Failure> {
        let by = self.file(wanted);
        let file = by.as_deref().map(load::of_consul).transpose().map_err(Failure::Invalid)?.flatten();
        let of_files = wanted.config.is_some() || !wanted.folders.is_empty() || !wanted.routes.is_empty();
        if file.is_none() && (of_files || !self.agent.is_named()) {
            return if self.register {
                Err(Failure::Usage(
                    "--register is for gateways that Consul controls: name its agent by --http-addr, CONSUL_HTTP_ADDR or [consul] in gw.toml"
                        .to_owned(),
                ))
            } else {
                Ok(None)
            };
        }
        let by = by.filter(|_| file.is_some());
        if let (Some(folder), Some(by)) = (wanted.folders.first(), &by) {
            let (folder, by) = (folder.display(), by.display());
            return Err(Failure::Usage(format!(
                "--config-dir {folder} and the [consul] of {by} both say where entries are: leave one out"
            )));
        }
        let Self { agent, grpc_addr, grpc_ca_file, register, wan_address, deregister_after_critical, state_dir: state } = self;
        let typed = Flags { grpc_addr, grpc_ca_file, ..agent.flags() };
        let (mut certificates, mut admin, mut access_log, mut dns) = Default::default();
        let (mut gateways, settings) = match file {
            None => (vec![gateway(wanted, wanted.kind.unwrap_or(GatewayKind::Ingress))], settings(&typed, ui)?),
            Some(file) => {
                file.notes.iter().for_each(|note| ui.report(&input::report(note)));
                let gateways = of_file(&file, wanted)?;
                admin = file.gateways.iter().find_map(|(gateway, _)| gateway.admin);
                access_log = file.gateways.iter().find_map(|(gateway, _)| gateway.access_log.clone());
                let of_file = file.configuration.consul.unwrap_or_default();
                (certificates, dns) = (file.configuration.certificates, file.configuration.dns);
                (gateways, settings(&typed.or(of_file), ui)?)
            }
        };
        let wans = wans(&gateways, wan_address)?;
        for (gateway, wan) in gateways.iter_mut().zip(&wans) {
            gateway.wan = wan.and_then(|wan| listens(gateway.kind, wan, ui));
        }
        let of_consul = WantedOfConsul { settings, gateways, certificates, state: state.or_else(state_dir) };
        let mut source = ConsulSource::begin(of_consul)?;
        let mut shown = ui::Progress::begin();
        let agent = source.agent();
        let resources = source.sync(|progress| {
            if let Some(line) = shown.at(&told(&agent, progress)) {
                ui.note(&line);
            }
        })?;
        shown.end();
        let all = resources.iter().zip(wans).filter(|_| register);
        let register = all.map(|(one, wan)| registered(one, wan, deregister_after_critical)).collect::<Result<_, _>>()?;
        Ok(Some(OfConsul { source, by, resources, register, admin, access_log, dns }))
    }

    /// The file that may say which Consul it is.
    fn file(&self, wanted: &Wanted) -> Option<PathBuf> {
        let here = || Some(PathBuf::from("gw.toml")).filter(|path| wanted.routes.is_empty() && !self.agent.is_named() && path.exists());
        wanted.config.clone().or_else(here)
    }
}

/// Where clients of other datacenters connect to each of the gateways. What was typed is for the only one.
fn wans(gateways: &[GatewayConfig], typed: Option<SocketAddr>) -> Result<Vec<Option<SocketAddr>>, Failure> {
    if typed.is_some() && gateways.len() > 1 {
        return Err(Failure::Usage("--wan-address is for one gateway: say wan_address in each [[gateway]] of gw.toml".to_owned()));
    }
    Ok(gateways.iter().map(|gateway| typed.or(gateway.wan)).collect())
}

/// The gateways of a file that are wanted; of one that has none at all, the one that is typed.
fn of_file(file: &Loaded, wanted: &Wanted) -> Result<Vec<GatewayConfig>, WhichGateway> {
    let all = &file.configuration.gateways;
    if let (true, Some(kind)) = (all.is_empty(), wanted.kind) {
        return Ok(vec![gateway(wanted, kind)]);
    }
    let named = |one: &&GatewayFile| wanted.service.as_ref().is_none_or(|name| *name == one.config.name);
    let of_kind = |one: &&GatewayFile| wanted.kind.is_none_or(|kind| kind == one.config.kind);
    let chosen: Vec<GatewayConfig> = all.iter().filter(named).filter(of_kind).map(|one| typed_over(one.config.clone(), wanted)).collect();
    match (chosen.is_empty(), &wanted.service, wanted.kind) {
        (false, ..) => Ok(chosen),
        (true, Some(name), _) => {
            Err(WhichGateway::Unknown { name: name.clone(), known: all.iter().map(|one| one.config.name.clone()).collect() })
        }
        (true, None, Some(kind)) => Err(WhichGateway::OfKind(kind)),
        (true, None, None) => Err(WhichGateway::None),
    }
}

fn gateway(wanted: &Wanted, kind: GatewayKind) -> GatewayConfig {
    let name = wanted.service.clone().unwrap_or_else(|| kind.default_name().to_owned());
    typed_over(GatewayConfig::of(kind, &name), wanted)
}

/// A gateway that binds where it was typed.
fn typed_over(mut gateway: GatewayConfig, wanted: &Wanted) -> GatewayConfig {
    gateway.address = wanted.address.unwrap_or(gateway.address);
    gateway.port = wanted.port.or(gateway.port);
    gateway.exposes_servers |= wanted.expose_servers;
    gateway.addresses.extend(wanted.listens.iter().map(|listen| (listen.port, listen.ip)));
    gateway
}

/// Where a mesh gateway listens for clients of other datacenters besides: at the address that is registered for them, if that is this
/// machine's own.
fn listens(kind: GatewayKind, wan: SocketAddr, ui: &mut Ui) -> Option<SocketAddr> {
    if kind != GatewayKind::Mesh {
        return None;
    }
    let own = origin::is_own(wan.ip());
    if !own {
        ui.note(&format!("gw: {} is no address of this machine: it is registered, and nothing listens there", wan.ip()));
    }
    own.then_some(wan)
}

/// How far the first sync is, in a line.
fn told(agent: &str, progress: &Progress) -> String {
    let (done, all) = progress.services;
    let missing = progress.missing.join(", ");
    let trouble = progress.trouble.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    let policy = |(kind, name): &(GatewayKind, String)| {
        let command = format!("gw config gen acl-policy --for {} {}", kind.as_str(), word(name));
        format!("; {command} prints what its token needs, which --token-file FILE or CONSUL_HTTP_TOKEN_FILE names")
    };
    let policy = progress.unallowed.as_ref().map(policy).unwrap_or_default();
    let services = if all > 0 { format!(", {done} of {all} services") } else { String::new() };
    format!("gw: first sync with Consul at {agent}{services}; still without {missing}{trouble}{policy}")
}

/// What the agent is told. An ingress gateway is where it says whether it is ready, or else where its first listener is.
fn registered(resources: &Resources, wan: Option<SocketAddr>, forgotten_after: Duration) -> Result<register::Wanted, Failure> {
    let gateway = &resources.gateway;
    let port = match (gateway.kind, gateway.port) {
        (_, Some(port)) => port,
        (GatewayKind::Ingress, None) => {
            let entry = resources.entries.ingress_gateways.get(&crate::id::ServiceKey::of(&gateway.name));
            let port = entry.and_then(|entry| u16::try_from(entry.listeners.first()?.port).ok());
            port.ok_or_else(|| {
                Failure::Refused(format!(
                    "ingress-gateway/{} has no listener yet, so that there is nothing to register: --address IP:PORT gives it a port of its own",
                    gateway.name
                ))
            })?
        }
        (GatewayKind::Mesh | GatewayKind::Terminating, None) => GatewayConfig::PORT,
    };
    let address = SocketAddr::new(gateway.addresses.get(&port).copied().unwrap_or(gateway.address), port);
    let exposes_servers = gateway.exposes_servers;
    let wanted = register::Wanted { wan, exposes_servers, forgotten_after, ..register::Wanted::new(gateway.kind, &gateway.name, address) };
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
