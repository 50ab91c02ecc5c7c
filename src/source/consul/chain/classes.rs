//! How a Consul's own chain may differ from gw's by its version alone: what was measured of 1.8.7 beside 1.21.4.

use serde_json::{Map, Value};

use crate::source::consul::beside::{Differs, differences};

/// A difference that says nothing about where requests go, and why it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Names of nodes and targets without the partition.
    Partition,
    /// Fields that an older Consul does not print.
    NotPrinted,
    /// The mesh gateway mode of a target in the own datacenter, which is reached directly.
    OwnMeshGateway,
    /// The hash of overrides, where that mode is one of them.
    Hash,
    /// The namespace of a route's destination, filled in.
    Namespace,
    /// Weights of folded splits, which Consul rounds in random order.
    Rounding,
}

impl Class {
    /// Why it differs, in a sentence.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Partition => "this Consul has no partitions, and names nodes and targets without one",
            Self::NotPrinted => "this Consul does not print the field",
            Self::OwnMeshGateway => {
                "before 1.9 Consul prints the mode only of targets in another datacenter; in the own one nothing follows from it"
            }
            Self::Hash => "the hash of an override of that mode is another one for the same reason",
            Self::Namespace => "before 1.9 Consul fills in the default namespace of a route's destination",
            Self::Rounding => "Consul folds splitters in random order, and rounds to 0.01 after each",
        }
    }
}

/// A difference, and whether the version explains it.
#[derive(Clone, Debug, PartialEq)]
pub struct ChainDiffers {
    /// Where, what gw has, what Consul has.
    pub differs: Differs,
    /// Why it is none of routing; nothing: it is one.
    pub class: Option<Class>,
}

/// What differs between gw's chain and Consul's own, both in Consul's shape.
pub fn compare(own: &Value, consul: &Map<String, Value>) -> Vec<ChainDiffers> {
    // What depends on a cluster's history, not on entries.
    let history = ["AutoVirtualIPs", "ManualVirtualIPs"];
    let mut consul = consul.clone();
    history.iter().for_each(|field| drop(consul.remove(*field)));
    let has_partitions = consul.contains_key("Partition");
    let consul = Value::Object(consul);
    let own = if has_partitions { own.clone() } else { without_partitions(own) };
    let datacenter = own["Datacenter"].as_str().unwrap_or_default().to_owned();
    let mut out: Vec<ChainDiffers> = Vec::new();
    for differs in differences(&own, &consul) {
        if is_one_hash(&differs) {
            continue;
        }
        let class = if has_partitions { rounding(&differs) } else { older(&differs, &own, &datacenter).or_else(|| rounding(&differs)) };
        out.push(ChainDiffers { differs, class });
    }
    if !has_partitions {
        let differs = Differs { path: Vec::new(), one: "web.default.default.dc1".into(), other: "web.default.dc1".into() };
        out.push(ChainDiffers { differs, class: Some(Class::Partition) });
    }
    out
}

/// Of hashes counts only whether there is one: how it is made is no part of what is promised.
fn is_one_hash(differs: &Differs) -> bool {
    differs.path == ["CustomizationHash"] && differs.one.is_string() && differs.other.is_string()
}

fn older(differs: &Differs, own: &Value, datacenter: &str) -> Option<Class> {
    let path: Vec<&str> = differs.path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["Targets", target, "MeshGateway", ..] if differs.other.is_null() && own["Targets"][target]["Datacenter"] == datacenter => {
            Some(Class::OwnMeshGateway)
        }
        ["CustomizationHash"] => Some(Class::Hash),
        ["Default" | "ServiceMeta" | "EnvoyExtensions", ..]
        | [.., "Partition"]
        | ["Targets", _, "ConnectTimeout" | "TransparentProxy", ..]
        | ["Nodes", _, "Splits", _, "Definition", ..]
            if differs.other.is_null() =>
        {
            Some(Class::NotPrinted)
        }
        [.., "Destination", "Namespace"] if differs.one.is_null() && differs.other == "default" => Some(Class::Namespace),
        [.., "Destination"] if differs.one.is_null() && differs.other == serde_json::json!({"Namespace": "default"}) => {
            Some(Class::Namespace)
        }
        _ => None,
    }
}

/// Two weights that rounding may have put apart.
fn rounding(differs: &Differs) -> Option<Class> {
    const APART: f64 = 0.0201;
    let is_weight = matches!(differs.path.as_slice(), [.., splits, _, weight] if splits == "Splits" && weight == "Weight");
    let weight = |value: &Value| if value.is_null() { Some(0.0) } else { value.as_f64() };
    let near = (weight(&differs.one)? - weight(&differs.other)?).abs() < APART;
    (is_weight && near).then_some(Class::Rounding)
}

/// The same chain as a Consul without partitions names it: `web.default.default.dc1` is `web.default.dc1`.
fn without_partitions(value: &Value) -> Value {
    const BOTH: &str = ".default.default";
    let shorter = |text: &str| match text.find(BOTH) {
        Some(at) if matches!(text.as_bytes().get(at + BOTH.len()), None | Some(b'.')) => text.replacen(BOTH, ".default", 1),
        _ => text.to_owned(),
    };
    match value {
        Value::String(text) => shorter(text).into(),
        Value::Array(items) => items.iter().map(without_partitions).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (shorter(key), without_partitions(value))).collect(),
        other => other.clone(),
    }
}
