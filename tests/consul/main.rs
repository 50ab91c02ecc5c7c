//! Gateways whose control plane is a real Consul.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod acl;
mod agent;
mod chains;
mod datacenters;
mod entries;
mod faults;
mod file;
mod follow;
mod gateway;
#[path = "../brain/generate.rs"]
#[allow(dead_code, reason = "each test binary uses a part")]
mod generate;
#[path = "../it/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "each test binary uses a part")]
mod harness;
mod ingress;
mod places;
mod program;
mod proxy;
mod register;
mod sign;
mod signed;
#[path = "../consul_api/signer.rs"]
#[allow(dead_code, reason = "each test binary uses a part")]
mod signer;
mod sockets;
#[path = "../support/mod.rs"]
mod support;
mod terminating;
