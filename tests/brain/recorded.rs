//! Requests that Consul with Envoy answered, decided by the brain alone: which instances they may reach, on which path, or why none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use gw::decide::compile::compile;
use gw::decide::facts::{Facts, RequestHead};
use gw::decide::{Snapshot, balance::Idle};
use gw::id::{Datacenter, ListenerName, ServiceName, TrustDomain};
use gw::model::gateway::{GatewayConfig, GatewayKind, Switches};
use gw::model::resources::Resources;
use gw::model::service::{Address, Health, Instance, Service};
use gw::source::entry;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;

use crate::{Fixed, boundaries, split_sides};

/// The groups of cases that are about routing; the others are about what the data path does with a plan.
const GROUPS: [&str; 11] = ["hosts", "path", "header", "query", "method", "rewrite", "resolver", "health", "split", "failover", "mix"];

/// The port that a placeholder such as `$P1` stands for.
fn port(alias: &str) -> u16 {
    18_000 + alias.trim_start_matches("$P").parse::<u16>().expect("a number")
}

/// Fills in ports and trust domain, in numbers too.
fn filled(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with("$P") && text.len() == 3 => port(text).into(),
        Value::String(text) => (1..=9)
            .fold(text.replace("$TD", TrustDomain::OF_FILES), |t, n| t.replace(&format!("$P{n}"), &port(&format!("$P{n}")).to_string()))
            .into(),
        Value::Array(items) => items.iter().map(filled).collect(),
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), filled(v))).collect(),
        other => other.clone(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn instance(recorded: &Value) -> Instance {
    let health = match recorded["health"].as_str() {
        Some("warning") => Health::Warning,
        Some("critical") => Health::Critical,
        _ => Health::Passing,
    };
    let weight = recorded["weights"][if health == Health::Warning { "Warning" } else { "Passing" }].as_u64().unwrap_or(1);
    let meta = recorded["meta"].as_object().into_iter().flatten().map(|(k, v)| (k.clone(), text(v)));
    let tags = recorded["tags"].as_array().into_iter().flatten().map(text);
    Instance {
        id: text(&recorded["id"]),
        address: Address::Socket(([127, 0, 0, 1], 9000).into()),
        meta: meta.collect(),
        tags: tags.collect(),
        health,
        weight: weight as u32,
        mesh: false,
        node: String::new(),
        node_meta: BTreeMap::new(),
        datacenter: "dc1".into(),
    }
}

fn resources(case: &Value) -> Resources {
    let entries = filled(&case["entries"]);
    let decoded = entries.as_array().into_iter().flatten().map(|e| entry::from_json(e).unwrap_or_else(|p| panic!("{e}: {p:?}")));
    let mut services: BTreeMap<String, Vec<Instance>> = BTreeMap::new();
    for recorded in case["instances"].as_array().into_iter().flatten() {
        services.entry(text(&recorded["service"])).or_default().push(instance(recorded));
    }
    let services = services.into_iter().map(|(name, instances)| Service { name: ServiceName::from(name), instances });
    let gateway = GatewayConfig {
        kind: GatewayKind::Ingress,
        name: "edge".into(),
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        addresses: BTreeMap::new(),
        switches: Switches::default(),
    };
    Resources {
        gateway,
        datacenter: Datacenter::from("dc1"),
        trust_domain: TrustDomain::new(TrustDomain::OF_FILES),
        entries: decoded.filter_map(|d| d.entry).collect(),
        services: services.map(|s| (s.name.key(), Arc::new(s))).collect(),
        rejected: Vec::new(),
    }
}

/// What the brain says: the instances that some roll reaches and the path they see, or the code.
#[derive(Debug, Default)]
struct Said {
    instances: BTreeSet<String>,
    paths: BTreeSet<String>,
    statuses: BTreeSet<u16>,
}

fn ask(snapshot: &Snapshot, listener: &ListenerName, request: &Value) -> Said {
    let method = Method::from_bytes(text(&request["method"]).as_bytes()).expect("a method");
    let mut headers = HeaderMap::new();
    for pair in request["headers"].as_array().into_iter().flatten() {
        let name = HeaderName::from_bytes(text(&pair[0]).as_bytes()).expect("a name");
        // Gone before routes look (wire 3).
        if name == "connection" {
            continue;
        }
        headers.append(name, HeaderValue::from_str(text(&pair[1]).trim()).expect("a value"));
    }
    if let Some(length) = request["body_len"].as_u64() {
        headers.insert("content-length", HeaderValue::from(length));
    }
    let scheme = headers.get("x-forwarded-proto").map_or("http", |v| v.to_str().expect("text")).to_owned();
    headers.entry("x-request-id").or_insert(HeaderValue::from_static("an-id"));
    let (target, authority) = (text(&request["path"]), text(&request["authority"]));
    let head = RequestHead { method: &method, authority: &authority, target: &target, scheme: &scheme, headers: &headers };
    let here = ([127, 0, 0, 1], 1).into();
    let facts = Facts { listener, client: here, local: here, sni: None, request: Some(head) };
    let mut said = Said::default();
    let sides = split_sides(snapshot, &facts);
    for roll in boundaries(snapshot).into_iter().filter(|roll| *roll < sides) {
        match snapshot.plan(&facts, &Idle, &mut Fixed(roll), &mut ()) {
            Ok(plan) => {
                let hops = plan.hops().filter(|(t, _)| t.id == plan.first_target().id);
                said.instances.extend(hops.map(|(_, e)| e.id.clone()));
                said.paths.insert(plan.rewritten.unwrap_or_else(|| target.clone()));
            }
            Err(refusal) => drop(said.statuses.insert(refusal.code.status())),
        }
    }
    said
}

/// Whether the exchange is a question for the brain: a request that reaches the router as it was sent.
fn is_question(case: &Value, exchange: &Value, listener: &str) -> bool {
    let (request, answer) = (&exchange["request"], &exchange["answer"]);
    let refused_before = [400, 426, 431, 501, 0].iter().any(|s| answer["status"].as_u64() == Some(*s));
    let plain =
        request.get("raw").is_none() && request["authority"].is_string() && request["path"].as_str().is_some_and(|p| p.starts_with('/'));
    let odd_name = request["headers"].as_array().into_iter().flatten().any(|h| HeaderName::from_bytes(text(&h[0]).as_bytes()).is_err());
    let empty_proto =
        request["headers"].as_array().into_iter().flatten().any(|h| text(&h[0]) == "x-forwarded-proto" && text(&h[1]).is_empty());
    // Where a Host has another port than the listener's, gw differs on purpose (docs/differences.md, host-port).
    let authority = text(&filled(&request["authority"]));
    let foreign_port =
        authority.rsplit_once(':').is_some_and(|(_, p)| p.chars().all(|c| c.is_ascii_digit()) && p != port(listener).to_string());
    let refused_path = text(&request["path"]).contains(['#', '\t']) || text(&request["method"]) == "CONNECT";
    // What happens after the decision: an instance that refuses, a gRPC answer of the gateway's own.
    let refuses = case["instances"].as_array().into_iter().flatten().any(|i| i.get("closed").is_some());
    let grpc = answer["upstream"].is_null() && answer["status"] == 200;
    let tcp = case["entries"].to_string().contains("\"tcp\"");
    plain && !refused_before && !odd_name && !empty_proto && !foreign_port && !refused_path && !refuses && !grpc && !tcp
}

#[test]
fn recorded_requests_go_where_consul_with_envoy_sent_them() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/requests-c+e.jsonl");
    let cases = std::fs::read_to_string(path).expect("the corpus");
    let (mut asked, mut differences) = (0, Vec::new());
    for case in cases.lines().map(|line| serde_json::from_str::<Value>(line).expect("a case")) {
        let group = text(&case["id"]).split('/').next().unwrap_or_default().to_owned();
        if !GROUPS.contains(&group.as_str()) || case["envoy_rejects"] == true || case.get("refused").is_some() {
            continue;
        }
        let snapshot = compile(&resources(&case));
        for exchange in case["exchanges"].as_array().into_iter().flatten() {
            let alias = exchange["listener"].as_str().or(case["listener"].as_str()).unwrap_or("$P1");
            if !is_question(&case, exchange, alias) {
                continue;
            }
            asked += 1;
            let said = ask(&snapshot, &ListenerName::of("edge", port(alias).into()), &filled(&exchange["request"]));
            let answer = filled(&exchange["answer"]);
            let upstream = &answer["upstream"];
            let status = answer["status"].as_u64().unwrap_or(0) as u16;
            let same = if upstream.is_null() {
                said.statuses.contains(&status)
            } else {
                let seen: BTreeSet<String> = upstream["instances"].as_array().into_iter().flatten().map(text).collect();
                seen.is_subset(&said.instances) && said.paths.contains(&text(&upstream["path"]))
            };
            if !same {
                differences.push(format!("{}: {} wanted {answer}\n    said {said:?}", case["id"], exchange["request"]));
            }
        }
    }
    assert!(asked > 800, "only {asked} recorded requests are questions for the brain");
    assert!(differences.is_empty(), "{} of {asked} differ:\n{}", differences.len(), differences.join("\n"));
}
