//! Everything that files say, read and checked as one: `gw.toml`, its entries, and whether they fit together.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use crate::decide::graph::{self, Finding};
use crate::id::{ListenerName, ServiceKey};
use crate::model::entry::{ConfigEntry, Entries, EntryKind, EntryRef, GatewayTls};
use crate::model::gateway::{GatewayConfig, Identity};
use crate::model::level::Level;
use crate::model::resources::Resources;
use crate::source::diagnostic::Diagnostic;
use crate::source::entry::Decoded;
use crate::source::file::{self, Configuration, GatewayFile, ReadFile};
use crate::source::flags;
use crate::tls;

/// What was loaded from files.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The gateways of `gw.toml`, each with the whole world.
    pub gateways: Vec<(GatewayFile, Resources)>,
    /// The rest of `gw.toml`.
    pub configuration: Configuration,
    /// The entries, as one set.
    pub entries: Entries,
    /// The same one by one, with their places.
    pub decoded: Vec<Decoded>,
    /// Findings and warnings; no errors.
    pub notes: Vec<Diagnostic>,
}

/// Why it is not clear which gateway is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhichGateway {
    /// There is none at all.
    #[error("there is no [[gateway]] in the file, and no ingress-gateway among the entries")]
    None,
    /// None has the name.
    #[error("no gateway is called {name:?}; there are {}", .known.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// There are several, and no name was given.
    #[error("say which gateway is meant; there are {}", .0.join(", "))]
    Several(Vec<String>),
    /// No ingress-gateway entry has the gateway's name.
    #[error("there is no ingress-gateway/{name} among the entries{}", only(.known))]
    NoEntry {
        /// The name.
        name: String,
        /// The names of the entries there are.
        known: Vec<String>,
    },
}

fn only(known: &[String]) -> String {
    let known: Vec<String> = known.iter().map(|name| format!("ingress-gateway/{name}")).collect();
    if known.is_empty() { String::new() } else { format!(", only {}", known.join(", ")) }
}

impl Loaded {
    /// The whole world of a gateway.
    pub fn world(&self, gateway: GatewayConfig) -> Resources {
        let identity = self.configuration.identity(&gateway.name);
        let gateway = GatewayConfig { identity, ..gateway };
        Resources {
            gateway,
            datacenter: self.configuration.datacenter.clone(),
            trust_domain: self.configuration.trust_domain.clone(),
            entries: self.entries.clone(),
            services: self.configuration.services.clone(),
            rejected: Vec::new(),
        }
    }

    /// Every gateway of `gw.toml`; where it has none, one for each ingress-gateway entry.
    pub fn every(&self) -> Vec<Resources> {
        if !self.gateways.is_empty() {
            return self.gateways.iter().map(|(_, resources)| resources.clone()).collect();
        }
        self.entries.ingress_gateways.values().map(|e| self.world(flags::of_name(&e.common.name))).collect()
    }

    /// The gateway of that name; without a name the only one.
    pub fn gateway(&self, name: Option<&str>) -> Result<Resources, WhichGateway> {
        let every = self.every();
        let known = || every.iter().map(|r| r.gateway.name.clone()).collect::<Vec<_>>();
        match (name, every.as_slice()) {
            (_, []) => Err(WhichGateway::None),
            (None, [only]) => Ok(only.clone()),
            (None, _) => Err(WhichGateway::Several(known())),
            (Some(name), gateways) => {
                let found = gateways.iter().find(|r| r.gateway.name == name);
                found.cloned().ok_or_else(|| WhichGateway::Unknown { name: name.to_owned(), known: known() })
            }
        }
    }
}

/// Reads `gw.toml` and the entries it names, and `more` folders of entries beside. Every error at once.
/// A folder is its entries, with the `gw.toml` in it if there is one.
pub fn load(path: &Path, more: &[PathBuf]) -> Result<Loaded, Vec<Diagnostic>> {
    if path.is_dir() {
        let folders: Vec<PathBuf> = std::iter::once(path.to_owned()).chain(more.iter().cloned()).collect();
        let beside = path.join(file::NAME);
        return if beside.is_file() { load(&beside, &folders) } else { load_entries(&folders) };
    }
    let read = file::read(path)?;
    let configuration = file::convert(&read)?;
    let folders: Vec<PathBuf> = configuration.entries.iter().chain(more).cloned().collect();
    with_entries(configuration, Some(&read), &folders)
}

/// The files and folders that a `gw.toml` names, as far as it can be read.
pub fn named_by(path: &Path) -> Vec<PathBuf> {
    let beside = path.join(file::NAME);
    let path = if path.is_dir() { &beside } else { path };
    let Ok(read) = file::read(path) else { return Vec::new() };
    let written = read.parsed.entries.iter().chain(read.parsed.certificate.iter().flat_map(|c| [&c.cert, &c.key]));
    let mut named: Vec<PathBuf> = written.map(|path| read.folder.join(path.get_ref())).collect();
    if let Some(certs) = &read.parsed.certs {
        let folder = read.folder.join(certs.dir.get_ref());
        named.extend(read.parsed.gateway.iter().flat_map(|gateway| Identity::in_folder(&folder, &gateway.name()).files()));
    }
    named
}

/// Reads folders of entries that no `gw.toml` names: no gateway, no service, and the default datacenter.
pub fn load_entries(folders: &[PathBuf]) -> Result<Loaded, Vec<Diagnostic>> {
    with_entries(Configuration::default(), None, folders)
}

fn with_entries(configuration: Configuration, read: Option<&ReadFile>, folders: &[PathBuf]) -> Result<Loaded, Vec<Diagnostic>> {
    let (decoded, mut problems) = read_all(folders);
    let (entries, more) = check_set(&decoded);
    problems.extend(more);
    if let Some(read) = read {
        problems.extend(check_file(read, &configuration, &decoded));
    }
    sort(&mut problems);
    if problems.iter().any(|p| p.level == Level::Error) {
        return Err(problems);
    }
    let mut loaded = Loaded { gateways: Vec::new(), notes: problems, configuration, entries, decoded };
    loaded.gateways = loaded.configuration.gateways.iter().map(|g| (g.clone(), loaded.world(g.config.clone()))).collect();
    Ok(loaded)
}

/// The entries of files and folders that were accepted one by one, and all that is wrong with the others.
fn read_all(paths: &[PathBuf]) -> (Vec<Decoded>, Vec<Diagnostic>) {
    let (mut decoded, mut problems) = (Vec::new(), Vec::new());
    let mut seen = Vec::new();
    for path in paths {
        // A folder that the gw.toml names and the command line too is one folder.
        let real = path.canonicalize().unwrap_or_else(|_| path.clone());
        if seen.contains(&real) {
            continue;
        }
        seen.push(real);
        let (good, bad) = file::read_entries(path);
        decoded.extend(good);
        problems.extend(bad);
    }
    (decoded, problems)
}

/// What is wrong with a `gw.toml` and its entries together: what no entry and no key is wrong by itself.
pub fn check_file(read: &ReadFile, configuration: &Configuration, decoded: &[Decoded]) -> Vec<Diagnostic> {
    let mut problems = unusable_certificates(read, configuration);
    problems.extend(unusable_identities(read, configuration));
    problems.extend(unspeakable(read));
    if configuration.certificates.is_empty() {
        problems.extend(configuration.gateways.iter().flat_map(|gateway| uncertified(&gateway.config.name, decoded)));
    }
    problems.extend(nowhere(configuration, decoded));
    problems
}

/// Services that entries name and that nothing answers for: `gw.toml` is the whole catalogue.
fn nowhere(configuration: &Configuration, decoded: &[Decoded]) -> Vec<Diagnostic> {
    let shaped = decoded
        .iter()
        .filter_map(|d| d.entry.as_ref())
        .filter(|e| matches!(e, ConfigEntry::ServiceRouter(_) | ConfigEntry::ServiceSplitter(_) | ConfigEntry::ServiceResolver(_)));
    let mut known: BTreeSet<ServiceKey> = shaped.map(|e| ServiceKey::of(&e.common().name)).collect();
    known.extend(configuration.services.iter().filter(|(_, s)| !s.instances.is_empty()).map(|(key, _)| key.clone()));
    let mut problems = Vec::new();
    for (source, entry) in decoded.iter().filter_map(|d| Some((&d.source, d.entry.as_ref()?))) {
        for (service, path) in named(entry, &configuration.datacenter.to_string()) {
            if matches!(service.as_str(), "" | "*") || known.contains(&ServiceKey::of(&service)) {
                continue;
            }
            let message = format!("service {service} has no instance in gw.toml, and no router, splitter or resolver");
            let problem = Diagnostic::error("GW0506", message).level(Level::Warning).at(&source.text, source.find(&path));
            problems.push(problem.help("requests for it are answered with 503; add [[service]] with an instance, or correct the name"));
        }
    }
    problems
}

/// The services of this datacenter that an entry names, and where.
fn named(entry: &ConfigEntry, datacenter: &str) -> Vec<(String, String)> {
    let here = |dc: &str, peer: &str| peer.is_empty() && (dc.is_empty() || dc == datacenter);
    let mut out = Vec::new();
    match entry {
        ConfigEntry::IngressGateway(entry) => {
            for (l, listener) in entry.listeners.iter().enumerate() {
                let places = |s| format!("Listeners[{l}].Services[{s}].Name");
                out.extend(listener.services.iter().enumerate().map(|(s, service)| (service.name.clone(), places(s))));
            }
        }
        ConfigEntry::ServiceRouter(entry) => {
            let destinations = entry.routes.iter().enumerate().filter_map(|(n, r)| Some((n, r.destination.as_ref()?)));
            out.extend(destinations.map(|(n, d)| (d.service.clone(), format!("Routes[{n}].Destination.Service"))));
        }
        ConfigEntry::ServiceSplitter(entry) => {
            out.extend(entry.splits.iter().enumerate().map(|(n, s)| (s.service.clone(), format!("Splits[{n}].Service"))));
        }
        ConfigEntry::ServiceResolver(entry) => {
            let redirect = entry.redirect.iter().filter(|r| here(&r.datacenter, &r.peer));
            out.extend(redirect.map(|r| (r.service.clone(), "Redirect.Service".to_owned())));
            for (key, failover) in &entry.failover {
                if failover.datacenters.is_empty() {
                    out.push((failover.service.clone(), format!("Failover[{key}].Service")));
                }
                let targets = failover.targets.iter().enumerate().filter(|(_, t)| here(&t.datacenter, &t.peer));
                out.extend(targets.map(|(n, t)| (t.service.clone(), format!("Failover[{key}].Targets[{n}].Service"))));
            }
        }
        _ => {}
    }
    out
}

/// The listeners of a gateway that begin with TLS: an error for each, where there is no certificate to show.
pub fn uncertified(gateway: &str, decoded: &[Decoded]) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for (source, entry) in decoded.iter().filter_map(|d| Some((&d.source, d.entry.as_ref()?))) {
        let ConfigEntry::IngressGateway(entry) = entry else { continue };
        if ServiceKey::of(&entry.common.name) != ServiceKey::of(gateway) {
            continue;
        }
        let asks = |tls: &GatewayTls| tls.enabled || tls.sds.is_some();
        for (n, listener) in entry.listeners.iter().enumerate() {
            let own = listener.tls.as_ref().is_some_and(asks);
            if !own && !asks(&entry.tls) {
                continue;
            }
            let name = ListenerName::of(gateway, listener.port);
            let place = if own { format!("Listeners[{n}].TLS") } else { format!("Listeners[{n}]") };
            let message = format!("listener {name} begins with TLS, and there is no [[certificate]] to show");
            let problem = Diagnostic::error("GW0503", message).at(&source.text, source.find(&place));
            problems.push(problem.help("add [[certificate]] with cert and key, two PEM files, to gw.toml; SDS is taken from there too"));
        }
    }
    problems
}

/// Certificates whose files cannot be read, are no PEM, or do not fit each other.
fn unusable_certificates(read: &ReadFile, configuration: &Configuration) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for (written, certificate) in read.parsed.certificate.iter().zip(&configuration.certificates) {
        let Err(error) = tls::Credentials::build(std::slice::from_ref(certificate), None) else { continue };
        let span = match &error {
            tls::Error::Read(path, _) | tls::Error::Nothing(path, _) | tls::Error::Pem(path, _) if *path == certificate.cert => {
                written.cert.span()
            }
            _ => written.key.span(),
        };
        let why = std::error::Error::source(&error).map(|why| format!(": {why}")).unwrap_or_default();
        problems.push(Diagnostic::error("GW0504", format!("{error}{why}")).at(&read.text, span));
    }
    problems
}

/// Gateways that the mesh would not trust.
fn unusable_identities(read: &ReadFile, configuration: &Configuration) -> Vec<Diagnostic> {
    let Some(certs) = &read.parsed.certs else { return Vec::new() };
    let mut problems = Vec::new();
    for gateway in &configuration.gateways {
        let name = &gateway.config.name;
        let Some(Err(error)) = configuration.identity(name).as_ref().map(tls::Mesh::build) else { continue };
        let why = std::error::Error::source(&error).map(|why| format!(": {why}")).unwrap_or_default();
        let problem = Diagnostic::error("GW0507", format!("{error}{why}")).at(&read.text, certs.dir.span());
        problems.push(problem.help(format!("the folder has ca.pem, {name}.pem and {name}-key.pem for the gateway {name}")));
    }
    problems
}

/// Instances with a sidecar, which no gateway without an identity can speak to.
fn unspeakable(read: &ReadFile) -> Vec<Diagnostic> {
    if read.parsed.certs.is_some() {
        return Vec::new();
    }
    let instances = read.parsed.service.iter().flat_map(|s| &s.instance);
    let spans = instances.filter_map(|i| i.mesh.as_ref()).filter(|mesh| *mesh.get_ref()).map(|mesh| mesh.span());
    let problem = |span| {
        let message = "mesh = true: a sidecar asks for a certificate of the mesh, and there is no [certs] to show one from";
        Diagnostic::error("GW0508", message).at(&read.text, span).help("add [certs] with dir = \"certs\", the folder of ca.pem")
    };
    spans.map(problem).collect()
}

/// Whether entries that were accepted one by one fit together, with their own notes.
pub fn check_set(decoded: &[Decoded]) -> (Entries, Vec<Diagnostic>) {
    let mut problems: Vec<Diagnostic> = decoded.iter().flat_map(|d| d.notes.iter().cloned()).collect();
    problems.extend(doubles(decoded));
    problems.extend(decoded.iter().filter_map(unknown_protocol));
    let entries: Entries = decoded.iter().filter_map(|d| d.entry.clone()).collect();
    problems.extend(graph::check_set(&entries).into_iter().map(|finding| placed(finding, decoded)));
    (entries, problems)
}

/// Sorts by file and place; what has no place comes first.
pub fn sort(problems: &mut [Diagnostic]) {
    problems.sort_by_key(|p| p.place.as_ref().map(|(text, span)| (text.origin.clone(), span.start)));
}

/// Two entries of one kind and name in files: one would silently replace the other.
fn doubles(decoded: &[Decoded]) -> Vec<Diagnostic> {
    let mut out = Vec::new();
    let mut first: HashMap<(EntryKind, String), &Decoded> = HashMap::new();
    for later in decoded {
        let earlier = *first.entry((later.kind, later.name.to_lowercase())).or_insert(later);
        if !std::ptr::eq(earlier, later) {
            let message = format!("{}/{} is there twice; names have no case", later.kind, later.name);
            let help = format!("the other one is in {}; a Consul keeps the one written last", earlier.source.text.origin);
            out.push(Diagnostic::error("GW0501", message).at(&later.source.text, later.source.span.clone()).help(help));
        }
    }
    out
}

/// proxy-defaults with a protocol that is none: everything behaves as tcp.
fn unknown_protocol(decoded: &Decoded) -> Option<Diagnostic> {
    let Some(ConfigEntry::ProxyDefaults(entry)) = &decoded.entry else { return None };
    if matches!(entry.protocol.as_str(), "" | "tcp" | "http" | "http2" | "grpc") {
        return None;
    }
    let message = format!("Config.protocol is {:?}, which is none of tcp, http, http2, grpc: it behaves as tcp", entry.protocol);
    let place = decoded.source.find("Config.protocol");
    Some(Diagnostic::error("GW0505", message).level(Level::Finding).at(&decoded.source.text, place))
}

/// A finding of the graph, at the place of its rule.
fn placed(finding: Finding, decoded: &[Decoded]) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(finding.code, finding.message).level(finding.level);
    diagnostic.help = finding.help;
    diagnostic.help.extend(finding.related.iter().map(|rule| format!("see also {rule}")));
    let written = |d: &&Decoded| d.entry.as_ref().map(ConfigEntry::entry_ref).as_ref() == Some::<&EntryRef>(&finding.rule.entry);
    match decoded.iter().find(written) {
        Some(d) => diagnostic.at(&d.source.text, d.source.find(&finding.rule.path)),
        None => diagnostic,
    }
}
