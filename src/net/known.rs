//! What is known of a name, and what one answer does to it: fresh addresses replace the old ones, a name that is gone has none, and
//! where nobody answers the last good ones stay in use for a while.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::lookup::{Found, Got};

/// The shortest time between two questions about one name, whatever its TTL: a TTL of zero is once a second, not once a request.
pub(super) const SHORTEST: Duration = Duration::from_secs(1);
/// The longest: a mistaken TTL of days is not for ever.
const LONGEST: Duration = Duration::from_secs(300);
/// The longest time until a name that has no address, or that nobody answers for, is asked for again.
const LONGEST_WITHOUT: Duration = Duration::from_secs(30);
/// How long the last good addresses are used after their TTL, while nobody answers.
const STALE: Duration = Duration::from_secs(3600);
/// The most addresses of a name that are used.
const MOST: usize = 64;

/// What is known of a name.
#[derive(Debug, Default)]
pub(super) struct Known {
    v4: Family,
    v6: Family,
    /// Why there is no address, or no fresh one; empty where all is well.
    why: String,
    /// Answers in a row without an address.
    failures: u32,
    asked: bool,
}

/// The addresses of one family. Answered, or not, for itself: a server that never answers for AAAA takes no A away.
#[derive(Debug, Default)]
struct Family {
    list: Vec<IpAddr>,
    usable_until: Option<Instant>,
}

impl Known {
    /// Whether nothing was asked yet.
    pub(super) const fn is_first(&self) -> bool {
        !self.asked
    }

    /// All addresses, in an order of their own: servers turn the order of their answers, which is no change.
    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        self.v4.list.iter().chain(&self.v6.list).copied().collect()
    }

    /// Why there is none.
    pub(super) fn why(&self) -> &str {
        &self.why
    }

    /// Takes an answer in. When to ask again.
    pub(super) fn take(&mut self, host: &str, found: Found, now: Instant) -> Duration {
        self.asked = true;
        let before = self.addresses();
        let failed = [&found.v4, &found.v6].into_iter().find_map(Got::failure);
        let nothing = [&found.v4, &found.v6].into_iter().find_map(Got::nothing);
        let (v4, v6) = (self.v4.take(found.v4, now), self.v6.take(found.v6, now));
        let after = self.addresses();
        let without = failed.is_some() || after.is_empty();
        self.failures = if without { self.failures.saturating_add(1) } else { 0 };
        let why = match failed.or(nothing) {
            Some(why) if without => format!("{host}: {why}"),
            _ => String::new(),
        };
        tell(host, &before, &after, &self.why, &why);
        self.why = why;
        let back_off = SHORTEST.saturating_mul(1 << (self.failures.saturating_sub(1)).min(10)).min(LONGEST_WITHOUT);
        let ttl = match (v4, v6) {
            (Some(a), Some(b)) => a.min(b),
            (a, b) => a.or(b).map_or(back_off, |ttl| ttl.min(back_off)),
        };
        ttl.clamp(SHORTEST, if without { LONGEST_WITHOUT } else { LONGEST })
    }
}

impl Family {
    /// How long what was answered holds; `None` if nobody answered.
    fn take(&mut self, got: Got, now: Instant) -> Option<Duration> {
        match got {
            Got::Addresses(mut list, ttl) => {
                list.sort_unstable();
                list.dedup();
                list.truncate(MOST);
                self.list = list;
                self.usable_until = Some(now + ttl.min(LONGEST) + STALE);
                Some(ttl)
            }
            Got::Nothing(ttl, _) => {
                *self = Self::default();
                ttl
            }
            Got::Later => Some(SHORTEST),
            Got::Failed(_) => {
                if self.usable_until.is_none_or(|until| now >= until) {
                    *self = Self::default();
                }
                None
            }
        }
    }
}

/// One line where something is worth knowing, and none while it stays so.
fn tell(host: &str, before: &[IpAddr], after: &[IpAddr], why_before: &str, why: &str) {
    match (after.is_empty(), why.is_empty()) {
        (true, _) if why_before != why || !before.is_empty() => {
            tracing::warn!("no address for {why}; its instances get no connection (connect_failed) until it has one");
        }
        (false, false) if why_before.is_empty() => {
            tracing::warn!("no answer for {why}; its last addresses stay in use: {after:?}");
        }
        (false, true) if !why_before.is_empty() => tracing::info!(?after, "{host} is resolved again"),
        (false, _) if before != after => tracing::debug!(?before, ?after, "{host} is resolved"),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(list: &[&str], ttl: u64) -> Got {
        Got::Addresses(list.iter().map(|a| a.parse().unwrap()).collect(), Duration::from_secs(ttl))
    }

    fn gone() -> Found {
        Found { v4: Got::Nothing(None, "no such name"), v6: Got::Nothing(None, "no such name") }
    }

    fn silent() -> Found {
        Found { v4: Got::Failed("request timed out".to_owned()), v6: Got::Failed("request timed out".to_owned()) }
    }

    fn listed(known: &Known) -> Vec<String> {
        known.addresses().iter().map(ToString::to_string).collect()
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn both_families_are_used_and_the_shorter_ttl_holds_between_a_floor_and_a_cap() {
        let (mut known, now) = (Known::default(), Instant::now());
        let next = known.take("x", Found { v4: addresses(&["10.0.0.2", "10.0.0.1"], 60), v6: addresses(&["fd00::1"], 20) }, now);
        assert_eq!((listed(&known), next), (vec!["10.0.0.1".to_owned(), "10.0.0.2".to_owned(), "fd00::1".to_owned()], seconds(20)));
        for (ttl, next) in [(0, 1), (7, 7), (86_400, 300)] {
            let found = Found { v4: addresses(&["10.0.0.1"], ttl), v6: Got::Nothing(Some(seconds(3600)), "no address") };
            assert_eq!(known.take("x", found, now), seconds(next));
        }
        assert_eq!((listed(&known), known.why()), (vec!["10.0.0.1".to_owned()], ""));
    }

    #[test]
    fn while_nobody_answers_the_last_addresses_stay_for_an_hour_after_their_ttl() {
        let (mut known, now) = (Known::default(), Instant::now());
        known.take("x", Found { v4: addresses(&["10.0.0.1"], 60), v6: Got::Nothing(None, "no address") }, now);
        let pauses: Vec<u64> = (0..7).map(|_| known.take("x", silent(), now + seconds(60)).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(listed(&known), ["10.0.0.1"]);
        known.take("x", silent(), now + seconds(3659));
        assert_eq!(listed(&known), ["10.0.0.1"]);
        known.take("x", silent(), now + seconds(3660));
        assert_eq!((listed(&known).len(), known.why()), (0, "x: request timed out"));
    }

    #[test]
    fn a_name_that_is_gone_has_no_address_any_more() {
        let (mut known, now) = (Known::default(), Instant::now());
        known.take("x", Found { v4: addresses(&["10.0.0.1"], 60), v6: addresses(&["fd00::1"], 60) }, now);
        assert_eq!(known.take("x", gone(), now), seconds(1));
        assert_eq!((listed(&known).len(), known.why()), (0, "x: no such name"));
        let negative = || Got::Nothing(Some(seconds(900)), "no such name");
        assert_eq!(known.take("x", Found { v4: negative(), v6: negative() }, now), seconds(30));
    }

    #[test]
    fn a_family_that_is_late_the_first_time_is_asked_for_again_soon_and_is_no_failure() {
        let (mut known, now) = (Known::default(), Instant::now());
        let next = known.take("x", Found { v4: addresses(&["10.0.0.1"], 60), v6: Got::Later }, now);
        assert_eq!((next, known.why()), (seconds(1), ""));
        known.take("x", Found { v4: addresses(&["10.0.0.1"], 60), v6: addresses(&["fd00::1"], 60) }, now);
        assert_eq!(listed(&known), ["10.0.0.1", "fd00::1"]);
    }

    #[test]
    fn a_family_that_nobody_answers_for_takes_the_other_none_away() {
        let (mut known, now) = (Known::default(), Instant::now());
        let found = || Found { v4: addresses(&["10.0.0.1"], 60), v6: Got::Failed("SERVFAIL".to_owned()) };
        assert_eq!(known.take("x", found(), now), seconds(1));
        assert_eq!(known.take("x", found(), now), seconds(2));
        assert_eq!(listed(&known), ["10.0.0.1"]);
    }
}
