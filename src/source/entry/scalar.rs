//! How texts, numbers, booleans and durations are taken: weakly, as Consul's servers do (semantics 1).

use serde_json::Value as Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::codes;
use super::cx::Cx;
use super::decode::Field;
use super::tree::{Node, Value, number};
use crate::model::duration::GoDuration;
use crate::model::level::Level;
use crate::source::diagnostic::Diagnostic;

/// Go prints a float64 for text without exponent.
fn float_text(f: f64) -> String {
    format!("{f}")
}

impl Field for String {
    fn decode(node: &Node, cx: &mut Cx) -> Self {
        match &node.unwrapped().value {
            Value::Text(s) => s.clone(),
            Value::Bool(b) => (if *b { "1" } else { "0" }).to_owned(),
            Value::Int(n) => n.to_string(),
            Value::Float(f) => float_text(*f),
            Value::Null => {
                cx.null_in_list(node);
                Self::new()
            }
            Value::List(_) | Value::Map(_) | Value::Known(_) => {
                cx.wrong(node, "a string");
                Self::new()
            }
        }
    }

    fn print(&self) -> Json {
        Json::String(self.clone())
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

impl Field for bool {
    fn decode(node: &Node, cx: &mut Cx) -> Self {
        match &node.unwrapped().value {
            Value::Bool(b) => *b,
            Value::Int(n) => *n != 0,
            Value::Float(f) => *f != 0.0,
            Value::Null => {
                cx.null_in_list(node);
                false
            }
            Value::Text(s) => match s.as_str() {
                "1" | "t" | "T" | "TRUE" | "true" | "True" => true,
                "" | "0" | "f" | "F" | "FALSE" | "false" | "False" => false,
                _ => {
                    cx.wrong(node, "true or false");
                    false
                }
            },
            Value::List(_) | Value::Map(_) | Value::Known(_) => {
                cx.wrong(node, "true or false");
                false
            }
        }
    }

    fn print(&self) -> Json {
        Json::Bool(*self)
    }

    fn is_empty(&self) -> bool {
        !*self
    }
}

/// Two to the power of 63: the first number that no signed integer of 64 bits has.
const TWO_63: f64 = (1u64 << 63) as f64;

/// Go's conversion of a float to an integer on amd64: cut towards zero, out of range is the smallest number.
pub(super) fn go_int(f: f64) -> i64 {
    if (-TWO_63..TWO_63).contains(&f) { f as i64 } else { i64::MIN }
}

/// The same for an unsigned integer of 64 bits; negative numbers wrap.
fn go_uint(f: f64) -> u64 {
    let upper_half = (TWO_63..2.0 * TWO_63).contains(&f);
    if upper_half { (go_int(f - TWO_63) as u64) ^ (1 << 63) } else { go_int(f) as u64 }
}

/// What Go's `strconv.ParseInt(text, 0, 64)` reads: a sign, a prefix of the base, underscores between digits.
pub(super) fn parse_int(text: &str) -> Option<i128> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = rest.to_ascii_lowercase();
    let (base, digits, prefixed) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..], true),
        [b'0', b'o', ..] => (8, &lower[2..], true),
        [b'0', b'b', ..] => (2, &lower[2..], true),
        [b'0', _, ..] => (8, &lower[1..], true),
        _ => (10, lower.as_str(), false),
    };
    // An underscore may follow the prefix or stand between two digits.
    let mut previous_digit = prefixed;
    for c in digits.chars() {
        if c == '_' && !previous_digit {
            return None;
        }
        previous_digit = c != '_';
    }
    if !previous_digit || digits.is_empty() {
        return None;
    }
    let plain: String = digits.chars().filter(|c| *c != '_').collect();
    if !plain.chars().all(|c| c.is_ascii_alphanumeric()) {
        return None;
    }
    let n = i128::from_str_radix(&plain, base).ok()?;
    Some(if negative { -n } else { n })
}

impl Field for i64 {
    fn decode(node: &Node, cx: &mut Cx) -> Self {
        match &node.unwrapped().value {
            // The command sends numbers as JSON, and the server reads those as floats.
            Value::Int(n) if cx.twice => go_int(*n as f64),
            Value::Int(n) => *n,
            Value::Float(f) => go_int(*f),
            Value::Bool(b) => Self::from(*b),
            Value::Null => {
                cx.null_in_list(node);
                0
            }
            Value::Text(s) if s.is_empty() => 0,
            Value::Text(s) => parse_int(s).and_then(|n| Self::try_from(n).ok()).unwrap_or_else(|| {
                cx.wrong(node, "a whole number");
                0
            }),
            Value::List(_) | Value::Map(_) | Value::Known(_) => {
                cx.wrong(node, "a whole number");
                0
            }
        }
    }

    fn print(&self) -> Json {
        Json::from(*self)
    }

    fn is_empty(&self) -> bool {
        *self == 0
    }
}

/// An unsigned number as Consul takes it: numbers wrap, texts must fit.
pub(super) fn unsigned(node: &Node, cx: &mut Cx, max: u64) -> u64 {
    match &node.unwrapped().value {
        Value::Int(n) => *n as u64,
        Value::Float(f) => go_uint(*f),
        Value::Bool(b) => u64::from(*b),
        Value::Null => {
            cx.null_in_list(node);
            0
        }
        Value::Text(s) if s.is_empty() => 0,
        Value::Text(s) => {
            let number = if s.starts_with(['+', '-']) { None } else { parse_int(s) };
            number.and_then(|n| u64::try_from(n).ok()).filter(|n| *n <= max).unwrap_or_else(|| {
                cx.wrong(node, "a whole number that is not negative");
                0
            })
        }
        Value::List(_) | Value::Map(_) | Value::Known(_) => {
            cx.wrong(node, "a whole number");
            0
        }
    }
}

impl Field for u32 {
    fn decode(node: &Node, cx: &mut Cx) -> Self {
        unsigned(node, cx, u64::from(Self::MAX)) as Self
    }

    fn print(&self) -> Json {
        Json::from(*self)
    }

    fn is_empty(&self) -> bool {
        *self == 0
    }
}

impl Field for u64 {
    fn decode(node: &Node, cx: &mut Cx) -> Self {
        unsigned(node, cx, Self::MAX)
    }

    fn print(&self) -> Json {
        Json::from(*self)
    }

    fn is_empty(&self) -> bool {
        *self == 0
    }
}

/// A float with underscores between digits, as Go's `strconv.ParseFloat` takes it.
fn parse_float(text: &str) -> Option<f32> {
    let bytes = text.as_bytes();
    let between = |i: usize| i > 0 && bytes[i - 1].is_ascii_digit() && bytes.get(i + 1).is_some_and(u8::is_ascii_digit);
    let strays = bytes.iter().enumerate().any(|(i, b)| *b == b'_' && !between(i));
    if strays { None } else { text.replace('_', "").parse().ok() }
}

impl Field for f32 {
    fn decode(node: &Node, cx: &mut Cx) -> Self {
        match &node.unwrapped().value {
            Value::Int(n) => *n as Self,
            Value::Float(f) => *f as Self,
            Value::Bool(b) => Self::from(u8::from(*b)),
            Value::Null => {
                cx.null_in_list(node);
                0.0
            }
            Value::Text(s) if s.is_empty() => 0.0,
            Value::Text(s) => parse_float(s).filter(|f| f.is_finite()).unwrap_or_else(|| {
                cx.wrong(node, "a number");
                0.0
            }),
            Value::List(_) | Value::Map(_) | Value::Known(_) => {
                cx.wrong(node, "a number");
                0.0
            }
        }
    }

    fn print(&self) -> Json {
        // The shortest decimal that is this number, as Go prints a float32.
        number(self.to_string().parse().unwrap_or(0.0))
    }

    fn is_empty(&self) -> bool {
        *self == 0.0
    }
}

/// The nanoseconds of a duration; a text needs a unit, a number is nanoseconds.
fn nanos(node: &Node, cx: &mut Cx) -> i64 {
    let node = node.unwrapped();
    let value = match &node.value {
        Value::Text(s) => {
            return GoDuration::parse(s).map(GoDuration::nanos).unwrap_or_else(|e| {
                let message = format!("{} is no duration: {e}", cx.here());
                let diagnostic =
                    Diagnostic::error(codes::DURATION, message).help("write a number and a unit, such as \"250ms\", \"15s\" or \"1h30m\"");
                let diagnostic = cx.place(diagnostic, &node.span);
                cx.found.push(diagnostic);
                0
            });
        }
        Value::List(_) | Value::Map(_) | Value::Known(_) => {
            cx.wrong(node, "a duration");
            return 0;
        }
        _ => i64::decode(node, cx),
    };
    if value != 0 && value.unsigned_abs() < 1_000_000 {
        let message = format!("{} is {value} nanoseconds: a number without a unit is nanoseconds", cx.here());
        cx.note(Level::Warning, codes::NANOSECONDS, &node.span, message, "write the unit, such as \"15s\"");
    }
    value
}

impl Field for GoDuration {
    fn decode(node: &Node, cx: &mut Cx) -> Self {
        Self::from_nanos(nanos(node, cx))
    }

    fn print(&self) -> Json {
        Json::String(self.to_string())
    }

    fn is_empty(&self) -> bool {
        self.is_zero()
    }
}

/// A duration that Consul prints as a number of nanoseconds.
#[derive(Clone, Copy, Default)]
pub(super) struct Nanos(i64);

impl From<i64> for Nanos {
    fn from(n: i64) -> Self {
        Self(n)
    }
}

impl From<GoDuration> for Nanos {
    fn from(d: GoDuration) -> Self {
        Self(d.nanos())
    }
}

impl From<Nanos> for GoDuration {
    fn from(n: Nanos) -> Self {
        Self::from_nanos(n.0)
    }
}

impl From<Nanos> for i64 {
    fn from(n: Nanos) -> Self {
        n.0
    }
}

impl Field for Nanos {
    fn decode(node: &Node, cx: &mut Cx) -> Self {
        Self(nanos(node, cx))
    }

    fn print(&self) -> Json {
        Json::from(self.0)
    }

    fn is_empty(&self) -> bool {
        self.0 == 0
    }
}

/// The same where absent and zero differ.
#[derive(Clone, Copy, Default)]
pub(super) struct OptionalNanos(Option<i64>);

impl From<Option<i64>> for OptionalNanos {
    fn from(n: Option<i64>) -> Self {
        Self(n)
    }
}

impl From<OptionalNanos> for Option<i64> {
    fn from(n: OptionalNanos) -> Self {
        n.0
    }
}

impl Field for OptionalNanos {
    fn decode(node: &Node, cx: &mut Cx) -> Self {
        Self(Some(nanos(node.unwrapped(), cx)))
    }

    fn print(&self) -> Json {
        self.0.map_or(Json::Null, Json::from)
    }

    fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

/// A point in time that is looked at and not kept: a text as in RFC 3339, or an object without members.
#[derive(Default)]
pub(super) struct Timestamp;

impl Field for Timestamp {
    fn decode(node: &Node, cx: &mut Cx) -> Self {
        let node = node.unwrapped();
        let taken = match &node.value {
            Value::Text(text) => OffsetDateTime::parse(text, &Rfc3339).is_ok(),
            Value::Map(members) => members.is_empty(),
            _ => false,
        };
        if !taken {
            cx.wrong(node, "a time, such as \"2026-01-31T12:00:00Z\"");
        }
        Self
    }

    fn print(&self) -> Json {
        Json::Null
    }

    fn is_empty(&self) -> bool {
        true
    }
}
