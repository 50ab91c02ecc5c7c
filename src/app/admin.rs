//! `gw admin`: what a running gateway is told to do.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::admin::client;
use crate::tls;

pub use crate::admin::client::AskError;

/// How often it is looked whether a gateway has ended.
const LOOK: Duration = Duration::from_millis(100);

/// Reads the configuration again: `gw.reload/v1`.
pub fn reload(gateway: SocketAddr) -> Result<Value, AskError> {
    post(gateway, "/v1/reload", &[])
}

/// Takes no new connection, and ends when those that are open have, or are cut after `within`; `None`: as long as it was started with.
pub fn drain(gateway: SocketAddr, within: Option<Duration>) -> Result<Value, AskError> {
    let within = within.map(|time| ("timeout", format!("{}ms", time.as_millis())));
    post(gateway, "/v1/drain", within.as_slice())
}

/// Ends now: what is open is cut.
pub fn stop(gateway: SocketAddr) -> Result<Value, AskError> {
    post(gateway, "/v1/stop", &[])
}

/// Logs something else; `None`: only says what is logged.
pub fn log(gateway: SocketAddr, filter: Option<&str>) -> Result<Value, AskError> {
    let asked = filter.map(|filter| ("level", filter.to_owned()));
    post(gateway, "/v1/log", asked.as_slice())
}

/// Waits until nobody listens there any more. False: somebody still does.
pub fn wait_for_end(gateway: SocketAddr, most: Duration) -> bool {
    let until = Instant::now() + most;
    while client::is_there(gateway) {
        if Instant::now() >= until {
            return false;
        }
        std::thread::sleep(LOOK);
    }
    true
}

fn post(gateway: SocketAddr, page: &str, asked: &[(&str, String)]) -> Result<Value, AskError> {
    tls::install();
    client::post_blocking(gateway, page, asked)
}
