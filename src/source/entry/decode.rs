//! The weak decoder: what a field's type is to Consul, and how lists, maps and objects are taken (semantics 1).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::cx::{Cx, Step};
use super::parts::Known;
use super::tree::{Key, Map, Node, Value, number};
use crate::model::entry::Opaque;

/// A type that fields of entries have: how it is taken from a tree and how Consul prints it.
pub(super) trait Field: Sized + Default {
    /// Takes the value; what cannot be taken is recorded and leaves the default. Never called with null.
    fn decode(node: &Node, cx: &mut Cx) -> Self;
    /// As Consul's JSON has it.
    fn print(&self) -> Json;
    /// Whether it is left out where empty values are.
    fn is_empty(&self) -> bool;
}

/// Takes a value; null is as absent.
pub(super) fn take<T: Field>(node: &Node, cx: &mut Cx) -> T {
    if node.value == Value::Null { T::default() } else { T::decode(node, cx) }
}

impl<T: Field> Field for Option<T> {
    fn decode(node: &Node, cx: &mut Cx) -> Self {
        Some(T::decode(node.unwrapped(), cx))
    }

    fn print(&self) -> Json {
        self.as_ref().map_or(Json::Null, Field::print)
    }

    fn is_empty(&self) -> bool {
        self.is_none()
    }
}

impl<T: Field> Field for Box<T> {
    fn decode(node: &Node, cx: &mut Cx) -> Self {
        Self::new(T::decode(node, cx))
    }

    fn print(&self) -> Json {
        T::print(self)
    }

    fn is_empty(&self) -> bool {
        T::is_empty(self)
    }
}

impl<T: Field + Send + Sync + 'static> Field for Arc<T> {
    fn decode(node: &Node, cx: &mut Cx) -> Self {
        let known = if let Value::Known(known) = &node.value { known.get() } else { None };
        let part = known.unwrap_or_else(|| Self::new(T::decode(node, cx)));
        cx.parts.push((node.span.clone(), Known::new(&part)));
        part
    }

    fn print(&self) -> Json {
        T::print(self)
    }

    fn is_empty(&self) -> bool {
        T::is_empty(self)
    }
}

impl<T: Field> Field for Vec<T> {
    fn decode(node: &Node, cx: &mut Cx) -> Self {
        match &node.value {
            Value::List(items) => {
                cx.expect_parts(items.len());
                items.iter().enumerate().map(|(i, item)| cx.at(Step::Index(i), |cx| take(item, cx))).collect()
            }
            Value::Map(members) if members.is_empty() => Self::new(),
            _ => vec![cx.at(Step::Index(0), |cx| take(node, cx))],
        }
    }

    fn print(&self) -> Json {
        if self.is_empty() { Json::Null } else { Json::Array(self.iter().map(Field::print).collect()) }
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

/// The members of a map; a list of maps is merged, the later member wins.
fn members(node: &Node, cx: &mut Cx, mut each: impl FnMut(&Key, &Node, &mut Cx)) {
    fn walk(outer: &Node, cx: &mut Cx, each: &mut dyn FnMut(&Key, &Node, &mut Cx)) {
        let node = outer.unwrapped();
        match &node.value {
            Value::Map(map) => map.iter().for_each(|(k, v)| cx.at(Step::Key(k.text.clone()), |cx| each(k, v, cx))),
            Value::List(items) => {
                for (i, item) in items.iter().enumerate() {
                    cx.at(Step::Index(i), |cx| walk(item, cx, each));
                }
            }
            Value::Null if outer.value == Value::Null => {}
            Value::Null => cx.null_in_list(node),
            _ => cx.wrong(node, "an object"),
        }
    }
    walk(node, cx, &mut each);
}

impl<T: Field> Field for BTreeMap<String, T> {
    fn decode(node: &Node, cx: &mut Cx) -> Self {
        let mut out = Self::new();
        members(node, cx, |key, value, cx| drop(out.insert(key.text.clone(), take(value, cx))));
        out
    }

    fn print(&self) -> Json {
        Json::Object(self.iter().map(|(k, v)| (k.clone(), v.print())).collect())
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

impl Field for Opaque {
    fn decode(node: &Node, cx: &mut Cx) -> Self {
        let mut out = BTreeMap::new();
        members(node, cx, |key, value, cx| {
            refuse_null_in_lists(value, cx);
            let mut json = unlisted(value.to_json());
            if cx.twice {
                json = unlisted(as_sent(json));
            }
            out.insert(key.text.clone(), sorted(json));
        });
        out.into_iter().collect()
    }

    fn print(&self) -> Json {
        Json::Object(self.clone())
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

/// A list of one stands for its element, and so do the lists of one in the maps of that element.
fn unlisted(value: Json) -> Json {
    match value {
        Json::Array(mut items) if items.len() == 1 => unlisted_members(items.remove(0)),
        other => other,
    }
}

fn unlisted_members(value: Json) -> Json {
    let single = |value: Json| match value {
        Json::Array(mut items) if items.len() == 1 => items.remove(0),
        other => other,
    };
    match value {
        Json::Object(map) => Json::Object(map.into_iter().map(|(k, v)| (k, unlisted_members(single(v)))).collect()),
        Json::Array(items) => Json::Array(items.into_iter().map(unlisted_members).collect()),
        other => other,
    }
}

/// Numbers as the command sends them and the server reads them: as floats.
fn as_sent(value: Json) -> Json {
    match value {
        Json::Number(n) => number(n.as_f64().unwrap_or(0.0)),
        Json::Object(map) => Json::Object(map.into_iter().map(|(k, v)| (k, as_sent(v))).collect()),
        Json::Array(items) => Json::Array(items.into_iter().map(as_sent).collect()),
        other => other,
    }
}

/// Null inside a list of an opaque map ends the process of a Consul server (semantics 1).
fn refuse_null_in_lists(node: &Node, cx: &mut Cx) {
    match &node.value {
        Value::List(items) => {
            for item in items {
                if item.value == Value::Null {
                    cx.null_in_list(item);
                }
                refuse_null_in_lists(item, cx);
            }
        }
        Value::Map(map) => map.iter().for_each(|(_, v)| refuse_null_in_lists(v, cx)),
        Value::Known(_) => cx.wrong(node, "read again"),
        _ => {}
    }
}

fn sorted(value: Json) -> Json {
    match value {
        Json::Object(map) => {
            let ordered: BTreeMap<String, Json> = map.into_iter().map(|(k, v)| (k, sorted(v))).collect();
            Json::Object(ordered.into_iter().collect())
        }
        Json::Array(items) => Json::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

/// The map that a struct is decoded from; anything else is recorded.
pub(super) fn object<'a>(node: &'a Node, cx: &mut Cx) -> Option<&'a Map> {
    let node = node.unwrapped();
    match &node.value {
        Value::Map(map) => Some(map),
        Value::Null => {
            cx.null_in_list(node);
            None
        }
        _ => {
            let wanted = if node.go_type() == "slice" { "one object" } else { "an object" };
            cx.wrong(node, wanted);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::source::entry::from_json;

    /// What is stored for a field of service-defaults, or the code of the first error.
    fn stored(field: &str, value: serde_json::Value) -> Result<serde_json::Value, &'static str> {
        let mut entry = json!({"Kind": "service-defaults", "Name": "web"});
        entry[field] = value;
        from_json(&entry).map(|d| d.stored()[field].clone()).map_err(|problems| problems[0].code)
    }

    #[test]
    fn values_are_taken_as_weakly_as_consul_takes_them() {
        for (field, given, wanted) in [
            ("MaxInboundConnections", json!("0x10"), json!(16)),
            ("MaxInboundConnections", json!("017"), json!(15)),
            ("MaxInboundConnections", json!("1_000"), json!(1000)),
            ("MaxInboundConnections", json!(1.9), json!(1)),
            ("MaxInboundConnections", json!(true), json!(1)),
            ("MaxInboundConnections", json!([7]), json!(7)),
            ("MaxInboundConnections", json!(1e300), json!(i64::MIN)),
            ("MaxInboundConnections", json!(""), json!(null)),
            ("ExternalSNI", json!(1.5), json!("1.5")),
            ("ExternalSNI", json!(true), json!("1")),
            ("ExternalSNI", json!(["x"]), json!("x")),
            ("Meta", json!([{"a": 1}, {"a": "2", "b": null}]), json!({"a": "2", "b": ""})),
            ("Meta", json!([]), json!(null)),
            ("MeshGateway", json!([{"MODE": "local"}]), json!({"Mode": "local"})),
            ("Expose", json!({"Paths": {"Path": "/a"}}), json!({"Paths": [{"Path": "/a"}]})),
            ("Expose", json!({"Paths": {}}), json!({})),
            ("TransparentProxy", json!({"DialedDirectly": "t"}), json!({"DialedDirectly": true})),
        ] {
            assert_eq!(stored(field, given.clone()), Ok(wanted), "{field}: {given}");
        }
    }

    #[test]
    fn what_cannot_be_taken_is_refused() {
        for (field, given, code) in [
            ("MaxInboundConnections", json!(" 5"), "GW0103"),
            ("MaxInboundConnections", json!([1, 2]), "GW0103"),
            ("MaxInboundConnections", json!({}), "GW0103"),
            ("MaxInboundConnections", json!([null]), "GW0107"),
            ("ExternalSNI", json!({}), "GW0103"),
            ("ExternalSNI", json!([]), "GW0103"),
            ("ExternalSNI", json!([["x"]]), "GW0103"),
            ("MeshGateway", json!("local"), "GW0103"),
            ("MeshGateway", json!([{}, {}]), "GW0103"),
            ("Meta", json!("x"), "GW0103"),
            ("TransparentProxy", json!({"DialedDirectly": "yes"}), "GW0103"),
            ("Bogus", json!(null), "GW0102"),
            ("Namespace", json!("default"), "GW0106"),
            ("RateLimits", json!({}), "GW0106"),
        ] {
            assert_eq!(stored(field, given.clone()), Err(code), "{field}: {given}");
        }
    }

    #[test]
    fn opaque_maps_lose_lists_of_one_as_in_consul() {
        let config = |given: serde_json::Value| {
            let entry = json!({"Kind": "proxy-defaults", "Config": given});
            from_json(&entry).map(|d| d.stored()["Config"].clone()).map_err(|problems| problems[0].code)
        };
        for (given, wanted) in [
            (json!({"a": [1]}), json!({"a": 1})),
            (json!({"a": [[1]]}), json!({"a": [1]})),
            (json!({"a": {"b": [1]}}), json!({"a": {"b": [1]}})),
            (json!({"a": [{"b": [{"c": 1}]}]}), json!({"a": {"b": {"c": 1}}})),
            (json!({"a": [1, [2]]}), json!({"a": [1, [2]]})),
            (json!({"a": 9007199254740993_i64}), json!({"a": 9007199254740992_i64})),
        ] {
            assert_eq!(config(given.clone()), Ok(wanted), "{given}");
        }
        for given in [json!({"a": [1, null]}), json!({"a": [null]}), json!({"a": {"b": [[null]]}})] {
            assert_eq!(config(given.clone()), Err("GW0107"), "{given}");
        }
    }

    #[test]
    fn of_two_spellings_the_one_in_lower_case_counts() {
        let with = |a: &str, b: &str| {
            let entry = json!({"Kind": "service-defaults", "Name": "web", a: "a", b: "b"});
            from_json(&entry).map(|d| d.stored()["ExternalSNI"].clone()).map_err(|problems| problems[0].code)
        };
        assert_eq!(with("externalsni", "external_sni"), Ok(json!("a")));
        assert_eq!(with("ExternalSNI", "external_sni"), Err("GW0102"));
        assert_eq!(with("ExternalSNI", "externalsni"), Err("GW0102"));
    }
}
