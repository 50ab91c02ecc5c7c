//! Where resources come from: files, Consul, the embedded default. All end in the same model.

pub mod consul;
pub mod demo;
pub mod diagnostic;
pub mod entry;
pub mod expect;
pub mod file;
pub mod flags;
