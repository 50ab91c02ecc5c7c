//! The brain: pure, with no socket, clock, chance or log. The data path obeys it and `gw inspect` shows it.
//!
//! `Snapshot::plan` is the one entrance for a connection or request; [`chain::compile`] and [`graph`] answer for entries.

pub mod authz;
pub mod balance;
pub mod chain;
mod changes;
pub mod code;
pub mod compile;
pub mod edits;
pub mod facts;
#[cfg(test)]
mod fixture;
pub mod graph;
pub mod hosts;
mod links;
pub mod listing;
pub mod matcher;
pub mod names;
pub mod needs;
pub mod normalize;
pub mod plan;
mod prefix_index;
pub mod routes;
pub mod snapshot;
pub mod witness;

pub use snapshot::Snapshot;
