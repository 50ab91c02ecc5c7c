//! Consul: its JSON, and in later issues its HTTP API.

pub mod chain;
