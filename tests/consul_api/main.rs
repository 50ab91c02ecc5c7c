//! Asking and watching a Consul that answers what it is told, by real sockets: also wrongly, late, in part, or not at all.

mod ask;
mod commands;
mod fake;
mod sign;
mod signer;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod watch;

use std::sync::Arc;

use fake::FakeConsul;
use gw::source::consul::client::Client;
use gw::source::consul::settings::{Flags, Settings};

/// A client of that address, with other flags besides.
fn client_with(address: &str, set: impl FnOnce(&mut Flags)) -> Arc<Client> {
    gw::tls::install();
    let mut flags = Flags { http_addr: Some(address.to_owned()), ..Flags::default() };
    set(&mut flags);
    let settings = Settings::of(&flags, |_| None).expect("settings");
    Arc::new(Client::new(settings).expect("a client"))
}

fn client_of(fake: &FakeConsul) -> Arc<Client> {
    client_with(&fake.address(), |_| {})
}
