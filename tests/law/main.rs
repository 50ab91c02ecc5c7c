//! The law that what the wire did is what `gw inspect` says, held to every example configuration: piles of generated requests,
//! connections and server names go to gateways that run, and each is asked of the gateway, of its files and of its dump. The answers are
//! the same, and the access record is the answer.
//!
//! `GW_SEEDS=1000 cargo test --test law` sends more, `GW_SEED=7` those of one seed.

mod asked;
mod bytes;
mod datacenters;
#[path = "../hello/draft.rs"]
#[allow(dead_code, reason = "hellos are written here, not taken apart")]
mod draft;
mod names;
mod records;
mod requests;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::path::Path;

/// Chance from a seed (xorshift).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % n
    }

    pub(crate) fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    pub(crate) fn one_of<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// So many, or those that are asked for.
pub(crate) fn seeds(usual: u64) -> Vec<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    match number("GW_SEED") {
        Some(seed) => vec![seed],
        None => (1..=number("GW_SEEDS").unwrap_or(usual)).collect(),
    }
}

/// One seed alone is replayed: not everything happens that piles of them make happen.
pub(crate) fn is_replayed() -> bool {
    std::env::var_os("GW_SEED").is_some()
}

/// Which test holds the law to the folders of examples that are not a `gw.toml` and its entries.
const ELSEWHERE: [(&str, &str); 3] = [
    ("two-datacenters", "datacenters.rs: each of its gateways, at ports of loopback"),
    ("wan-federation", "datacenters.rs: gateways between servers, with its names; tests/wan_federation has it beside a real Consul"),
    ("routing-tests", "expectations of the others: tests/config_test.rs holds each to the gateway that runs"),
];

#[test]
fn every_example_is_held_to_the_law() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let there = std::fs::read_dir(&folder).expect("examples").map(|file| file.expect("a file").path());
    let there: BTreeSet<String> = there.map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned()).collect();
    let held = requests::EXAMPLES.iter().chain(&bytes::EXAMPLES).copied().chain(ELSEWHERE.iter().map(|(name, _)| *name));
    let held: BTreeSet<String> = held.map(str::to_owned).collect();
    let missing: Vec<&String> = there.difference(&held).collect();
    assert!(missing.is_empty(), "no law is held to {missing:?}: name it in EXAMPLES of tests/law/requests.rs or tests/law/bytes.rs");
    let gone: Vec<&String> = held.difference(&there).collect();
    assert!(gone.is_empty(), "{gone:?} is no example any more");
    for (name, _) in ELSEWHERE {
        assert!(!folder.join(format!("{name}.toml")).exists(), "{name} has a gw.toml of its own: it is run as the others are");
    }
}
