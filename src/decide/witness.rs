//! Who watches a decision being made: nobody on the data path, a recorder in `gw inspect`.

use serde::Serialize;

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

/// One step of a decision. Rules are printed `service-router/web Routes[2]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// The listener was found.
    Listener {
        /// Its name.
        listener: String,
    },
    /// A rule was looked at and did not match: a near miss.
    Missed {
        /// The rule.
        rule: String,
        /// Why it did not match.
        why: String,
    },
    /// A rule decided.
    Took {
        /// The rule.
        rule: String,
        /// What followed from it.
        what: String,
    },
}
