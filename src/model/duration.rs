//! Durations as Go writes and reads them: the form of every duration in Consul's entries.

use std::fmt;
use std::time::Duration;

/// A signed number of nanoseconds. Negative values exist in Consul's entries and mean "off" in some fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoDuration(i64);

/// Why a text is no duration, in Go's own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not a number with a unit at all, or out of the range of 64 bits.
    #[error("time: invalid duration {0:?}")]
    Invalid(String),
    /// A number that no unit follows.
    #[error("time: missing unit in duration {0:?}")]
    MissingUnit(String),
    /// A unit that is none of `ns us µs ms s m h`.
    #[error("time: unknown unit {unit:?} in duration {text:?}")]
    UnknownUnit {
        /// What stood where a unit belongs.
        unit: String,
        /// The whole text.
        text: String,
    },
}

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

impl GoDuration {
    /// No time at all; in entries mostly the same as not given.
    pub const ZERO: Self = Self(0);

    /// A number of nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// A number of whole seconds.
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds * 1_000_000_000)
    }

    /// The nanoseconds.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Whether it is zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// A positive duration as the standard library's; `None` for zero and below.
    pub fn positive(self) -> Option<Duration> {
        u64::try_from(self.0).ok().filter(|n| *n > 0).map(Duration::from_nanos)
    }

    /// Reads what Go's `time.ParseDuration` reads: `1h30m`, `.5s`, `-2ms`, `0`.
    pub fn parse(text: &str) -> Result<Self, DurationError> {
        let invalid = || DurationError::Invalid(text.to_owned());
        let (negative, mut rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if rest == "0" {
            return Ok(Self::ZERO);
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let (value, after) = Self::one(text, rest)?;
            total = total.checked_add(value).filter(|t| *t <= 1 << 63).ok_or_else(invalid)?;
            rest = after;
        }
        if negative {
            return Ok(Self((total as i64).wrapping_neg()));
        }
        i64::try_from(total).map(Self).map_err(|_| invalid())
    }

    /// One number with its unit, in nanoseconds, and what follows it.
    fn one<'a>(text: &str, rest: &'a str) -> Result<(u64, &'a str), DurationError> {
        let invalid = || DurationError::Invalid(text.to_owned());
        let digits = |s: &str| s.len() - s.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let whole_len = digits(rest);
        let whole = &rest[..whole_len];
        let mut after = &rest[whole_len..];
        let mut fraction = "";
        if let Some(tail) = after.strip_prefix('.') {
            let n = digits(tail);
            fraction = &tail[..n];
            after = &tail[n..];
        }
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let unit_len = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        if unit_len == 0 {
            return Err(DurationError::MissingUnit(text.to_owned()));
        }
        let (unit, next) = after.split_at(unit_len);
        let scale = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, n)| *n);
        let scale = scale.ok_or_else(|| DurationError::UnknownUnit { unit: unit.to_owned(), text: text.to_owned() })?;
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        let mut value = whole.checked_mul(scale).filter(|v| *v <= 1 << 63).ok_or_else(invalid)?;
        // Go cuts the fraction to what a 64-bit number holds, then multiplies as a float.
        let kept = &fraction[..fraction.len().min(18)];
        if !kept.is_empty() {
            let digits: u64 = kept.parse().map_err(|_| invalid())?;
            value += (digits as f64 * (scale as f64 / 10f64.powi(kept.len() as i32))) as u64;
        }
        Ok((value, next))
    }
}

/// As Go prints it: `1h0m0s`, `1.5s`, `10ms`, `0s`.
impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        match nanos {
            0 => f.write_str("0s"),
            n if n < 1_000 => write!(f, "{n}ns"),
            n if n < 1_000_000 => write!(f, "{}µs", decimal(n, 1_000)),
            n if n < 1_000_000_000 => write!(f, "{}ms", decimal(n, 1_000_000)),
            n => {
                let (minutes, rest) = (n / 60_000_000_000, n % 60_000_000_000);
                let (hours, minutes) = (minutes / 60, minutes % 60);
                if hours > 0 {
                    write!(f, "{hours}h")?;
                }
                if hours > 0 || minutes > 0 {
                    write!(f, "{minutes}m")?;
                }
                write!(f, "{}s", decimal(rest, 1_000_000_000))
            }
        }
    }
}

fn decimal(nanos: u64, unit: u64) -> String {
    let (whole, rest) = (nanos / unit, nanos % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    format!("{whole}.{rest:0width$}").trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations_are_read_and_printed_as_go_does() {
        for (text, printed) in [
            ("33s", "33s"),
            ("1h", "1h0m0s"),
            ("1.5h", "1h30m0s"),
            (".5s", "500ms"),
            ("+5s", "5s"),
            ("-1m", "-1m0s"),
            ("0", "0s"),
            ("1h1m1s1ms1us1ns", "1h1m1.001001001s"),
            ("1µs", "1µs"),
            ("1500ms", "1.5s"),
            ("2h45m", "2h45m0s"),
            ("1500us", "1.5ms"),
        ] {
            assert_eq!(GoDuration::parse(text).map(|d| d.to_string()), Ok(printed.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused_in_its_words() {
        for (text, words) in [
            ("", "time: invalid duration \"\""),
            ("15", "time: missing unit in duration \"15\""),
            ("1d", "time: unknown unit \"d\" in duration \"1d\""),
            ("5S", "time: unknown unit \"S\" in duration \"5S\""),
            (" 5s", "time: invalid duration \" 5s\""),
            ("1e3s", "time: unknown unit \"e\" in duration \"1e3s\""),
            (".s", "time: invalid duration \".s\""),
            ("9223372036854775808ns", "time: invalid duration \"9223372036854775808ns\""),
        ] {
            assert_eq!(GoDuration::parse(text).map_err(|e| e.to_string()), Err(words.to_owned()), "{text}");
        }
    }
}
