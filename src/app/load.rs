//! Everything that files say, read and checked as one: `gw.toml`, its entries, and whether they fit together.

mod of_file;
mod of_set;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::of_file::WithTls;
use self::of_set::SetChecker;
use crate::app::certs::{Folder, Used};
use crate::model::entry::{ConfigEntry, Entries};
use crate::model::gateway::{GatewayConfig, GatewayKind, Identity, LeafFolder};
use crate::model::level::Level;
use crate::model::resources::Resources;
use crate::source::diagnostic::Diagnostic;
use crate::source::entry::EntrySource;
use crate::source::file::{self, Configuration, EntryFiles, KeptFile};

pub use crate::source::file::GatewayFile;
pub use of_file::check_file;
pub(super) use of_file::with_trust_domain;
pub use of_set::check_set;

/// What was loaded from files.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The gateways of `gw.toml`, each with the whole world.
    pub gateways: Vec<(GatewayFile, Resources)>,
    /// The rest of `gw.toml`.
    pub configuration: Configuration,
    /// The entries, as one set.
    pub entries: Arc<Entries>,
    /// The ingress-gateway entries with a listener that begins with TLS.
    with_tls: Vec<WithTls>,
    /// Findings and warnings; no errors.
    pub notes: Vec<Diagnostic>,
}

/// Why it is not clear which gateway is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhichGateway {
    /// There is none at all.
    #[error("there is no [[gateway]] in the file, and no ingress-gateway or terminating-gateway among the entries")]
    None,
    /// The same of a Consul.
    #[error("Consul has no ingress-gateway and no terminating-gateway entry, or the token may see none")]
    NoneAtConsul,
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
    /// It is not the file that says what it serves.
    #[error(
        "the file takes everything from Consul ([consul]), so that it says itself neither services nor entries: ask the running gateway (--admin), or Consul (--http-addr)"
    )]
    OfConsul,
    /// None is of the kind that is asked for.
    #[error("there is no {} gateway in the file; gw run runs every gateway of it", .0.as_str())]
    OfKind(GatewayKind),
    /// No entry of its kind has the gateway's name.
    #[error("there is no {}-gateway/{name} among the entries{}", .kind.as_str(), only(*.kind, .known))]
    NoEntry {
        /// The kind of gateway.
        kind: GatewayKind,
        /// The name.
        name: String,
        /// The names of the entries there are.
        known: Vec<String>,
    },
}

fn only(kind: GatewayKind, known: &[String]) -> String {
    let known: Vec<String> = known.iter().map(|name| format!("{}-gateway/{name}", kind.as_str())).collect();
    if known.is_empty() { String::new() } else { format!(", only {}", known.join(", ")) }
}

impl Loaded {
    /// The whole world of a gateway.
    pub fn world(&self, gateway: GatewayConfig) -> Resources {
        let gateway = match gateway.kind {
            // It shows the leaves of those it speaks for, and none of its own.
            GatewayKind::Terminating => GatewayConfig { leaves: self.configuration.certs.clone().map(LeafFolder::of_all), ..gateway },
            // It is a party to no handshake.
            GatewayKind::Mesh => gateway,
            GatewayKind::Ingress => GatewayConfig { identity: self.configuration.identity(&gateway.name), ..gateway },
        };
        Resources {
            gateway,
            datacenter: self.configuration.datacenter.clone(),
            trust_domain: self.configuration.trust_domain.clone(),
            entries: self.entries.clone(),
            services: self.configuration.services.clone(),
            federation: self.configuration.federation.clone(),
            default_action: self.configuration.default_action,
            rejected: Vec::new(),
            written: Default::default(),
        }
    }

    /// The listeners of a gateway that begin with TLS, where there is no certificate: an error for each.
    pub fn uncertified(&self, gateway: &str) -> Vec<Diagnostic> {
        if self.configuration.certificates.is_empty() { of_file::uncertified(gateway, &self.with_tls) } else { Vec::new() }
    }

    /// Every gateway of `gw.toml`; where it has none, one for each ingress-gateway and terminating-gateway entry.
    pub fn every(&self) -> Vec<Resources> {
        if !self.gateways.is_empty() {
            return self.gateways.iter().map(|(_, resources)| resources.clone()).collect();
        }
        let ingress = self.entries.ingress_gateways.values().map(|e| (GatewayKind::Ingress, &e.common.name));
        let terminating = self.entries.terminating_gateways.values().map(|e| (GatewayKind::Terminating, &e.common.name));
        ingress.chain(terminating).map(|(kind, name)| self.world(GatewayConfig::of(kind, name))).collect()
    }

    /// The gateway of that name; without a name the only one.
    pub fn gateway(&self, name: Option<&str>) -> Result<Resources, WhichGateway> {
        if self.configuration.consul.is_some() {
            return Err(WhichGateway::OfConsul);
        }
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
    Loader::default().load(path, more)
}

/// The same where the file takes everything from Consul; `None`: it does not, or there is no such file.
pub fn of_consul(path: &Path) -> Result<Option<Loaded>, Vec<Diagnostic>> {
    let beside = path.join(file::NAME);
    let path = if path.is_dir() { &beside } else { path };
    // Thousands of services are not read for it, and what is no such file is refused by who takes it for what it is.
    let may = path.is_file() && file::is_gateway_file(path) && file::read_text(path).is_ok_and(|text| text.content.contains("consul"));
    let does = may && file::read(path).is_ok_and(|read| read.parsed.consul.is_some());
    if does { load(path, &[]).map(Some) } else { Ok(None) }
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
    Loader::default().load_entries(folders)
}

/// Loads the same files again and again, always with the result of [`load`]: what did not change since the last time is neither
/// decoded nor judged anew, and is shared with what was loaded then.
#[derive(Debug, Default)]
pub struct Loader {
    /// Whether a gateway's leaf that is missing is issued, by the CA of `[certs]`: by who runs gateways, not by who only looks.
    issues: bool,
    /// Whether gateways run by what was loaded before.
    runs: bool,
    /// That they issue leaves of their datacenter in a folder.
    used: Option<Used>,
    file: Option<KeptFile>,
    files: EntryFiles,
    set: SetChecker,
}

impl Loader {
    /// For who runs the gateways.
    pub(super) fn of_a_run() -> Self {
        Self { issues: true, ..Self::default() }
    }

    /// As [`load`].
    pub fn load(&mut self, path: &Path, more: &[PathBuf]) -> Result<Loaded, Vec<Diagnostic>> {
        if path.is_dir() {
            let folders: Vec<PathBuf> = std::iter::once(path.to_owned()).chain(more.iter().cloned()).collect();
            let beside = path.join(file::NAME);
            return if beside.is_file() { self.load(&beside, &folders) } else { self.load_entries(&folders) };
        }
        self.read_file(path)?;
        let configuration = self.configuration();
        let folders: Vec<PathBuf> = configuration.entries.iter().chain(more).cloned().collect();
        self.with_entries(configuration, &folders)
    }

    /// As [`load_entries`].
    pub fn load_entries(&mut self, folders: &[PathBuf]) -> Result<Loaded, Vec<Diagnostic>> {
        self.file = None;
        self.with_entries(Configuration::default(), folders)
    }

    /// Where each entry of what was loaded last is written.
    pub(super) fn places(&self) -> Arc<[(ConfigEntry, EntrySource)]> {
        self.files.decoded().filter_map(|d| Some((d.entry.clone()?, d.source.clone()))).collect()
    }

    fn read_file(&mut self, path: &Path) -> Result<(), Vec<Diagnostic>> {
        let text = file::read_text(path).map_err(|e| vec![e])?;
        // What it names may be gone while it says the same.
        let there = |file: &KeptFile| file.configuration.entries.iter().all(|path| path.exists());
        if self.file.as_ref().is_some_and(|last| last.read.text == text && there(last)) {
            return Ok(());
        }
        self.file = Some(KeptFile::read(path, text, self.file.take().as_ref())?);
        Ok(())
    }

    fn configuration(&self) -> Configuration {
        self.file.as_ref().map(|file| with_trust_domain(&file.read, file.configuration.clone())).unwrap_or_default()
    }

    fn with_entries(&mut self, configuration: Configuration, folders: &[PathBuf]) -> Result<Loaded, Vec<Diagnostic>> {
        let (differs, mut problems) = self.files.read(folders);
        let decoded: Vec<_> = self.files.decoded().collect();
        let (entries, more) = self.set.check(&decoded, differs, configuration.default_action);
        problems.extend(more);
        if let Some(KeptFile { read, .. }) = &self.file {
            if self.issues {
                self.used = used(&configuration, self.used.take());
                problems.extend(of_file::issue_missing(read, &configuration, self.runs));
            }
            let check = if self.runs { of_file::check_file_again } else { check_file };
            problems.extend(check(read, &configuration, &decoded, &entries));
        }
        sort(&mut problems);
        if problems.iter().any(|p| p.level == Level::Error) {
            return Err(problems);
        }
        let with_tls = of_file::with_tls(&decoded);
        let mut loaded = Loaded { gateways: Vec::new(), notes: problems, configuration, entries, with_tls };
        loaded.gateways = loaded.configuration.gateways.iter().map(|g| (g.clone(), loaded.world(g.config.clone()))).collect();
        if let Some(KeptFile { read, .. }) = self.file.as_ref().filter(|_| self.issues) {
            let linked = |(_, resources): &(_, Resources)| of_file::issue_linked(read, &loaded.configuration, resources);
            let problems: Vec<Diagnostic> = loaded.gateways.iter().filter_map(linked).collect();
            loaded.notes.extend(problems);
        }
        self.runs = self.issues;
        Ok(loaded)
    }
}

/// Says in the folder that leaves are issued in, of which datacenter they are.
fn used(configuration: &Configuration, before: Option<Used>) -> Option<Used> {
    let folder = configuration.certs.as_ref().map(Folder::at).filter(Folder::signs)?;
    Some(Used::by(folder, configuration.datacenter.as_str(), before))
}

/// Sorts by file and place; what has no place comes first.
pub fn sort(problems: &mut [Diagnostic]) {
    problems.sort_by_key(|p| p.place.as_ref().map(|(text, span)| (text.origin.clone(), span.start)));
}
