//! Where the gateways of a process come from: files, flags, or the embedded default. The first that is there wins, and the
//! first line that a gateway prints says which.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use super::certs::Folder;
use super::load::{Loaded, Loader, WhichGateway};
use crate::decide::compile::keys;
use crate::id::ServiceKey;
use crate::model::entry::{Entries, IngressService};
use crate::model::gateway::{Certificate, GatewayConfig, GatewayKind, Identity, OutsideFiles, Protocol};
use crate::model::resources::Resources;
use crate::source::diagnostic::Diagnostic;
use crate::source::flags::FlagError;
use crate::source::{demo, file, flags};

pub use crate::source::demo::Echoes;
pub use crate::source::file::AccessLogFile;
pub use crate::source::flags::{Listen, RouteFlag};

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// The kind of gateway; `None` is every kind.
    pub kind: Option<GatewayKind>,
    /// `-c`
    pub config: Option<PathBuf>,
    /// `--config-dir`
    pub folders: Vec<PathBuf>,
    /// `--listen`
    pub listens: Vec<Listen>,
    /// `--route`
    pub routes: Vec<RouteFlag>,
    /// `--service`
    pub service: Option<String>,
    /// `--address`
    pub address: Option<IpAddr>,
    /// The port of a gateway that has one listener, which no entry names.
    pub port: Option<u16>,
    /// `--expose-servers`
    pub expose_servers: bool,
}

impl Wanted {
    fn is_of_kind(&self, resources: &Resources) -> bool {
        self.kind.is_none_or(|kind| kind == resources.gateway.kind)
    }
}

/// Where gateways come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A `gw.toml`, and folders of entries beside.
    File(PathBuf, Vec<PathBuf>),
    /// Folders of entries alone.
    Folders(Vec<PathBuf>),
    /// The Consul whose agent is there, for the gateways of a file if one names them.
    Consul(String, Option<PathBuf>),
    /// `--listen` and `--route`
    Flags,
    /// The small mesh inside the process.
    Embedded,
}

/// The gateways to run.
#[derive(Debug)]
pub struct Gateways {
    /// Where they come from.
    pub origin: Origin,
    /// Each gateway with its whole world.
    pub resources: Vec<Resources>,
    /// Where `gw.toml` puts the admin listener.
    pub admin: Option<SocketAddr>,
    /// Where it has access records written.
    pub access_log: Option<AccessLogFile>,
    /// The certificates of TLS listeners.
    pub certificates: Vec<Certificate>,
    /// The DNS servers that `gw.toml` names.
    pub dns: Vec<SocketAddr>,
    /// Findings and warnings about the files.
    pub notes: Vec<Diagnostic>,
    /// The files and folders that all this was read from.
    pub read: Vec<PathBuf>,
    /// When the reading began.
    pub at: SystemTime,
    /// Which remembers what it read, for the next time.
    pub loader: Loader,
}

/// Why there is nothing to run.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    /// What is wrong with the files.
    #[error("the files are refused")]
    Files(Vec<Diagnostic>),
    /// What is wrong with the flags.
    #[error(transparent)]
    Flags(#[from] FlagError),
    /// No gateway, or not the one that was named.
    #[error(transparent)]
    Which(#[from] WhichGateway),
    /// No listener at all.
    #[error("there is nothing to listen on")]
    NoListen,
    /// A gateway that nothing but files describes.
    #[error("a {} gateway comes from files or Consul, and neither is there: give -c with a gw.toml{}, or --http-addr", .0.as_str(), needs(*.0))]
    NoFiles(GatewayKind),
    /// It would have no leaf to show.
    #[error("the terminating gateway {0} shows the leaves of its services, and there is no gw.toml with [certs] that has them")]
    NoCerts(String),
    /// `--listen` names a port that the entry does not have.
    #[error("--listen {port}: ingress-gateway/{gateway} has no listener on that port; it has {}", .known.join(", "))]
    NoSuchPort {
        /// The port.
        port: u16,
        /// The gateway.
        gateway: String,
        /// The ports there are.
        known: Vec<String>,
    },
    /// The services of the small mesh cannot start.
    #[error("the services of the embedded default cannot start")]
    Echo(#[source] io::Error),
}

/// What must be in the file.
const fn needs(kind: GatewayKind) -> &'static str {
    match kind {
        GatewayKind::Terminating => " that has [certs]",
        GatewayKind::Mesh => " that has the services and [[datacenter]]s to be reached",
        GatewayKind::Ingress => "",
    }
}

impl Origin {
    /// What wins: files that are named › routes of the command line › `./gw.toml` or `./gw.d` › the embedded default.
    pub fn of(wanted: &Wanted) -> Self {
        let here = |name: &str| Some(PathBuf::from(name)).filter(|p| p.exists());
        match (&wanted.config, wanted.folders.as_slice()) {
            (Some(path), folders) => return Self::File(path.clone(), folders.to_vec()),
            (None, folders @ [_, ..]) => return Self::Folders(folders.to_vec()),
            (None, []) if !wanted.routes.is_empty() => return Self::Flags,
            (None, []) => {}
        }
        match (here(file::NAME), here("gw.d")) {
            (Some(path), _) => Self::File(path, Vec::new()),
            (None, Some(folder)) => Self::Folders(vec![folder]),
            (None, None) => Self::Embedded,
        }
    }

    /// The files and folders that it names itself.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        match self {
            Self::File(path, folders) => std::iter::once(path).chain(folders).cloned().collect(),
            Self::Folders(folders) => folders.clone(),
            Self::Consul(..) | Self::Flags | Self::Embedded => Vec::new(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |paths: &[PathBuf]| paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ");
        match self {
            Self::File(path, folders) if folders.is_empty() => write!(f, "{}", path.display()),
            Self::File(path, folders) => write!(f, "{} and {}", path.display(), list(folders)),
            Self::Folders(folders) => f.write_str(&list(folders)),
            Self::Consul(agent, None) => write!(f, "Consul at {agent}"),
            Self::Consul(agent, Some(path)) => write!(f, "Consul at {agent}, the gateways of {}", path.display()),
            Self::Flags => f.write_str("the command line"),
            Self::Embedded => f.write_str("the embedded default"),
        }
    }
}

/// Finds the gateways to run. `echoes` starts the services of the small mesh; it is called only where that is what is run.
pub fn resolve(wanted: &Wanted, echoes: impl FnOnce() -> io::Result<Echoes>) -> Result<Gateways, OriginError> {
    let origin = Origin::of(wanted);
    let name = wanted.service.as_deref();
    if let (Origin::Flags | Origin::Embedded, Some(kind @ (GatewayKind::Mesh | GatewayKind::Terminating))) = (&origin, wanted.kind) {
        return Err(OriginError::NoFiles(kind));
    }
    match &origin {
        Origin::File(..) | Origin::Folders(_) => {
            let mut loader = Loader::of_a_run();
            let gateways = read(&origin, wanted, &mut loader)?;
            Ok(Gateways { loader, ..gateways })
        }
        Origin::Consul(..) => Err(OriginError::NoListen),
        Origin::Flags | Origin::Embedded if wanted.listens.is_empty() => Err(OriginError::NoListen),
        Origin::Flags => Ok(alone(origin, flags::resources(name.unwrap_or("ingress-gateway"), &wanted.listens, &wanted.routes)?)),
        Origin::Embedded => {
            let echoes = echoes().map_err(OriginError::Echo)?;
            Ok(alone(origin, demo::resources(name.unwrap_or("ingress-gateway"), &wanted.listens, &echoes)?))
        }
    }
}

/// Reads the gateways of files; for any other origin there is nothing to read, and no gateway.
pub(super) fn read(origin: &Origin, wanted: &Wanted, loader: &mut Loader) -> Result<Gateways, OriginError> {
    let at = SystemTime::now();
    let loaded = match origin {
        Origin::File(path, folders) => loader.load(path, folders),
        Origin::Folders(folders) => loader.load_entries(folders),
        Origin::Consul(..) | Origin::Flags | Origin::Embedded => return Err(OriginError::NoListen),
    };
    of_files(origin, loaded.map_err(OriginError::Files)?, wanted, at)
}

fn alone(origin: Origin, resources: Resources) -> Gateways {
    Gateways {
        origin,
        resources: vec![resources],
        admin: None,
        access_log: None,
        certificates: Vec::new(),
        dns: Vec::new(),
        notes: Vec::new(),
        read: Vec::new(),
        at: SystemTime::now(),
        loader: Loader::default(),
    }
}

fn of_files(origin: &Origin, loaded: Loaded, wanted: &Wanted, at: SystemTime) -> Result<Gateways, OriginError> {
    let mut resources = match wanted.service.as_deref() {
        Some(name) if !loaded.gateways.is_empty() => vec![loaded.gateway(Some(name))?],
        None if !loaded.gateways.is_empty() => loaded.gateways.iter().map(|(_, r)| r.clone()).filter(|r| wanted.is_of_kind(r)).collect(),
        name => {
            let one = unnamed(&loaded, wanted.kind.unwrap_or(GatewayKind::Ingress), name)?;
            let problems = loaded.uncertified(&one.gateway.name);
            if !problems.is_empty() {
                return Err(OriginError::Files(problems));
            }
            vec![one]
        }
    };
    if let Some(kind) = wanted.kind.filter(|_| !resources.iter().any(|r| wanted.is_of_kind(r))) {
        return Err(WhichGateway::OfKind(kind).into());
    }
    for resources in &mut resources {
        if let Some(address) = wanted.address {
            resources.gateway.address = address;
        }
        resources.gateway.port = wanted.port.or(resources.gateway.port);
        resources.gateway.exposes_servers |= wanted.expose_servers && resources.gateway.kind == GatewayKind::Mesh;
        listen(resources, &wanted.listens)?;
    }
    let mut read = origin.paths();
    read.extend(loaded.configuration.entries.iter().cloned());
    read.extend(loaded.configuration.certificates.iter().flat_map(|c| [c.cert.clone(), c.key.clone()]));
    read.extend(loaded.configuration.certs.iter().flat_map(|folder| Folder::at(folder).of_ca()));
    read.extend(resources.iter().filter_map(|r| r.gateway.identity.clone()).flat_map(Identity::files));
    read.extend(resources.iter().flat_map(files_of_keys));
    Ok(Gateways {
        origin: origin.clone(),
        resources,
        admin: loaded.gateways.iter().find_map(|(gateway, _)| gateway.admin),
        access_log: loaded.gateways.iter().find_map(|(gateway, _)| gateway.access_log.clone()),
        certificates: loaded.configuration.certificates,
        dns: loaded.configuration.dns,
        notes: loaded.notes,
        read,
        at,
        loader: Loader::default(),
    })
}

/// Whether an address is one of this machine's, so that a gateway can listen there: a gateway behind a load balancer is reached by others.
pub fn is_own(ip: IpAddr) -> bool {
    std::net::UdpSocket::bind((ip, 0)).is_ok()
}

/// The files of what a gateway shows between the mesh and what is outside.
fn files_of_keys(resources: &Resources) -> Vec<PathBuf> {
    let (inbound, outside) = keys(resources);
    let of_leaves = inbound.into_iter().flat_map(|inbound| {
        let leaves = inbound.leaves.into_iter().flat_map(|leaf| [leaf.cert, leaf.key]);
        std::iter::once(inbound.roots).chain(leaves).collect::<Vec<_>>()
    });
    of_leaves.chain(outside.iter().flat_map(OutsideFiles::files).cloned()).collect()
}

/// A gateway of files that name none: the entry of its kind and that name, or the only one there is.
fn unnamed(loaded: &Loaded, kind: GatewayKind, name: Option<&str>) -> Result<Resources, OriginError> {
    let mut known = names_of_entries(&loaded.entries, kind);
    let name = match (name, known.len()) {
        (Some(name), _) => name.to_owned(),
        (None, 0) => kind.default_name().to_owned(),
        (None, 1) => known.remove(0),
        (None, _) => return Err(WhichGateway::Several(known).into()),
    };
    Ok(loaded.world(GatewayConfig::of(kind, &name)))
}

/// The names of the entries of a kind of gateway.
fn names_of_entries(entries: &Entries, kind: GatewayKind) -> Vec<String> {
    match kind {
        GatewayKind::Terminating => entries.terminating_gateways.values().map(|e| e.common.name.clone()).collect(),
        GatewayKind::Ingress => entries.ingress_gateways.values().map(|e| e.common.name.clone()).collect(),
        // It has no entry: what it reaches is the catalog.
        GatewayKind::Mesh => Vec::new(),
    }
}

/// `--listen` on a gateway of files says which address a port of its entry binds to; where there is no entry, it makes one in
/// front of every service.
fn listen(resources: &mut Resources, listens: &[Listen]) -> Result<(), OriginError> {
    let (kind, name) = (resources.gateway.kind, resources.gateway.name.clone());
    if kind == GatewayKind::Mesh {
        return Ok(());
    }
    if kind == GatewayKind::Terminating {
        // What it is linked with may come later, but a gateway of another name would be linked with nothing for ever.
        let entry = resources.entries.terminating_gateways.contains_key(&ServiceKey::of(&name));
        let known = || names_of_entries(&resources.entries, kind);
        return match (entry, &resources.gateway.leaves) {
            (false, _) => Err(WhichGateway::NoEntry { kind, name, known: known() }.into()),
            (true, None) => Err(OriginError::NoCerts(name)),
            (true, Some(_)) => Ok(()),
        };
    }
    match resources.entries.ingress_gateways.get(&ServiceKey::of(&name)) {
        Some(entry) => {
            let ports: Vec<i64> = entry.listeners.iter().map(|l| l.port).collect();
            if let Some(other) = listens.iter().find(|l| !ports.contains(&i64::from(l.port))) {
                let known = ports.iter().map(ToString::to_string).collect();
                return Err(OriginError::NoSuchPort { port: other.port, gateway: name, known });
            }
        }
        None if listens.is_empty() => {
            let known = names_of_entries(&resources.entries, kind);
            return Err(WhichGateway::NoEntry { kind, name, known }.into());
        }
        None => every_service(Arc::make_mut(&mut resources.entries), &name, listens),
    }
    resources.gateway.addresses.extend(listens.iter().map(|l| (l.port, l.ip)));
    Ok(())
}

fn every_service(entries: &mut Entries, name: &str, listens: &[Listen]) {
    let every = IngressService { name: "*".to_owned(), ..IngressService::default() };
    let http: Vec<Listen> = listens.iter().filter(|l| l.protocol != Protocol::Tcp).cloned().collect();
    entries.insert(flags::ingress_entry(name, &http, &[every]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_machines_own_if_something_can_be_bound_there() {
        let own = |ip: &str| is_own(ip.parse().expect("an address"));
        assert!(own("127.0.0.1") && own("0.0.0.0"));
        assert!(!own("192.0.2.1") && !own("2001:db8::1"));
    }
}
