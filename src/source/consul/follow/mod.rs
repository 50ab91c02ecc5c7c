//! Following Consul: what a gateway of a kind has to know, kept up to date on a thread of its own.
//!
//! Few questions wait at the agent at a time: one for each kind of entries of which there are many, for the servers where they are exposed,
//! for all checks and for the names of all services; those with short answers that rarely change take turns, and so do those of other
//! datacenters (`Turns`). What these tell of is asked for on connections that are used again: instances a few at a time (`catalog`),
//! leaves one after the other (`leaves`). Gateways of one process are followed for together: what one of them needs is asked for once.

mod catalog;
mod keep;
mod leaves;
mod shared;
mod signed;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use self::catalog::{Catalog, Queue};
pub use self::keep::restore;
use self::keep::{Asked, Keeping};
pub use self::shared::{Following, WatchStatus};
use self::shared::{Shared, Told};
use self::signed::Signing;
use super::answer::Why;
use super::call::{Call, Side};
use super::client::{AskError, Client, MOST_STANDING};
use super::convert;
use super::kept::Kept;
use super::known::Required;
use super::settings::Settings;
use super::sign::Signer;
use super::watch::{News, Turns, Watch};
use crate::model::entry::EntryKind;
use crate::model::federation::Servers;
use crate::model::gateway::{GatewayConfig, GatewayKind};
use crate::model::needs::Needed;
use crate::rt::rng::Rng;
use crate::rt::supervise::{Failure, Supervisor};
use crate::rt::task;

/// How often the agent is asked about itself: what holds where no intention decides is said nowhere else.
const ABOUT: Duration = Duration::from_secs(60);
/// The pause before it is asked again, if it did not answer.
const AGAIN: Duration = Duration::from_millis(500);

/// For how long the last gateway of a datacenter stays in use that nobody tells of any more: a restart, and what it takes until it was
/// heard of everywhere (`docs/differences.md` gone-gateways).
const SPARED_GATEWAYS: Duration = Duration::from_secs(30);
/// How long one of those waits whose answers are short and rarely others: they are four at most, so that a change is heard within half a
/// second, and mostly sooner.
const TURN: Duration = Duration::from_millis(150);
/// The same for catalogs of other datacenters, whose answers are long.
const FAR_TURN: Duration = Duration::from_secs(2);

/// What gateways have to know.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// The kinds of entries.
    pub kinds: Vec<EntryKind>,
    /// Whether they cannot be without the roots of the mesh.
    pub roots: bool,
    /// The gateways that show leaves of their own.
    pub own: Vec<String>,
    /// Whether the leaves of linked services are shown, those outside the mesh.
    pub linked: bool,
    /// Whether they have to know where mesh gateways are.
    pub gateways: bool,
    /// Whether it has to know where the servers are.
    pub servers: bool,
    /// Kinds that are asked for beside, and that it can be without.
    pub beside: &'static [EntryKind],
    /// Whether each question is asked until it is answered, and then no more: nothing is left waiting at the agent.
    pub once: bool,
}

impl Subject {
    /// What gateways have to know together.
    pub fn of(gateways: &[GatewayConfig]) -> Self {
        use EntryKind::{
            IngressGateway, Mesh, ProxyDefaults, ServiceDefaults, ServiceIntentions, ServiceResolver, ServiceRouter, ServiceSplitter,
            TerminatingGateway,
        };
        let mut all = Self::default();
        for gateway in gateways {
            let kinds: &[EntryKind] = match gateway.kind {
                GatewayKind::Ingress => {
                    all.own.push(gateway.name.clone());
                    &[ProxyDefaults, ServiceDefaults, ServiceRouter, ServiceSplitter, ServiceResolver, IngressGateway, Mesh]
                }
                GatewayKind::Terminating => {
                    all.linked = true;
                    &[ProxyDefaults, ServiceDefaults, ServiceResolver, TerminatingGateway, ServiceIntentions, Mesh]
                }
                GatewayKind::Mesh => &[ProxyDefaults, ServiceDefaults, ServiceResolver, Mesh],
            };
            let new: Vec<EntryKind> = kinds.iter().filter(|kind| !all.kinds.contains(kind)).copied().collect();
            all.kinds.extend(new);
            // Before a secondary datacenter has found its primary there are none, and mesh gateways route to servers all the same.
            all.roots |= gateway.kind != GatewayKind::Mesh;
            all.gateways |= gateway.kind != GatewayKind::Terminating;
            all.servers |= gateway.exposes_servers;
        }
        all
    }

    /// The same to look at one alone: it shows no leaf, and whatever else is written about its services is told too.
    pub fn to_look_at(gateway: &GatewayConfig) -> Self {
        use EntryKind::{ExportedServices, IngressGateway, ServiceIntentions, ServiceRouter, ServiceSplitter, TerminatingGateway};
        let beside: &[EntryKind] = match gateway.kind {
            GatewayKind::Ingress => &[ServiceIntentions, TerminatingGateway, ExportedServices],
            GatewayKind::Terminating => &[ServiceRouter, ServiceSplitter, IngressGateway, ExportedServices],
            GatewayKind::Mesh => &[ServiceIntentions, TerminatingGateway, ServiceRouter, ServiceSplitter, IngressGateway, ExportedServices],
        };
        let of_one = Self::of(std::slice::from_ref(gateway));
        Self { own: Vec::new(), linked: false, gateways: true, beside, once: true, ..of_one }
    }

    /// What there must be before the gateways can be started.
    pub fn required(&self) -> Required<'_> {
        Required { kinds: &self.kinds, roots: self.roots, leaves: &self.own, servers: self.servers, gateways: self.gateways }
    }

    /// Whether there are more questions that wait for news than may wait at a time: then those with rarer news take turns. One gateway has
    /// never so many.
    fn is_crowded(&self) -> bool {
        let asked = self.kinds.iter().map(|kind| Asked::Entries(*kind)).chain(self.servers.then_some(Asked::Servers));
        // The checks, the names of services, and the one of those whose turn it is.
        asked.filter(|asked| !asked.is_short()).count() + 3 > MOST_STANDING
    }
}

/// Begins to follow an agent on a thread of its own, which is one of a supervisor's. `folder`: where the last answers are kept.
pub fn start(
    threads: &mut Supervisor,
    asking: Asking,
    gateways: &[GatewayConfig],
    folder: Option<&Path>,
    seed: u64,
) -> Result<Following, Unfollowed> {
    start_as(threads, asking, Subject::of(gateways), folder, seed)
}

/// The same for who says what there is to know.
pub fn start_as(
    threads: &mut Supervisor,
    asking: Asking,
    subject: Subject,
    folder: Option<&Path>,
    seed: u64,
) -> Result<Following, Unfollowed> {
    let Asking { client, signer } = asking;
    let kept = folder.map(Kept::open).transpose().map_err(Unfollowed::Folder)?;
    let shared = Arc::new(Shared::new(subject));
    if let Some(kept) = kept.as_ref().filter(|_| shared.subject.linked) {
        let mut leaves = keep::leaves(kept).map_err(Unfollowed::Folder)?;
        leaves.retain(|name, _| !shared.subject.own.contains(name));
        shared.had_leaves(leaves);
    }
    let (follows, folder) = (shared.clone(), folder.map(Path::to_owned));
    threads.start("consul", move || async move {
        let keeping = kept.map(Keeping::start).transpose()?;
        let rare = follows.subject.is_crowded().then(|| Turns::of(TURN));
        let follow = Follow {
            client,
            signing: signer.map(Signing::by),
            shared: follows,
            keeping,
            folder,
            rng: Rng::seeded(seed).into(),
            short: Turns::of(TURN),
            rare,
            far: Turns::of(FAR_TURN),
            wanted: RefCell::default(),
            catalogs: RefCell::default(),
            queue: Queue::default(),
            far_queue: Queue::default(),
        };
        let shared = follow.shared.clone();
        Rc::new(follow).begin();
        // Not at the begin of the drain: changes are taken up until its end.
        shared.ended.notified().await;
        Ok(())
    })?;
    Ok(Following(shared))
}

/// Who is asked.
#[derive(Debug)]
pub struct Asking {
    /// The agent.
    pub client: Arc<Client>,
    /// The server that signs keys of one's own, if one is named.
    pub signer: Option<Signer>,
}

impl Asking {
    /// Those of these settings.
    pub fn of(settings: &Settings) -> Result<Self, AskError> {
        Ok(Self { client: Arc::new(Client::new(settings.clone())?), signer: Signer::of(settings)? })
    }
}

/// Why Consul is not followed.
#[derive(Debug, thiserror::Error)]
pub enum Unfollowed {
    /// The folder of the last answers cannot be used.
    #[error("cannot keep what Consul says (--state-dir)")]
    Folder(#[source] io::Error),
    /// The thread cannot be started.
    #[error(transparent)]
    Thread(#[from] Failure),
}

/// What the tasks of the thread share.
struct Follow {
    client: Arc<Client>,
    signing: Option<Signing>,
    shared: Arc<Shared>,
    keeping: Option<Keeping>,
    /// Where that is kept.
    folder: Option<PathBuf>,
    rng: RefCell<Rng>,
    /// Those whose answers are short; those that are rarely others, where there are too many questions; and those of other datacenters.
    short: Arc<Turns>,
    rare: Option<Arc<Turns>>,
    far: Arc<Turns>,
    /// Services that are needed by now.
    wanted: RefCell<BTreeSet<Needed>>,
    /// By datacenter.
    catalogs: RefCell<HashMap<String, Rc<Catalog>>>,
    queue: Queue,
    /// Services of other datacenters.
    far_queue: Queue,
}

impl Follow {
    /// Each of the tasks. They end with the thread.
    fn begin(self: Rc<Self>) {
        let subject = self.shared.subject.clone();
        task::spawn(self.clone().about());
        for kind in subject.kinds.iter().chain(subject.beside) {
            self.entries(*kind);
        }
        // A mesh gateway has no keys, and needs the roots for the name of the trust domain alone.
        self.roots();
        if subject.gateways {
            self.gateways();
        }
        if subject.servers {
            self.servers();
        }
        if subject.linked || !subject.own.is_empty() {
            task::spawn(leaves::run(self.clone()));
        }
        task::spawn(catalog::run(self));
    }

    fn rng(&self) -> Rng {
        Rng::seeded(self.rng.borrow_mut().next_u64())
    }

    fn keep(&self, asked: &Asked, body: &bytes::Bytes) {
        if let Some(keeping) = &self.keeping {
            keeping.put(asked, body);
        }
    }

    /// Watches something for ever. `heard` gets what it is each time that it is something else; false ends the watch.
    fn watch<T: 'static>(
        self: &Rc<Self>,
        asked: Asked,
        call: Call<T>,
        is_empty: fn(&T) -> bool,
        mut heard: impl FnMut(&Rc<Self>, Result<Option<T>, &AskError>) -> bool + 'static,
    ) {
        let follow = self.clone();
        task::spawn(async move {
            let name = asked.to_string();
            let watch = Watch::new(call, is_empty, follow.rng());
            let mut watch = match &follow.rare {
                _ if asked.is_short() => watch.in_turn(&follow.short),
                Some(rare) if asked.is_rare() => watch.in_turn(rare),
                _ => watch,
            };
            loop {
                let news = watch.once(&follow.client).await;
                // What an older Consul does not have is no trouble.
                let absent = matches!(&news, Some(News::Trouble(error)) if matches!(error.why(), Some(Why::UnknownKind(_))));
                let told = if absent { Some(Told::Well) } else { news.as_ref().map(Told::of) };
                follow.shared.asked_again(&name, &watch, told);
                let is_enough = follow.is_enough(news.as_ref());
                let goes_on = match news {
                    Some(News::Is { what, body, .. }) => {
                        if what.is_some() {
                            follow.keep(&asked, &body);
                        }
                        heard(&follow, Ok(what))
                    }
                    Some(News::Trouble(error)) => heard(&follow, Err(&error)),
                    Some(News::Doubted | News::Well) | None => true,
                };
                if !goes_on || is_enough {
                    return;
                }
            }
        });
    }

    /// Whether nothing else is wanted than this answer.
    fn is_enough<T>(&self, news: Option<&News<T>>) -> bool {
        self.shared.subject.once && matches!(news, Some(News::Is { .. } | News::Well))
    }

    /// The agent itself: its datacenter, and what holds where no intention decides.
    async fn about(self: Rc<Self>) {
        let name = Asked::Agent.to_string();
        loop {
            let asked = self.client.ask(&Call::agent_self()).await;
            let pause = match &asked {
                Ok(answer) => {
                    self.keep(&Asked::Agent, &answer.body);
                    let action = convert::default_action(answer.what.as_ref(), &answer.meta);
                    let datacenter = answer.what.as_ref().map(|agent| agent.config.datacenter.clone());
                    let domains = answer.what.as_ref().map(convert::domains).unwrap_or_default();
                    self.shared.answered(&name, 0, Some(Told::Well));
                    self.shared.change(|known| {
                        let before = (known.datacenter.clone(), known.default_action, known.domains.clone());
                        known.datacenter = datacenter.filter(|d| !d.is_empty()).unwrap_or_else(|| before.0.clone());
                        known.default_action = action.or(before.1);
                        known.domains = if domains.is_empty() { before.2.clone() } else { domains };
                        before != (known.datacenter.clone(), known.default_action, known.domains.clone())
                    });
                    self.shared.needs.notify_one();
                    self.shared.leaves.notify_one();
                    ABOUT
                }
                Err(error) => {
                    let enough = self.without_agent_read(error).await;
                    self.shared.answered(&name, 0, Some(if enough { Told::Well } else { Told::trouble(error) }));
                    if enough { ABOUT } else { AGAIN }
                }
            };
            sleep(pause).await;
        }
    }

    /// Who may not read the agent learns its datacenter elsewhere, and the default from headers. Whether that is enough: it is for who
    /// judges no intentions.
    async fn without_agent_read(&self, error: &AskError) -> bool {
        if !matches!(error.why(), Some(Why::Denied(_))) {
            return false;
        }
        let Ok(answer) = self.client.ask(&Call::datacenters()).await else { return false };
        // The nearest is the own one.
        let nearest = answer.what.and_then(|all| all.into_iter().next());
        self.shared.change(|known| {
            let new = known.datacenter.is_empty() && nearest.is_some();
            if new {
                known.datacenter = nearest.unwrap_or_default();
                known.default_action = convert::default_action(None, &answer.meta);
            }
            new
        });
        self.shared.needs.notify_one();
        self.shared.leaves.notify_one();
        !self.shared.subject.kinds.contains(&EntryKind::ServiceIntentions) && self.shared.look(|known, _| !known.datacenter.is_empty())
    }

    fn entries(self: &Rc<Self>, kind: EntryKind) {
        self.watch(Asked::Entries(kind), Call::entries(kind), Vec::is_empty, move |follow, heard| match heard {
            Ok(values) => {
                follow.shared.change(|known| known.entries(kind, values.unwrap_or_default()));
                if kind == EntryKind::IngressGateway {
                    // It says which names the leaf is to have.
                    follow.shared.leaves.notify_one();
                }
                true
            }
            // An older Consul. It is not asked again.
            Err(error) if matches!(error.why(), Some(Why::UnknownKind(_))) => {
                tracing::info!("Consul: this version has no {kind} entries");
                follow.no_kind(kind);
                false
            }
            Err(_) => true,
        });
    }

    fn no_kind(self: &Rc<Self>, kind: EntryKind) {
        if kind != EntryKind::ServiceIntentions {
            // To be known at a start without Consul as well.
            self.keep(&Asked::Entries(kind), &bytes::Bytes::from_static(b"[]"));
            self.shared.change(|known| {
                known.no_kind(kind);
                true
            });
            return;
        }
        // 1.8 has them in a table of their own.
        self.watch(Asked::Intentions, Call::intentions(), Vec::is_empty, |follow, heard| {
            if let Ok(rows) = heard {
                follow.shared.change(|known| {
                    known.intentions(&rows.unwrap_or_default());
                    true
                });
            }
            true
        });
    }

    fn roots(self: &Rc<Self>) {
        self.watch(
            Asked::Roots,
            Call::roots(),
            |answer| answer.roots.is_empty(),
            |follow, heard| {
                if let Ok(Some(answer)) = heard {
                    match convert::roots(&answer) {
                        Ok(roots) => {
                            follow.shared.change(|known| known.roots.replace(roots) != known.roots);
                            follow.shared.leaves.notify_one();
                        }
                        Err(why) => follow.shared.answered(&Asked::Roots.to_string(), 0, Some(Told::Trouble(why.to_string().into()))),
                    }
                }
                true
            },
        );
    }

    fn gateways(self: &Rc<Self>) {
        self.watch(
            Asked::Gateways,
            Call::mesh_gateways(),
            |answer| answer.is_empty(),
            |follow, heard| {
                match heard {
                    Ok(answer) => {
                        follow.shared.change(|known| known.gateways(&answer.unwrap_or_default()));
                        follow.forget_spared_gateways();
                    }
                    // Before a secondary has found its primary there are no federation states.
                    Err(error) if error.why().is_some() => follow.shared.change(|known| known.of_gateways().refused()),
                    Err(_) => {}
                }
                true
            },
        );
    }

    /// Those of which nobody tells any more, after a while.
    fn forget_spared_gateways(self: &Rc<Self>) {
        let Some(answer) = self.shared.look(|known, _| known.spared_gateways()) else { return };
        let follow = self.clone();
        task::spawn(async move {
            sleep(SPARED_GATEWAYS).await;
            follow.shared.change(|known| known.of_gateways().forget_spared(answer));
        });
    }

    /// The servers of the own datacenter, whatever their health.
    fn servers(self: &Rc<Self>) {
        self.watch(Asked::Servers, Call::instances(Side::Plain, Servers::SERVICE), Vec::is_empty, |follow, heard| {
            if let Ok(rows) = heard {
                follow.shared.change(|known| known.servers(&rows.unwrap_or_default()));
            }
            true
        });
    }

    /// How long it has been since the agent came back, for who asks in its first seconds.
    fn since_back(&self) -> Option<Duration> {
        self.shared.back().map(|at| Instant::now().duration_since(at))
    }
}
