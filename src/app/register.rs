//! Keeping a gateway registered with its agent, from when it listens until it is told to end.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout_at};

use crate::rt::log::with_causes;
use crate::rt::signal::Shutdown;
use crate::source::consul::call::Call;
use crate::source::consul::client::{AskError, Client};

pub use crate::source::consul::register::{Unregistrable, Wanted};

/// How often the agent is asked whether it still has the gateway: one that was made anew has nothing. A question that waits for a
/// change would hold a connection for ever.
const EVERY: Duration = Duration::from_secs(5);
/// Pauses after an agent that did not do it: the first, and the longest.
const AGAIN: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));
/// For how long the end may be held up: who drains has clients to look after.
const LAST: Duration = Duration::from_secs(2);

/// How a registration stands, for who shows it. Clones tell of the same.
#[derive(Clone, Debug, Default)]
pub struct Registered(Arc<Mutex<Standing>>);

/// How a registration stands.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Since when the agent has it, as far as is known.
    pub since: Option<Instant>,
    /// Why the agent could not be asked or told, if it could not.
    pub trouble: Option<String>,
}

impl Registered {
    /// How it stands now.
    pub fn standing(&self) -> Standing {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a gateway registered until the shutdown, then takes it back: first of all, so that no new clients come while it drains.
/// Whoever runs this waits for its end, which is at most two seconds after the shutdown.
pub async fn keep(client: Arc<Client>, wanted: Wanted, registered: Registered, shutdown: Shutdown) {
    let mut keeper = Keeper { client, wanted, registered, known: false, failures: 0 };
    let until = loop {
        let turned = {
            let mut turn = pin!(keeper.turn());
            tokio::select! {
                pause = &mut turn => Ok(pause),
                () = shutdown.triggered() => {
                    let until = Instant::now() + LAST;
                    // What is on its way must not arrive after it was taken back.
                    drop(timeout_at(until.into(), turn).await);
                    Err(until)
                }
            }
        };
        match turned {
            Ok(pause) => tokio::select! {
                () = sleep(pause) => {}
                () = shutdown.triggered() => break Instant::now() + LAST,
            },
            Err(until) => break until,
        }
    };
    if timeout_at(until.into(), keeper.take_back()).await.is_err() {
        tracing::warn!("Consul: {} stays registered: the agent has not answered within {} s", keeper.wanted.id, LAST.as_secs());
    }
}

struct Keeper {
    client: Arc<Client>,
    wanted: Wanted,
    registered: Registered,
    /// It was registered by this process: what an earlier one left may have another check.
    known: bool,
    /// In a row.
    failures: u32,
}

impl Keeper {
    /// Sees to it that the agent has the gateway. The pause until the next time.
    async fn turn(&mut self) -> Duration {
        match self.see_to_it().await {
            Ok(()) => {
                self.failures = 0;
                EVERY
            }
            Err(error) => {
                let pause = AGAIN.0.saturating_mul(1 << self.failures.min(16)).min(AGAIN.1);
                self.failures = self.failures.saturating_add(1);
                self.failed(&error);
                pause
            }
        }
    }

    async fn see_to_it(&mut self) -> Result<(), AskError> {
        let there = self.client.ask(&Call::agent_service(&self.wanted.id)).await?.what;
        if !self.known && there.is_some() {
            self.forget_what_was_found().await?;
        }
        if !self.known || !there.is_some_and(|there| self.wanted.is(&there)) {
            self.client.ask(&Call::register(&self.wanted.registration())).await?;
            self.known = true;
            self.registered.lock().since = None;
        }
        let Standing { since, trouble } = &mut *self.registered.lock();
        if since.is_none() {
            let (kind, name, id) = (self.wanted.kind.as_str(), &self.wanted.name, &self.wanted.id);
            tracing::info!("Consul: the {kind} gateway {name} is registered as {id} at {}", self.wanted.address);
            *since = Some(Instant::now());
        } else if trouble.is_some() {
            tracing::info!("Consul: the registration of {} is in order again", self.wanted.name);
        }
        *trouble = None;
        Ok(())
    }

    /// An earlier process may have been gone for so long that its check has failed. To register it again would leave it failed until the
    /// agent looks, and servers, which use no gateway that is not well, without one.
    async fn forget_what_was_found(&self) -> Result<(), AskError> {
        // Who may not see them, or cannot now, is registered all the same.
        let Ok(answer) = self.client.ask(&Call::agent_checks()).await else { return Ok(()) };
        let checks = answer.what.unwrap_or_default();
        let of = |what: &str| checks.get(&format!("{what}:{}", self.wanted.id));
        // Maintenance is an operator's, and would be over with it.
        if of("service").is_some_and(|check| check.status != "passing") && of("_service_maintenance").is_none() {
            self.client.ask(&Call::deregister(&self.wanted.id)).await?;
        }
        Ok(())
    }

    /// Says what is wrong, once: the gateway serves on.
    fn failed(&self, error: &AskError) {
        let mut why = with_causes(error);
        if let Some(rule) = error.missing() {
            why = format!("{why}; add to the token's policy: {rule}");
        } else if let Some(advice) = error.advice() {
            why = format!("{why}; {advice}");
        }
        let Standing { since, trouble } = &mut *self.registered.lock();
        if trouble.as_ref() != Some(&why) {
            let stands = if since.is_some() { "cannot see whether it is still registered" } else { "is not registered" };
            tracing::warn!("Consul: {} {stands}, serves on, and tries again: {why}", self.wanted.name);
        }
        *trouble = Some(why);
    }

    async fn take_back(&self) {
        if !self.known {
            // Nothing was registered, or by another process.
            return;
        }
        match self.client.ask(&Call::deregister(&self.wanted.id)).await {
            Ok(_) => tracing::info!("Consul: {} is not registered any more", self.wanted.id),
            Err(error) => tracing::warn!("Consul: {} stays registered: {}", self.wanted.id, with_causes(&error)),
        }
        self.registered.lock().since = None;
    }
}
