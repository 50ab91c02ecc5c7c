//! Gateways between programs that were not made here: curl, nghttp2, gRPC, WebSocket, nginx, haproxy and Envoy. `docs/interop.md` says what
//! else was tried by hand.

#![allow(clippy::unwrap_used)]

mod curl;
mod envoy;
mod envoy_behind;
mod envoy_calling;
mod failover;
mod grpc;
mod haproxy;
#[path = "../it/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "each test binary uses a part")]
mod harness;
mod nghttp;
mod nginx;
mod peer;
#[path = "../support/mod.rs"]
mod support;
mod websocket;
