//! What Consul's HTTP API says: asked, watched, decoded, and made the model's.

pub mod answer;
pub mod call;
pub mod chain;
pub mod client;
pub mod convert;
pub mod settings;
pub mod watch;
pub mod wire;
