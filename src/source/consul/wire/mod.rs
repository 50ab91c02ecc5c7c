//! The JSON of Consul's HTTP API, of 1.8 and of now: lists are `[]`, `null` or absent, and what is not needed is not read.
//!
//! Field names are Consul's. What a value means, and whether it may be trusted, is `convert`'s to say.

mod agent;
mod catalog;
mod connect;
mod federation;
mod health;

pub use agent::*;
pub use catalog::*;
pub use connect::*;
pub use federation::*;
pub use health::*;

use serde::{Deserialize, Deserializer};

/// A value, or what it is by default where there is `null`.
fn or_null<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(value: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(value).map(Option::unwrap_or_default)
}

/// A value that may be `null` as a whole, as an answer may be.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Nullable<T: Default>(#[serde(deserialize_with = "or_null", bound(deserialize = "T: Deserialize<'de>"))] pub T);
