//! Who may talk to whom: what Consul's `intentions/check` answered, and what Consul with Envoy did with requests that show a
//! certificate of the mesh, asked of the brain without a socket.

use gw::app::authz::{self, AskedRequest, Judged};
use gw::app::batch::default_action;
use gw::decide::authz::Judges;
use gw::decide::normalize::{Normalization, Normalized};
use gw::id::TrustDomain;
use gw::model::entry::Entries;
use gw::source::entry::from_json;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value, json};

use super::{ask, corpus, report};

#[test]
fn every_pair_is_judged_as_consuls_check_judges_it() {
    let (cases, mut asked, mut differences) = (corpus("intentions-1.21.4.jsonl"), 0, Vec::new());
    for case in &cases {
        for query in list(&case["queries"]) {
            let question = json!({"authz": {
                "entries": case["entries"], "default": case["default"], "source": query["source"], "destination": query["destination"],
            }});
            let got = ask(&question);
            asked += 1;
            // Of a service with a Destination the recording names intentions that Consul did not look at, where the answer is the same.
            if got["allowed"] != query["allowed"] || (got["by"] != query["by"] && !is_outside(case, &query["destination"])) {
                differences.push(format!("{}: wanted {query}\n    got {got}", case["id"]));
            }
        }
    }
    assert!(asked > 2900, "the corpus is there: {asked}");
    report("pairs", asked, &differences);
}

fn is_outside(case: &Value, destination: &Value) -> bool {
    let name = |entry: &Value| entry["Name"].as_str().map(str::to_lowercase);
    let wanted = destination.as_str().map(str::to_lowercase);
    list(&case["entries"]).iter().any(|e| e["Kind"] == "service-defaults" && e.get("Destination").is_some() && name(e) == wanted)
}

/// Requests through terminating gateways, where C+E judges paths as sent, and through sidecars, where it normalizes them.
#[test]
fn every_request_is_judged_as_consul_with_envoy_judges_it() {
    let (cases, mut asked, mut chosen, mut differences) = (corpus("authz-c+e.jsonl"), 0, 0, Vec::new());
    for case in &cases {
        for call in list(&case["calls"]) {
            let Some(got) = answered(case, call) else { continue };
            asked += 1;
            let wanted = wanted(&call["answer"], call["request"]["path"].as_str().unwrap_or_default());
            if got == wanted {
                continue;
            }
            match deliberate(case, call, &got) {
                true => chosen += 1,
                false => differences.push(format!("{} {}: wanted {wanted}\n    got {got}", case["id"], call["request"])),
            }
        }
    }
    assert!(asked > 1300 && chosen < 100, "the corpus is there: {asked}, {chosen} differ on purpose");
    report("requests", asked, &differences);
}

/// `docs/differences.md`: normalize-terminating, precedence.
fn deliberate(case: &Value, call: &Value, got: &str) -> bool {
    let id = case["id"].as_str().unwrap_or_default();
    let of_disguise = id.starts_with("normalize-terminating/") || id.starts_with("underscores/");
    let normalized = got.starts_with("forwarded") && !got.ends_with(call["request"]["path"].as_str().unwrap_or_default());
    (case["at"] == "terminating" && (of_disguise || normalized)) || precedence_hole(case, call)
}

/// Only `SOURCE -> *` names the caller, while there is a `* -> DESTINATION`.
fn precedence_hole(case: &Value, call: &Value) -> bool {
    let destination = call.get("destination").unwrap_or(&case["destination"]);
    let has = |destination: &Value, source: &Value| {
        let entries = list(&case["entries"]).iter().filter(|e| e["Kind"] == "service-intentions" && e["Name"] == *destination);
        entries.flat_map(|e| list(&e["Sources"])).any(|s| s["Name"] == *source)
    };
    let (every, source) = (json!("*"), &call["source"]);
    !has(destination, source) && has(destination, &every) && has(&every, source)
}

/// `forwarded as PATH`, `denied`, `400` or `307 to LOCATION`.
fn wanted(answer: &Value, sent: &str) -> String {
    let text = |key: &str| answer[key].as_str();
    match (answer["allowed"].as_bool(), answer["status"].as_u64()) {
        (Some(true), _) => format!("forwarded as {}", text("upstream_path").unwrap_or(sent)),
        (_, Some(307)) => format!("307 to {}", text("location").unwrap_or_default()),
        (_, Some(400)) => "400".to_owned(),
        _ => "denied".to_owned(),
    }
}

/// The methods that the requests have which a gateway reads.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];

/// What the brain says; nothing where a call is about the connection, or about requests that no gateway would read.
fn answered(case: &Value, call: &Value) -> Option<String> {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let (request, answer) = (&call["request"], &call["answer"]);
    let of_the_connection = request.get("raw").is_some() || call["source"] == "-" || call.get("unlinked").is_some();
    let (path, method) = (text(request, "path"), text(request, "method"));
    let unread = answer["status"] == 400 && (!path.starts_with('/') || path.contains(['#', ' ']) || !METHODS.contains(&&*method));
    let other = !matches!(answer["status"].as_u64(), Some(0 | 200 | 307 | 400 | 403)) || answer.get("refused").is_some();
    if of_the_connection || unread || other || request.get("trailers").is_some() {
        return None;
    }
    let entries: Entries = list(&case["entries"]).iter().filter_map(|e| from_json(e).expect("Consul took it").entry).collect();
    let destination = call.get("destination").unwrap_or(&case["destination"]).as_str().expect("a name");
    let mut headers = HeaderMap::new();
    for header in list(&request["headers"]) {
        let (name, value) = (header[0].as_str().expect("a name"), header[1].as_str().expect("a value"));
        headers.append(HeaderName::try_from(name).ok()?, HeaderValue::from_str(value.trim()).ok()?);
    }
    let method = Method::from_bytes(method.as_bytes()).ok()?;
    let asked = AskedRequest::new(method, &text(request, "authority"), &path, headers);
    Some(judged(entries, case, destination, &text(call, "source"), asked))
}

fn judged(entries: Entries, case: &Value, destination: &str, source: &str, asked: AskedRequest) -> String {
    let normalization = Normalization::of(entries.mesh.as_deref());
    let protocol = gw::decide::chain::protocol(&entries, destination);
    let http = gw::decide::chain::is_http_like(&protocol);
    let mut judges = Judges::default();
    let default = default_action(case.get("default")).expect("a word");
    judges.begin(std::sync::Arc::new(entries), &TrustDomain::new(TrustDomain::OF_FILES), default);
    let sent = asked.target.clone();
    let judge = judges.of(destination);
    match authz::judge(&judge, &normalization, source, http.then_some(asked), &mut ()) {
        Judged::Verdict(verdict) if verdict.allowed && http => match normalization.target(&sent, &mut ()) {
            Normalized::Forward(path) => format!("forwarded as {path}"),
            other => format!("{other:?}"),
        },
        Judged::Verdict(verdict) if verdict.allowed => format!("forwarded as {sent}"),
        Judged::Verdict(_) => "denied".to_owned(),
        Judged::Unfit(_) => "400".to_owned(),
        Judged::Redirect(to) => format!("307 to {to}"),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
