//! The time of day: when requests began, and as access records write it (RFC 3339); of most of those the second is that of the one before, whose
//! text is still there.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

/// After so long the clock may have been set.
const SECOND: Duration = Duration::from_secs(1);

/// The time of day of moments, of which one a second is asked for.
#[derive(Debug, Default)]
pub(super) struct Wall(Cell<Option<(Instant, SystemTime)>>);

impl Wall {
    /// The time of day at a moment of late.
    pub(super) fn at(&self, moment: Instant) -> SystemTime {
        let known = self.0.get().filter(|(asked, _)| moment.saturating_duration_since(*asked) < SECOND);
        let (asked, wall) = known.unwrap_or_else(|| (Instant::now(), SystemTime::now()));
        self.0.set(Some((asked, wall)));
        wall + moment.saturating_duration_since(asked) - asked.saturating_duration_since(moment)
    }
}

/// The second that was written last.
#[derive(Debug, Default)]
pub struct Clock {
    second: u64,
    /// Up to its fraction: `2026-11-29T14:19:01`.
    text: String,
}

impl Clock {
    /// `2026-11-29T14:19:01.25Z`, at the end of `out`.
    pub(super) fn write(&mut self, time: SystemTime, out: &mut Vec<u8>) {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        if since.as_secs() != self.second || self.text.is_empty() {
            let whole = text(UNIX_EPOCH + Duration::from_secs(since.as_secs()));
            self.second = since.as_secs();
            self.text = whole.trim_end_matches('Z').to_owned();
        }
        out.extend_from_slice(self.text.as_bytes());
        fraction(since.subsec_nanos(), out);
        out.push(b'Z');
    }
}

/// The same of a moment that stands alone.
pub(super) fn text(time: SystemTime) -> String {
    OffsetDateTime::from(time).format(&Rfc3339).unwrap_or_default()
}

/// As many digits as it takes.
fn fraction(nanoseconds: u32, out: &mut Vec<u8>) {
    if nanoseconds == 0 {
        return;
    }
    let (mut rest, mut digits) = (nanoseconds, *b".000000000");
    for digit in digits[1..].iter_mut().rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
    }
    let last = digits.iter().rposition(|digit| *digit != b'0').unwrap_or_default();
    out.extend_from_slice(&digits[..=last]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_of_a_moment_is_that_of_the_clock_whatever_was_asked_before() {
        let wall = Wall::default();
        let (moment, now) = (Instant::now(), SystemTime::now());
        for milliseconds in [0, 3, 999, 1000, 2500, 2499, 10] {
            let after = Duration::from_millis(milliseconds);
            let told = wall.at(moment + after);
            let off = told.duration_since(now + after).unwrap_or_else(|early| early.duration());
            assert!(off < SECOND / 2, "{milliseconds}: {off:?}");
        }
    }

    #[test]
    fn a_time_is_written_as_the_library_writes_it_whatever_was_written_before() {
        let mut clock = Clock::default();
        for nanoseconds in [0, 1, 10, 120, 999_999_999, 100_000_000, 25_000_000, 7_000] {
            for seconds in [0, 1, 1_700_000_000, 1_700_000_001, 1_700_000_000, 4_102_444_800] {
                let time = UNIX_EPOCH + Duration::new(seconds, nanoseconds);
                let mut out = Vec::new();
                clock.write(time, &mut out);
                assert_eq!(String::from_utf8(out).unwrap(), text(time), "{seconds} {nanoseconds}");
            }
        }
    }
}
