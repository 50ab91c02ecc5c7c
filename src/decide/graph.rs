//! Whether a set of entries fits together (semantics 4.9).
//!
//! Questions: [`check()`] is Consul's own, asked of one change on top of others, one link deep; [`check_set`] is gw's, asked
//! of a set as a whole, in which the order of writes does not matter and in which more than errors is seen; a [`Checker`] asks it
//! again after a change; [`order()`] finds an order in which all of a set's changes pass the first. [`traps()`] tells what intentions do not do, under the default policy there is.

mod check;
mod circles;
pub mod codes;
mod exported;
mod hosts;
mod intentions;
mod judged;
mod looks;
mod order;
mod protocols;
mod set;
mod shadow;
mod spelling;
#[cfg(test)]
mod tests;
mod traps;

use super::chain::ChainError;
use crate::model::entry::{ConfigEntry, EntryKind, RuleRef};
use crate::model::level::Level;

pub use check::check;
pub use order::{Step, make, order};
pub use set::{Checker, check_set};
pub use traps::traps;

/// One change of a set.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// An entry is written; one of the same kind and name is replaced.
    Write(&'a ConfigEntry),
    /// The same, of a kind that the model does not have.
    WriteOther(EntryKind, &'a str),
    /// An entry is deleted.
    Delete(EntryKind, &'a str),
}

/// Why Consul refuses a change, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// A chain that the change is part of does not compile.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// An ingress gateway's listener and a service of it differ.
    #[error("service {service:?} has protocol {protocol:?}, which does not match defined listener protocol {listener:?}")]
    IngressProtocol {
        /// The service.
        service: String,
        /// The protocol of its chain.
        protocol: String,
        /// The protocol of the listener.
        listener: String,
    },
    /// `MutualTLSMode` permissive where the mesh does not allow it and it was not so before.
    #[error("cannot set MutualTLSMode=permissive because AllowEnablingPermissiveMutualTLS=false in the mesh config entry")]
    PermissiveMutualTls,
    /// Permissions of a service that has no requests.
    #[error("service {service:?} has protocol {protocol:?}, which is incompatible with L7 intentions permissions")]
    IntentionProtocol {
        /// The service.
        service: String,
        /// The protocol of its chain.
        protocol: String,
    },
    /// Intentions name a jwt-provider that is not there.
    #[error("Referenced JWT Provider does not exist. Provider Name: {0}")]
    NoJwtProvider(String),
    /// A jwt-provider is deleted that intentions name.
    #[error("cannot delete jwt provider config entry referenced by an intention. Provider name: {provider}, intention name: {intention}")]
    JwtProviderInUse {
        /// The provider.
        provider: String,
        /// The destination of the intentions.
        intention: String,
    },
    /// An ingress and a terminating gateway of one name.
    #[error("cannot create a \"{kind}\" config entry with name {name:?}, a \"{other}\" config entry with that name already exists")]
    GatewayName {
        /// The kind that is written.
        kind: EntryKind,
        /// The name, as it is written.
        name: String,
        /// The kind that has it.
        other: EntryKind,
    },
    /// A service that peers use, whose chain leads away.
    #[error("peer exported service {service:?} contains {how}")]
    Exported {
        /// The service.
        service: String,
        /// What leads away.
        how: &'static str,
    },
    /// A service that peers use without HTTP, whose chain leads to who was not there before.
    #[error(
        "peer exported service {service:?} uses protocol={protocol:?} and cannot introduce new discovery chain targets like {target:?}"
    )]
    ExportedTarget {
        /// The service.
        service: String,
        /// What it speaks.
        protocol: String,
        /// The target that is new.
        target: String,
    },
    /// proxy-defaults of another name than the one there is.
    #[error("invalid name ({0:?}), only \"global\" is supported")]
    NotGlobal(String),
}

/// Something about a set of entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `GW04xx`
    pub code: &'static str,
    /// How much it matters.
    pub level: Level,
    /// Where.
    pub rule: RuleRef,
    /// What was seen.
    pub message: String,
    /// What to do next.
    pub help: Vec<String>,
    /// Other places that belong to it.
    pub related: Vec<RuleRef>,
}

impl Finding {
    fn new(code: &'static str, level: Level, rule: RuleRef, message: impl Into<String>) -> Self {
        Self { code, level, rule, message: message.into(), help: Vec::new(), related: Vec::new() }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    fn related(mut self, rules: impl IntoIterator<Item = RuleRef>) -> Self {
        self.related.extend(rules);
        self
    }
}
