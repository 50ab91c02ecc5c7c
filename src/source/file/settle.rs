//! When what happens to files has settled, so that they are worth reading. Time is an argument.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long after a file is complete it is read: what comes in one breath is one change.
const BREATH: Duration = Duration::from_millis(3);
/// How long nothing may happen before files are read of which it is not known whether they are complete; also how long nothing
/// is read after something was.
const QUIET: Duration = Duration::from_millis(100);
/// The longest that a change waits while others keep coming.
const LONGEST: Duration = Duration::from_secs(1);
/// More files than this under way at once are not told apart.
const APART: usize = 1024;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    /// A path is being written, or is gone, perhaps to come back: editors and tools replace files so.
    Begun(PathBuf),
    /// These are complete: written and closed, or moved to their place.
    Complete(Vec<PathBuf>),
    /// It is not known what.
    Something,
}

/// Changes that were seen and not yet read.
#[derive(Debug, Default)]
pub(super) struct Settling {
    /// Begun and not complete.
    open: HashSet<PathBuf>,
    first: Option<Instant>,
    last: Option<Instant>,
    /// Only when all is quiet.
    patient: bool,
    rests_until: Option<Instant>,
    /// When the last one came of those that were taken.
    taken: Option<Instant>,
}

impl Settling {
    /// Something happened.
    pub(super) fn saw(&mut self, happened: Happened, now: Instant) {
        self.first.get_or_insert(now);
        self.last = Some(now);
        match happened {
            Happened::Begun(path) if self.open.len() < APART => {
                self.open.insert(path);
            }
            Happened::Begun(_) | Happened::Something => self.patient = true,
            Happened::Complete(paths) => {
                self.open.retain(|path| !paths.contains(path));
                self.patient = false;
            }
        }
    }

    /// When it is time to read; `None` while nothing happened.
    pub(super) fn due(&self) -> Option<Instant> {
        let (first, last) = (self.first?, self.last?);
        let eager = self.open.is_empty() && !self.patient;
        let at = if eager { (last + BREATH).min(first + QUIET) } else { (last + QUIET).min(first + LONGEST) };
        Some(self.rests_until.map_or(at, |rest| at.max(rest)))
    }

    /// Takes what happened, if it is time. Whether it has settled: if not, files that do not fit together may only be on
    /// their way.
    pub(super) fn take(&mut self, now: Instant) -> Option<bool> {
        let (due, first, last) = (self.due()?, self.first?, self.last?);
        if due > now {
            return None;
        }
        *self = Self { taken: Some(last), rests_until: self.rests_until, ..Self::default() };
        Some(now >= last + QUIET || now >= first + LONGEST)
    }

    /// They were read, which took a while: what happens meanwhile and soon after is taken together.
    pub(super) fn rest(&mut self, took: Duration, now: Instant) {
        self.rests_until = Some(now + took.max(QUIET));
    }

    /// What was taken had not settled, and is to be looked at again when it has.
    pub(super) fn again(&mut self, now: Instant) {
        if self.last.is_none() {
            self.first = Some(now);
            self.last = self.taken;
            self.patient = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(path: &str) -> Happened {
        Happened::Complete(vec![PathBuf::from(path)])
    }

    fn begun(path: &str) -> Happened {
        Happened::Begun(PathBuf::from(path))
    }

    #[test]
    fn one_file_that_is_complete_is_read_in_a_breath() {
        let (mut settling, now) = (Settling::default(), Instant::now());
        assert_eq!(settling.due(), None);
        settling.saw(begun("a"), now);
        settling.saw(complete("a"), now);
        assert_eq!(settling.due(), Some(now + BREATH));
        assert_eq!(settling.take(now), None);
        assert_eq!(settling.take(now + BREATH), Some(false));
        assert_eq!(settling.due(), None);
    }

    #[test]
    fn a_file_under_way_holds_up_all_until_it_is_quiet() {
        let (mut settling, now) = (Settling::default(), Instant::now());
        settling.saw(begun("a"), now);
        settling.saw(complete("b"), now);
        assert_eq!(settling.due(), Some(now + QUIET));
        settling.saw(complete("a"), now + BREATH);
        assert_eq!(settling.due(), Some(now + BREATH * 2));
        settling.saw(begun("c"), now + BREATH);
        assert_eq!(settling.take(now + BREATH + QUIET), Some(true));
    }

    #[test]
    fn a_burst_is_read_at_most_once_a_rest_and_never_waits_for_ever() {
        let (mut settling, start) = (Settling::default(), Instant::now());
        let mut reads = 0;
        for n in 0..3000u32 {
            let now = start + Duration::from_millis(1) * n;
            settling.saw(complete("a"), now);
            if settling.take(now).is_some() {
                reads += 1;
                settling.rest(Duration::from_millis(1), now);
            }
        }
        assert!((1..=30).contains(&reads), "{reads}");
        let mut settling = Settling::default();
        for n in 0..1500u32 {
            settling.saw(begun("a"), start + Duration::from_millis(1) * n);
        }
        assert!(settling.due().is_some_and(|due| due <= start + LONGEST));
    }

    #[test]
    fn what_did_not_fit_together_is_looked_at_again_when_quiet_or_when_more_is_complete() {
        let (mut settling, now) = (Settling::default(), Instant::now());
        settling.saw(complete("a"), now);
        assert_eq!(settling.take(now + BREATH), Some(false));
        settling.again(now + BREATH);
        assert_eq!(settling.due(), Some(now + QUIET));
        let more = now + BREATH * 2;
        settling.saw(complete("b"), more);
        assert_eq!(settling.due(), Some(more + BREATH));
        assert_eq!(settling.take(now + QUIET * 2), Some(true));
    }
}
