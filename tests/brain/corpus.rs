//! The recorded requests and the worlds they were recorded in.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use gw::id::{Datacenter, ServiceName, TrustDomain};
use gw::model::gateway::{GatewayConfig, GatewayKind};
use gw::model::resources::Resources;
use gw::model::service::{Address, Health, Instance, Service};
use gw::source::entry;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

/// What the placeholders of a case stand for.
pub(crate) struct Places<'a> {
    /// The port of a listener, `$P1`.
    pub(crate) port: &'a dyn Fn(u16) -> u16,
    /// Where an instance answers.
    pub(crate) instance: &'a dyn Fn(&str) -> Address,
}

/// Every case but those that Consul or Envoy refused as a whole.
pub(crate) fn cases() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/requests-c+e.jsonl");
    let text = std::fs::read_to_string(path).expect("the corpus");
    let cases = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a case"));
    cases.filter(|case| case["envoy_rejects"] != true && case.get("refused").is_none() && case.get("unserved").is_none()).collect()
}

/// The number of the listener that an exchange goes to: `$P2` is 2.
pub(crate) fn listener_of(case: &Value, exchange: &Value) -> u16 {
    let alias = exchange["listener"].as_str().or(case["listener"].as_str()).unwrap_or("$P1");
    alias.trim_start_matches("$P").parse().expect("a number")
}

/// The value with its placeholders filled in; a port that stands alone becomes a number.
pub(crate) fn filled(value: &Value, places: &Places<'_>) -> Value {
    match value {
        Value::String(text) if text.starts_with("$P") && text.len() == 3 => (places.port)(text[2..].parse().expect("a number")).into(),
        Value::String(text) => {
            let named = text.replace("$TD", TrustDomain::OF_FILES);
            let ports =
                (1..=9).fold(named, |t, n| if t.contains('$') { t.replace(&format!("$P{n}"), &(places.port)(n).to_string()) } else { t });
            repeated(&ports).into()
        }
        Value::Array(items) => items.iter().map(|v| filled(v, places)).collect(),
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), filled(v, places))).collect(),
        other => other.clone(),
    }
}

/// `$X*N` is N times x.
fn repeated(text: &str) -> String {
    let Some((before, rest)) = text.split_once("$X*") else { return text.to_owned() };
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let count = rest[..end].parse().expect("a number");
    format!("{before}{}{}", "x".repeat(count), repeated(&rest[end..]))
}

/// A string as it is, anything else as JSON.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The name and value pairs of a request.
pub(crate) fn header_pairs(request: &Value) -> Vec<(String, String)> {
    request["headers"].as_array().into_iter().flatten().map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}

/// The headers as they reach routes: `connection` is gone, what a gateway adds is there (wire 3). `None` where a name is none.
pub(crate) fn headers_at_router(request: &Value) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in header_pairs(request) {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        if name != "connection" {
            headers.append(name, HeaderValue::from_bytes(value.trim().as_bytes()).ok()?);
        }
    }
    if request["proto"] == "h2" {
        // Over HTTP/2 the lines of a cookie are one header (RFC 9113, 8.2.3).
        let cookies: Vec<&[u8]> = headers.get_all("cookie").iter().map(HeaderValue::as_bytes).collect();
        if cookies.len() > 1 {
            let one = HeaderValue::from_bytes(&cookies.join(&b"; "[..])).ok()?;
            headers.insert("cookie", one);
        }
    }
    if let Some(length) = request["body_len"].as_u64() {
        headers.insert("content-length", HeaderValue::from(length));
    }
    headers.entry("x-request-id").or_insert(HeaderValue::from_static("an-id"));
    headers.entry("x-forwarded-proto").or_insert(HeaderValue::from_static("http"));
    Some(headers)
}

/// The world of a case.
pub(crate) fn resources(case: &Value, places: &Places<'_>) -> Resources {
    let entries = filled(&case["entries"], places);
    let decoded = entries.as_array().into_iter().flatten().map(|e| entry::from_json(e).unwrap_or_else(|p| panic!("{e}: {p:?}")));
    let mut services: BTreeMap<String, Vec<Instance>> = BTreeMap::new();
    for recorded in case["instances"].as_array().into_iter().flatten() {
        services.entry(text(&recorded["service"])).or_default().push(instance(recorded, places));
    }
    let services = services.into_iter().map(|(name, instances)| Service { name: ServiceName::from(name), instances });
    let gateway = GatewayConfig::of(GatewayKind::Ingress, "edge");
    Resources {
        gateway,
        datacenter: Datacenter::from("dc1"),
        trust_domain: TrustDomain::new(TrustDomain::OF_FILES),
        entries: Arc::new(decoded.filter_map(|d| d.entry).collect()),
        services: Arc::new(services.map(|s| (s.name.key(), Arc::new(s))).collect()),
        federation: Default::default(),
        default_action: gw::model::entry::IntentionAction::Deny,
        rejected: Vec::new(),
        written: Default::default(),
    }
}

fn instance(recorded: &Value, places: &Places<'_>) -> Instance {
    let health = match recorded["health"].as_str() {
        Some("warning") => Health::Warning,
        Some("critical") => Health::Critical,
        _ => Health::Passing,
    };
    let weight = recorded["weights"][if health == Health::Warning { "Warning" } else { "Passing" }].as_u64().unwrap_or(1);
    let meta = recorded["meta"].as_object().into_iter().flatten().map(|(k, v)| (k.clone(), text(v)));
    let tags = recorded["tags"].as_array().into_iter().flatten().map(text);
    let id = text(&recorded["id"]);
    Instance {
        address: (places.instance)(&id),
        id,
        meta: meta.collect(),
        tags: tags.collect(),
        health,
        check: None,
        weight: weight as u32,
        mesh: false,
        node: String::new(),
        node_meta: BTreeMap::new(),
        datacenter: "dc1".into(),
    }
}
