//! The tree that HCL, JSON and TOML are read into: values with their places, keys in written order.

use std::ops::Range;

use super::parts::Known;

/// Bytes of the text a value was read from; `0..0` when it came without a text.
pub(in crate::source) type Span = Range<usize>;

/// How deep values may be nested in any of the three syntaxes.
pub(super) const MAX_DEPTH: usize = 128;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::source) struct Node {
    pub(in crate::source) value: Value,
    pub(in crate::source) span: Span,
}

/// What Go's readers would hold: JSON has only `Float` numbers, an HCL object is a list of maps unless it stands in a list.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::source) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Map),
    /// What stood in the text before, already decoded.
    Known(Known),
}

/// Members in written order; a key stands once.
pub(in crate::source) type Map = Vec<(Key, Node)>;

/// A key and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::source) struct Key {
    pub(in crate::source) text: String,
    pub(in crate::source) span: Span,
}

impl Node {
    pub(super) fn new(value: Value, span: Span) -> Self {
        Self { value, span }
    }

    /// The tree of a JSON value that has no text.
    pub(super) fn from_json(value: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        let value = match value {
            Json::Null => Value::Null,
            Json::Bool(b) => Value::Bool(*b),
            Json::Number(n) => Value::Float(n.as_f64().unwrap_or(0.0)),
            Json::String(s) => Value::Text(s.clone()),
            Json::Array(items) => Value::List(items.iter().map(Self::from_json).collect()),
            Json::Object(members) => {
                Value::Map(members.iter().map(|(k, v)| (Key { text: k.clone(), span: 0..0 }, Self::from_json(v))).collect())
            }
        };
        Self::new(value, 0..0)
    }

    /// The value as JSON; whole numbers print without a fraction, as in Go.
    pub(super) fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(b) => Json::Bool(*b),
            Value::Int(n) => Json::from(*n),
            Value::Float(f) => number(*f),
            Value::Text(s) => Json::String(s.clone()),
            Value::List(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Value::Map(members) => Json::Object(members.iter().map(|(k, v)| (k.text.clone(), v.to_json())).collect()),
            // Whoever asks for it has refused it before (`Cx::wrong`), and the entry is read again without.
            Value::Known(_) => Json::Null,
        }
    }

    /// Go's word for the type, as Consul's messages have it.
    pub(super) fn go_type(&self) -> &'static str {
        match self.value {
            Value::Null => "nil",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float64",
            Value::Text(_) => "string",
            Value::List(_) => "slice",
            Value::Map(_) | Value::Known(_) => "map",
        }
    }

    /// The element of a list of one, for targets that are no lists: Consul takes the one for the other.
    pub(super) fn unwrapped(&self) -> &Self {
        match &self.value {
            Value::List(items) if items.len() == 1 => &items[0],
            _ => self,
        }
    }

    /// The member of that key, in any case; underscores count for nothing.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        let plain = |s: &str| s.replace('_', "").to_lowercase();
        let wanted = plain(name);
        match &self.unwrapped().value {
            Value::Map(members) => members.iter().find(|(k, _)| plain(&k.text) == wanted).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The element of that index; a single value is a list of one.
    pub(super) fn element(&self, index: usize) -> Option<&Self> {
        match &self.value {
            Value::List(items) => items.get(index),
            _ => (index == 0).then_some(self),
        }
    }
}

/// A number as Go prints a float64: without a fraction where it has none.
pub(super) fn number(f: f64) -> serde_json::Value {
    if f.fract() == 0.0 && f.abs() < 1e18 {
        return serde_json::Value::from(f as i64);
    }
    serde_json::Value::from(f)
}
