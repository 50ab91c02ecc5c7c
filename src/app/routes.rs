//! `gw inspect routes`: what gateways serve, from files or from a process that runs.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use super::load;
use crate::admin::client;
use crate::decide::compile::compile;
use crate::decide::listing::{GatewayRoutes, Routes};
use crate::source::diagnostic::Diagnostic;
use crate::tls;

pub use crate::admin::client::AskError;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum RoutesError {
    /// What is wrong with the files.
    #[error("the files are refused")]
    Files(Vec<Diagnostic>),
    /// No answer from the process.
    #[error(transparent)]
    Ask(#[from] AskError),
}

/// Of the gateways of a `gw.toml`: what they would serve, nothing running.
pub fn of_files(path: &Path) -> Result<Value, RoutesError> {
    let loaded = load::load(path, &[]).map_err(RoutesError::Files)?;
    let listed = loaded.every();
    let listed = listed.iter().map(|resources| GatewayRoutes::of(&resources.gateway.name, 0, &compile(resources)));
    Ok(json!(Routes::new(listed.collect())))
}

/// Of the gateways of a process, asked at its admin listener.
pub fn of_running(address: SocketAddr) -> Result<Value, RoutesError> {
    tls::install();
    Ok(client::get_blocking(address, "/v1/routes")?)
}
