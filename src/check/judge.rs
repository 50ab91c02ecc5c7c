//! How many answers in a row it takes to change one's mind about an instance, as a Consul agent counts them.

use crate::model::check::Check;
use crate::model::service::Health;

/// What is thought of an instance.
#[derive(Debug)]
pub(super) struct Judge {
    health: Health,
    successes: u32,
    failures: u32,
}

impl Judge {
    pub(super) const fn new(health: Health) -> Self {
        Self { health, successes: 0, failures: 0 }
    }

    /// What is thought of it now.
    pub(super) const fn health(&self) -> Health {
        self.health
    }

    /// Hears an answer. The health, if it is another one now.
    pub(super) fn hear(&mut self, check: &Check, found: Health) -> Option<Health> {
        let (count, needed) = if found == Health::Critical {
            self.successes = 0;
            (&mut self.failures, check.failures_before_critical)
        } else {
            self.failures = 0;
            (&mut self.successes, check.success_before_passing)
        };
        *count = count.saturating_add(1);
        let changes = *count >= needed && found != self.health;
        changes.then(|| {
            self.health = found;
            found
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::check::Probe;
    use Health::{Critical, Passing, Warning};

    fn heard(success_before_passing: u32, failures_before_critical: u32, answers: &[Health]) -> Vec<Option<Health>> {
        let second = Duration::from_secs(1);
        let probe = Probe::Tcp { at: None };
        let check = Check { probe, interval: second, timeout: second, success_before_passing, failures_before_critical };
        let mut judge = Judge::new(Passing);
        answers.iter().map(|answer| judge.hear(&check, *answer)).collect()
    }

    #[test]
    fn without_counts_each_answer_holds() {
        let answers = [Passing, Critical, Critical, Passing, Warning, Critical];
        assert_eq!(heard(0, 0, &answers), [None, Some(Critical), None, Some(Passing), Some(Warning), Some(Critical)]);
        assert_eq!(heard(1, 1, &answers), heard(0, 0, &answers));
    }

    #[test]
    fn so_many_answers_in_a_row_change_the_mind_and_one_of_the_other_kind_begins_anew() {
        let answers = [Critical, Critical, Passing, Critical, Critical, Critical];
        assert_eq!(heard(0, 3, &answers), [None, None, None, None, None, Some(Critical)]);
        let answers = [Critical, Passing, Critical, Passing, Passing];
        assert_eq!(heard(2, 0, &answers), [Some(Critical), None, None, None, Some(Passing)]);
    }
}
