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
/// Questions that are answered at once, and have a line of their own; they also take that of what is far away as long as nobody else does.
const QUICK: usize = 1;
/// Questions that may take long all the same: what is signed, what the agent does, what another datacenter knows. Nothing that changes is
/// held up by them.
const SLOW: usize = 1;
/// Connections that are kept although nobody asks anything on them.
pub(super) const KEPT: usize = 1;
/// A question that waits longer waits for news.
const SHORT: Duration = Duration::from_millis(100);

/// Questions that are answered at once, at a time.
pub const MOST_QUICK: usize = QUICK + FAR;

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
            (false, false) => {
                // For no longer than it takes to answer: who comes for it meanwhile hardly waits.
                let free = [&self.quick, &self.far].into_iter().find_map(|line| line.try_acquire().ok());
                if free.is_some() {
                    return free;
                }
                &self.quick
            }
        };
        // Nobody ever closes one.
        line.acquire().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::consul::call::Side;

    /// Whether a question may be asked now.
    async fn asks<'a, T>(lines: &'a Lines, call: &Call<T>, wait: Wait) -> Option<SemaphorePermit<'a>> {
        tokio::time::timeout(Duration::ZERO, lines.turn(call, wait)).await.ok().flatten()
    }

    #[tokio::test]
    async fn quick_questions_take_what_nobody_uses_and_never_what_others_have() {
        let (lines, quick) = (Lines::default(), Call::instances(Side::Mesh, "web"));
        let far = Call::instances(Side::Mesh, "web").in_datacenter("dc2");
        let mut held = Vec::new();
        while let Some(turn) = asks(&lines, &quick, Wait::Not).await {
            held.push(turn);
        }
        assert_eq!(held.len(), MOST_QUICK);
        assert!(asks(&lines, &far, Wait::Index(7, Duration::from_secs(30))).await.is_none(), "both are in use");
        held.clear();
        let slow = asks(&lines, &far, Wait::Not).await.expect("nobody has it");
        let waits = asks(&lines, &far, Wait::Index(7, Duration::from_secs(30))).await.expect("nobody has it");
        let own = asks(&lines, &quick, Wait::Not).await.expect("its own line is its own");
        assert!(asks(&lines, &quick, Wait::Not).await.is_none());
        drop((slow, waits, own));
        for _ in 0..STANDING {
            held.push(asks(&lines, &quick, Wait::Index(7, Duration::from_secs(30))).await.expect("so many wait"));
        }
        assert!(asks(&lines, &quick, Wait::Index(7, Duration::from_secs(30))).await.is_none(), "and no more");
    }
}
