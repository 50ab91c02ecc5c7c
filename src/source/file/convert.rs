//! `gw.toml` to the model: what was typed to what it means, with an error at every value that means nothing.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use toml::Spanned;

use super::ReadFile;
use super::schema::{GatewayTable, InstanceTable, ServiceTable};
use crate::id::{Datacenter, ServiceKey, ServiceName, TrustDomain};
use crate::model::entry::IntentionAction;
use crate::model::federation::Federation;
use crate::model::gateway::{Alpn, Certificate, Forwarded, GatewayConfig, GatewayKind, Identity, RecordFormat, Switches};
use crate::model::service::{Address, Health, Instance, Service};
use crate::source::consul::settings::Flags;
use crate::source::diagnostic::Diagnostic;

/// What a `gw.toml` means. The config entries are read apart, from `entries`.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The own datacenter.
    pub datacenter: Datacenter,
    /// The trust domain.
    pub trust_domain: TrustDomain,
    /// What holds where no intention says anything.
    pub default_action: IntentionAction,
    /// Files and folders of config entries, relative ones already joined to the folder of `gw.toml`.
    pub entries: Vec<PathBuf>,
    /// The folder of the mesh's certificates.
    pub certs: Option<PathBuf>,
    /// The Consul that everything but gateways and their own certificates comes from.
    pub consul: Option<Flags>,
    /// The gateways.
    pub gateways: Vec<GatewayFile>,
    /// The services of the own datacenter.
    pub services: Arc<BTreeMap<ServiceKey, Arc<Service>>>,
    /// Other datacenters, peers, and the own mesh gateways.
    pub federation: Arc<Federation>,
    /// The certificates of TLS listeners.
    pub certificates: Vec<Certificate>,
    /// The DNS servers that are asked for the host names of instances; none is those of the machine.
    pub dns: Vec<SocketAddr>,
}

impl Configuration {
    /// The files by which a gateway is known in the mesh, if there is a folder of them.
    pub fn identity(&self, gateway: &str) -> Option<Identity> {
        self.certs.as_ref().map(|folder| Identity::in_folder(folder, gateway))
    }

    /// Has these services instead of its own, each where it is. False: one of them is there twice.
    pub(super) fn place(&mut self, services: impl Iterator<Item = Placed>) -> bool {
        let (own, elsewhere): (Vec<Placed>, Vec<Placed>) = services.partition(|placed| placed.datacenter.is_none());
        let mut all = own.len() + elsewhere.len();
        self.services = Arc::new(own.into_iter().map(|placed| (placed.key, placed.service)).collect());
        all -= self.services.len();
        let datacenters = &mut Arc::make_mut(&mut self.federation).datacenters;
        for Placed { datacenter, key, service } in elsewhere {
            let Some(datacenter) = datacenter else { continue };
            let services = &mut datacenters.entry(datacenter).or_default().services;
            all -= usize::from(services.insert(key, service).is_none());
        }
        all == 0
    }
}

/// A service, and where it is.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    /// `None` is the own datacenter.
    pub(super) datacenter: Option<Datacenter>,
    pub(super) key: ServiceKey,
    pub(super) service: Arc<Service>,
}

/// A gateway and where its admin listener is.
#[derive(Clone, Debug)]
pub struct GatewayFile {
    /// The gateway.
    pub config: GatewayConfig,
    /// `admin`
    pub admin: Option<SocketAddr>,
    /// `access_log`
    pub access_log: Option<AccessLogFile>,
}

/// Where access records go, and how they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLogFile {
    /// The file; `None` is stdout.
    pub path: Option<PathBuf>,
    /// How.
    pub format: RecordFormat,
}

impl Default for Configuration {
    /// What an empty `gw.toml` means.
    fn default() -> Self {
        Self {
            datacenter: Datacenter::from("dc1"),
            trust_domain: TrustDomain::new(TrustDomain::OF_FILES),
            default_action: IntentionAction::Deny,
            entries: Vec::new(),
            certs: None,
            consul: None,
            gateways: Vec::new(),
            services: Arc::default(),
            federation: Arc::default(),
            certificates: Vec::new(),
            dns: Vec::new(),
        }
    }
}

/// The words for the kinds of gateways.
const KINDS: &[(&str, GatewayKind)] =
    &[("ingress", GatewayKind::Ingress), ("mesh", GatewayKind::Mesh), ("terminating", GatewayKind::Terminating)];

impl GatewayTable {
    /// Its name, or the one of its kind.
    pub fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.kind().unwrap_or(GatewayKind::Ingress).default_name().to_owned())
    }

    /// Its kind; `None` if that is a word for none.
    pub fn kind(&self) -> Option<GatewayKind> {
        KINDS.iter().find(|(word, _)| word == self.kind.get_ref()).map(|(_, kind)| *kind)
    }
}

/// Gives a `gw.toml` its meaning; all errors at once.
pub fn convert(file: &ReadFile) -> Result<Configuration, Vec<Diagnostic>> {
    let mut converter = Converter { file, problems: Vec::new() };
    let configuration = converter.configuration();
    if converter.problems.is_empty() { Ok(configuration) } else { Err(converter.problems) }
}

/// The services alone; `None` where anything is wrong with them.
pub(super) fn services(file: &ReadFile) -> Option<Vec<Placed>> {
    let mut converter = Converter { file, problems: Vec::new() };
    let services = converter.services();
    converter.problems.is_empty().then_some(services)
}

pub(super) struct Converter<'a> {
    pub(super) file: &'a ReadFile,
    pub(super) problems: Vec<Diagnostic>,
}

impl Converter<'_> {
    fn configuration(&mut self) -> Configuration {
        let ReadFile { parsed, folder, .. } = self.file;
        self.twice();
        self.absent();
        let default_action = parsed.default_intention.as_ref();
        let default_action = default_action.and_then(|word| self.word(word, "default_intention", IntentionAction::WORDS));
        let certificates = parsed.certificate.iter().map(|c| Certificate {
            cert: folder.join(c.cert.get_ref()),
            key: folder.join(c.key.get_ref()),
            hosts: c.hosts.clone(),
            name: c.name.clone(),
        });
        let services = self.services();
        let mut configuration = Configuration {
            datacenter: parsed.own_datacenter(),
            trust_domain: TrustDomain::new(parsed.trust_domain.as_deref().unwrap_or(TrustDomain::OF_FILES)),
            default_action: default_action.unwrap_or(IntentionAction::Deny),
            entries: parsed.entries.iter().map(|e| folder.join(e.get_ref())).collect(),
            certs: parsed.certs.as_ref().map(|c| folder.join(c.dir.get_ref())),
            consul: self.consul(),
            gateways: parsed.gateway.iter().map(|g| self.gateway(g)).collect(),
            services: Arc::default(),
            federation: Arc::new(self.federation()),
            certificates: certificates.collect(),
            dns: parsed.dns.servers.iter().filter_map(|s| self.dns_server(s)).collect(),
        };
        configuration.place(services.into_iter());
        configuration
    }

    /// Two gateways of one name would be one entry and one set of ports.
    fn twice(&mut self) {
        let mut seen = Vec::new();
        for table in &self.file.parsed.gateway {
            let name = table.name();
            let key = ServiceKey::of(&name);
            if seen.contains(&key) {
                let message = format!("gateway {name} is there twice; names have no case");
                self.problems.push(Diagnostic::error("GW0009", message).at(&self.file.text, table.kind.span()));
            }
            seen.push(key);
        }
    }

    /// Entries that are not there, at the place that names them.
    fn absent(&mut self) {
        for written in &self.file.parsed.entries {
            let path = self.file.folder.join(written.get_ref());
            if !path.exists() {
                let message = format!("there is no file or folder {}", path.display());
                self.problems.push(Diagnostic::error("GW0001", message).at(&self.file.text, written.span()));
            }
        }
    }

    fn gateway(&mut self, table: &GatewayTable) -> GatewayFile {
        let kind = self.word(&table.kind, "kind", KINDS).unwrap_or(GatewayKind::Ingress);
        let default = Switches::default();
        let forwarded = table.forwarded.as_ref();
        let forwarded = forwarded.and_then(|w| self.word(w, "forwarded", &[("append", Forwarded::Append), ("keep", Forwarded::Keep)]));
        let alpn = table.alpn.as_ref().and_then(|written| self.alpn(written));
        let address = table.address.as_ref().and_then(|a| self.bind(a));
        let (address, port) = address.unwrap_or((IpAddr::V4(Ipv4Addr::LOCALHOST), None));
        let admin = table.admin.as_ref().and_then(|a| self.parse(a, "admin", "an address such as 127.0.0.1:19000"));
        if let (Some(written), true) = (&table.admin, admin.is_some_and(|a: SocketAddr| !a.ip().is_loopback())) {
            let message = format!("admin is {:?}, which is off loopback, and the admin listener has no password", written.get_ref());
            self.problems.push(Diagnostic::error("GW0008", message).at(&self.file.text, written.span()));
        }
        self.of_mesh_gateways(kind, "expose_servers", &table.expose_servers);
        // Of the others it is registered, and nothing else.
        if self.file.parsed.consul.is_none() {
            self.of_mesh_gateways(kind, "wan_address", &table.wan_address);
        }
        let wan = table.wan_address.as_ref().and_then(|a| self.parse(a, "wan_address", "an address such as 192.0.2.1:8443"));
        GatewayFile {
            admin,
            access_log: self.access_log(table),
            config: GatewayConfig {
                kind,
                name: table.name(),
                address,
                addresses: BTreeMap::new(),
                port,
                wan,
                exposes_servers: table.expose_servers.as_ref().is_some_and(|expose| *expose.get_ref()),
                switches: Switches {
                    strict_host_port: table.strict_host_port,
                    forwarded: forwarded.unwrap_or(default.forwarded),
                    code_header: table.code_header.unwrap_or(default.code_header),
                    alpn: alpn.unwrap_or(default.alpn),
                    deny_cuts: table.deny_cuts.unwrap_or(default.deny_cuts),
                    check_upstream_name: table.check_upstream_name.unwrap_or(default.check_upstream_name),
                },
                identity: None,
                leaves: None,
            },
        }
    }

    fn access_log(&mut self, table: &GatewayTable) -> Option<AccessLogFile> {
        let format = table.access_log_format.as_ref();
        let format = format.and_then(|w| self.word(w, "access_log_format", &[("json", RecordFormat::Json), ("text", RecordFormat::Text)]));
        let to = table.access_log.as_ref()?.get_ref();
        let path = (to != "stdout" && to != "-").then(|| self.file.folder.join(to));
        Some(AccessLogFile { path, format: format.unwrap_or_default() })
    }

    fn alpn(&mut self, written: &Spanned<Vec<String>>) -> Option<Alpn> {
        let names: Vec<&str> = written.get_ref().iter().map(String::as_str).collect();
        match names.as_slice() {
            ["h2", "http/1.1"] => Some(Alpn::Http2),
            ["http/1.1"] => Some(Alpn::Http1),
            _ => {
                let message = format!("alpn is {names:?}, which is not [\"h2\", \"http/1.1\"] or [\"http/1.1\"]");
                self.problems.push(Diagnostic::error("GW0004", message).at(&self.file.text, written.span()));
                None
            }
        }
    }

    /// Where a gateway listens: one that has a single listener may say the port too, and an ingress gateway where it is asked whether it
    /// is ready.
    fn bind(&mut self, written: &Spanned<String>) -> Option<(IpAddr, Option<u16>)> {
        let socket = written.get_ref().parse::<SocketAddr>().ok().map(|socket| (socket.ip(), Some(socket.port())));
        let bind = socket.or_else(|| Some((written.get_ref().parse().ok()?, None)));
        if bind.is_none() {
            self.refuse(written, "address", "an IP address such as 127.0.0.1, or one with a port, such as 127.0.0.1:8443");
        }
        bind
    }

    fn services(&mut self) -> Vec<Placed> {
        let own = self.file.parsed.own_datacenter();
        let mut seen = HashSet::new();
        let mut services = Vec::new();
        for table in &self.file.parsed.service {
            let name = ServiceName::from(table.name.get_ref().as_str());
            let datacenter = table.datacenter.as_ref().map(|written| self.datacenter(written, "datacenter of a service"));
            let datacenter = datacenter.filter(|datacenter| *datacenter != own);
            let at = datacenter.as_ref().unwrap_or(&own);
            let instances = table.instance.iter().enumerate().map(|(n, i)| self.instance(table, at, n, i)).collect();
            let key = name.key();
            if !seen.insert((datacenter.clone(), key.clone())) {
                let of = datacenter.as_ref().map(|datacenter| format!(" of {datacenter}")).unwrap_or_default();
                let message = format!("service {name}{of} is there twice; names have no case");
                self.problems.push(Diagnostic::error("GW0006", message).at(&self.file.text, table.name.span()));
            }
            services.push(Placed { datacenter, key, service: Arc::new(Service { name, instances }) });
        }
        services
    }

    fn instance(&mut self, service: &ServiceTable, datacenter: &Datacenter, number: usize, table: &InstanceTable) -> Instance {
        let words = [("passing", Health::Passing), ("warning", Health::Warning), ("critical", Health::Critical)];
        let health = table.health.as_ref().and_then(|h| self.word(h, "health", &words));
        let id = table.id.clone().unwrap_or_else(|| format!("{}-{}", service.name.get_ref(), number + 1));
        Instance {
            meta: table.meta.clone(),
            tags: table.tags.clone(),
            health: health.unwrap_or_default(),
            check: table.check.as_ref().and_then(|check| self.check(check)).map(Arc::new),
            weight: table.weight.unwrap_or(1),
            mesh: table.mesh.as_ref().is_some_and(|mesh| *mesh.get_ref()),
            ..Instance::new(id, self.address(&table.address), datacenter.as_str())
        }
    }

    /// What only a mesh gateway can have.
    fn of_mesh_gateways<T>(&mut self, kind: GatewayKind, key: &str, written: &Option<Spanned<T>>) {
        if let Some(written) = written.as_ref().filter(|_| kind != GatewayKind::Mesh) {
            let message = format!("{key} is for mesh gateways, and this is a {} gateway", kind.as_str());
            self.problem(written.span(), message);
        }
    }

    /// `ip:port` or `host:port`; where it is neither, an address that nothing uses, for the error stops everything.
    pub(super) fn address(&mut self, written: &Spanned<String>) -> Address {
        match Address::parse(written.get_ref()) {
            Some(address) => address,
            None => {
                self.refuse(written, "address", "ip:port or host:port, such as 127.0.0.1:3000");
                Address::Host(String::new(), 0)
            }
        }
    }

    /// `ip` or `ip:port`.
    fn dns_server(&mut self, written: &Spanned<String>) -> Option<SocketAddr> {
        let text = written.get_ref();
        let server = text.parse().ok().or_else(|| Some(SocketAddr::new(text.parse().ok()?, 53)));
        if server.is_none() {
            self.refuse(written, "a server of [dns]", "an IP address, with a port or without, such as 127.0.0.1:8600");
        }
        server
    }

    fn parse<T: std::str::FromStr>(&mut self, written: &Spanned<String>, key: &str, wanted: &str) -> Option<T> {
        let parsed = written.get_ref().parse().ok();
        if parsed.is_none() {
            self.refuse(written, key, wanted);
        }
        parsed
    }

    fn word<T: Copy>(&mut self, written: &Spanned<String>, key: &str, words: &[(&str, T)]) -> Option<T> {
        let found = words.iter().find(|(word, _)| word == written.get_ref()).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.refuse(written, key, &names.join(" or "));
        }
        found
    }

    pub(super) fn refuse(&mut self, written: &Spanned<String>, key: &str, wanted: &str) {
        let message = format!("{key} is {:?}, which is not {wanted}", written.get_ref());
        self.problems.push(Diagnostic::error("GW0004", message).at(&self.file.text, written.span()));
    }
}
