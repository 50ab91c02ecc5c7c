//! Who watches a decision being made: nobody on the data path, a recorder in `gw inspect`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::facts::RequestHead;
use super::matcher::Miss;
use crate::model::entry::RuleRef;

/// Watches the steps of a decision. `()` never runs the closure, so that watching costs nothing where nobody does.
pub trait Witness {
    /// A step was made.
    fn saw(&mut self, step: impl FnOnce() -> Step);
}

impl Witness for () {
    fn saw(&mut self, _: impl FnOnce() -> Step) {}
}

impl Witness for Vec<Step> {
    fn saw(&mut self, step: impl FnOnce() -> Step) {
        self.push(step());
    }
}

/// One step of a decision, in the order they were made. Rules are printed `service-router/web Routes[2]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// The listener was found.
    Listener {
        /// Its name.
        listener: String,
        /// What it speaks.
        protocol: Cow<'static, str>,
    },
    /// A service of the listener was found by Host, or is the only one of a tcp listener.
    Service {
        /// The ingress service.
        rule: String,
        /// The service's name.
        service: String,
        /// The domains it answers to.
        domains: Vec<String>,
    },
    /// A rule was looked at and did not match: a near miss.
    Missed {
        /// The rule.
        rule: String,
        /// Why it did not match.
        why: String,
    },
    /// A route matched.
    Route {
        /// The rule.
        rule: String,
    },
    /// The dice chose a leg of a splitter.
    Split {
        /// The legs it was folded through, outermost first.
        rules: Vec<String>,
        /// What the dice showed.
        roll: u32,
        /// Of how many: the sum of the weights in hundredths of a percent.
        of: u32,
    },
    /// A resolver named the target.
    Resolver {
        /// The resolver and the redirects before it.
        rules: Vec<String>,
        /// The target.
        target: String,
    },
    /// A target cannot take the request, so that the next failover target is looked at.
    PassedOver {
        /// The target.
        target: String,
        /// Why it cannot.
        why: String,
        /// The failover section that names what follows.
        rule: Option<String>,
    },
    /// The request was given another path before it was judged.
    Normalized {
        /// Path and query as sent.
        from: String,
        /// Path and query as judged and sent on.
        to: String,
    },
    /// An intention is for the source: it alone decides.
    Intention {
        /// The rule.
        rule: String,
        /// The source as written.
        source: String,
        /// The destination as written.
        destination: String,
        /// Consul's number: 9, 8, 6 or 5.
        precedence: i64,
        /// The rules that are for the source too, and are not looked at.
        shadows: Vec<String>,
    },
    /// A permission matched.
    Permission {
        /// The rule.
        rule: String,
        /// What it asks for.
        conditions: String,
    },
    /// No intention is for the source.
    NoIntention {
        /// Those that one may have thought were.
        near: Vec<Near>,
    },
    /// Nothing else decided.
    DefaultPolicy {
        /// `allow` or `deny`
        action: Cow<'static, str>,
    },
    /// The caller is no service of the own trust domain.
    Foreign {
        /// Who it is.
        source: String,
        /// The own one.
        trust_domain: String,
    },
    /// An instance was chosen.
    Instance {
        /// The target it belongs to.
        target: String,
        /// Its id.
        instance: String,
        /// Where it answers.
        address: String,
        /// `local` or `remote`: it is a mesh gateway that leads to the target's instances.
        #[serde(skip_serializing_if = "Option::is_none")]
        mesh_gateway: Option<Cow<'static, str>>,
        /// Out of how many in use.
        of: usize,
    },
}

/// A rule that is nearly for somebody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Near {
    /// The rule.
    pub rule: String,
    /// Why it is not.
    pub why: String,
}

impl Step {
    /// The rules that it names.
    pub fn rules(&self) -> Vec<&str> {
        match self {
            Self::Service { rule, .. } | Self::Missed { rule, .. } | Self::Route { rule } | Self::Permission { rule, .. } => vec![rule],
            Self::Split { rules, .. } | Self::Resolver { rules, .. } => rules.iter().map(String::as_str).collect(),
            Self::PassedOver { rule, .. } => rule.as_deref().into_iter().collect(),
            Self::Intention { rule, shadows, .. } => std::iter::once(rule).chain(shadows).map(String::as_str).collect(),
            Self::NoIntention { near } => near.iter().map(|near| near.rule.as_str()).collect(),
            Self::Listener { .. } | Self::Normalized { .. } | Self::DefaultPolicy { .. } | Self::Foreign { .. } | Self::Instance { .. } => {
                Vec::new()
            }
        }
    }

    /// A near miss; the reason is there, for only a rule that did not match is missed.
    pub(super) fn missed(rule: &RuleRef, why: Option<Miss<'_>>, request: &RequestHead<'_>) -> Self {
        Self::Missed { rule: rule.to_string(), why: why.map(|w| w.told(request)).unwrap_or_default() }
    }
}
