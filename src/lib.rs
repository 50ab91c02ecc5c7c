//! `gw`: gateways for the Consul service mesh, as a data plane of its own.
//!
//! The modules stand in layer order; each may name only those above it that `tests/layers.rs` grants.
//! `docs/architecture.md` tells the life of a connection and of a configuration change through them.
//!
//! | layer | what it is |
//! |---|---|
//! | [`id`] | names that were parsed once and cannot be wrong |
//! | [`rt`] | running things: drain, supervision, chance, logs |
//! | [`model`] | the nouns of a mesh as plain data |
//! | [`net`] | names and connections: resolving and connecting |
//! | [`decide`] | the pure brain: resources compile to a snapshot, a snapshot plans |
//! | [`tls`] | bytes and keys |
//! | [`source`] | where resources come from: files, Consul, the embedded default |
//! | [`check`] | active checks of instances |
//! | [`state`] | what is published to the data path, as one pointer |
//! | [`proxy`] | the data path |
//! | [`admin`] | HTTP on loopback for operators and probes |
//! | [`app`] | assembly; the only module that sees all of the above |
//! | [`ui`] | the only door to stdout and stderr |
//! | [`cli`] | arguments in, one call, one rendering |

pub mod id;
pub mod rt;

pub mod model;

pub mod decide;
pub mod net;
pub mod source;
pub mod tls;

pub mod check;

pub mod state;

pub mod admin;
pub mod proxy;

pub mod app;

pub mod cli;
pub mod ui;
