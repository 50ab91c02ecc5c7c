//! When a request is tried again, in Consul's words (semantics 5, wire 7).

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use http::HeaderMap;

use super::error::Failed;
use crate::decide::plan::RetryPolicy;
use crate::id::TargetId;
use crate::rt::rng::Rng;

/// How an attempt ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ended<'a> {
    /// With an answer.
    Answer(u16, &'a HeaderMap),
    /// Without.
    Failed(&'a Failed),
}

/// How many retries may be under way towards a target at once, as in Envoy without a word from Consul ..
const LEAST: u32 = 3;
/// .. or a fifth of what is under way in all: a target in trouble is not to get several times its load.
const SHARE: u32 = 5;

/// The retries under way in a worker, by their target.
#[derive(Debug, Default)]
pub(super) struct Budget(RefCell<HashMap<TargetId, u32>>);

/// A retry under way: counted until it is dropped.
#[derive(Debug)]
pub(super) struct Retrying<'a> {
    budget: &'a Budget,
    target: &'a TargetId,
}

impl Budget {
    /// One more retry towards a target with so many requests under way, unless there are enough.
    pub(super) fn take<'a>(&'a self, target: &'a TargetId, active: u32) -> Option<Retrying<'a>> {
        let mut retries = self.0.borrow_mut();
        let count = retries.entry(target.clone()).or_default();
        if *count >= LEAST.max(active / SHARE) {
            return None;
        }
        *count += 1;
        Some(Retrying { budget: self, target })
    }
}

impl Drop for Retrying<'_> {
    fn drop(&mut self) {
        let mut retries = self.budget.0.borrow_mut();
        if let Some(count) = retries.get_mut(self.target) {
            *count -= 1;
            if *count == 0 {
                retries.remove(self.target);
            }
        }
    }
}

/// Whether the policy wants another attempt after this one.
pub(super) fn wanted(policy: &RetryPolicy, ended: Ended<'_>) -> bool {
    let listed = |status: u16| policy.statuses.contains(&u32::from(status));
    match ended {
        Ended::Answer(status, headers) => listed(status) || policy.on.iter().any(|word| answer_matches(word, status, headers)),
        Ended::Failed(failed) => policy.on.iter().any(|word| failure_matches(word, failed)),
    }
}

fn answer_matches(word: &str, status: u16, headers: &HeaderMap) -> bool {
    let grpc = |wanted: &str| headers.get("grpc-status").is_some_and(|v| v.as_bytes() == wanted.as_bytes());
    match word {
        "5xx" => (500..600).contains(&status),
        "gateway-error" => (502..505).contains(&status),
        "retriable-4xx" => status == 409,
        "envoy-ratelimited" => headers.contains_key("x-envoy-ratelimited"),
        "cancelled" => grpc("1"),
        "deadline-exceeded" => grpc("4"),
        "resource-exhausted" => grpc("8"),
        "internal" => grpc("13"),
        "unavailable" => grpc("14"),
        _ => false,
    }
}

fn failure_matches(word: &str, failed: &Failed) -> bool {
    match failed {
        Failed::Connect(_) | Failed::Tls(_) | Failed::NoIdentity | Failed::Outside(_) | Failed::NoKeys => {
            matches!(word, "connect-failure" | "5xx" | "gateway-error" | "reset")
        }
        Failed::Reset(_) | Failed::Ended(_) => matches!(word, "5xx" | "gateway-error" | "reset"),
        Failed::RefusedStream(_) => matches!(word, "5xx" | "gateway-error" | "reset" | "refused-stream"),
        Failed::Opening(failed) => failure_matches(word, failed),
        Failed::Timeout(_) | Failed::Unwritable => false,
    }
}

/// The pause before attempt number `next`, the first being 1: random below 25 ms, 75 ms, 175 ms, then 250 ms.
pub(super) fn pause(next: u32, rng: &mut Rng) -> Duration {
    let most = 25u32.saturating_mul((1u32 << next.min(8)) - 1).min(250);
    Duration::from_millis(u64::from(rng.below(most.max(1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(on: &[&str], statuses: &[u32]) -> RetryPolicy {
        RetryPolicy { retries: 1, on: on.iter().map(|w| (*w).to_owned()).collect(), statuses: statuses.to_vec() }
    }

    #[test]
    fn the_words_cover_the_statuses_that_they_cover_in_envoy() {
        let none = HeaderMap::new();
        for (word, yes, no) in [
            ("5xx", &[500, 503, 599][..], &[200, 404, 429, 600][..]),
            ("gateway-error", &[502, 503, 504], &[500, 501, 505]),
            ("retriable-4xx", &[409], &[400, 408, 412, 429, 503]),
            ("reset", &[], &[500, 503]),
            ("connect-failure", &[], &[503]),
        ] {
            let p = policy(&[word], &[]);
            for status in yes {
                assert!(wanted(&p, Ended::Answer(*status, &none)), "{word} {status}");
            }
            for status in no {
                assert!(!wanted(&p, Ended::Answer(*status, &none)), "{word} {status}");
            }
        }
        assert!(wanted(&policy(&[], &[429]), Ended::Answer(429, &none)));
        assert!(!wanted(&policy(&[], &[429]), Ended::Answer(500, &none)));
    }

    #[test]
    fn grpc_words_look_at_the_status_in_the_headers() {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-status", "14".parse().unwrap());
        assert!(wanted(&policy(&["unavailable"], &[]), Ended::Answer(200, &headers)));
        assert!(!wanted(&policy(&["internal"], &[]), Ended::Answer(200, &headers)));
    }

    #[test]
    fn a_refused_connection_is_a_connect_failure_and_a_reset_but_a_timeout_is_neither() {
        let refused = Failed::Connect(std::io::ErrorKind::ConnectionRefused.into());
        for word in ["connect-failure", "reset", "5xx", "gateway-error"] {
            assert!(wanted(&policy(&[word], &[]), Ended::Failed(&refused)), "{word}");
        }
        let late = Failed::Timeout(crate::decide::code::Code::RequestTimeout);
        assert!(!wanted(&policy(&["5xx", "reset"], &[503, 504]), Ended::Failed(&late)));
    }

    #[test]
    fn three_retries_or_a_fifth_of_all_requests_may_be_under_way_and_ended_ones_do_not_count() {
        let target = |name: &str| TargetId::service(name, "dc1");
        let (web, other) = (target("web"), target("other"));
        let budget = Budget::default();
        let mut few: Vec<_> = (0..3).map(|_| budget.take(&web, 10).expect("three")).collect();
        assert!(budget.take(&web, 10).is_none());
        assert!(budget.take(&other, 10).is_some());
        few.pop();
        drop(budget.take(&web, 10).expect("one ended"));
        let many: Vec<_> = (2..20).map(|_| budget.take(&web, 100).expect("a fifth")).collect();
        assert!(budget.take(&web, 100).is_none());
        drop((few, many));
        assert!(budget.0.borrow().is_empty());
    }

    #[test]
    fn pauses_grow_to_a_quarter_second() {
        let mut rng = Rng::seeded(3);
        assert!((0..1000).all(|_| pause(1, &mut rng) < Duration::from_millis(25)));
        assert!((0..1000).all(|_| pause(40, &mut rng) < Duration::from_millis(250)));
    }
}
