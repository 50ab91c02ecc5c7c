//! How many connections to an agent there are at a time: a law, whoever asks. An agent has a number of them for all of a host, which
//! sidecars need as well (consul-api 2), and one for each thing that is watched would be one for each service.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::Wait;
use crate::source::consul::call::Call;

/// Questions that wait at the agent for news of the own datacenter, each on a connection of its own.
pub const STANDING: usize = 8;
/// Questions that wait for news of others: they take turns.
const FAR: usize = 1;
/// Questions that are answered at once.
const QUICK: usize = 1;
/// Questions that may take long all the same: what is signed, what the agent does, what another datacenter knows. Nothing that changes is
/// held up by them.
const SLOW: usize = 1;
/// Connections that are kept although nobody asks anything on them.
pub(super) const KEPT: usize = 1;
/// A question that waits longer waits for news.
const SHORT: Duration = Duration::from_millis(100);

/// Connections to an agent at a time, for all that a gateway asks there. Over HTTP/2 it is one, whatever is asked.
pub const MOST_CONNECTIONS: usize = STANDING + FAR + QUICK + SLOW + KEPT;

/// Who may ask now.
#[derive(Debug)]
pub(super) struct Lines {
    standing: Semaphore,
    far: Semaphore,
    quick: Semaphore,
    slow: Semaphore,
}

impl Default for Lines {
    fn default() -> Self {
        let of = Semaphore::new;
        Self { standing: of(STANDING), far: of(FAR), quick: of(QUICK), slow: of(SLOW) }
    }
}

impl Lines {
    /// Waits until the question may be asked; it may be answered for as long as what is given is held.
    pub(super) async fn turn<T>(&self, call: &Call<T>, wait: Wait) -> Option<SemaphorePermit<'_>> {
        let waits = matches!(wait, Wait::Index(_, time) if time >= SHORT);
        let line = match (call.is_of_another_datacenter(), waits) {
            (false, true) => &self.standing,
            (true, true) => &self.far,
            (true, false) => &self.slow,
            (false, false) if call.is_of_the_agent() => &self.slow,
            (false, false) => &self.quick,
        };
        // Nobody ever closes one.
        line.acquire().await.ok()
    }
}
