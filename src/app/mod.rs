//! Assembly: the only module that sees all the layers below it.

mod access_log;
pub mod batch;
pub mod chain;
pub mod config;
pub mod echo;
pub mod entries;
mod health;
pub mod inspect;
pub mod load;
pub mod origin;
pub mod routes;
mod run;

pub use crate::rt::log;
pub use crate::rt::supervise::Failure as Ended;
pub use run::{Bound, StartError, start};
