//! How often the configuration was read, and what came of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::page::Page;
use super::table as m;

/// What came of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::app) enum Result {
    /// It is in effect.
    Changed,
    /// It says what is in effect already.
    Same,
    /// It is refused.
    Refused,
}

impl Result {
    const ALL: [Self; 3] = [Self::Changed, Self::Same, Self::Refused];

    /// The word.
    pub(in crate::app) const fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Same => "same",
            Self::Refused => "refused",
        }
    }
}

/// The counters. Clones count together.
#[derive(Clone, Debug)]
pub(in crate::app) struct Reloads(Arc<Counted>);

#[derive(Debug, Default)]
struct Counted {
    by_result: [AtomicU64; 3],
    /// Milliseconds since 1970.
    changed_at: AtomicU64,
}

impl Reloads {
    /// What is in effect took effect just now.
    pub(in crate::app) fn begin() -> Self {
        let begun = Self(Arc::default());
        begun.changed_now();
        begun
    }

    /// One more.
    pub(in crate::app) fn count(&self, result: Result) {
        self.0.by_result[result as usize].fetch_add(1, Ordering::Relaxed);
        if result == Result::Changed {
            self.changed_now();
        }
    }

    fn changed_now(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.0.changed_at.store(u64::try_from(now.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn write(&self, is_successful: bool, page: &mut Page) {
        for (result, n) in Result::ALL.into_iter().zip(&self.0.by_result) {
            page.count(&m::RELOADS, &[result.as_str()], n.load(Ordering::Relaxed));
        }
        page.count(&m::RELOAD_OK, &[], is_successful.into());
        page.real(&m::RELOAD_AT, &[], self.0.changed_at.load(Ordering::Relaxed) as f64 / 1000.0);
    }
}
