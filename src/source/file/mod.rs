//! `gw.toml`.
