//! Active checks: instances are asked again and again whether they are well, and what they say is laid over what the source says.
//!
//! | what | file |
//! |---|---|
//! | the checks that run | `mod` |
//! | what they have found, laid over what the source says | `found` |
//! | how many answers it takes to change one's mind | `judge` |
//! | one question to an instance | `probe` |
//!
//! A check chooses no instance: its result is the health of an instance in `Resources`, as Consul's would be, and `decide` alone
//! says what follows from that.

mod found;
mod judge;
mod probe;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};

pub use self::found::Found;
use self::judge::Judge;
use crate::id::{ServiceKey, ServiceName};
use crate::model::check::Check;
use crate::model::resources::Resources;
use crate::model::service::{Address, Health, Instance};
use crate::net::{Dialer, Names};
use crate::rt::rng::Rng;
use crate::rt::task::{self, Held};

/// How many instances are asked at once.
const AT_ONCE: usize = 64;
/// How often names that no check asks any more are let go of.
const SWEEP: Duration = Duration::from_secs(30);
/// Within which the first questions are asked, spread so that they are not asked all together.
const SPREAD: Duration = Duration::from_secs(1);

/// The checks of a process. They run on the thread that made them.
#[derive(Debug)]
pub struct Checks {
    running: RefCell<HashMap<Subject, Running>>,
    rng: RefCell<Rng>,
    shared: Rc<Shared>,
    _sweeps: Held,
}

/// An instance that is checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Subject {
    datacenter: String,
    service: ServiceKey,
    instance: String,
    address: Address,
}

impl Subject {
    fn of(service: &ServiceKey, instance: &Instance) -> Self {
        let Instance { datacenter, id, address, .. } = instance;
        Self { datacenter: datacenter.clone(), service: service.clone(), instance: id.clone(), address: address.clone() }
    }
}

#[derive(Debug)]
struct Running {
    check: Arc<Check>,
    health: Rc<Cell<Health>>,
    _task: Held,
}

#[derive(Debug)]
struct Shared {
    dialer: Dialer,
    permits: Semaphore,
    changed: Notify,
}

impl Checks {
    /// No check yet.
    pub fn new(names: &Names, rng: Rng) -> Self {
        let shared = Shared { dialer: Dialer::new(names), permits: Semaphore::new(AT_ONCE), changed: Notify::new() };
        let shared = Rc::new(shared);
        let swept = shared.clone();
        let sweeps = task::hold(async move {
            loop {
                tokio::time::sleep(SWEEP).await;
                // A check keeps no connection, so that none of it is to end.
                drop(swept.dialer.sweep(|_| false));
            }
        });
        Self { running: RefCell::default(), rng: RefCell::new(rng), shared, _sweeps: sweeps }
    }

    /// Runs the checks of these gateways' instances and no others. One that ran before goes on, and what it found stays; an instance
    /// that is new counts as what the source says until it was asked.
    pub fn follow<'a>(&self, gateways: impl IntoIterator<Item = &'a Resources>) {
        let mut before = self.running.take();
        let mut now = HashMap::new();
        let services = gateways.into_iter().flat_map(|resources| resources.services.iter().chain(resources.federation.services()));
        for (key, service) in services {
            for instance in &service.instances {
                let Some(check) = &instance.check else { continue };
                let subject = Subject::of(key, instance);
                if now.contains_key(&subject) {
                    continue;
                }
                let running = match before.remove(&subject) {
                    Some(running) if running.check == *check => running,
                    other => {
                        let health = other.map_or(instance.health, |other| other.health.get());
                        self.start(&service.name, &subject, check, health)
                    }
                };
                now.insert(subject, running);
            }
        }
        self.running.replace(now);
    }

    fn start(&self, service: &ServiceName, subject: &Subject, check: &Arc<Check>, health: Health) -> Running {
        let health = Rc::new(Cell::new(health));
        let most = u32::try_from(check.interval.min(SPREAD).as_millis()).unwrap_or(u32::MAX);
        let first = Duration::from_millis(self.rng.borrow_mut().below(most).into());
        let asking = Asking {
            name: format!("{} of {service} at {}", subject.instance, subject.address),
            address: subject.address.clone(),
            check: check.clone(),
            health: health.clone(),
            shared: self.shared.clone(),
        };
        Running { check: check.clone(), health, _task: task::hold(asking.run(first)) }
    }

    /// What they have found so far.
    pub fn found(&self) -> Found {
        Found::of(self.running.borrow().iter().map(|(subject, running)| (subject.clone(), running.health.get())))
    }

    /// Resolves when a check changed its mind since the last time.
    pub async fn changed(&self) {
        self.shared.changed.notified().await;
    }
}

/// One instance being asked.
struct Asking {
    /// For the log.
    name: String,
    address: Address,
    check: Arc<Check>,
    health: Rc<Cell<Health>>,
    shared: Rc<Shared>,
}

impl Asking {
    async fn run(self, first: Duration) {
        let mut judge = Judge::new(self.health.get());
        tokio::time::sleep(first).await;
        loop {
            let found = {
                // The semaphore is never closed.
                let _permit = self.shared.permits.acquire().await;
                probe::ask(&self.shared.dialer, &self.check, &self.address).await
            };
            if let Some(health) = judge.hear(&self.check, found.health) {
                self.tell(health, &found.said);
                self.health.set(health);
                self.shared.changed.notify_one();
            }
            tokio::time::sleep(self.check.interval).await;
        }
    }

    fn tell(&self, health: Health, said: &str) {
        let (name, was, is) = (&self.name, self.health.get().as_str(), health.as_str());
        match health {
            Health::Passing => tracing::info!("{name} is {is}, was {was}: {said}"),
            Health::Warning | Health::Critical => tracing::warn!("{name} is {is}, was {was}: {said}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::check::Probe;
    use crate::net::names;

    #[test]
    fn the_name_of_a_check_that_ended_is_let_go_of_although_no_file_changes() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let (names, _resolver) = names(Vec::new());
            let checks = Checks::new(&names, Rng::from_entropy());
            let (service, second) = (ServiceName::from("web"), Duration::from_secs(1));
            let check = Check {
                probe: Probe::Tcp { at: None },
                interval: second,
                timeout: second,
                success_before_passing: 1,
                failures_before_critical: 1,
            };
            let address = Address::Host("web.test".to_owned(), 80);
            let subject = Subject { datacenter: "dc1".to_owned(), service: service.key(), instance: "web-1".to_owned(), address };
            let running = checks.start(&service, &subject, &Arc::new(check), Health::Passing);
            // Its name is never resolved, so that it fails.
            checks.changed().await;
            drop(running);
            tokio::time::sleep(Duration::from_secs(300)).await;
            let left = RefCell::new(Vec::new());
            let is_kept = |host: &str| {
                left.borrow_mut().push(host.to_owned());
                true
            };
            drop(checks.shared.dialer.sweep(is_kept));
            assert_eq!(left.take(), [""; 0]);
        });
    }
}
