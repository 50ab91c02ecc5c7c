//! The data path as a whole: gateways in this process, real sockets, services and clients that do as they are told.

#![allow(clippy::unwrap_used)]

mod harness;
#[path = "../support/mod.rs"]
mod support;

mod admin;
mod ambiguous;
mod checks;
mod connections;
mod datacenters;
mod differences;
mod drain;
mod elsewhere;
mod failures;
mod forbidden;
mod frames;
mod gone;
mod hostile;
mod http;
mod http2;
mod lengths;
mod mesh;
mod metrics;
mod names;
mod passthrough;
mod passthrough_ends;
mod records;
mod refusals;
mod reload;
mod reload_world;
mod renewal;
mod rotation;
mod smuggling;
mod spoken;
mod tap;
mod tcp;
mod terminating;
mod terminating_tls;
mod tls;
mod traces;
mod upstream;
mod websocket;
mod wire;
