//! Instances that took no connection when one was last tried, as they are asked for: noted by workers, of which each tries for itself.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::decide::code::Code;
use crate::decide::snapshot::Endpoint;
use crate::model::service::Address;

/// How long after the last try an instance is told of: nobody knows how it is by now.
const RECENT: Duration = Duration::from_secs(300);
/// How many are noted at once. What goes beyond them is not: that so many are down is told by the others.
const MOST: usize = 1000;

/// An instance that takes no connection.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The instance's id.
    pub instance: String,
    /// `connect_failed` or `upstream_tls`.
    pub code: Code,
    /// Why the last one does not stand.
    pub why: String,
    /// How many did not, in a row.
    pub times: u64,
    /// When the last one was tried.
    pub last: Instant,
}

/// The service that was meant, and the address: what answers there may not be whom the service asks for.
type Whom = (Address, String);

/// Those that are known. A handle, which any thread may have.
#[derive(Clone, Debug, Default)]
pub struct Refusals(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    /// How many there are: where there are none, a connection that stands costs no lock.
    count: AtomicUsize,
    by: Mutex<BTreeMap<Whom, Refusal>>,
}

impl Refusals {
    /// A connection does not stand.
    pub fn refused(&self, endpoint: &Endpoint, code: Code, why: impl FnOnce() -> String) {
        let (why, last) = (why(), Instant::now());
        let mut by = self.by();
        if by.len() >= MOST {
            by.retain(|_, refusal| refusal.is_recent());
        }
        let has_room = by.len() < MOST;
        match by.entry(whom(endpoint)) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                let times = known.times.saturating_add(1);
                *known = Refusal { instance: endpoint.id.clone(), code, why, times, last };
            }
            Entry::Vacant(room) if has_room => drop(room.insert(Refusal { instance: endpoint.id.clone(), code, why, times: 1, last })),
            Entry::Vacant(_) => {}
        }
        self.0.count.store(by.len(), Ordering::Relaxed);
    }

    /// A connection stands.
    pub fn accepted(&self, endpoint: &Endpoint) {
        if self.0.count.load(Ordering::Relaxed) > 0 {
            let mut by = self.by();
            by.remove(&whom(endpoint));
            self.0.count.store(by.len(), Ordering::Relaxed);
        }
    }

    /// Those of late, by address and service.
    pub fn recent(&self) -> Vec<(Address, String, Refusal)> {
        let by = self.by();
        let recent = by.iter().filter(|(_, refusal)| refusal.is_recent());
        recent.map(|((address, service), refusal)| (address.clone(), service.clone(), refusal.clone())).collect()
    }

    fn by(&self) -> MutexGuard<'_, BTreeMap<Whom, Refusal>> {
        self.0.by.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Refusal {
    fn is_recent(&self) -> bool {
        self.last.elapsed() < RECENT
    }
}

fn whom(endpoint: &Endpoint) -> Whom {
    (endpoint.address.clone(), endpoint.service.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::service::Health;

    fn instance(number: usize) -> Endpoint {
        let address = Address::Host("web.test".to_owned(), u16::try_from(number).unwrap());
        Endpoint { service: "web".into(), id: format!("web-{number}"), address, tls: None, host: None, health: Health::Passing, weight: 1 }
    }

    #[test]
    fn an_instance_is_told_of_with_all_that_failed_in_a_row_until_it_accepts() {
        let refusals = Refusals::default();
        for why in ["refused", "timed out"] {
            refusals.clone().refused(&instance(1), Code::ConnectFailed, || why.to_owned());
        }
        let told = refusals.recent();
        let [(address, service, Refusal { instance: id, times: 2, why, .. })] = &told[..] else { panic!("{told:?}") };
        assert_eq!(
            (address.to_string().as_str(), service.as_str(), id.as_str(), why.as_str()),
            ("web.test:1", "web", "web-1", "timed out")
        );
        refusals.accepted(&instance(2));
        assert_eq!(refusals.recent().len(), 1);
        refusals.accepted(&instance(1));
        assert!(refusals.recent().is_empty());
    }

    #[test]
    fn however_many_refuse_no_more_than_a_bound_are_kept() {
        let refusals = Refusals::default();
        (0..MOST + 9).for_each(|number| refusals.refused(&instance(number), Code::ConnectFailed, String::new));
        assert_eq!(refusals.recent().len(), MOST);
    }
}
