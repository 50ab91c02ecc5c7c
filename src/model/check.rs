//! Active checks of instances, in Consul's words.

use std::time::Duration;

use crate::model::service::Address;

/// How it is found out whether an instance is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is asked.
    pub probe: Probe,
    /// The time from the end of one probe to the begin of the next.
    pub interval: Duration,
    /// Within which a probe must be answered.
    pub timeout: Duration,
    /// How many probes in a row must pass before a critical instance passes; 0 and 1 are the same.
    pub success_before_passing: u32,
    /// How many must fail in a row before an instance is critical; 0 and 1 are the same.
    pub failures_before_critical: u32,
}

/// What a check asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A request: 2xx is passing, 429 is warning, all else, and no answer, is critical.
    Http {
        /// Where, if not where the instance answers.
        at: Option<Address>,
        /// Path and query.
        path: String,
        /// `GET` if nothing else is said.
        method: String,
        /// Names and values.
        headers: Vec<(String, String)>,
    },
    /// A connection that is taken.
    Tcp {
        /// Where, if not where the instance answers.
        at: Option<Address>,
    },
}
