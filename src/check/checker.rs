//! Asking instances, each by a task of its own, on the control thread.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use super::judge::Judge;
use super::{Checks, Subject, Wanted, probe};
use crate::model::check::Check;
use crate::model::service::Health;
use crate::net::{Dialer, Names};
use crate::rt::rng::Rng;
use crate::rt::task::{self, Held};

/// How many instances are asked at once.
const AT_ONCE: usize = 64;
/// Within which the first questions are asked, spread so that they are not asked all together.
const SPREAD: Duration = Duration::from_secs(1);

/// Runs the checks that are wanted.
#[derive(Debug)]
pub struct Checker {
    checks: Checks,
    wanted: watch::Receiver<Wanted>,
    names: Names,
    rng: Rng,
}

impl Checker {
    pub(super) fn new(checks: Checks, wanted: watch::Receiver<Wanted>, names: &Names, rng: Rng) -> Self {
        Self { checks, wanted, names: names.clone(), rng }
    }

    /// Asks until the thread ends.
    pub async fn run(mut self) {
        let with = Rc::new(With { dialer: Dialer::new(&self.names), permits: Semaphore::new(AT_ONCE) });
        let mut running: HashMap<Subject, (Arc<Check>, Held)> = HashMap::new();
        loop {
            let wanted = self.wanted.borrow_and_update().clone();
            running.retain(|subject, (check, _)| wanted.get(subject) == Some(check));
            for (subject, check) in wanted.iter() {
                if !running.contains_key(subject) {
                    let asking = Asking { subject: subject.clone(), check: check.clone(), checks: self.checks.clone(), with: with.clone() };
                    let first = Duration::from_millis(self.rng.below(SPREAD.as_millis() as u32).into()).min(check.interval);
                    running.insert(subject.clone(), (check.clone(), task::hold(asking.run(first))));
                }
            }
            // A check keeps no connection, so that none of it is to end.
            drop(with.dialer.sweep(|_| false));
            if self.wanted.changed().await.is_err() {
                return;
            }
        }
    }
}

/// What all checks ask with.
#[derive(Debug)]
struct With {
    dialer: Dialer,
    permits: Semaphore,
}

/// One instance being asked.
struct Asking {
    subject: Subject,
    check: Arc<Check>,
    checks: Checks,
    with: Rc<With>,
}

impl Asking {
    async fn run(self, first: Duration) {
        let mut judge = Judge::new(self.checks.health(&self.subject).unwrap_or_default());
        tokio::time::sleep(first).await;
        loop {
            let found = {
                // The semaphore is never closed.
                let _permit = self.with.permits.acquire().await;
                probe::ask(&self.with.dialer, &self.check, &self.subject.address).await
            };
            let was = judge.health();
            if let Some(health) = judge.hear(&self.check, found.health) {
                self.tell(was, health, &found.said);
                self.checks.report(&self.subject, health);
            }
            tokio::time::sleep(self.check.interval).await;
        }
    }

    fn tell(&self, was: Health, is: Health, said: &str) {
        let Subject { service, instance, address } = &self.subject;
        let (was, is, service) = (was.as_str(), is.as_str(), service.as_str());
        if is == Health::Passing.as_str() {
            tracing::info!("{instance} of {service} at {address} is {is}, was {was}: {said}");
        } else {
            tracing::warn!("{instance} of {service} at {address} is {is}, was {was}: {said}");
        }
    }
}
