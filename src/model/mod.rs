//! The nouns of a mesh as plain data. Every source builds exactly these, whatever it read them from.

pub mod ca;
pub mod chain;
pub mod check;
pub mod credential;
pub mod duration;
pub mod entry;
pub mod federation;
pub mod filter;
pub mod gateway;
pub mod level;
pub mod needs;
pub mod pattern;
pub mod resources;
pub mod service;
pub mod template;
