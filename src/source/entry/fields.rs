//! Field tables: one declaration a struct drives decoding, printing and the words of errors.
//!
//! A line `path_exact: "PathExact" ~ "path_exact"` names the Rust field (a path, where the model nests deeper than
//! Consul), Consul's name, and its other spelling where Consul knows one (semantics 1). What follows: `; keep` prints the
//! field when it is empty too, `as Type` takes and prints it through another type; `hcl "path_exact"` is a spelling that only
//! Consul's command takes, and its servers do not.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::codes;
use super::cx::{Cx, Step};
use super::decode::{Field, object};
use super::tree::{Key, Map, Node, Value};
use crate::source::diagnostic::Diagnostic;

/// A field as Consul spells it.
pub(super) struct Name {
    pub(super) name: &'static str,
    /// The spelling with underscores, if Consul takes it.
    pub(super) alias: Option<&'static str>,
    /// The same, if Consul's command takes it and its servers do not.
    pub(super) of_command: Option<&'static str>,
}

/// A struct of Consul's, by its field table.
pub(super) trait Schema: Default {
    /// Its fields in Consul's order.
    const FIELDS: &'static [Name];
    /// Takes the field of that index.
    fn set(&mut self, index: usize, node: &Node, cx: &mut Cx);
    /// Prints the fields that are not left out.
    fn print_into(&self, out: &mut serde_json::Map<String, Json>);
}

/// A struct's field table, as [`fields`] has it, where the struct is taken in a way of its own.
macro_rules! schema {
    ($type:ty { $($($field:ident).+: $name:literal $(~ $alias:literal)? $(hcl $hcl:literal)? $(; $keep:ident)? $(as $via:ty)?),* $(,)? }) => {
        impl $crate::source::entry::fields::Schema for $type {
            const FIELDS: &'static [$crate::source::entry::fields::Name] = &[
                $($crate::source::entry::fields::Name {
                    name: $name,
                    alias: $crate::source::entry::fields::schema!(@alias $($alias)?),
                    of_command: $crate::source::entry::fields::schema!(@alias $($hcl)?),
                },)*
            ];

            fn set(&mut self, index: usize, node: &$crate::source::entry::tree::Node, cx: &mut $crate::source::entry::cx::Cx) {
                let mut at = 0;
                $(
                    if index == at {
                        self.$($field).+ = $crate::source::entry::fields::schema!(@take node, cx $(, $via)?);
                        return;
                    }
                    at += 1;
                )*
                debug_assert!(index < at, "the index comes from FIELDS");
            }

            fn print_into(&self, out: &mut serde_json::Map<String, serde_json::Value>) {
                $($crate::source::entry::fields::schema!(@print out, $name, self.$($field).+ $(, $keep)? $(; $via)?);)*
            }
        }
    };
    (@alias) => { None };
    (@alias $alias:literal) => { Some($alias) };
    (@take $node:ident, $cx:ident) => { $crate::source::entry::decode::take($node, $cx) };
    (@take $node:ident, $cx:ident, $via:ty) => { $crate::source::entry::decode::take::<$via>($node, $cx).into() };
    (@print $out:ident, $name:literal, $value:expr) => {
        $crate::source::entry::fields::print_field($out, $name, &$value, false)
    };
    (@print $out:ident, $name:literal, $value:expr, keep) => {
        $crate::source::entry::fields::print_field($out, $name, &$value, true)
    };
    (@print $out:ident, $name:literal, $value:expr; $via:ty) => {
        $crate::source::entry::fields::print_field($out, $name, &<$via>::from($value.clone()), false)
    };
    (@print $out:ident, $name:literal, $value:expr, keep; $via:ty) => {
        $crate::source::entry::fields::print_field($out, $name, &<$via>::from($value.clone()), true)
    };
}
pub(super) use schema;

macro_rules! fields {
    ($type:ty { $($table:tt)* }) => {
        $crate::source::entry::fields::schema!($type { $($table)* });

        impl $crate::source::entry::decode::Field for $type {
            fn decode(node: &$crate::source::entry::tree::Node, cx: &mut $crate::source::entry::cx::Cx) -> Self {
                $crate::source::entry::fields::decode_struct(node, cx)
            }

            fn print(&self) -> serde_json::Value {
                $crate::source::entry::fields::print_struct(self)
            }

            fn is_empty(&self) -> bool {
                false // Go's omitempty never leaves out a struct
            }
        }
    };
}
pub(super) use fields;

/// A struct and its field table at once, for what no model has: `name: String = "Name"`, then as in [`fields`].
macro_rules! shape {
    ($(#[$doc:meta])* $type:ident { $($field:ident: $of:ty = $name:literal $(~ $alias:literal)? $(hcl $hcl:literal)? $(; $keep:ident)?),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Default)]
        pub(super) struct $type {
            $(pub(super) $field: $of,)*
        }

        $crate::source::entry::fields::fields!($type { $($field: $name $(~ $alias)? $(hcl $hcl)? $(; $keep)?,)* });
    };
}
pub(super) use shape;

/// Prints a field, unless it is empty and need not be kept.
pub(super) fn print_field<T: Field>(out: &mut serde_json::Map<String, Json>, name: &str, value: &T, keep: bool) {
    if keep || !value.is_empty() {
        out.insert(name.to_owned(), value.print());
    }
}

/// A struct as Consul's JSON.
pub(super) fn print_struct<T: Schema>(value: &T) -> Json {
    let mut out = serde_json::Map::new();
    value.print_into(&mut out);
    Json::Object(out)
}

/// Takes a struct from a tree.
pub(super) fn decode_struct<T: Schema>(node: &Node, cx: &mut Cx) -> T {
    match object(node, cx) {
        Some(map) => decode_map(map, cx, &mut |_, _, _| false),
        None => T::default(),
    }
}

/// Takes a struct from the members of a map; `known` may take a key that is none of the struct's.
pub(super) fn decode_map<T: Schema>(map: &Map, cx: &mut Cx, known: &mut dyn FnMut(&Key, &Node, &mut Cx) -> bool) -> T {
    let mut out = T::default();
    let mut members = translated(T::FIELDS, map, cx.twice);
    for (index, field) in T::FIELDS.iter().enumerate() {
        let exact = members.iter().position(|(key, ..)| key == field.name);
        let found = exact.or_else(|| members.iter().position(|(key, ..)| is_lower(key, field.name)));
        if let Some(position) = found {
            let (_, _, node) = members.remove(position);
            cx.at(Step::Field(field.name), |cx| {
                if node.value != Value::Null {
                    out.set(index, node, cx);
                }
            });
        }
    }
    for (spelled, key, node) in members {
        if !known(key, node, cx) {
            unknown(T::FIELDS, &spelled, key, node, cx);
        }
    }
    out
}

/// Whether a key names a field of a struct, in any spelling.
pub(super) fn names<T: Schema>(key: &str) -> bool {
    T::FIELDS.iter().any(|f| is_lower(key, f.name) || f.alias.is_some_and(|alias| is_lower(key, alias)))
}

/// Whether a key is a word of ASCII in any case. Beyond ASCII there are letters whose small ones are within.
fn is_lower(key: &str, word: &str) -> bool {
    if key.is_ascii() { key.eq_ignore_ascii_case(word) } else { key.to_lowercase() == word.to_ascii_lowercase() }
}

/// The members with their other spellings replaced by the field's name in lower case, as Consul does it: that name counts
/// if it is there too, and the other spelling is then dropped.
fn translated<'a>(fields: &[Name], map: &'a Map, by_command: bool) -> Vec<(Cow<'a, str>, &'a Key, &'a Node)> {
    let mut out: Vec<(Cow<'a, str>, &Key, &Node)> = Vec::with_capacity(map.len());
    for (key, node) in map {
        let spelled = |f: &&Name| f.alias.or(f.of_command.filter(|_| by_command)).is_some_and(|alias| is_lower(&key.text, alias));
        let Some(field) = fields.iter().find(spelled) else {
            out.push((Cow::Borrowed(key.text.as_str()), key, node));
            continue;
        };
        let canonical = field.name.to_lowercase();
        let doubled = map.iter().any(|(k, _)| k.text == canonical) || out.iter().any(|(k, ..)| *k == canonical);
        if !doubled {
            out.push((Cow::Owned(canonical), key, node));
        }
    }
    out
}

/// Says that a key is none of the struct's, and which one may have been meant.
fn unknown(fields: &[Name], spelled: &str, key: &Key, node: &Node, cx: &mut Cx) {
    let lower = key.text.to_lowercase();
    let blank = matches!(&node.value, Value::Text(s) if s.is_empty()) || node.value == Value::Null;
    if cx.twice && blank && matches!(lower.as_str(), "namespace" | "partition") {
        return; // Consul's command knows these and does not send them when they are empty.
    }
    if cx.stored && says_nothing(&lower, &node.value) {
        return;
    }
    let place = cx.path();
    let within = if place.is_empty() { String::new() } else { format!(" in {place}") };
    let enterprise = lower.ends_with("namespace") || lower == "partition" || lower == "samenessgroup" || lower.contains("jwt");
    let code = if enterprise { codes::ENTERPRISE } else { codes::UNKNOWN_FIELD };
    let mut diagnostic = Diagnostic::error(code, format!("unknown field {:?}{within}", key.text));
    if fields.iter().any(|f| f.name.eq_ignore_ascii_case(spelled)) {
        diagnostic = diagnostic.help("the field is given twice in two spellings; keep one");
    } else if enterprise {
        diagnostic = diagnostic.help("this belongs to Consul Enterprise");
    } else if let Some(name) = nearest(&lower, fields.iter().map(|f| f.name)) {
        diagnostic = diagnostic.label(format!("did you mean {name:?}?"));
    }
    let diagnostic = cx.place(diagnostic, &key.span);
    let dot = if place.is_empty() { "" } else { "." };
    cx.refuse(diagnostic, || format!("{place}{dot}{}", key.text));
}

/// Whether a field that is not known is as good as absent: Consul prints some that are empty, and names of Enterprise that all have.
fn says_nothing(lower: &str, value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) | Value::Int(0) => true,
        Value::Float(number) => *number == 0.0,
        Value::Text(text) => text.is_empty() || matches!(lower, "namespace" | "partition") && text == "default",
        Value::List(items) => items.is_empty(),
        Value::Map(members) => members.is_empty(),
        Value::Bool(true) | Value::Int(_) | Value::Known(_) => false,
    }
}

/// The name that was probably meant.
pub fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    scored(word, names).filter(|(_, score)| *score >= 0.8).max_by(|a, b| a.1.total_cmp(&b.1)).map(|(n, _)| n)
}

/// The names that are somewhat like it, three at most, the most alike first. What begins alike is alike.
pub fn near<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let begin = |name: &str| name.chars().zip(word.chars()).take(4).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
    let scored = scored(word, names).map(|(name, score)| (name, score + 0.1 * begin(name) as f64));
    let mut near: Vec<_> = scored.filter(|(_, score)| *score >= 0.7).collect();
    near.sort_by(|a, b| b.1.total_cmp(&a.1));
    near.into_iter().take(3).map(|(name, _)| name).collect()
}

fn scored<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> impl Iterator<Item = (&'a str, f64)> {
    let plain = |s: &str| s.replace(['_', '-'], "").to_lowercase();
    let word = plain(word);
    names.map(move |name| (name, strsim::jaro_winkler(&word, &plain(name))))
}

/// A block with only a `Mode`, which the model keeps as that word.
#[derive(Clone, Default)]
pub(super) struct Mode {
    mode: String,
}

impl From<String> for Mode {
    fn from(mode: String) -> Self {
        Self { mode }
    }
}

impl From<Mode> for String {
    fn from(m: Mode) -> Self {
        m.mode
    }
}

fields!(Mode { mode: "Mode" });
