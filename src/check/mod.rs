//! Active checks: instances are asked again and again whether they are well, and what they say is laid over what the source says.
//!
//! | what | file |
//! |---|---|
//! | which instances are checked, and what was found | `mod` |
//! | asking them | `checker` |
//! | how many answers it takes to change one's mind | `judge` |
//! | one question to an instance | `probe` |
//!
//! A check chooses no instance: its result is the health of an instance in `Resources`, as Consul's would be, and `decide` alone
//! says what follows from that.

mod checker;
mod judge;
mod probe;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use crate::id::ServiceKey;
use crate::model::check::Check;
use crate::model::service::{Address, Health, Service};
use crate::net::Names;
use crate::rt::rng::Rng;

pub use checker::Checker;

/// The services of a gateway, as `Resources` has them.
type Services = BTreeMap<ServiceKey, Arc<Service>>;

/// The instances that are checked.
type Wanted = Arc<HashMap<Subject, Arc<Check>>>;

/// What is checked and what was found, on any thread.
#[derive(Clone, Debug)]
pub struct Checks(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    found: Mutex<HashMap<Subject, Health>>,
    wanted: watch::Sender<Wanted>,
    changed: Notify,
}

/// An instance that is checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Subject {
    service: ServiceKey,
    instance: String,
    address: Address,
}

/// No check yet, and who runs those that come.
pub fn checks(names: &Names, rng: Rng) -> (Checks, Checker) {
    let (wanted, receiver) = watch::channel(Wanted::default());
    let checks = Checks(Arc::new(Shared { found: Mutex::default(), wanted, changed: Notify::new() }));
    (checks.clone(), Checker::new(checks, receiver, names, rng))
}

impl Checks {
    /// Checks the instances of these gateways and no others. What was found of one that was checked before stays; one that is new
    /// counts as what the source says until it was asked.
    pub fn follow<'a>(&self, gateways: impl IntoIterator<Item = &'a Services>) {
        let mut wanted = HashMap::new();
        let mut found = HashMap::new();
        let mut before = self.found();
        for (key, service) in gateways.into_iter().flatten() {
            for instance in &service.instances {
                let Some(check) = &instance.check else { continue };
                let subject = Subject { service: key.clone(), instance: instance.id.clone(), address: instance.address.clone() };
                let health = before.get(&subject).copied().unwrap_or(instance.health);
                found.insert(subject.clone(), health);
                wanted.insert(subject, check.clone());
            }
        }
        *before = found;
        drop(before);
        self.0.wanted.send_if_modified(|last| {
            let new = **last != wanted;
            if new {
                *last = Arc::new(wanted);
            }
            new
        });
    }

    /// Lays what was found over what the source says.
    pub fn apply(&self, services: &mut Services) {
        let found = self.found();
        let checked: BTreeSet<&ServiceKey> = found.keys().map(|subject| &subject.service).collect();
        for key in checked {
            let Some(service) = services.get_mut(key) else { continue };
            let healths = service.instances.iter().map(|instance| {
                let subject = Subject { service: key.clone(), instance: instance.id.clone(), address: instance.address.clone() };
                instance.check.as_ref().and_then(|_| found.get(&subject).copied()).unwrap_or(instance.health)
            });
            let healths: Vec<Health> = healths.collect();
            // A service of which nothing changed stays the very same one, which nobody has to compile again.
            if service.instances.iter().map(|i| i.health).ne(healths.iter().copied()) {
                for (instance, health) in Arc::make_mut(service).instances.iter_mut().zip(healths) {
                    instance.health = health;
                }
            }
        }
    }

    /// Resolves when something else was found than the last time.
    pub async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// What is thought of an instance; `None` if it is not checked any more.
    fn health(&self, subject: &Subject) -> Option<Health> {
        self.found().get(subject).copied()
    }

    /// A check changed its mind.
    fn report(&self, subject: &Subject, health: Health) {
        if let Some(found) = self.found().get_mut(subject) {
            *found = health;
            self.0.changed.notify_one();
        }
    }

    fn found(&self) -> MutexGuard<'_, HashMap<Subject, Health>> {
        self.0.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::check::Probe;
    use crate::model::service::Instance;
    use crate::net::names;

    fn check(seconds: u64) -> Option<Arc<Check>> {
        let (interval, timeout) = (Duration::from_secs(seconds), Duration::from_secs(1));
        let probe = Probe::Tcp { at: None };
        Some(Arc::new(Check { probe, interval, timeout, success_before_passing: 1, failures_before_critical: 1 }))
    }

    /// `web` with these instances: where they answer, and how they are checked.
    fn services(instances: &[(&str, Option<Arc<Check>>)]) -> Services {
        let instance = |(address, check): &(&str, Option<Arc<Check>>)| Instance {
            id: (*address).to_owned(),
            address: Address::parse(address).expect("an address"),
            meta: BTreeMap::new(),
            tags: Vec::new(),
            health: Health::Passing,
            check: check.clone(),
            weight: 1,
            mesh: false,
            node: String::new(),
            node_meta: BTreeMap::new(),
            datacenter: "dc1".to_owned(),
        };
        let web = Service { name: "web".into(), instances: instances.iter().map(instance).collect() };
        [(web.name.key(), Arc::new(web))].into()
    }

    fn healths(checks: &Checks, services: &Services) -> Vec<&'static str> {
        let mut applied = services.clone();
        checks.apply(&mut applied);
        applied.values().flat_map(|s| &s.instances).map(|i| i.health.as_str()).collect()
    }

    /// Checks that nobody runs.
    fn idle() -> Checks {
        checks(&names(Vec::new()).0, Rng::seeded(1)).0
    }

    fn report(checks: &Checks, instance: &str, health: Health) {
        let subject = Subject { service: ServiceKey::of("web"), instance: instance.to_owned(), address: Address::parse(instance).unwrap() };
        checks.report(&subject, health);
    }

    #[test]
    fn what_checks_found_is_laid_over_what_the_source_says_and_the_rest_is_left_alone() {
        let (checks, world) = (idle(), services(&[("10.0.0.1:80", check(10)), ("10.0.0.2:80", check(10)), ("10.0.0.3:80", None)]));
        checks.follow([&world]);
        assert_eq!(healths(&checks, &world), ["passing", "passing", "passing"]);
        let mut same = world.clone();
        checks.apply(&mut same);
        assert!(same.iter().zip(&world).all(|((_, a), (_, b))| Arc::ptr_eq(a, b)), "nothing changed, nothing is compiled again");
        report(&checks, "10.0.0.2:80", Health::Critical);
        assert_eq!(healths(&checks, &world), ["passing", "critical", "passing"]);
    }

    #[test]
    fn a_new_state_of_the_world_keeps_what_was_found_of_instances_that_stay() {
        let checks = idle();
        checks.follow([&services(&[("10.0.0.1:80", check(10)), ("10.0.0.2:80", check(10))])]);
        report(&checks, "10.0.0.1:80", Health::Critical);
        report(&checks, "10.0.0.2:80", Health::Critical);
        let slower = services(&[("10.0.0.1:80", check(60)), ("10.0.0.3:80", check(10))]);
        checks.follow([&slower, &slower]);
        assert_eq!(healths(&checks, &slower), ["critical", "passing"]);
        assert_eq!(checks.0.wanted.borrow().len(), 2, "what left is asked no more, and what two gateways have is asked once");
        report(&checks, "10.0.0.2:80", Health::Passing);
        let unchecked = services(&[("10.0.0.1:80", None)]);
        checks.follow([&unchecked]);
        assert_eq!(healths(&checks, &unchecked), ["passing"]);
    }
}
