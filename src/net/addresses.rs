//! The addresses of a name, and whose turn it is: each is like an instance of its own, and one that failed goes last for a while.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// How long an address that did not take a connection stands behind the others.
const REST: Duration = Duration::from_secs(10);

/// The addresses that a name has now. Shared by all threads; they note which address failed by number, without a lock.
#[derive(Debug)]
pub(super) struct Addresses {
    list: Vec<Address>,
    turn: AtomicUsize,
    /// What the numbers of `rests_until` count from.
    since: Instant,
}

#[derive(Debug)]
struct Address {
    ip: IpAddr,
    /// Milliseconds after `since`.
    rests_until: AtomicU64,
}

impl Addresses {
    pub(super) fn new(list: &[IpAddr]) -> Self {
        let list = list.iter().map(|ip| Address { ip: *ip, rests_until: AtomicU64::new(0) }).collect();
        Self { list, turn: AtomicUsize::new(0), since: Instant::now() }
    }

    /// The addresses, in the order of the answer.
    pub(super) fn ips(&self) -> impl Iterator<Item = IpAddr> {
        self.list.iter().map(|a| a.ip)
    }

    /// In the order in which they are tried: the next one in turn, then the others, the two families in alternation (RFC 8305, 4);
    /// those that failed lately come last.
    pub(super) fn in_turn(&self) -> Vec<IpAddr> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.list.len().max(1);
        let (before, after) = self.list.split_at(turn.min(self.list.len()));
        let now = self.now();
        let (resting, awake): (Vec<&Address>, Vec<&Address>) = after.iter().chain(before).partition(|a| a.rests_until(now));
        alternating(&awake).into_iter().chain(alternating(&resting)).collect()
    }

    /// An address took no connection, or took too long.
    pub(super) fn failed(&self, ip: IpAddr) {
        let until = self.now().saturating_add(millis(REST));
        self.of(ip).for_each(|a| a.rests_until.store(until, Ordering::Relaxed));
    }

    /// An address took a connection.
    pub(super) fn worked(&self, ip: IpAddr) {
        self.of(ip).for_each(|a| a.rests_until.store(0, Ordering::Relaxed));
    }

    fn of(&self, ip: IpAddr) -> impl Iterator<Item = &Address> {
        self.list.iter().filter(move |a| a.ip == ip)
    }

    fn now(&self) -> u64 {
        millis(self.since.elapsed())
    }
}

impl Address {
    fn rests_until(&self, now: u64) -> bool {
        now < self.rests_until.load(Ordering::Relaxed)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// One of the family of the first, one of the other, and so on.
fn alternating(list: &[&Address]) -> Vec<IpAddr> {
    let Some(first) = list.first() else { return Vec::new() };
    let (mut own, mut other): (Vec<IpAddr>, Vec<IpAddr>) = list.iter().map(|a| a.ip).partition(|ip| ip.is_ipv4() == first.ip.is_ipv4());
    own.reverse();
    other.reverse();
    let mut out = Vec::with_capacity(list.len());
    while out.len() < list.len() {
        out.extend(own.pop());
        out.extend(other.pop());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
    }

    fn addresses(list: &[&str]) -> Addresses {
        Addresses::new(&list.iter().map(|a| a.parse().unwrap()).collect::<Vec<_>>())
    }

    fn printed(list: &[IpAddr]) -> String {
        list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_address_has_its_turn_and_the_families_alternate() {
        run(async {
            let all = addresses(&["10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1"]);
            let turns: Vec<String> = (0..5).map(|_| printed(&all.in_turn())).collect();
            assert_eq!(
                turns,
                [
                    "10.0.0.1 fd00::1 10.0.0.2 10.0.0.3",
                    "10.0.0.2 fd00::1 10.0.0.3 10.0.0.1",
                    "10.0.0.3 fd00::1 10.0.0.1 10.0.0.2",
                    "fd00::1 10.0.0.1 10.0.0.2 10.0.0.3",
                    "10.0.0.1 fd00::1 10.0.0.2 10.0.0.3",
                ]
            );
            assert!(addresses(&[]).in_turn().is_empty());
        });
    }

    #[test]
    fn an_address_that_failed_goes_last_until_it_worked_or_has_rested() {
        run(async {
            let all = addresses(&["10.0.0.1", "10.0.0.2"]);
            let failing = "10.0.0.1".parse().unwrap();
            all.failed(failing);
            for _ in 0..4 {
                assert_eq!(printed(&all.in_turn()), "10.0.0.2 10.0.0.1");
            }
            all.worked(failing);
            assert_eq!(printed(&all.in_turn()), "10.0.0.1 10.0.0.2");
            all.failed(failing);
            all.in_turn();
            assert_eq!(printed(&all.in_turn()), "10.0.0.2 10.0.0.1");
            tokio::time::advance(REST).await;
            all.in_turn();
            assert_eq!(printed(&all.in_turn()), "10.0.0.1 10.0.0.2");
        });
    }
}
