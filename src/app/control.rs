//! The control thread: signals, admin pages, names, checks, what is published, and the services of the embedded default. None of it
//! touches a request.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use tokio::sync::mpsc;

use super::access_log::Reopen;
use super::certs::Keeper;
use super::echo::EchoServices;
use super::publish::Publishing;
use super::register::{self, Registered};
use super::reload::Reload;
use super::run::StartError;
use crate::admin::{self, Place, Subject};
use crate::check::Checks;
use crate::net::{Names, Resolver};
use crate::rt::drain::DrainWatch;
use crate::rt::rng::Rng;
use crate::rt::signal::{Heard, Shutdown, Signals};
use crate::rt::supervise::Supervisor;
use crate::rt::task;
use crate::source::consul::client::Client;

/// What the control thread does.
pub(super) struct Control {
    pub(super) admin: Vec<(std::net::TcpListener, Place)>,
    /// Where it is asked whether ingress gateways are ready.
    pub(super) probes: Vec<std::net::TcpListener>,
    pub(super) subject: Subject,
    pub(super) echo: Option<EchoServices>,
    pub(super) signals: bool,
    pub(super) shutdown: Shutdown,
    pub(super) reload: Reload,
    pub(super) publishing: Publishing,
    /// Keeps the gateways registered with the agent of their Consul.
    pub(super) registering: Vec<Registering>,
    /// Renews the gateways' own leaves.
    pub(super) keeper: Keeper,
    pub(super) resolver: Resolver,
    /// For the checks, which are made on the thread itself.
    pub(super) names: Names,
    pub(super) rng: Rng,
    /// `None`: there is no file of access records.
    pub(super) reopen: Option<Reopen>,
}

/// What the agent is told of a gateway.
pub(super) struct Registering {
    pub(super) client: Arc<Client>,
    pub(super) wanted: register::Wanted,
    pub(super) registered: Registered,
}

impl Registering {
    /// One for each gateway.
    pub(super) fn all(client: &Arc<Client>, gateways: Vec<register::Wanted>) -> Vec<Self> {
        let one = |wanted| Self { client: client.clone(), wanted, registered: Registered::default() };
        gateways.into_iter().map(one).collect()
    }

    /// Until the drain has begun and it is taken back; what is given is dropped then.
    async fn run(self, shutdown: Shutdown, done: mpsc::Sender<()>) {
        register::keep(self.client, self.wanted, self.registered, shutdown).await;
        drop(done);
    }
}

/// Its own thread: no scrape and no compile may touch a request's latency.
pub(super) fn start(control: Control, watch: DrainWatch) -> Result<Supervisor, StartError> {
    // Without it neither signals nor admin requests are heard: its end is that of the workers.
    let mut supervisor = Supervisor::sharing(control.shutdown.clone());
    let (heard, hears) = std::sync::mpsc::sync_channel(1);
    supervisor.start("control", move || control.run(watch, heard))?;
    // The caller goes on when signals are heard: one that comes right after the start must not kill.
    hears.recv().unwrap_or(Ok(())).map_err(StartError::Signals)?;
    Ok(supervisor)
}

impl Control {
    async fn run(self, ended: DrainWatch, heard: SyncSender<io::Result<()>>) -> io::Result<()> {
        let signals = if self.signals { Signals::listen().map(Some) } else { Ok(None) };
        let mut signals = match signals {
            Ok(signals) => signals,
            Err(e) => {
                drop(heard.send(Err(e)));
                return Ok(());
            }
        };
        for (socket, place) in self.admin {
            task::spawn(admin::serve(socket, place, self.subject.clone(), ended.clone()));
        }
        for socket in self.probes {
            task::spawn(admin::probe::serve(socket, self.subject.clone(), ended.clone()));
        }
        if let Some(echo) = self.echo {
            echo.serve(&ended);
        }
        task::spawn(self.resolver.run());
        task::spawn(self.keeper.run());
        task::spawn(self.publishing.run(Checks::new(&self.names, self.rng)));
        // Nothing is sent: each of them holds its end until it is taken back.
        let (done, mut taken_back) = mpsc::channel(1);
        for registering in self.registering {
            task::spawn(registering.run(self.shutdown.clone(), done.clone()));
        }
        drop(done);
        drop(heard.send(Ok(())));
        if let Some(signals) = &mut signals {
            tokio::select! {
                () = obey(signals, &self.reload, self.reopen.as_ref()) => self.shutdown.trigger(),
                () = self.shutdown.triggered() => {}
                () = ended.signaled() => {
                    taken_back.recv().await;
                    return Ok(());
                }
            }
            tokio::select! {
                never = signals.exit_on_next() => match never {},
                () = ended.signaled() => {}
            }
        }
        ended.signaled().await;
        // A drain may be over sooner than the agent has answered.
        taken_back.recv().await;
        Ok(())
    }
}

/// Does what signals ask for until one ends the run.
async fn obey(signals: &mut Signals, reload: &Reload, reopen: Option<&Reopen>) {
    loop {
        match (signals.next().await, reopen) {
            (Heard::End(_), _) => return,
            (Heard::Reload, _) => reload.ask(),
            (Heard::Reopen, Some(reopen)) => reopen.ask(),
            (Heard::Reopen, None) => tracing::info!("USR1: there is no file of access records to open anew"),
        }
    }
}
