//! What a filter says of an instance, seen as the record `{Node, Service, Checks}` that Consul filters.

use std::collections::BTreeMap;

use super::{Expression, Match, Operator};
use crate::id::ServiceName;
use crate::model::pattern::Pattern;
use crate::model::service::{Address, Health, Instance};

/// The fields that a selector can name, and what kind of value each is. A map takes one more part, its key.
const FIELDS: &[(&[&str], Kind)] = &[
    (&["Node", "ID"], Kind::Text),
    (&["Node", "Node"], Kind::Text),
    (&["Node", "Address"], Kind::Text),
    (&["Node", "Datacenter"], Kind::Text),
    (&["Node", "Partition"], Kind::Text),
    (&["Node", "PeerName"], Kind::Text),
    (&["Node", "TaggedAddresses"], Kind::Map),
    (&["Node", "Meta"], Kind::Map),
    (&["Service", "Kind"], Kind::Text),
    (&["Service", "ID"], Kind::Text),
    (&["Service", "Service"], Kind::Text),
    (&["Service", "Tags"], Kind::List),
    (&["Service", "Address"], Kind::Text),
    (&["Service", "Meta"], Kind::Map),
    (&["Service", "Port"], Kind::Number),
    (&["Service", "SocketPath"], Kind::Text),
    (&["Service", "Weights", "Passing"], Kind::Number),
    (&["Service", "Weights", "Warning"], Kind::Number),
    (&["Service", "EnableTagOverride"], Kind::Truth),
    (&["Service", "Connect", "Native"], Kind::Truth),
    (&["Service", "PeerName"], Kind::Text),
    (&["Checks"], Kind::Records),
    (&["Checks", "Node"], Kind::Text),
    (&["Checks", "CheckID"], Kind::Text),
    (&["Checks", "Name"], Kind::Text),
    (&["Checks", "Status"], Kind::Text),
    (&["Checks", "Notes"], Kind::Text),
    (&["Checks", "Output"], Kind::Text),
    (&["Checks", "ServiceID"], Kind::Text),
    (&["Checks", "ServiceName"], Kind::Text),
    (&["Checks", "ServiceTags"], Kind::List),
    (&["Checks", "Type"], Kind::Text),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Truth,
    List,
    Map,
    Records,
}

/// A value of an instance.
enum Value {
    Text(String),
    Number(i64),
    Truth(bool),
    List(Vec<String>),
    /// Only the keys: operators on a map ask for no more.
    Map(Vec<String>),
    Records(usize),
    /// The key is not in the map.
    Absent,
}

/// What is wrong with an expression whatever the instance.
pub(super) fn check(expression: &Expression) -> Result<(), String> {
    match expression {
        Expression::Not(inner) => check(inner),
        Expression::And(left, right) | Expression::Or(left, right) => check(left).and_then(|()| check(right)),
        Expression::Match(m) => check_match(m),
    }
}

fn check_match(m: &Match) -> Result<(), String> {
    let printed = m.selector.join(".");
    let kind = kind_of(&m.selector).ok_or_else(|| format!("selector {printed} does not exist"))?;
    let fits = match m.operator {
        Operator::Equal | Operator::NotEqual => matches!(kind, Kind::Text | Kind::Number | Kind::Truth),
        Operator::In | Operator::NotIn => matches!(kind, Kind::Text | Kind::List | Kind::Map),
        Operator::Matches | Operator::NotMatches => kind == Kind::Text,
        Operator::IsEmpty | Operator::IsNotEmpty => matches!(kind, Kind::List | Kind::Map | Kind::Records),
    };
    if !fits {
        return Err(format!("{printed} does not have this operator"));
    }
    match kind {
        Kind::Number if number(&m.value).is_none() => Err(format!("{printed} is a number, {:?} is none", m.value)),
        Kind::Truth if truth(&m.value).is_none() => Err(format!("{printed} is true or false, {:?} is neither", m.value)),
        _ if matches!(m.operator, Operator::Matches | Operator::NotMatches) && regex(&m.value).is_none() => {
            Err(format!("{:?} is no regular expression", m.value))
        }
        _ => Ok(()),
    }
}

fn kind_of(selector: &[String]) -> Option<Kind> {
    let is = |fields: &[&str], selector: &[String]| fields.len() == selector.len() && fields.iter().zip(selector).all(|(f, s)| f == s);
    if let Some((_, kind)) = FIELDS.iter().find(|(fields, _)| is(fields, selector)) {
        return Some(*kind);
    }
    let (_, map) = selector.split_last()?;
    FIELDS.iter().find(|(fields, kind)| *kind == Kind::Map && is(fields, map)).map(|_| Kind::Text)
}

/// Whether the expression, which was checked, holds.
pub(super) fn holds(expression: &Expression, service: &ServiceName, instance: &Instance) -> bool {
    match expression {
        Expression::Not(inner) => !holds(inner, service, instance),
        Expression::And(left, right) => holds(left, service, instance) && holds(right, service, instance),
        Expression::Or(left, right) => holds(left, service, instance) || holds(right, service, instance),
        Expression::Match(m) => match_holds(m, value(&m.selector, service, instance)),
    }
}

fn match_holds(m: &Match, value: Value) -> bool {
    let positive = match (m.operator, value) {
        // A key that is not there equals nothing and is in nothing; every other question about it is answered yes.
        (operator, Value::Absent) => return !matches!(operator, Operator::Equal | Operator::In | Operator::IsNotEmpty),
        (Operator::Equal | Operator::NotEqual, Value::Text(text)) => text == m.value,
        (Operator::Equal | Operator::NotEqual, Value::Number(n)) => number(&m.value) == Some(n),
        (Operator::Equal | Operator::NotEqual, Value::Truth(b)) => truth(&m.value) == Some(b),
        (Operator::In | Operator::NotIn, Value::Text(text)) => text.contains(&m.value),
        (Operator::In | Operator::NotIn, Value::List(items) | Value::Map(items)) => items.contains(&m.value),
        (Operator::Matches | Operator::NotMatches, Value::Text(text)) => regex(&m.value).is_some_and(|r| r.is_match(text.as_bytes())),
        (Operator::IsEmpty | Operator::IsNotEmpty, Value::List(items) | Value::Map(items)) => items.is_empty(),
        (Operator::IsEmpty | Operator::IsNotEmpty, Value::Records(count)) => count == 0,
        // Checked before: no other pair comes here.
        _ => return false,
    };
    let negated = matches!(m.operator, Operator::NotEqual | Operator::NotIn | Operator::NotMatches | Operator::IsNotEmpty);
    positive != negated
}

fn value(selector: &[String], service: &ServiceName, instance: &Instance) -> Value {
    let parts: Vec<&str> = selector.iter().map(String::as_str).collect();
    let (host, port) = match &instance.address {
        Address::Socket(addr) => (addr.ip().to_string(), addr.port()),
        Address::Host(host, port) => (host.clone(), *port),
    };
    let text = |t: &str| Value::Text(t.to_owned());
    let keyed = |map: &BTreeMap<String, String>, key: &str| map.get(key).map_or(Value::Absent, |v| Value::Text(v.clone()));
    match parts.as_slice() {
        ["Node", "Node"] => text(&instance.node),
        ["Node" | "Service", "Address"] => Value::Text(host),
        ["Node", "Datacenter"] => text(&instance.datacenter),
        ["Node", "Partition"] => text("default"),
        ["Node", "Meta"] => Value::Map(instance.node_meta.keys().cloned().collect()),
        ["Node", "Meta", key] => keyed(&instance.node_meta, key),
        ["Service", "ID"] | ["Checks", "ServiceID"] => text(&instance.id),
        ["Service", "Service"] | ["Checks", "ServiceName"] => text(service.as_str()),
        ["Service", "Tags"] | ["Checks", "ServiceTags"] => Value::List(instance.tags.clone()),
        ["Service", "Meta"] => Value::Map(instance.meta.keys().cloned().collect()),
        ["Service", "Meta", key] => keyed(&instance.meta, key),
        ["Service", "Port"] => Value::Number(port.into()),
        ["Service", "Weights", passing] => {
            let in_use = (instance.health == Health::Warning) == (*passing == "Warning");
            Value::Number(if in_use { instance.weight.into() } else { 1 })
        }
        ["Service", "EnableTagOverride"] => Value::Truth(false),
        ["Service", "Connect", "Native"] => Value::Truth(false),
        ["Checks"] => Value::Records(1),
        ["Checks", "Node"] => text(&instance.node),
        ["Checks", "Status"] => text(instance.health.as_str()),
        [_, "TaggedAddresses"] => Value::Map(Vec::new()),
        [_, "TaggedAddresses", _] => Value::Absent,
        _ => text(""),
    }
}

/// As Go reads an int: with a sign, and a `0x`, `0o`, `0b` or `0` in front.
fn number(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (digits, radix) = [("0x", 16), ("0o", 8), ("0b", 2)]
        .iter()
        .find_map(|(prefix, radix)| lower.strip_prefix(prefix).map(|d| (d, *radix)))
        .unwrap_or(match lower.strip_prefix('0') {
            Some(octal) if !octal.is_empty() => (octal, 8),
            _ => (lower.as_str(), 10),
        });
    let value = if digits.starts_with(['+', '-']) { None } else { i64::from_str_radix(digits, radix).ok() }?;
    Some(if negative { -value } else { value })
}

/// As Go reads a bool.
fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn regex(text: &str) -> Option<Pattern> {
    Pattern::anywhere(text).ok()
}
