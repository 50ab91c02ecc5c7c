//! `gw wan-fed`: a federation of datacenters through mesh gateways, prepared, shown, and tried hop by hop.
//!
//! What is known (`seen`) is asked for (`ask`) and found out (`probe`) apart from what is made of it (`judge`), which is pure.

mod agent_config;
mod ask;
mod fault;
mod hops;
mod init;
mod judge;
mod junit;
mod of_files;
mod probe;
mod seen;
mod steps;
mod trial;

pub use ask::Agents;
pub use fault::{Fault, Finding};
pub use init::{Ca, InitError, Role, Server, Version, Wanted, init};
pub use judge::known as findings;
pub use junit::junit;
pub use of_files::of_files;
pub use probe::Keys;
pub use seen::{Row, View, rows};
pub use steps::{Step, steps};
pub use trial::{Check, Outcome, Trial, trial};
