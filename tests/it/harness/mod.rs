//! What a scenario is made of: a gateway, services, clients.

mod client;
mod dns;
mod exit;
mod exposition;
mod folder;
pub(crate) mod frames;
mod gateway;
mod hello;
pub(crate) mod http2;
mod pki;
mod service;

pub(crate) use client::{Answer, Client, get, request};
pub(crate) use dns::Dns;
pub(crate) use exit::{Exit, Exits, Tls, sni};
pub(crate) use exposition::Scrape;
pub(crate) use folder::{Folder, Run, entries};
pub(crate) use gateway::{Gateway, Records, World};
pub(crate) use hello::{Taped, hello};
pub(crate) use pki::{Ca, TRUST_DOMAIN, client_of_files};
pub(crate) use service::{Seen, Service, answer, read_request};

use std::time::{Duration, Instant};

/// Longer than anything here takes; reaching it is a failure.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Waits for a condition.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LONG, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
