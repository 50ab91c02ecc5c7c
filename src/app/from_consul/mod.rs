//! Gateways whose control plane is Consul: the first sync, and then what is known at any time as the world of each.

mod state;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::state::StateFolder;
use super::certs::CertsError;
use super::world::Note;
use crate::decide::compile::compile;
use crate::decide::needs::needs;
use crate::id::TrustDomain;
use crate::model::entry::{EntryKind, EntryRef};
use crate::model::gateway::{Certificate, GatewayConfig, GatewayKind, Identity, LeafFolder};
use crate::model::needs::Needs;
use crate::model::resources::{Rejected, Resources, Written};
use crate::rt::rng::Rng;
use crate::rt::signal::Shutdown;
use crate::rt::supervise::Supervisor;
use crate::source::consul::client::{AskError, Client};
use crate::source::consul::convert::LeftOut;
use crate::source::consul::follow::{self, Asking, Following, Unfollowed};
use crate::source::consul::known::World;
use crate::source::consul::settings::Settings;
use crate::state::AskForLeaf;
use crate::tls;

/// How long Consul may say nothing new before what an earlier run kept is served.
const QUIET: Duration = Duration::from_millis(700);
/// How often it is told how far the first sync is.
const LOOK: Duration = Duration::from_millis(100);

/// What is wanted of Consul.
#[derive(Clone, Debug)]
pub struct WantedOfConsul {
    /// Which agent, and how.
    pub settings: Settings,
    /// The gateways: kind, name, where they bind. None is there twice.
    pub gateways: Vec<GatewayConfig>,
    /// Certificates of TLS listeners that are in files.
    pub certificates: Vec<Certificate>,
    /// Where the last good state is kept; `None`: nowhere.
    pub state: Option<PathBuf>,
}

/// Why a gateway cannot be made of what Consul says.
#[derive(Debug, thiserror::Error)]
pub enum ConsulError {
    /// The agent cannot be asked at all.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// It cannot be followed.
    #[error(transparent)]
    Follow(#[from] Unfollowed),
    /// The folder of the state cannot be used.
    #[error("the state folder {} cannot be used (--state-dir names another)", .0.display())]
    State(PathBuf, #[source] io::Error),
    /// Certificates cannot be written.
    #[error(transparent)]
    Certs(#[from] CertsError),
    /// The agent is another one than was meant.
    #[error("the agent at {agent} is of the datacenter {is}, not of {wanted} ([consul] datacenter in gw.toml)")]
    Datacenter {
        /// The agent.
        agent: String,
        /// Where it is.
        is: String,
        /// Where it should be.
        wanted: String,
    },
    /// The run was ended before it began.
    #[error("ended before the first sync was complete")]
    Ended,
}

/// How far the first sync is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is missing, in words.
    pub missing: Vec<String>,
    /// Services that were asked for, and all that are needed.
    pub services: (usize, usize),
    /// What is wrong, if something is.
    pub trouble: Option<String>,
    /// A gateway whose policy the token needs, if that is what is wrong.
    pub unallowed: Option<(GatewayKind, String)>,
}

/// A Consul that is followed for the gateways of a process.
#[derive(Debug)]
pub struct ConsulSource {
    following: Following,
    client: Arc<Client>,
    /// Its thread; nothing once it was taken.
    threads: Option<Supervisor>,
    shutdown: Shutdown,
    /// The one that the agent must be of.
    datacenter: Option<String>,
    wanted: WantedOfConsul,
    state: StateFolder,
    /// What was told of what is left out, and of entries.
    told: BTreeSet<String>,
    /// What is noted of entries.
    notes: Vec<Note>,
}

impl ConsulSource {
    /// Begins to follow Consul.
    pub fn begin(mut wanted: WantedOfConsul) -> Result<Self, ConsulError> {
        tls::install();
        // A gateway is where its agent is: nothing is asked of elsewhere, but that it is not.
        let datacenter = wanted.settings.datacenter.take();
        let state = StateFolder::open(wanted.state.as_deref(), &wanted.gateways, &wanted.settings.agent.to_string())?;
        let asking = Asking::of(&wanted.settings)?;
        let client = asking.client.clone();
        let mut threads = Supervisor::default();
        let seed = Rng::from_entropy().next_u64();
        let following = follow::start(&mut threads, asking, &wanted.gateways, state.answers(), seed)?;
        let shutdown = threads.shutdown();
        let (told, notes) = Default::default();
        Ok(Self { following, client, threads: Some(threads), shutdown, datacenter, wanted, state, told, notes })
    }

    /// Which agent it is.
    pub fn agent(&self) -> String {
        self.wanted.settings.agent.to_string()
    }

    /// Ends the run that it belongs to, and is ended with it.
    pub fn shutdown(&self) -> Shutdown {
        self.shutdown.clone()
    }

    /// Waits until everything is known that gateways of these kinds cannot be started without; what an earlier run kept stands in for what
    /// Consul does not say. The world of each gateway.
    pub fn sync(&mut self, mut tell: impl FnMut(&Progress)) -> Result<Vec<Resources>, ConsulError> {
        let (mut last, mut restored) = (Instant::now(), false);
        let (mut heard, mut seen) = (u64::MAX, u64::MAX);
        let (mut compiled, mut took) = (Instant::now(), Duration::ZERO);
        loop {
            if self.shutdown().is_triggered() {
                return Err(ConsulError::Ended);
            }
            let version = self.following.version();
            if version != heard {
                (last, heard) = (Instant::now(), version);
            }
            let (done, all) = self.following.progress();
            // While most of it is still to come this is not done for each service that comes.
            if version != seen && (done == all || compiled.elapsed() > took * 4) {
                let begin = Instant::now();
                let (world, version) = self.following.world();
                self.is_there(world.datacenter.as_str())?;
                seen = version;
                // What is needed hangs on the entries, which may have come just now.
                let mut all = Needs::default();
                self.resources(&world).iter().for_each(|resources| all.extend(needs(resources, &compile(resources))));
                self.following.want(all);
                (compiled, took) = (Instant::now(), begin.elapsed());
            }
            let missing = self.following.missing();
            if missing.is_empty() && seen >= version {
                return self.read();
            }
            if missing.is_empty() {
                continue;
            }
            let (trouble, unallowed) = self.trouble();
            tell(&Progress { missing, services: self.following.progress(), trouble, unallowed });
            if !restored && last.elapsed() > QUIET {
                restored = true;
                self.restore()?;
            }
            self.following.wait(version, LOOK);
        }
    }

    fn is_there(&self, datacenter: &str) -> Result<(), ConsulError> {
        match &self.datacenter {
            Some(wanted) if !datacenter.is_empty() && wanted != datacenter => {
                Err(ConsulError::Datacenter { agent: self.agent(), is: datacenter.to_owned(), wanted: wanted.clone() })
            }
            _ => Ok(()),
        }
    }

    fn restore(&self) -> Result<(), ConsulError> {
        let Some(folder) = self.state.answers() else { return Ok(()) };
        let taken = follow::restore(&self.following, folder).map_err(|e| ConsulError::State(folder.to_owned(), e))?;
        if taken > 0 {
            let agent = self.agent();
            tracing::warn!(
                "Consul at {agent} does not say all that is needed: what it said to an earlier run stands in for it until it does"
            );
        }
        Ok(())
    }

    fn trouble(&self) -> (Option<String>, Option<(GatewayKind, String)>) {
        let Some(troubled) = self.following.watches().into_iter().find(|watch| watch.trouble.is_some()) else { return (None, None) };
        let gateway = self.wanted.gateways.first().filter(|_| troubled.of_token);
        let why = troubled.trouble.unwrap_or_default();
        (Some(format!("{}: {why}", troubled.what)), gateway.map(|gateway| (gateway.kind, gateway.name.clone())))
    }

    /// The world of each gateway by now, with the certificates in their files. What is left out or odd and was not before is told.
    pub(super) fn read(&mut self) -> Result<Vec<Resources>, ConsulError> {
        let (world, _) = self.following.world();
        self.state.write_certs(&world)?;
        let notes = world.notes.iter().map(|note| format!("{} ({})", note.message, note.code));
        let told = world.left_out.iter().map(ToString::to_string).chain(notes).collect();
        for new in BTreeSet::difference(&told, &self.told) {
            tracing::warn!("Consul: {new}");
        }
        self.told = told;
        self.notes = world.notes.iter().map(Note::of).collect();
        Ok(self.resources(&world))
    }

    /// The certificates of TLS listeners as they were read last: those of files first, then what Consul has signed for their hosts.
    pub fn certificates(&self) -> Vec<Certificate> {
        let ingress = self.wanted.gateways.iter().filter(|gateway| gateway.kind == GatewayKind::Ingress);
        let signed = ingress.filter_map(|gateway| self.state.certificate(&gateway.name));
        self.wanted.certificates.iter().cloned().chain(signed).collect()
    }

    /// The files of certificates that Consul knows nothing of.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        self.wanted.certificates.iter().flat_map(|c| [c.cert.clone(), c.key.clone()]).collect()
    }

    /// What was noted of the entries that were read last.
    pub(super) fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Says whose instances the gateway needs, as it was compiled.
    pub(super) fn want(&self, needs: Needs) {
        self.following.want(needs);
    }

    /// A way to the agent for another thread, for what is told to it.
    pub(super) fn client(&self) -> Result<Client, ConsulError> {
        Ok(self.client.beside()?)
    }

    /// How the leaf of a service is had that a client names.
    pub(super) fn leaves(&self) -> AskForLeaf {
        let following = self.following.clone();
        AskForLeaf::by(move |service| following.want_leaf(service))
    }

    /// The handle by which changes are heard.
    pub(super) fn following(&self) -> Following {
        self.following.clone()
    }

    /// The thread, for who waits for its end.
    pub(super) const fn threads(&mut self) -> Option<Supervisor> {
        self.threads.take()
    }

    fn resources(&self, world: &World) -> Vec<Resources> {
        let there = Some(Arc::new(world.leaves.keys().cloned().collect()));
        let certs = LeafFolder { path: self.state.certs().to_owned(), there };
        self.wanted.gateways.iter().map(|gateway| made_of(gateway.clone(), world.clone(), certs.clone())).collect()
    }
}

/// The world of a gateway whose certificates are in that folder. Without a leaf an ingress gateway is nobody in the mesh.
pub(super) fn made_of(mut gateway: GatewayConfig, world: World, certs: LeafFolder) -> Resources {
    let mut services = world.services;
    match gateway.kind {
        GatewayKind::Ingress => {
            let has_leaf = certs.there.as_ref().is_none_or(|there| there.contains(&gateway.name));
            gateway.identity = has_leaf.then(|| Identity::in_folder(&certs.path, &gateway.name));
        }
        GatewayKind::Terminating => (gateway.leaves, services) = (Some(certs), world.outside),
        GatewayKind::Mesh => {}
    }
    let trust_domain = world.roots.map_or_else(|| TrustDomain::new(TrustDomain::OF_FILES), |roots| roots.trust_domain);
    Resources {
        gateway,
        datacenter: world.datacenter,
        trust_domain,
        entries: world.entries,
        services,
        federation: world.federation,
        default_action: world.default_action,
        rejected: world.left_out.into_iter().map(rejected).collect(),
        written: Written::Consul,
    }
}

fn rejected(left_out: LeftOut) -> Rejected {
    let LeftOut { what, why } = left_out;
    let entry = what.split_once('/').and_then(|(kind, name)| Some(EntryRef::new(EntryKind::parse(kind)?, name)));
    let (what, why) = match entry {
        Some(entry) => (entry, why),
        None => {
            let name = what.strip_prefix("service ").and_then(|rest| rest.split(',').next()).unwrap_or(&what).to_owned();
            (EntryRef::new(EntryKind::Service, &name), format!("{what}: {why}"))
        }
    };
    Rejected { what, why }
}
