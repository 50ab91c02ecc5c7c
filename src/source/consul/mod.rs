//! What Consul's HTTP API says: asked, watched, decoded, and made the model's.

pub mod answer;
pub mod beside;
pub mod call;
pub mod chain;
pub mod client;
pub mod convert;
pub mod follow;
pub mod gateways;
pub mod kept;
pub mod known;
pub mod permission;
pub mod policy;
pub mod register;
pub mod settings;
pub mod sign;
pub mod touched;
pub mod watch;
pub mod wire;
