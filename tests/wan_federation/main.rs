//! Federation of real Consul datacenters through mesh gateways alone: their servers have no route to each other (`network`). Needs root,
//! or what network namespaces need, and fails where it has not. `CONSUL=PATH` names another Consul than the one that is installed.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod authority;
mod example;
mod failures;
mod federation;
mod files;
mod gateway;
mod joins;
mod load;
mod network;
#[path = "../consul/program.rs"]
mod program;
mod server;
mod silent;
#[path = "../support/mod.rs"]
mod support;
mod three;
mod trial;

use std::time::{Duration, Instant};

/// Longer than anything takes that only this machine does.
const LONG: Duration = Duration::from_secs(30);

/// Waits for a condition.
#[track_caller]
fn eventually(what: &str, holds: impl FnMut() -> bool) {
    eventually_within(LONG, what, holds);
}

/// Waits for a condition within a time of its own.
#[track_caller]
fn eventually_within(within: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < within, "not within {within:?}: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
