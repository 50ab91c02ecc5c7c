//! Intentions: the tables of Consul's own cases and unit tests about them, with inputs of our own; and the compiled judges against an
//! evaluator written straight from the rules (semantics 11.2, 11.3), which looks at the entries as JSON.

use std::sync::Arc;

use gw::decide::authz::Judges;
use gw::decide::facts::RequestHead;
use gw::id::TrustDomain;
use gw::model::entry::{Entries, IntentionAction};
use gw::source::entry::from_json;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A request in few words.
#[derive(Clone, Debug)]
struct Request {
    method: &'static str,
    target: String,
    headers: Vec<(&'static str, &'static str)>,
}

fn request(method: &'static str, target: &str, headers: &[(&'static str, &'static str)]) -> Request {
    Request { method, target: target.to_owned(), headers: headers.to_vec() }
}

/// Whether a source may, and by which intention.
fn judged(entries: &[Value], default: &str, source: &str, destination: &str, request: Option<&Request>) -> (bool, String) {
    let decoded = entries.iter().map(|entry| from_json(entry).unwrap_or_else(|e| panic!("{entry}: {e:?}")).entry);
    let set: Entries = decoded.flatten().collect();
    let default = if default == "allow" { IntentionAction::Allow } else { IntentionAction::Deny };
    let mut judges = Judges::default();
    judges.begin(Arc::new(set), &TrustDomain::new("td.consul"), default);
    let mut headers = HeaderMap::new();
    for (name, value) in request.iter().flat_map(|r| &r.headers) {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let method = Method::from_bytes(request.map_or("GET", |r| r.method).as_bytes()).expect("a method");
    let head = request.map(|r| RequestHead { method: &method, authority: "d", target: &r.target, scheme: "https", headers: &headers });
    let judge = judges.of(destination);
    let verdict = judge.judge_service(source, head.as_ref(), &mut ());
    (verdict.allowed, verdict.by.to_string())
}

fn intentions(destination: &str, sources: Value) -> Value {
    json!({"Kind": "service-intentions", "Name": destination, "Sources": sources})
}

/// Method, target, headers, and whether it passes.
type Row = (&'static str, &'static str, &'static [(&'static str, &'static str)], bool);

/// What `case-l7-intentions` asserts: one permission for each condition, and nothing else passes.
#[test]
fn every_condition_of_a_permission_lets_its_requests_pass_and_no_other() {
    let allow = |http: Value| json!({"Action": "allow", "HTTP": http});
    let header = |header: Value| allow(json!({"Header": [header]}));
    let permissions = json!([
        allow(json!({"PathExact": "/exact"})),
        allow(json!({"PathPrefix": "/prefix"})),
        allow(json!({"PathRegex": "/reg[ex]{2}"})),
        header(json!({"Name": "x-test-debug", "Present": true})),
        header(json!({"Name": "x-test-debug-exact", "Exact": "exact"})),
        header(json!({"Name": "x-test-debug-prefix", "Prefix": "prefi"})),
        header(json!({"Name": "x-test-debug-suffix", "Suffix": "uffix"})),
        header(json!({"Name": "x-test-debug-regex", "Regex": "reg[ex]{2}"})),
        allow(json!({"PathPrefix": "/methods", "Methods": ["GET", "PUT"]})),
    ]);
    let entries = [intentions("web", json!([{"Name": "a", "Permissions": permissions}]))];
    let passes: &[Row] = &[
        ("GET", "/exact", &[], true),
        ("GET", "/exact?q", &[], true),
        ("GET", "/exact-nope", &[], false),
        ("GET", "/prefix/nope", &[], true),
        ("GET", "/prefi", &[], false),
        ("GET", "/regex", &[], true),
        ("GET", "/reggx", &[], false),
        ("GET", "/regexx", &[], false),
        ("GET", "/", &[("x-test-debug", "anything")], true),
        ("GET", "/", &[("x-test-debug-exact", "exact")], true),
        ("GET", "/", &[("x-test-debug-exact", "exactly")], false),
        ("GET", "/", &[("x-test-debug-prefix", "prefix")], true),
        ("GET", "/", &[("x-test-debug-prefix", "aprefix")], false),
        ("GET", "/", &[("x-test-debug-suffix", "suffix")], true),
        ("GET", "/", &[("x-test-debug-suffix", "suffixa")], false),
        ("GET", "/", &[("x-test-debug-regex", "regex")], true),
        ("GET", "/", &[("x-test-debug-regex", "aregex")], false),
        ("GET", "/methods", &[], true),
        ("PUT", "/methods", &[], true),
        ("POST", "/methods", &[], false),
        ("HEAD", "/methods", &[], false),
        ("GET", "/", &[], false),
    ];
    for (method, target, headers, wanted) in passes {
        let request = request(method, target, headers);
        assert_eq!(judged(&entries, "deny", "a", "web", Some(&request)).0, *wanted, "{request:?}");
    }
}

/// The lists of Consul's table of rules for proxies, each under both default policies: who is let in by `/` and by `/v1`.
#[test]
fn lists_of_intentions_mean_the_same_under_both_default_policies_or_do_not() {
    let l4 = |name: &str, action: &str| json!({"Name": name, "Action": action});
    let l7 = |name: &str, permissions: Value| json!({"Name": name, "Permissions": permissions});
    let path = |action: &str, http: Value| json!({"Action": action, "HTTP": http});
    let v1 = |action: &str| path(action, json!({"PathPrefix": "/v1"}));
    let rest = |action: &str| path(action, json!({"PathPrefix": "/"}));
    let peer = |name: &str, action: &str| json!({"Name": name, "Peer": "east", "Action": action});
    // The sources; the caller; what `/` and `/v1` get under deny, then under allow.
    let table = [
        ("single deny", json!([l4("web", "deny")]), "web", "no no", "no no"),
        ("single deny, another", json!([l4("web", "deny")]), "db", "no no", "yes yes"),
        ("single allow", json!([l4("web", "allow")]), "web", "yes yes", "yes yes"),
        ("single allow, another", json!([l4("web", "allow")]), "db", "no no", "yes yes"),
        ("all but one", json!([l4("web", "deny"), l4("*", "allow")]), "web", "no no", "no no"),
        ("all but one, another", json!([l4("web", "deny"), l4("*", "allow")]), "db", "yes yes", "yes yes"),
        ("none but one", json!([l4("web", "allow"), l4("*", "deny")]), "web", "yes yes", "yes yes"),
        ("none but one, another", json!([l4("web", "allow"), l4("*", "deny")]), "db", "no no", "no no"),
        (
            "kitchen sink",
            json!([l4("web", "allow"), l4("unsafe", "deny"), l4("cron", "allow"), l4("*", "deny")]),
            "cron",
            "yes yes",
            "yes yes",
        ),
        ("kitchen sink, unsafe", json!([l4("unsafe", "deny"), l4("*", "allow")]), "unsafe", "no no", "no no"),
        ("one path", json!([l7("web", json!([v1("allow")]))]), "web", "no yes", "yes yes"),
        ("one path denied", json!([l7("web", json!([v1("deny")]))]), "web", "no no", "yes no"),
        ("mixed", json!([l7("web", json!([v1("deny"), rest("allow")]))]), "web", "yes no", "yes no"),
        ("mixed the other way", json!([l7("web", json!([v1("allow"), rest("deny")]))]), "web", "no yes", "no yes"),
        ("a path above a star", json!([l7("web", json!([v1("allow")])), l4("*", "deny")]), "web", "no yes", "yes yes"),
        ("a denied path above a star", json!([l7("web", json!([v1("deny")])), l4("*", "allow")]), "web", "no no", "yes no"),
        ("the star has paths", json!([l7("*", json!([v1("allow"), rest("deny")])), l4("web", "allow")]), "web", "yes yes", "yes yes"),
        ("the star has paths, another", json!([l7("*", json!([v1("allow"), rest("deny")])), l4("web", "allow")]), "db", "no yes", "no yes"),
        ("a peer", json!([peer("web", "allow"), peer("*", "deny")]), "web", "no no", "yes yes"),
        ("a peer beside", json!([peer("web", "deny"), l4("web", "allow")]), "web", "yes yes", "yes yes"),
        ("nothing", json!([l4("x", "allow")]), "web", "no no", "yes yes"),
    ];
    for (name, sources, caller, deny, allow) in table {
        let entries = [intentions("api", sources)];
        for (default, wanted) in [("deny", deny), ("allow", allow)] {
            let answers = ["/", "/v1"].map(|target| judged(&entries, default, caller, "api", Some(&request("GET", target, &[]))).0);
            let said = answers.map(|allowed| if allowed { "yes" } else { "no" }).join(" ");
            assert_eq!(said, wanted, "{name}, by default {default}");
        }
    }
}

/// Written from the rules, without a table: every intention of every entry is ranked, and the first that fits decides.
fn naively(entries: &[Value], default: &str, source: &str, destination: &str, request: Option<&Request>) -> (bool, String) {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let mut ranked = Vec::new();
    for entry in entries {
        for intention in entry["Sources"].as_array().into_iter().flatten() {
            let (to, from) = (text(entry, "Name"), text(intention, "Name"));
            if (to == destination || to == "*") && (from == source || from == "*") && intention.get("Peer").is_none() {
                let rank = if to == "*" { 0 } else { 2 } + if from == "*" { 0 } else { 1 };
                ranked.push((rank, format!("{from} -> {to}"), intention.clone()));
            }
        }
    }
    let Some((_, pair, intention)) = ranked.into_iter().max_by_key(|(rank, ..)| *rank) else {
        return (default == "allow", "default".to_owned());
    };
    let Some(permissions) = intention["Permissions"].as_array() else { return (intention["Action"] == "allow", pair) };
    let Some(request) = request else { return (false, pair) };
    match permissions.iter().find(|permission| fits(&permission["HTTP"], request)) {
        Some(permission) => (permission["Action"] == "allow", pair),
        None => (default == "allow", "default".to_owned()),
    }
}

fn fits(http: &Value, request: &Request) -> bool {
    let path = request.target.split('?').next().unwrap_or_default();
    let exact = http["PathExact"].as_str().is_none_or(|wanted| path == wanted);
    let prefix = http["PathPrefix"].as_str().is_none_or(|wanted| path.starts_with(wanted));
    let method = http["Methods"].as_array().is_none_or(|methods| methods.iter().any(|m| *m == request.method));
    let header = |wanted: &Value| {
        let values: Vec<&str> = request.headers.iter().filter(|(name, _)| wanted["Name"] == *name).map(|(_, value)| *value).collect();
        let (joined, inverted) = (values.join(","), wanted["Invert"] == true);
        if wanted["Present"] == true {
            return values.is_empty() == inverted;
        }
        let low = |text: &str| if wanted["IgnoreCase"] == true { text.to_lowercase() } else { text.to_owned() };
        let value = low(&joined);
        let holds = match (wanted["Exact"].as_str(), wanted["Prefix"].as_str(), wanted["Suffix"].as_str(), wanted["Contains"].as_str()) {
            (Some(exact), ..) => value == low(exact),
            (_, Some(prefix), ..) => value.starts_with(&low(prefix)),
            (_, _, Some(suffix), _) => value.ends_with(&low(suffix)),
            (.., contains) => value.contains(&low(contains.unwrap_or_default())),
        };
        !values.is_empty() && holds != inverted
    };
    exact && prefix && method && http["Header"].as_array().is_none_or(|headers| headers.iter().all(header))
}

fn action() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec!["allow", "deny"])
}

fn conditions() -> impl Strategy<Value = Value> {
    let path = (0..3, "/[ab]?").prop_map(|(kind, path)| match kind {
        0 => json!({"PathExact": path}),
        1 => json!({"PathPrefix": path}),
        _ => json!({"Methods": ["GET"]}),
    });
    let kind = proptest::sample::select(vec!["Exact", "Prefix", "Suffix", "Contains", "Present"]);
    let header = (kind, "[aA]{1,2}", any::<bool>(), any::<bool>()).prop_map(|(kind, value, invert, any_case)| match kind {
        "Present" => json!({"Name": "x-a", "Present": true, "Invert": invert}),
        _ => json!({"Name": "x-a", kind: value, "Invert": invert, "IgnoreCase": any_case}),
    });
    (path, proptest::option::of(header)).prop_map(|(mut http, header)| {
        if let Some(header) = header {
            http["Header"] = json!([header]);
        }
        http
    })
}

/// An entry for a destination; sources of `*` have no permissions, as Consul wants it.
fn entry(destination: &'static str) -> impl Strategy<Value = Value> {
    let permissions = proptest::collection::vec((action(), conditions()), 1..4);
    let says = (action(), proptest::option::of(permissions)).prop_map(move |(action, permissions)| match permissions {
        Some(list) if destination != "*" => {
            json!({"Permissions": list.iter().map(|(action, http)| json!({"Action": action, "HTTP": http})).collect::<Vec<_>>()})
        }
        _ => json!({"Action": action}),
    });
    let names = proptest::sample::subsequence(vec!["a", "A", "b", "*"], 1..=4);
    (names, proptest::collection::vec((says, proptest::bool::weighted(0.1)), 4)).prop_map(move |(names, says)| {
        let sources = names.iter().zip(says).map(|(name, (mut source, peer))| {
            source["Name"] = json!(name);
            if peer {
                source["Peer"] = json!("east");
            }
            source
        });
        intentions(destination, sources.collect())
    })
}

fn any_request() -> impl Strategy<Value = Option<Request>> {
    let headers = proptest::collection::vec(proptest::sample::select(vec!["a", "A", "aa", "Aa", "", "b"]), 0..3);
    let request = (proptest::sample::select(vec!["GET", "PUT"]), "/[ab]{0,2}(\\?q)?", headers)
        .prop_map(|(method, target, values)| Request { method, target, headers: values.into_iter().map(|value| ("x-a", value)).collect() });
    proptest::option::weighted(0.8, request)
}

proptest! {
    #[test]
    fn a_judge_says_what_the_rules_say(
        own in proptest::option::of(entry("web")),
        every in proptest::option::of(entry("*")),
        other in entry("db"),
        default in action(),
        source in proptest::sample::select(vec!["a", "A", "b", "c"]),
        request in any_request(),
    ) {
        let entries: Vec<Value> = own.into_iter().chain(every).chain([other]).collect();
        let wanted = naively(&entries, default, source, "web", request.as_ref());
        prop_assert_eq!(judged(&entries, default, source, "web", request.as_ref()), wanted, "{:?}", entries);
    }
}
