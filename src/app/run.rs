//! Starting and ending a run.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::access_log::{self, Writer};
use super::certs;
use super::config::{AccessLogTo, RunConfig};
use super::control::{self, Control, Registering};
use super::from_consul::{ConsulError, ConsulSource};
use super::metrics::{self, Reloads, counters};
use super::publish::Publishing;
use super::reload::{Desk, From, Reload, Told};
use super::served::Served;
use super::status;
use super::traces::{self, Exporter, TracesError};
use super::world::{self, Held, Verb};
use super::{authz, chain, generations, inspect, sni};
use crate::admin::{self, Place, Reloading, Standing, Subject};
use crate::check::Found;
use crate::id::ListenerName;
use crate::model::gateway::RecordFormat;
use crate::net;
use crate::proxy::access::AccessLog;
use crate::proxy::meters::{Ledger, Meter};
use crate::proxy::{self, Orders, Share};
use crate::rt::drain::{self, Drain};
use crate::rt::rng::Rng;
use crate::rt::signal::Shutdown;
use crate::rt::supervise::{Failure, Supervisor};
use crate::source::consul::follow::Following;
use crate::state::connections::Lister;
use crate::state::refusals::Refusals;
use crate::state::taps::Tapper;
use crate::tls;

/// What is answered at the admin listener besides its own pages.
const QUESTIONS: [Verb; 13] = [
    inspect::ROUTE,
    authz::PAIR,
    authz::PAIRS,
    sni::SNI,
    chain::CHAIN,
    inspect::listeners::LISTENERS,
    inspect::services::SERVICES,
    inspect::certs::CERTS,
    inspect::intentions::INTENTIONS,
    inspect::datacenters::DATACENTERS,
    inspect::problems::PROBLEMS,
    world::DUMP,
    generations::GENERATIONS,
];
/// What was told and not yet heard: more is not kept.
const TOLD: usize = 64;
/// How long the last access records may take to be written.
const RECORDS_TIME: Duration = Duration::from_secs(5);

/// Why a run did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener's address is taken, or none of this machine's.
    #[error("cannot listen on {address} for {listener}")]
    Listen {
        /// The listener.
        listener: String,
        /// Its address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The same for the admin listener.
    #[error("cannot listen on {0} for admin requests")]
    Admin(SocketAddr, #[source] io::Error),
    /// The same for those who ask whether an ingress gateway is ready.
    #[error("cannot answer /ready on {0}: the port of an ingress gateway's --address is none of its listeners'")]
    Ready(SocketAddr, #[source] io::Error),
    /// The certificates cannot be used.
    #[error("the certificates cannot be used (gw certs init begins a folder of them)")]
    Certificates(#[from] tls::Error),
    /// What Consul says cannot be served.
    #[error(transparent)]
    Consul(#[from] ConsulError),
    /// The access log cannot be opened.
    #[error("cannot open the access log {0}")]
    AccessLog(String, #[source] io::Error),
    /// Spans cannot be sent.
    #[error(transparent)]
    Traces(#[from] TracesError),
    /// Signals cannot be heard.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// A thread cannot be started.
    #[error(transparent)]
    Thread(#[from] Failure),
}

impl StartError {
    /// What to do about it.
    pub fn advice(&self) -> Option<String> {
        let (address, source, other) = match self {
            Self::Listen { listener, address, source } => {
                let entry = listener.rsplit_once(':').map_or(listener.as_str(), |(gateway, _)| gateway);
                let other = format!("--listen, --address, or the Port in ingress-gateway/{entry} names another one");
                (address, source, other)
            }
            Self::Admin(address, source) => (address, source, "--admin-bind IP:PORT names another one".to_owned()),
            Self::Ready(address, source) => (address, source, "--address IP:PORT names another one".to_owned()),
            Self::Certificates(error) => return error.leaf().map(|file| format!("{} makes another one", certs::anew(file, true))),
            _ => return None,
        };
        let port = address.port();
        let seen = match source.kind() {
            io::ErrorKind::AddrInUse => format!("ss -ltnp 'sport = :{port}' says who listens there"),
            io::ErrorKind::AddrNotAvailable => "ip address says which addresses this machine has".to_owned(),
            io::ErrorKind::PermissionDenied => {
                format!("setcap cap_net_bind_service=+ep \"$(command -v gw)\" lets it listen below port 1024, as at {port}")
            }
            _ => return Some(other),
        };
        Some(format!("{seen}; {other}"))
    }
}

/// A run that has begun: every listener is bound, and answers.
#[derive(Debug)]
pub struct Bound {
    /// The listeners of the start and where they are.
    pub listeners: Vec<(ListenerName, SocketAddr)>,
    /// Where admin requests are answered.
    pub admin: Vec<SocketAddr>,
    /// Where metrics are told besides.
    pub metrics: Option<SocketAddr>,
    /// Where it is told whether ingress gateways are ready.
    pub ready: Vec<SocketAddr>,
    /// Ends the run.
    pub shutdown: Shutdown,
    /// Asks for the files to be read again, as HUP does.
    pub reload: Reload,
    /// What becomes of files that change. Ends when the run does.
    pub told: Receiver<Told>,
    workers: Supervisor,
    control: Supervisor,
    /// The Consul that is followed, and its thread.
    followed: Option<(Following, Option<Supervisor>)>,
    /// Ends the control thread, after the workers.
    ended: Drain,
    access: Option<Writer>,
    tracer: Option<Exporter>,
}

/// Binds everything, then starts the threads. Nothing runs if anything cannot be bound.
pub fn start(config: RunConfig) -> Result<Bound, StartError> {
    tls::install();
    let workers = config.workers.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    // The thread that follows Consul runs already, and ends the others if it ends.
    let mut supervisor = config.consul.as_ref().map_or_else(Supervisor::default, |consul| Supervisor::sharing(consul.shutdown()));
    let shutdown = supervisor.shutdown();

    let (names, resolver) = net::names(config.dns);
    let (orders, received): (Vec<Orders>, Vec<_>) = (0..workers).map(|_| Orders::channel()).unzip();
    let mut served = Served::nothing(orders, names.clone());
    let ready: Vec<SocketAddr> = config.gateways.iter().filter_map(|resources| resources.gateway.ready()).collect();
    let first = served.replace(config.gateways, &config.certificates, &Found::default())?;
    let listeners = first.map(|changed| changed.added).unwrap_or_default();
    let (admin, mut admin_sockets) = bind_admin(&config.admin, &Place { token: config.admin_token, only_metrics: false })?;
    let (metrics, metrics_sockets) = bind_admin(config.metrics.as_slice(), &Place { token: None, only_metrics: true })?;
    admin_sockets.extend(metrics_sockets);
    let probes = bind_probes(&ready)?;
    let (logs, access) = config.access_log.map(|to| open_access_log(to, config.record_format, workers)).transpose()?.unzip();
    let mut logs = logs.into_iter().flatten();

    let leaves = config.consul.as_ref().map(ConsulSource::leaves);
    let (tracing, tracer) = config.traces.map(traces::start).transpose()?.unzip();
    let (connections, asked) = Lister::of(workers);
    let (taps, tapped) = Tapper::of(workers);
    let (ledger, refusals) = (Ledger::of(workers), Refusals::default());
    for (n, ((orders, asked), tapped)) in received.into_iter().zip(asked).zip(tapped).enumerate() {
        let rng = config.seed.map_or_else(Rng::from_entropy, |seed| Rng::seeded(seed.wrapping_add(n as u64)));
        let (meter, access, tracing) = (Meter::new(ledger.clone(), n), logs.next(), tracing.clone());
        let (max_connections, drain_time) = (config.max_connections, config.drain_time);
        let (names, refusals, leaves) = (names.clone(), refusals.clone(), leaves.clone());
        let share = Share { orders, names, asked, tapped, meter, refusals, leaves, access, tracing, max_connections, drain_time, rng };
        start_worker(&mut supervisor, n, share, shutdown.clone())?;
    }

    let (ended, watch) = drain::channel();
    let standing = Arc::new(Mutex::new(Standing::default()));
    let (reload, (tell, told)) = (Reload::default(), sync_channel(TOLD));
    let mut consul = config.consul;
    let followed = consul.as_mut().map(|consul| (consul.following(), consul.threads()));
    let following = followed.as_ref().map(|(following, _)| following.clone());
    let registering = match &consul {
        Some(consul) if !config.register.is_empty() => Registering::all(&Arc::new(consul.client()?), config.register),
        _ => Vec::new(),
    };
    let registered = registering.iter().map(|one| (one.wanted.name.clone(), one.registered.clone())).collect();
    let held = Held::default();
    let stands = status::standing(following.clone(), registered, names.clone(), refusals);
    let question = |verb: Verb| (verb.page, held.question(verb, config.origin.clone(), stands.clone()));
    let counters = (counters::PAGE, counters::question(ledger.clone()));
    let questions = QUESTIONS.into_iter().map(question).chain([counters]).collect();
    let status = status::status(config.origin.clone(), stands.clone());
    let told_of = held.clone();
    let from = From { files: config.files, consul };
    let (desk, changes, unwatched) = Desk::new(from, served, standing.clone(), held);
    unwatched.into_iter().for_each(|why| drop(tell.try_send(Told::Unwatched(why))));
    let (keeping, keeper) = certs::keeper();
    let reloads = Reloads::begin();
    let scrape = metrics::scrape(metrics::Told {
        ledger,
        workers,
        names: names.clone(),
        shutdown: shutdown.clone(),
        reloads: reloads.clone(),
        held: told_of,
        following: following.clone(),
        taps: taps.clone(),
        dropped: access.as_ref().map(|writer| writer.dropped.clone()),
        spans: tracer.as_ref().map(|tracer: &Exporter| tracer.counted.clone()),
    });
    let asks = reload.clone();
    let reloading = Reloading(Arc::new(move || asks.ask_and_hear()));
    let publishing = Publishing { desk, changes, following, asked: reload.clone(), tell, shutdown: shutdown.clone(), keeping, reloads };
    let control = Control {
        admin: admin_sockets,
        probes,
        subject: Subject { standing, questions, connections, taps, status, metrics: scrape, reload: reloading, shutdown: shutdown.clone() },
        echo: config.echo,
        signals: config.signals,
        shutdown: shutdown.clone(),
        reload: reload.clone(),
        publishing,
        registering,
        keeper,
        resolver,
        names,
        rng: config.seed.map_or_else(Rng::from_entropy, Rng::seeded),
        reopen: access.as_ref().and_then(|writer| writer.reopen.clone()),
    };
    let control = control::start(control, watch)?;
    Ok(Bound {
        listeners,
        admin,
        metrics: metrics.first().copied(),
        ready,
        shutdown,
        reload,
        told,
        workers: supervisor,
        control,
        followed,
        ended,
        access,
        tracer,
    })
}

impl Bound {
    /// Where a listener is, by its name.
    pub fn listener(&self, name: &str) -> Option<SocketAddr> {
        self.listeners.iter().find(|(n, _)| n.as_str() == name).map(|(_, address)| *address)
    }

    /// Waits until the run has ended: by a signal, by [`Shutdown::trigger`], or because something failed.
    pub fn wait(self) -> Result<(), Failure> {
        self.attend(drop)
    }

    /// The same, and passes on what becomes of files that change meanwhile.
    pub fn attend(self, mut tell: impl FnMut(Told)) -> Result<(), Failure> {
        // Over when the drain begins.
        self.told.iter().for_each(&mut tell);
        let worked = self.workers.join();
        // They write what is left, for every sender went with its worker; signals are still heard meanwhile.
        let until = Instant::now() + RECORDS_TIME;
        for (what, thread) in [("access records", self.access.map(|a| a.thread)), ("spans", self.tracer.map(|t| t.thread))] {
            let Some(thread) = thread else { continue };
            while !thread.is_finished() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(1));
            }
            if !thread.is_finished() {
                tracing::warn!("{what} were lost: nobody takes them");
            }
        }
        self.ended.say();
        let controlled = self.control.join();
        let followed = self.followed.map_or(Ok(()), |(following, threads)| {
            following.end();
            threads.map_or(Ok(()), Supervisor::join)
        });
        worked.and(controlled).and(followed)
    }

    /// Ends the run and waits for it.
    pub fn stop(self) -> Result<(), Failure> {
        self.shutdown.trigger();
        self.wait()
    }
}

/// A listener for admin requests, and what is told at it.
type BoundAt = (std::net::TcpListener, Place);

fn open_access_log(to: AccessLogTo, format: RecordFormat, workers: usize) -> Result<(Vec<AccessLog>, Writer), StartError> {
    let name = match &to {
        AccessLogTo::File(path) => path.display().to_string(),
        AccessLogTo::Writer(_) => "on stdout".to_owned(),
    };
    access_log::start(to, format, workers).map_err(|error| StartError::AccessLog(name, error))
}

fn bind_admin(wanted: &[SocketAddr], place: &Place) -> Result<(Vec<SocketAddr>, Vec<BoundAt>), StartError> {
    let (mut addresses, mut sockets) = (Vec::new(), Vec::new());
    for address in wanted {
        let failed = |e| StartError::Admin(*address, e);
        let socket = admin::bind(*address, place).map_err(failed)?;
        addresses.push(socket.local_addr().map_err(failed)?);
        sockets.push((socket, place.clone()));
    }
    Ok((addresses, sockets))
}

fn bind_probes(wanted: &[SocketAddr]) -> Result<Vec<std::net::TcpListener>, StartError> {
    wanted.iter().map(|address| admin::probe::bind(*address).map_err(|e| StartError::Ready(*address, e))).collect()
}

fn start_worker(supervisor: &mut Supervisor, number: usize, share: Share, shutdown: Shutdown) -> Result<(), StartError> {
    supervisor.start(&format!("worker-{number}"), move || proxy::work(share, shutdown))?;
    Ok(())
}
