//! Assembly: the only module that sees all the layers below it.

mod access_log;
pub mod authz;
pub mod batch;
pub mod certs;
pub mod chain;
pub mod config;
pub mod connections;
pub mod consul;
mod control;
pub mod echo;
pub mod entries;
pub mod files;
pub mod from_consul;
pub mod inspect;
mod listeners;
pub mod load;
pub mod origin;
pub mod policy;
mod publish;
pub mod register;
mod reload;
pub mod routes;
mod run;
mod served;
pub mod sni;
pub mod status;
mod with_tls;

pub use crate::rt::log;
pub use crate::rt::supervise::Failure as Ended;
pub use reload::{Refused, Reload, Told};
pub use run::{Bound, StartError, start};
pub use served::Changed;
