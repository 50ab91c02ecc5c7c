//! `gw inspect connections`: the tcp connections of a process that runs.

use std::net::SocketAddr;

use serde_json::Value;

use crate::admin::client;
use crate::tls;

pub use crate::admin::client::AskError;
pub use crate::state::connections::Sort;

/// Those that come first, asked at the admin listener.
pub fn of_running(address: SocketAddr, sort: Sort, limit: usize) -> Result<Value, AskError> {
    tls::install();
    let sort = match sort {
        Sort::Age => "age",
        Sort::Bytes => "bytes",
    };
    client::get_blocking(address, &format!("/v1/connections?sort={sort}&limit={limit}"))
}
