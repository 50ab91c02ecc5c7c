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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A chain as gw prints it.
    fn own() -> Value {
        let (web, api) = ("web.default.default.dc1", "api.default.default.dc1");
        json!({
            "ServiceName": "web", "Namespace": "default", "Partition": "default", "Datacenter": "dc1", "CustomizationHash": "aaaa",
            "Protocol": "http", "ServiceMeta": {"owner": "us"}, "StartNode": "router:web.default.default",
            "Nodes": {
                "router:web.default.default": {"Type": "router", "Routes": [
                    {"Definition": {"Destination": {"Service": "api"}}, "NextNode": "splitter:api.default.default"},
                    {"Definition": {"Match": {"HTTP": {"PathPrefix": "/"}}}, "NextNode": format!("resolver:{web}")},
                ]},
                "splitter:api.default.default": {"Type": "splitter", "Splits": [
                    {"Definition": {"Weight": 33.33}, "Weight": 33.33, "NextNode": format!("resolver:{web}")},
                    {"Definition": {"Weight": 66.67}, "Weight": 66.67, "NextNode": format!("resolver:{api}")},
                ]},
                format!("resolver:{web}"): {"Type": "resolver", "Resolver": {"ConnectTimeout": "5s", "Target": web}},
                format!("resolver:{api}"): {"Type": "resolver", "Resolver": {"ConnectTimeout": "5s", "Target": api}},
            },
            "Targets": {
                web: {"ID": web, "Service": "web", "Partition": "default", "Datacenter": "dc1", "MeshGateway": {"Mode": "local"},
                    "ConnectTimeout": "5s"},
                api: {"ID": api, "Service": "api", "Partition": "default", "Datacenter": "dc1", "MeshGateway": {}, "ConnectTimeout": "5s"},
            },
        })
    }

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    /// The same as Consul 1.8 prints it.
    fn of_an_older_consul() -> Value {
        let mut chain = without_partitions(&own());
        for field in ["Partition", "ServiceMeta"] {
            chain.as_object_mut().unwrap().remove(field);
        }
        for target in chain["Targets"].as_object_mut().unwrap().values_mut() {
            let target = target.as_object_mut().unwrap();
            ["Partition", "ConnectTimeout"].iter().for_each(|field| drop(target.remove(*field)));
            target.insert("MeshGateway".into(), json!({}));
        }
        for split in chain["Nodes"]["splitter:api.default"]["Splits"].as_array_mut().unwrap() {
            split.as_object_mut().unwrap().remove("Definition");
        }
        let routes = &mut chain["Nodes"]["router:web.default"]["Routes"];
        routes[0]["Definition"]["Destination"]["Namespace"] = json!("default");
        routes[1]["Definition"]["Destination"] = json!({"Namespace": "default"});
        chain
    }

    /// What is left of a comparison: the place, and the class.
    fn compared(consul: Value) -> Vec<(String, Option<Class>)> {
        compare(&own(), &object(consul)).into_iter().map(|found| (found.differs.place(), found.class)).collect()
    }

    #[test]
    fn a_newer_consul_that_has_the_same_has_no_difference_but_of_its_history_and_the_text_of_a_hash() {
        let mut consul = own();
        consul["AutoVirtualIPs"] = json!(["240.0.0.1"]);
        consul["ManualVirtualIPs"] = json!(["10.0.0.1"]);
        consul["CustomizationHash"] = json!("bbbb");
        assert_eq!(compared(consul.clone()), []);
        // That there is a hash at all is a difference.
        consul.as_object_mut().unwrap().remove("CustomizationHash");
        assert_eq!(compared(consul), [("CustomizationHash".to_owned(), None)]);
    }

    #[test]
    fn of_a_newer_consul_only_rounding_is_explained() {
        let mut consul = own();
        let splits = &mut consul["Nodes"]["splitter:api.default.default"]["Splits"];
        splits[0]["Weight"] = json!(33.35);
        splits[1]["Weight"] = json!(66.64);
        consul["Targets"]["web.default.default.dc1"]["MeshGateway"] = json!({});
        let place = |n: usize| format!("Nodes[splitter:api.default.default].Splits[{n}].Weight");
        let mode = "Targets[web.default.default.dc1].MeshGateway".to_owned();
        assert_eq!(compared(consul), [(place(0), Some(Class::Rounding)), (place(1), None), (mode, None)]);
    }

    #[test]
    fn what_an_older_consul_has_otherwise_is_explained_each_by_its_reason() {
        let found = compared(of_an_older_consul());
        assert!(found.iter().all(|(_, class)| class.is_some()), "{found:?}");
        let mut classes: Vec<Class> = found.into_iter().filter_map(|(_, class)| class).collect();
        classes.sort_unstable();
        classes.dedup();
        assert_eq!(classes, [Class::Partition, Class::NotPrinted, Class::OwnMeshGateway, Class::Namespace]);
        let mut hashed = of_an_older_consul();
        hashed.as_object_mut().unwrap().remove("CustomizationHash");
        assert!(compared(hashed).contains(&("CustomizationHash".to_owned(), Some(Class::Hash))));
    }

    #[test]
    fn what_an_older_consul_does_with_requests_otherwise_is_explained_by_nothing() {
        type Change = fn(&mut Value);
        let cases: [(&str, Change); 6] = [
            ("another protocol", |c| c["Protocol"] = json!("tcp")),
            ("another target", |c| c["Nodes"]["resolver:web.default.dc1"]["Resolver"]["Target"] = json!("api.default.dc1")),
            ("a timeout that it prints", |c| c["Nodes"]["resolver:web.default.dc1"]["Resolver"]["ConnectTimeout"] = json!("7s")),
            ("a namespace that is not the default", |c| {
                c["Nodes"]["router:web.default"]["Routes"][0]["Definition"]["Destination"]["Namespace"] = json!("other");
            }),
            ("a mode that it prints", |c| c["Targets"]["web.default.dc1"]["MeshGateway"] = json!({"Mode": "remote"})),
            ("a field that it prints otherwise", |c| c["Targets"]["api.default.dc1"]["ConnectTimeout"] = json!("1s")),
        ];
        for (name, change) in cases {
            let mut consul = of_an_older_consul();
            change(&mut consul);
            assert_eq!(compared(consul).iter().filter(|(_, class)| class.is_none()).count(), 1, "{name}");
        }
    }

    #[test]
    fn the_mode_of_a_target_elsewhere_is_a_difference_for_an_older_consul_too() {
        let (mut own, mut consul) = (own(), of_an_older_consul());
        own["Datacenter"] = json!("dc2");
        consul["Datacenter"] = json!("dc2");
        let found = compare(&own, &object(consul));
        let unexplained: Vec<String> = found.iter().filter(|f| f.class.is_none()).map(|f| f.differs.place()).collect();
        assert_eq!(unexplained, ["Targets[web.default.dc1].MeshGateway"]);
    }

    #[test]
    fn names_lose_their_partition_only_where_a_part_of_a_name_ends() {
        let named = |text: &str| without_partitions(&json!({ text: [text] }));
        let both = |text: &str| json!({ text: [text] });
        assert_eq!(named("web.default.default.dc1"), both("web.default.dc1"));
        assert_eq!(named("splitter:api.default.default"), both("splitter:api.default"));
        assert_eq!(named("v1.web.default.default.dc1"), both("v1.web.default.dc1"));
        assert_eq!(named("web.default.defaults.dc1"), both("web.default.defaults.dc1"));
        assert_eq!(named("web.default.dc1"), both("web.default.dc1"));
    }
}
