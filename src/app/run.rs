//! Starting and ending a run.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::access_log;
use super::config::RunConfig;
use super::echo::EchoServices;
use super::health::{Health, Served};
use crate::admin::{self, Subject};
use crate::check::{self, Checker};
use crate::id::ListenerName;
use crate::model::gateway::{Certificate, Listener};
use crate::model::resources::Resources;
use crate::net::{self, Resolver};
use crate::proxy::{self, Counters, Share, Socket};
use crate::rt::drain::{self, Drain, DrainWatch};
use crate::rt::rng::Rng;
use crate::rt::signal::{Shutdown, Signals};
use crate::rt::supervise::{Failure, Supervisor};
use crate::state::{Live, publisher};
use crate::tls;

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
    /// The certificates cannot be used.
    #[error("the certificates cannot be used")]
    Certificates(#[from] tls::Error),
    /// The access log cannot be opened.
    #[error("cannot open the access log")]
    AccessLog(#[source] io::Error),
    /// Signals cannot be heard.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// A thread cannot be started.
    #[error(transparent)]
    Thread(#[from] Failure),
}

/// A run that has begun: every listener is bound, and answers.
#[derive(Debug)]
pub struct Bound {
    /// The listeners and where they are.
    pub listeners: Vec<(ListenerName, SocketAddr)>,
    /// Where admin requests are answered.
    pub admin: Vec<SocketAddr>,
    /// Ends the run.
    pub shutdown: Shutdown,
    workers: Supervisor,
    control: Supervisor,
    /// Ends the control thread, after the workers.
    ended: Drain,
    access: Option<JoinHandle<()>>,
}

/// Binds everything, then starts the threads. Nothing runs if anything cannot be bound.
pub fn start(config: RunConfig) -> Result<Bound, StartError> {
    tls::install();
    let workers = config.workers.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let mut supervisor = Supervisor::default();
    let shutdown = supervisor.shutdown();

    let (names, resolver) = net::names(config.dns);
    let (gateways, served) = publish(config.gateways, &config.certificates)?;
    let (checks, checker) = check::checks(&names, config.seed.map_or_else(Rng::from_entropy, Rng::seeded));
    let health = Health::of(served, &names, checks);
    let (listeners, shares) = bind(&gateways, workers)?;
    let (admin, admin_sockets) = bind_admin(&config.admin)?;
    let (log, access) = config.access_log.map(access_log::start).transpose().map_err(StartError::AccessLog)?.unzip();

    for (n, sockets) in shares.into_iter().enumerate() {
        let rng = config.seed.map_or_else(Rng::from_entropy, |seed| Rng::seeded(seed.wrapping_add(n as u64)));
        let (counters, access) = (Arc::new(Counters::default()), log.clone());
        let (max_connections, drain_time) = (config.max_connections, config.drain_time);
        let share = Share { sockets, names: names.clone(), counters, access, max_connections, drain_time, rng };
        start_worker(&mut supervisor, n, share, shutdown.clone())?;
    }

    let (ended, watch) = drain::channel();
    let subject = Subject { gateways: gateways.into_iter().map(|(name, live, _)| (name, live)).collect(), shutdown: shutdown.clone() };
    let control = Control {
        admin: admin_sockets,
        subject,
        echo: config.echo,
        signals: config.signals,
        shutdown: shutdown.clone(),
        resolver,
        health,
        checker,
    };
    let control = start_control(control, watch)?;
    Ok(Bound { listeners, admin, shutdown, workers: supervisor, control, ended, access })
}

impl Bound {
    /// Where a listener is, by its name.
    pub fn listener(&self, name: &str) -> Option<SocketAddr> {
        self.listeners.iter().find(|(n, _)| n.as_str() == name).map(|(_, address)| *address)
    }

    /// Waits until the run has ended: by a signal, by [`Shutdown::trigger`], or because something failed.
    pub fn wait(self) -> Result<(), Failure> {
        let worked = self.workers.join();
        if let Some(access) = self.access {
            // It writes what is left, for every sender went with its worker; signals are still heard meanwhile.
            let until = Instant::now() + RECORDS_TIME;
            while !access.is_finished() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(1));
            }
            if !access.is_finished() {
                tracing::warn!("access records were lost: nobody takes them");
            }
        }
        self.ended.say();
        let controlled = self.control.join();
        worked.and(controlled)
    }

    /// Ends the run and waits for it.
    pub fn stop(self) -> Result<(), Failure> {
        self.shutdown.trigger();
        self.wait()
    }
}

type Gateway = (String, Live, Vec<Listener>);

/// The first state of each gateway.
fn publish(gateways: Vec<Resources>, certificates: &[Certificate]) -> Result<(Vec<Gateway>, Vec<Served>), StartError> {
    let (mut out, mut served) = (Vec::new(), Vec::new());
    for resources in gateways {
        let (publisher, live) = publisher(&resources, certificates)?;
        let mut listeners: Vec<Listener> = live.current().snapshot.listeners.values().map(|l| l.listener.clone()).collect();
        listeners.sort_by(|a, b| a.name.cmp(&b.name));
        out.push((resources.gateway.name.clone(), live, listeners));
        served.push(Served { resources, publisher });
    }
    Ok((out, served))
}

type BoundListeners = (Vec<(ListenerName, SocketAddr)>, Vec<Vec<Socket>>);

/// Every listener, with a socket for each worker.
fn bind(gateways: &[Gateway], workers: usize) -> Result<BoundListeners, StartError> {
    let mut addresses = Vec::new();
    let mut shares: Vec<Vec<Socket>> = (0..workers).map(|_| Vec::new()).collect();
    for (_, live, listeners) in gateways {
        for listener in listeners {
            let failed = |source| StartError::Listen { listener: listener.name.to_string(), address: listener.bind, source };
            let (address, sockets) = proxy::bind(listener, live, workers).map_err(failed)?;
            addresses.push((listener.name.clone(), address));
            for (share, socket) in shares.iter_mut().zip(sockets) {
                share.push(socket);
            }
        }
    }
    Ok((addresses, shares))
}

fn bind_admin(wanted: &[SocketAddr]) -> Result<(Vec<SocketAddr>, Vec<std::net::TcpListener>), StartError> {
    let (mut addresses, mut sockets) = (Vec::new(), Vec::new());
    for address in wanted {
        let failed = |e| StartError::Admin(*address, e);
        let socket = admin::bind(*address).map_err(failed)?;
        addresses.push(socket.local_addr().map_err(failed)?);
        sockets.push(socket);
    }
    Ok((addresses, sockets))
}

fn start_worker(supervisor: &mut Supervisor, number: usize, share: Share, shutdown: Shutdown) -> Result<(), StartError> {
    supervisor.start(&format!("worker-{number}"), move || proxy::work(share, shutdown))?;
    Ok(())
}

/// What the control thread does.
struct Control {
    admin: Vec<std::net::TcpListener>,
    subject: Subject,
    echo: Option<EchoServices>,
    signals: bool,
    shutdown: Shutdown,
    resolver: Resolver,
    health: Health,
    checker: Checker,
}

/// Its own thread: no scrape and no compile may touch a request's latency.
fn start_control(control: Control, watch: DrainWatch) -> Result<Supervisor, StartError> {
    // Without it neither signals nor admin requests are heard: its end is that of the workers.
    let mut supervisor = Supervisor::sharing(control.shutdown.clone());
    let (heard, hears) = std::sync::mpsc::sync_channel(1);
    supervisor.start("control", move || control.run(watch, heard))?;
    // The caller goes on when signals are heard: one that comes right after the start must not kill.
    hears.recv().unwrap_or(Ok(())).map_err(StartError::Signals)?;
    Ok(supervisor)
}

impl Control {
    async fn run(self, mut ended: DrainWatch, heard: std::sync::mpsc::SyncSender<io::Result<()>>) -> io::Result<()> {
        for socket in self.admin {
            crate::rt::task::spawn(admin::serve(socket, self.subject.clone(), ended.clone()));
        }
        if let Some(echo) = self.echo {
            echo.serve(&ended);
        }
        crate::rt::task::spawn(self.resolver.run());
        crate::rt::task::spawn(self.checker.run());
        crate::rt::task::spawn(self.health.keep());
        let signals = if self.signals { Signals::listen().map(Some) } else { Ok(None) };
        let mut signals = match signals {
            Ok(signals) => signals,
            Err(e) => {
                drop(heard.send(Err(e)));
                return Ok(());
            }
        };
        drop(heard.send(Ok(())));
        if let Some(signals) = &mut signals {
            tokio::select! {
                _ = signals.next() => self.shutdown.trigger(),
                () = self.shutdown.triggered() => {}
                () = ended.signaled() => return Ok(()),
            }
            tokio::select! {
                never = signals.exit_on_next() => match never {},
                () = ended.signaled() => {}
            }
        }
        ended.signaled().await;
        Ok(())
    }
}
