//! What running a gateway takes: the flags that commands share, and what they mean.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::control_plane::{ControlArgs, OfConsul};
use super::error::Failure;
use super::one_listener::{Place, address};
use super::{Answer, input, told};
use crate::app::access_log::{OfEntries, Stream};
use crate::app::config::{self, AccessLogTo, RunConfig, Token, TracesTo};
use crate::app::echo::EchoServices;
use crate::app::files::Files;
use crate::app::origin::{self, AccessLogFile, Listen, Origin, OriginError, RouteFlag, Wanted};
use crate::app::{self, Bound, log};
use crate::id::{ListenerName, ServiceKey};
use crate::model::duration::GoDuration;
use crate::model::gateway::{GatewayConfig, GatewayKind, Protocol, RecordFormat};
use crate::model::resources::Resources;
use crate::ui::{self, Ui};

/// Flags of every command that runs gateways, as they are typed.
#[derive(Debug, Args)]
pub(super) struct LifeArgs {
    /// Where the admin listener binds; without the flag the gw.toml's, or 127.0.0.1:19000
    #[arg(long, value_name = "IP:PORT", env = "GW_ADMIN_BIND", hide_env_values = true)]
    pub(super) admin_bind: Option<SocketAddr>,
    /// What who asks there has to show (authorization: Bearer ..): needed where it binds off loopback
    #[arg(long, value_name = "FILE", env = "GW_ADMIN_TOKEN_FILE", hide_env_values = true)]
    admin_token_file: Option<PathBuf>,
    /// Where metrics are told too, and nothing else: off loopback, for who scrapes
    #[arg(long, value_name = "IP:PORT", env = "GW_METRICS_BIND", hide_env_values = true)]
    metrics_bind: Option<SocketAddr>,
    /// Write an access record for every request and connection
    #[arg(long, value_name = "FILE|stdout", env = "GW_ACCESS_LOG", hide_env_values = true)]
    pub(super) access_log: Option<PathBuf>,
    /// How records are written; without the flag as the gw.toml says, or in JSON
    #[arg(long, value_name = "FORMAT", env = "GW_ACCESS_LOG_FORMAT", hide_env_values = true)]
    access_log_format: Option<Records>,
    /// Where spans of requests are sent, by OTLP over HTTP: http://127.0.0.1:4318
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT", hide_env_values = true)]
    otlp_endpoint: Option<String>,
    /// The share of requests that is traced where the client does not say whether it is, 0 to 1
    #[arg(long, value_name = "RATIO", default_value = "1", value_parser = ratio, env = "OTEL_TRACES_SAMPLER_ARG", hide_env_values = true)]
    trace_ratio: f64,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Records {
    /// An object a line, with the keys of Consul's default access log
    Json,
    /// A line as Envoy's default format has it
    Text,
}

impl From<Records> for RecordFormat {
    fn from(records: Records) -> Self {
        match records {
            Records::Json => Self::Json,
            Records::Text => Self::Text,
        }
    }
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
    /// Where the listeners of the entry bind; without the flag the gw.toml's address, or 127.0.0.1. PORT is none of them: it answers
    /// /ready, and is what is registered
    #[arg(long, value_name = "IP[:PORT]", value_parser = address, env = "GW_ADDRESS", hide_env_values = true)]
    address: Option<Place>,
}

impl From<OriginArgs> for Wanted {
    fn from(args: OriginArgs) -> Self {
        Self {
            kind: Some(GatewayKind::Ingress),
            config: args.config,
            folders: args.config_dir,
            listens: args.listen,
            routes: args.route,
            service: args.service,
            address: args.address.map(|(ip, _)| ip),
            port: args.address.and_then(|(_, port)| port),
            expose_servers: false,
        }
    }
}

/// Starts what is wanted, says what is served, and waits until it has ended.
pub(super) fn serve(wanted: &Wanted, control: ControlArgs, life: LifeArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    log::start(&life.log, if life.log_json { log::Format::Json } else { log::Format::Text });
    if let Some(of_consul) = control.gateways(wanted, ui)? {
        let OfConsul { source, by, resources, register, admin: of_file, access_log, dns } = of_consul;
        let from = Origin::Consul(source.agent(), by);
        let admin = admin(life.admin_bind.or(of_file), ui);
        let (served, certificates) = (served(&resources), source.certificates());
        let config = RunConfig { certificates, dns, consul: Some(source), register, ..life.run(resources, &from, admin, access_log)? };
        return attend(config, &from, &served, ui);
    }
    let mut echo = None;
    let mut gateways = origin::resolve(wanted, || {
        let services = EchoServices::bind()?;
        let addresses = services.addresses();
        echo = Some(services);
        Ok(addresses)
    })?;
    gateways.notes.iter().for_each(|note| ui.report(&input::report(note)));
    let admin = admin(life.admin_bind.or(gateways.admin), ui);
    let (from, served) = (gateways.origin.clone(), served(&gateways.resources));
    let files = Files::of(wanted, &mut gateways, life.admin_bind);
    let config = RunConfig {
        certificates: gateways.certificates,
        dns: gateways.dns,
        files,
        echo,
        ..life.run(gateways.resources, &from, admin, gateways.access_log)?
    };
    attend(config, &from, &served, ui)
}

/// Starts it, says what is served, and waits until it has ended.
fn attend(config: RunConfig, from: &Origin, served: &[(String, String)], ui: &mut Ui) -> Result<Answer, Failure> {
    let bound = app::start(config)?;
    announce(from, served, &bound, ui);
    bound.attend(|told| told::tell(told, ui))?;
    Ok(Answer::Yes)
}

impl LifeArgs {
    /// A run of gateways as the flags say.
    fn run(
        self,
        gateways: Vec<Resources>,
        from: &Origin,
        admin: Option<SocketAddr>,
        log: Option<AccessLogFile>,
    ) -> Result<RunConfig, Failure> {
        let service = gateways.first().map(|resources| resources.gateway.name.clone()).unwrap_or_default();
        let asked = self.access_log.is_some() || log.is_some();
        let of_entries = gateways.first().filter(|_| !asked).and_then(|resources| OfEntries::read(&resources.entries));
        let format = self.access_log_format.map(RecordFormat::from).or(log.as_ref().map(|log| log.format));
        let format = format.or(of_entries.as_ref().map(|wanted| wanted.format));
        let of_file = log.map(|log| log.path.map_or_else(|| AccessLogTo::Writer(ui::records()), AccessLogTo::File));
        let of_entries = of_entries.map(|wanted| match wanted.to {
            Stream::Stdout => AccessLogTo::Writer(ui::records()),
            Stream::Stderr => AccessLogTo::Writer(ui::records_beside()),
            Stream::File(path) => AccessLogTo::File(path),
        });
        let admin_token = self.admin_token_file.as_deref().map(Token::read).transpose()?;
        Ok(RunConfig {
            admin_token,
            metrics: self.metrics_bind,
            origin: from.to_string(),
            admin: admin.into_iter().collect(),
            workers: self.workers.and_then(|n| NonZeroUsize::new(usize::from(n))),
            access_log: self.access_log.map(access_log).or(of_file).or(of_entries),
            record_format: format.unwrap_or_default(),
            traces: self.otlp_endpoint.filter(|url| !url.is_empty()).map(|endpoint| TracesTo {
                endpoint,
                ratio: self.trace_ratio,
                service,
            }),
            drain_time: self.drain_time,
            signals: true,
            ..RunConfig::new(gateways)
        })
    }
}

/// Where admin requests are answered. The default gives way if another process has it; what was asked for does not.
fn admin(asked: Option<SocketAddr>, ui: &mut Ui) -> Option<SocketAddr> {
    if asked.is_some() {
        return asked;
    }
    if std::net::TcpListener::bind(config::ADMIN).is_err() {
        ui.note(&format!("gw: {} is taken, so that this gateway has no admin listener; --admin-bind gives it one", config::ADMIN));
        return None;
    }
    Some(config::ADMIN)
}

fn access_log(to: PathBuf) -> AccessLogTo {
    if to.as_os_str() == "stdout" || to.as_os_str() == "-" { AccessLogTo::Writer(ui::records()) } else { AccessLogTo::File(to) }
}

/// `web for shop.test`, by listener.
fn served(resources: &[Resources]) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for resources in resources {
        let gateway = &resources.gateway.name;
        if resources.gateway.kind == GatewayKind::Mesh {
            let port = resources.gateway.port.unwrap_or(GatewayConfig::PORT);
            out.push((ListenerName::of(gateway, i64::from(port)).to_string(), format!("TLS passed through: {}", reached(resources))));
            let wan = resources.gateway.wan.map(|wan| ListenerName::of_wan(gateway, wan.port()).to_string());
            out.extend(wan.map(|name| (name, "the same for other datacenters".to_owned())));
            continue;
        }
        if let Some(entry) = resources.entries.terminating_gateways.get(&ServiceKey::of(gateway)) {
            let services: Vec<String> = entry.services.iter().map(|service| service.name.clone()).collect();
            let port = resources.gateway.port.unwrap_or(GatewayConfig::PORT);
            out.push((ListenerName::of(gateway, i64::from(port)).to_string(), format!("mTLS of the mesh: {}", in_short(&services))));
            continue;
        }
        let Some(entry) = resources.entries.ingress_gateways.get(&ServiceKey::of(gateway)) else { continue };
        for listener in &entry.listeners {
            let services = listener.services.iter().map(|service| {
                let hosts = service.hosts.join(", ");
                if hosts.is_empty() || hosts == "*" { service.name.clone() } else { format!("{} for {hosts}", service.name) }
            });
            let shown = in_short(&services.collect::<Vec<_>>());
            let tls = if listener.tls.is_some() || entry.tls.enabled { "https" } else { listener.protocol.as_str() };
            out.push((ListenerName::of(gateway, listener.port).to_string(), format!("{tls}: {shown}")));
        }
    }
    out
}

/// What a mesh gateway leads to: services here, datacenters and peers elsewhere.
fn reached(resources: &Resources) -> String {
    // What is in the catalog and not in the mesh is named by nobody here, such as gateways.
    let offered = resources.services.values().filter(|service| service.instances.iter().any(|instance| instance.mesh));
    let services = offered.map(|service| service.name.to_string());
    let servers = resources.gateway.exposes_servers.then(|| format!("servers ({})", resources.federation.servers.instances.len()));
    let elsewhere = resources.federation.datacenters.keys().filter(|name| **name != resources.datacenter);
    let peers = resources.federation.peers.keys().map(|name| format!("peer {name}"));
    let all: Vec<String> = elsewhere.map(|name| format!("datacenter {name}")).chain(peers).chain(servers).chain(services).collect();
    if all.is_empty() { "nothing is known that it could lead to".to_owned() } else { in_short(&all) }
}

fn in_short(services: &[String]) -> String {
    let more = services.len().saturating_sub(SHOWN);
    let shown = services[..services.len() - more].join("; ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// Services of a listener that are named when it starts.
const SHOWN: usize = 8;

fn announce(from: &Origin, served: &[(String, String)], bound: &Bound, ui: &mut Ui) {
    ui.note(&format!("gw {}: running {from}", env!("CARGO_PKG_VERSION")));
    for (name, address) in &bound.listeners {
        let what = served.iter().find(|(listener, _)| listener == name.as_str()).map_or("", |(_, what)| what);
        ui.note(&format!("  {name} listens on {address}, {what}"));
    }
    for address in &bound.ready {
        ui.note(&format!("  whether it is ready on http://{address}/ready"));
    }
    for address in &bound.admin {
        ui.note(&format!("  admin on http://{address}/"));
    }
    if let Some(address) = bound.metrics {
        ui.note(&format!("  metrics on http://{address}/metrics"));
    }
    if let (Origin::Embedded, Some((_, address))) = (from, bound.listeners.first()) {
        ui.note("try");
        if served.iter().any(|(_, what)| what.starts_with(Protocol::Tcp.as_str())) {
            ui.note(&format!("  curl http://{address}/          who answered, what it received: web v1, for tcp is not split"));
        } else {
            ui.note(&format!("  curl http://{address}/          who answered, what it received: 9 of 10 by web v1"));
            ui.note(&format!("  curl http://{address}/api/cart  the router sends it to api"));
        }
        if let Some(admin) = bound.admin.first() {
            let admin = if *admin == config::ADMIN { String::new() } else { format!(" --admin {admin}") };
            ui.note(&format!("  gw inspect routes{admin}         all that is served, and by which rule"));
        }
    }
}

impl From<OriginError> for Failure {
    fn from(error: OriginError) -> Self {
        match error {
            OriginError::Files(problems) => Self::Invalid(problems),
            OriginError::NoListen => Self::Usage(format!("{error}: give --listen 8080, or -c with a gw.toml")),
            OriginError::Echo(source) => Self::Echo(source),
            OriginError::Which(which) => which.into(),
            OriginError::NoFiles(_) | OriginError::NoCerts(_) | OriginError::Flags(_) | OriginError::NoSuchPort { .. } => {
                Self::Usage(error.to_string())
            }
        }
    }
}

/// A Go duration that is not negative.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed = GoDuration::parse(text).map_err(|e| e.to_string())?;
    if parsed == GoDuration::ZERO {
        return Ok(Duration::ZERO);
    }
    parsed.positive().ok_or_else(|| "it is negative".to_owned())
}

/// A share, from 0 to 1.
fn ratio(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|e: std::num::ParseFloatError| e.to_string())?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("it is not from 0 to 1".to_owned()) }
}
