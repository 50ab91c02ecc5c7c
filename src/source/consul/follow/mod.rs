//! Following Consul: what a gateway of a kind has to know, kept up to date on a thread of its own.
//!
//! Few questions wait at the agent at a time: one for each kind of entries, for the roots, for the mesh gateways, for all checks and
//! for the names of all services. What these tell of, instances and leaves, is asked for one after the other on connections that are
//! used again (`catalog`, `leaves`).

mod catalog;
mod keep;
mod leaves;
mod shared;
mod signed;

use std::cell::RefCell;
use std::collections::HashMap;
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
use super::call::Call;
use super::client::{AskError, Client};
use super::convert;
use super::kept::Kept;
use super::known::Required;
use super::settings::Settings;
use super::sign::Signer;
use super::watch::{News, Watch};
use crate::model::entry::EntryKind;
use crate::model::gateway::GatewayKind;
use crate::rt::rng::Rng;
use crate::rt::supervise::{Failure, Supervisor};
use crate::rt::task;

/// How often the agent is asked about itself: what holds where no intention decides is said nowhere else.
const ABOUT: Duration = Duration::from_secs(60);
/// The pause before it is asked again, if it did not answer.
const AGAIN: Duration = Duration::from_millis(500);

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
}

impl Subject {
    /// What gateways of these kinds and names have to know together.
    pub fn of(gateways: &[(GatewayKind, &str)]) -> Self {
        use EntryKind::{
            IngressGateway, Mesh, ProxyDefaults, ServiceDefaults, ServiceIntentions, ServiceResolver, ServiceRouter, ServiceSplitter,
            TerminatingGateway,
        };
        let mut all = Self::default();
        for (kind, name) in gateways {
            let kinds: &[EntryKind] = match kind {
                GatewayKind::Ingress => {
                    all.own.push((*name).to_owned());
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
            all.roots |= *kind != GatewayKind::Mesh;
            all.gateways |= *kind != GatewayKind::Terminating;
        }
        all
    }

    /// What there must be before the gateways can be started.
    pub fn required(&self) -> Required<'_> {
        Required { kinds: &self.kinds, roots: self.roots, leaves: &self.own }
    }
}

/// Begins to follow an agent on a thread of its own, which is one of a supervisor's. `folder`: where the last answers are kept.
pub fn start(
    threads: &mut Supervisor,
    asking: Asking,
    gateways: &[(GatewayKind, &str)],
    folder: Option<&Path>,
    seed: u64,
) -> Result<Following, Unfollowed> {
    let Asking { client, signer } = asking;
    let kept = folder.map(Kept::open).transpose().map_err(Unfollowed::Folder)?;
    let shared = Arc::new(Shared::new(Subject::of(gateways)));
    let (client, follows, folder) = (Arc::new(client), shared.clone(), folder.map(Path::to_owned));
    threads.start("consul", move || async move {
        let keeping = kept.map(Keeping::start).transpose()?;
        let follow = Follow {
            client,
            signing: signer.map(Signing::by),
            shared: follows,
            keeping,
            folder,
            rng: Rng::seeded(seed).into(),
            catalogs: RefCell::default(),
            queue: Queue::default(),
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
    pub client: Client,
    /// The server that signs keys of one's own, if one is named.
    pub signer: Option<Signer>,
}

impl Asking {
    /// Those of these settings.
    pub fn of(settings: &Settings) -> Result<Self, AskError> {
        Ok(Self { client: Client::new(settings.clone())?, signer: Signer::of(settings)? })
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
    /// By datacenter.
    catalogs: RefCell<HashMap<String, Rc<Catalog>>>,
    queue: Queue,
}

impl Follow {
    /// Each of the tasks. They end with the thread.
    fn begin(self: Rc<Self>) {
        let subject = self.shared.subject.clone();
        task::spawn(self.clone().about());
        for kind in &subject.kinds {
            self.entries(*kind);
        }
        // A mesh gateway has no keys, and needs the roots for the name of the trust domain alone.
        self.roots();
        if subject.gateways {
            self.gateways();
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
            let mut watch = Watch::new(call, is_empty, follow.rng());
            loop {
                let news = watch.once(&follow.client).await;
                // What an older Consul does not have is no trouble.
                let absent = matches!(&news, Some(News::Trouble(error)) if matches!(error.why(), Some(Why::UnknownKind(_))));
                let told = if absent { Some(Told::Well) } else { news.as_ref().map(Told::of) };
                follow.shared.answered(&name, watch.index(), told);
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
                if !goes_on {
                    return;
                }
            }
        });
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
                    self.shared.answered(&name, 0, Some(Told::Well));
                    self.shared.change(|known| {
                        let before = (known.datacenter.clone(), known.default_action);
                        known.datacenter = datacenter.filter(|d| !d.is_empty()).unwrap_or_else(|| before.0.clone());
                        known.default_action = action.or(before.1);
                        known.domains = answer.what.as_ref().map(convert::domains).unwrap_or_default();
                        before != (known.datacenter.clone(), known.default_action)
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
                        Err(why) => follow.shared.answered(&Asked::Roots.to_string(), 0, Some(Told::Trouble(why.to_string()))),
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
                if let Ok(answer) = heard {
                    follow.shared.change(|known| known.gateways(&answer.unwrap_or_default()));
                }
                true
            },
        );
    }

    /// How long it has been since the agent came back, for who asks in its first seconds.
    fn since_back(&self) -> Option<Duration> {
        self.shared.back().map(|at| Instant::now().duration_since(at))
    }
}
