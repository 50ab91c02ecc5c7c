//! Gateways whose control plane is a real Consul.

#![allow(clippy::unwrap_used)]

mod acl;
mod agent;
mod follow;
#[path = "../it/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "each test binary uses a part")]
mod harness;
mod register;
