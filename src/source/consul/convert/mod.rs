//! What Consul says, as the model has it. What is wrong with a part leaves out that part, and names its field.

mod connect;
mod entries;
mod federation;
mod instances;

pub use connect::{NotReady, default_action, domains, leaf, roots};
pub use entries::{Entry, entries, entry, in_place_of, of_intentions, stored, without_what_consul_adds};
pub use federation::{federation, mesh_gateways};
pub use instances::service;

use std::fmt;

use crate::source::diagnostic::Diagnostic;

/// Something that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// What: `service web, instance dc1-s1/web-1`, `service-router/web`.
    pub what: String,
    /// The field and what it holds, or what is wrong with the whole.
    pub why: String,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is left out: {}", self.what, self.why)
    }
}

impl LeftOut {
    fn of_problems(what: String, problems: &[Diagnostic]) -> Self {
        let said: Vec<&str> = problems.iter().map(|p| p.message.as_str()).collect();
        Self { what, why: said.join("; ") }
    }
}

#[cfg(test)]
mod tests;
