//! `gw inspect tap`: what passes through a gateway that runs, as it passes.

use std::net::SocketAddr;
use std::ops::ControlFlow;

use crate::admin::client;
use crate::rt::signal::interrupted;
use crate::tls;

pub use crate::admin::client::AskError;

/// Where it is asked for.
const PAGE: &str = "/v1/tap";

/// Hands over each line (`gw.tap/v1`) as it comes, until `take` has had enough, or who watches has: INT and TERM end it well.
pub fn watch(address: SocketAddr, asked: &[(&str, String)], take: impl FnMut(&str) -> ControlFlow<()>) -> Result<(), AskError> {
    tls::install();
    client::blocking(async {
        tokio::select! {
            read = client::read_lines(address, PAGE, asked, take) => read,
            () = interrupted() => Ok(()),
        }
    })
}
