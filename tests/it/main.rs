//! The data path as a whole: gateways in this process, real sockets, services and clients that do as they are told.

#![allow(clippy::unwrap_used)]

mod harness;

mod admin;
mod ambiguous;
mod checks;
mod drain;
mod failures;
mod http;
mod http2;
mod mesh;
mod names;
mod records;
mod reload;
mod reload_world;
mod tcp;
mod tls;
mod websocket;
