//! Every recorded answer of both versions of Consul goes through what gw makes of answers, and ends in the model or in the right
//! error. An answer that no rule of this file claims is a failure.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gw::id::{Identity, SpiffeId};
use gw::model::ca::IssuedLeaf;
use gw::model::entry::{ConfigEntry, EntryKind, IntentionAction};
use gw::model::service::Health;
use gw::source::consul::answer::{Answer, Meta, Reply, Why};
use gw::source::consul::call::{Call, Side};
use gw::source::consul::convert::{self, LeftOut, NotReady};
use gw::source::consul::permission;
use gw::source::consul::wire::*;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

const VERSIONS: [&str; 2] = ["consul-1.21.4", "consul-1.8.7"];

/// What became of an answer.
#[derive(Debug)]
enum Outcome {
    /// It is the model's now, but for these.
    Model(Vec<LeftOut>),
    /// There is no such thing.
    Absent,
    /// It came too early.
    NotReady(NotReady),
    /// It says nothing about the world.
    Error(Why),
    /// gw never asks this; JSON is JSON.
    NotAsked,
}

struct Recorded {
    version: &'static str,
    file: String,
    method: String,
    path: String,
    reply: Reply,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn recorded(version: &'static str, line: &Value, folder: &Path) -> Option<Recorded> {
    let text = |name: &str| line[name].as_str().map(str::to_owned);
    let (method, path) = match text("request") {
        Some(request) => request.split_once(' ').map(|(method, path)| (method.to_owned(), path.to_owned()))?,
        None => (text("method")?, text("path")?),
    };
    let mut headers = HeaderMap::new();
    for (name, value) in line["headers"].as_object().into_iter().flatten() {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header");
        headers.insert(name, HeaderValue::from_str(value.as_str().expect("a text")).expect("a value"));
    }
    let file = text("file");
    let body = file.as_ref().map(|file| std::fs::read(folder.join(file)).expect("a recorded body")).unwrap_or_default();
    let status = u16::try_from(line["status"].as_u64().expect("a status")).expect("a status");
    Some(Recorded { version, file: file.unwrap_or_default(), method, path, reply: Reply { status, headers, body: body.into() } })
}

fn all() -> Vec<Recorded> {
    let mut all = Vec::new();
    for version in VERSIONS {
        let folder = root().join(version);
        let index = std::fs::read_to_string(folder.join("index.jsonl")).expect("the index");
        all.extend(index.lines().filter_map(|line| recorded(version, &serde_json::from_str(line).expect("JSON"), &folder)));
    }
    let folder = root().join("consul-1.21.4/federation");
    let index = std::fs::read(folder.join("index.json")).expect("the index");
    let index: Vec<Value> = serde_json::from_slice(&index).expect("JSON");
    all.extend(index.iter().filter_map(|line| recorded("consul-1.21.4", line, &folder)));
    assert!(all.len() > 1_000, "{} answers", all.len());
    all
}

/// The answer of that file.
fn named(version: &str, file: &str) -> Recorded {
    all().into_iter().find(|r| r.version == version && r.file == file).unwrap_or_else(|| panic!("{version}/{file}"))
}

impl Recorded {
    fn own(&self) -> &'static str {
        let of_dc2 = ["dc2-", "secondary-dc2-", "unfederated-dc2-", "secondary-alone-"].iter().any(|begin| self.file.starts_with(begin));
        if of_dc2 { "dc2" } else { "dc1" }
    }

    fn after<T>(&self, call: &Call<T>, model: impl FnOnce(T, &mut Vec<LeftOut>)) -> Outcome {
        match call.read(&self.reply) {
            Ok(Answer { what: None, .. }) => Outcome::Absent,
            Ok(Answer { what: Some(what), .. }) => {
                let mut left_out = Vec::new();
                model(what, &mut left_out);
                Outcome::Model(left_out)
            }
            Err(why) => Outcome::Error(why),
        }
    }

    /// The rules, by method and path; `None`: nobody claims it.
    fn outcome(&self) -> Option<Outcome> {
        if self.file.is_empty() {
            // What was recorded is that the token was taken, not the body.
            return Some(Outcome::NotAsked);
        }
        let (path, _) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let parts: Vec<&str> = path.strip_prefix("/v1/")?.split('/').collect();
        let found = match (self.method.as_str(), parts.as_slice()) {
            ("GET", ["agent", "self"]) => self.after(&Call::agent_self(), |agent, _| {
                assert!(!agent.config.datacenter.is_empty() && !agent.debug_config.primary_datacenter.is_empty());
                assert!(convert::default_action(Some(&agent), &Meta::default()).is_some());
            }),
            ("GET", ["agent", "version"]) => self.after(&Call::version(), |v, _| assert!(v.human_version.starts_with("1.21.4"))),
            ("GET", ["agent", "service", id]) => self.after(&Call::agent_service(id), |s, _| assert_eq!(s.id, *id)),
            ("PUT", ["agent", "service", "register"]) => self.after(&Call::register(&registration()), |(), _| {}),
            ("PUT", ["agent", "service", "deregister", id]) => self.after(&Call::deregister(id), |(), _| {}),
            ("GET", ["agent", "connect", "ca", "roots"] | ["connect", "ca", "roots"]) if !self.path.contains("pem=true") => self.roots(),
            ("GET", ["agent", "connect", "ca", "leaf", service]) => self.after(&Call::leaf(service), |leaf, _| {
                let leaf = convert::leaf(&leaf).expect("a leaf");
                assert_eq!(&*id_of(&leaf).service, *service);
            }),
            ("POST", ["agent", "connect", "authorize"]) => self.after(&Call::authorize(&who()), |a, _| assert!(!a.reason.is_empty())),
            (_, ["catalog", "services"]) => self.after(&Call::services(), |_, _| {}),
            ("GET", ["catalog", "datacenters"]) => self.after(&Call::datacenters(), |names, _| assert!(!names.is_empty())),
            ("GET", ["catalog", "gateway-services", name]) => self.after(&Call::gateway_services(name), |rows, _| {
                assert!(rows.iter().all(|row| row.gateway.name == *name && !row.service.name.is_empty()));
            }),
            ("GET", ["health", side, name]) => self.health(side, name)?,
            ("GET", ["discovery-chain", name]) => self.after(&Call::chain(name), |a, _| self.is_chain(a, name)),
            ("POST", ["discovery-chain", name]) => self.after(&Call::chain_with(name, None, &json!({})), |a, _| self.is_chain(a, name)),
            ("GET", ["config", rest @ ..]) if !rest.is_empty() => self.config(rest)?,
            ("GET" | "PUT", ["config"]) => self.after(&Call::write_entry(&json!({})), |_, _| {}),
            ("DELETE", ["config", kind, name]) => self.after(&Call::delete_entry(EntryKind::parse(kind)?, name), |_, _| {}),
            ("GET", ["connect", "intentions"]) => self.after(&Call::intentions(), |rows, left_out| {
                let entries = convert::entries(&convert::of_intentions(&rows), left_out);
                let sources = entries.iter().map(|e| match &e.decoded.entry {
                    Some(ConfigEntry::ServiceIntentions(e)) => e.sources.len(),
                    other => panic!("{other:?}"),
                });
                assert_eq!(sources.sum::<usize>(), rows.len());
            }),
            ("GET", ["connect", "intentions", "match"]) => self.after(&Call::intentions_for(&["web"]), |rows, left_out| {
                let rows: Vec<IntentionRow> = rows.into_values().flat_map(|Nullable(rows)| rows).collect();
                assert!(rows.iter().all(|row| row.precedence > 0));
                // Those of a list repeat where several names were asked for; of one they are entries.
                if !self.path.contains("&name=") || !self.path.contains("by=destination") || self.path.matches("name=").count() == 1 {
                    convert::entries(&convert::of_intentions(&rows), left_out);
                }
            }),
            ("GET", ["connect", "intentions", "check"]) => self.after(&Call::intention_check("a", "b"), |_, _| {}),
            ("GET", ["internal", "federation-states", "mesh-gateways"]) => self.after(&Call::mesh_gateways(), |answer, left_out| {
                let federation = convert::mesh_gateways(&answer, self.own(), left_out);
                assert_eq!(federation.datacenters.len(), answer.len());
            }),
            ("GET", ["internal", "federation-states"]) => self.after(&Call::federation_states(), |answer, left_out| {
                let federation = convert::federation(&answer, self.own(), left_out);
                assert_eq!(federation.datacenters.len(), answer.len());
            }),
            ("GET", ["internal", "federation-state", name]) => {
                self.after(&Call::federation_state(name), |answer, _| assert_eq!(answer.state.datacenter, *name))
            }
            ("GET", ["peerings"]) => self.after(&Call::peerings(), |rows, _| rows.iter().for_each(is_peering)),
            ("GET", ["peering", name]) => self.after(&Call::peering(name), |row, _| is_peering(&row)),
            ("GET", ["exported-services"]) => self.after(&Call::exported_services(), |rows, _| {
                assert!(rows.iter().all(|row| !row.service.is_empty() && !row.consumers.peers.is_empty()));
            }),
            (_, parts) => self.not_asked(parts)?,
        };
        Some(found)
    }

    fn roots(&self) -> Outcome {
        match Call::roots().read(&self.reply) {
            Err(why) => Outcome::Error(why),
            Ok(answer) => match convert::roots(&answer.what.expect("roots are always there")) {
                Err(not_ready) => Outcome::NotReady(not_ready),
                Ok(roots) => {
                    assert_eq!(roots.roots.iter().filter(|root| root.active).count(), 1);
                    Outcome::Model(Vec::new())
                }
            },
        }
    }

    fn health(&self, side: &str, name: &str) -> Option<Outcome> {
        let side = match side {
            "service" => Side::Plain,
            "connect" => Side::Mesh,
            "ingress" => Side::Ingress,
            _ => return None,
        };
        Some(self.after(&Call::instances(side, name), |rows, left_out| {
            let service = convert::service(name, side, &rows, self.own(), left_out);
            assert_eq!(service.instances.len() + left_out.len(), rows.len());
        }))
    }

    fn config(&self, rest: &[&str]) -> Option<Outcome> {
        // The one kind of the recordings that nobody has, under the name of another.
        let kind = |word: &str| EntryKind::parse(word).or(self.path.contains("nosuch-kind").then_some(EntryKind::Mesh));
        let kind = |word: &str| kind(word).or((word == "control-plane-request-limit").then_some(EntryKind::Mesh));
        match rest {
            [word] => Some(self.after(&Call::entries(kind(word)?), |values, left_out| {
                let entries = convert::entries(&values, left_out);
                assert_eq!(entries.len() + left_out.len(), values.len());
                assert!(entries.iter().all(|e| e.decoded.kind.as_str() == *word && e.modify_index > 0));
            })),
            [word, name] => Some(self.after(&Call::entry(kind(word)?, name), |value, left_out| match convert::stored(&value) {
                Ok(entry) => self.is_stored(&entry, &value),
                Err(problem) => left_out.push(problem),
            })),
            _ => None,
        }
    }

    /// An entry that was read is, printed, what Consul printed.
    fn is_stored(&self, entry: &convert::Entry, value: &Value) {
        assert_eq!(Some(entry.decoded.kind.as_str()), value["Kind"].as_str());
        assert_eq!(Some(entry.modify_index), value["ModifyIndex"].as_u64());
        // 1.8 prints fewer fields than there are now.
        if entry.decoded.entry.is_some() && self.version == "consul-1.21.4" {
            let mut expected = value.clone();
            for added in ["Hash", "CreateIndex", "ModifyIndex"] {
                expected.as_object_mut().expect("an entry").remove(added);
            }
            assert_eq!(loose(&entry.decoded.stored()), loose(&expected), "{}", self.file);
        }
    }

    fn is_chain(&self, answer: ChainAnswer, name: &str) {
        assert_eq!(answer.chain["ServiceName"], name);
        assert!(answer.chain["Targets"].as_object().is_some_and(|targets| !targets.is_empty()));
    }

    fn not_asked(&self, parts: &[&str]) -> Option<Outcome> {
        let claimed = matches!(
            parts,
            ["acl" | "operator" | "status" | "coordinate", ..]
                | ["agent", "services" | "health" | "members", ..]
                | ["catalog", "nodes" | "service", ..]
                | ["connect", "ca", ..]
                | ["connect", "intentions", "exact"]
                | ["peering", "establish"]
                | ["internal", "service-virtual-ip" | "trust-bundles"]
                | ["imported-services"]
                | ["no", ..]
        );
        if self.file.ends_with(".json") {
            let _: Value = serde_json::from_slice(&self.reply.body).unwrap_or_else(|e| panic!("{}: {e}", self.file));
        }
        let error = |why| Some(Outcome::Error(why));
        match self.reply.status {
            _ if !claimed => None,
            200 => Some(Outcome::NotAsked),
            _ => Call::services().read(&self.reply).map_or_else(error, |_| None),
        }
    }
}

fn is_peering(row: &PeeringRow) {
    assert!(!row.name.is_empty() && !row.state.is_empty());
}

fn registration() -> Registration {
    let (kind, address) = ("ingress-gateway".to_owned(), "10.0.0.3".to_owned());
    let (tagged_addresses, meta) = (BTreeMap::new(), BTreeMap::new());
    Registration { kind, id: "igw-2".to_owned(), name: "igw".to_owned(), address, port: 8082, tagged_addresses, meta, check: None }
}

fn who() -> AuthorizeBody {
    let client_cert_uri = "spiffe://td.consul/ns/default/dc/dc1/svc/web".to_owned();
    AuthorizeBody { target: "legacy".to_owned(), client_cert_uri, client_cert_serial: "08".to_owned() }
}

/// JSON without what says nothing: null, and lists and objects without elements.
fn loose(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(loose).collect()),
        Value::Object(fields) => {
            let kept = fields
                .iter()
                .map(|(k, v)| (k.clone(), loose(v)))
                .filter(|(_, v)| !v.is_null() && v.as_array().is_none_or(|a| !a.is_empty()) && v.as_object().is_none_or(|o| !o.is_empty()));
            Value::Object(kept.collect())
        }
        Value::Number(n) => n.as_f64().map_or(Value::Null, Value::from),
        other => other.clone(),
    }
}

/// Which error a refusal is, by what Consul said: the first line that fits.
const ERRORS: &[(&str, u16, &str, &str)] = &[
    // Method, or any; status; part of the text; the error.
    ("", 401, "ACL support disabled", "Denied"),
    ("", 403, "ACL not found", "UnknownToken"),
    ("", 403, "Permission denied", "Denied"),
    ("PUT", 403, "only writeable by controller", "Denied"),
    ("", 404, "", "NoEndpoint"),
    ("", 405, "not allowed", "NoEndpoint"),
    ("", 400, "", "Refused"),
    ("GET", 500, "invalid config entry kind", "UnknownKind"),
    ("GET", 500, "No path to datacenter", "NoDatacenter"),
    ("GET", 500, "rpc error getting client: failed to get conn", "FarAway"),
    ("GET", 500, "CA has not finished initializing", "NoCa"),
    ("GET", 500, "internal error: CA root is nil", "NoCa"),
    ("GET", 500, "Federation states are currently disabled", "NotFederated"),
    ("GET", 500, "Failed to create boolean expression evaluator", "Failed"),
    ("GET", 500, "sameness groups are not supported", "Failed"),
    ("GET", 500, "required query parameter", "Failed"),
    ("DELETE", 500, "uses inconsistent protocols", "Failed"),
    ("PUT", 500, "", "Failed"),
];

fn expected_error(recorded: &Recorded) -> Option<&'static str> {
    let text = String::from_utf8_lossy(&recorded.reply.body);
    let fits = |(method, status, part, _): &&(&str, u16, &str, &str)| {
        (method.is_empty() || *method == recorded.method) && *status == recorded.reply.status && text.contains(part)
    };
    ERRORS.iter().find(fits).map(|(.., error)| *error)
}

/// What is left out of answers that are otherwise the model's: file, and part of the reason.
const LEFT_OUT: &[(&str, &str)] = &[
    // Kept by Consul for itself; an API gateway is none of gw's.
    ("mesh-config-list-bound-api-gateway", "written by Consul's servers alone"),
    ("mesh-config-bound-api-gateway", "written by Consul's servers alone"),
    ("acl-config-bound", "written by Consul's servers alone"),
];

fn judge(recorded: &Recorded) -> Result<(), String> {
    let outcome = recorded.outcome().ok_or("no rule claims it")?;
    let status = recorded.reply.status;
    match &outcome {
        Outcome::Error(why) => {
            let said = format!("{why:?}");
            let expected = expected_error(recorded).ok_or_else(|| format!("no rule says which error it is: {said}"))?;
            if said.split([' ', '(']).next() == Some(expected) { Ok(()) } else { Err(format!("{said} where {expected} was expected")) }
        }
        Outcome::Absent if status == 404 => Ok(()),
        Outcome::NotReady(NotReady::NoRoots) if recorded.file == "secondary-alone-agent-roots.json" => Ok(()),
        Outcome::Model(left_out) if status == 200 => {
            let known = |l: &LeftOut| LEFT_OUT.iter().any(|(file, why)| recorded.file.starts_with(file) && l.why.contains(why));
            left_out.iter().find(|l| !known(l)).map_or(Ok(()), |l| Err(l.to_string()))
        }
        Outcome::NotAsked if status == 200 => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

#[test]
fn every_recorded_answer_ends_in_the_model_or_in_the_right_error() {
    let mut wrong = Vec::new();
    for recorded in all() {
        if let Err(why) = judge(&recorded) {
            let Recorded { version, file, method, path, reply, .. } = &recorded;
            wrong.push(format!("{version}/{file}: {method} {path} {}: {why}", reply.status));
        }
    }
    assert!(wrong.is_empty(), "{} answers:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn an_entry_that_an_older_consul_took_is_taken_and_what_is_wrong_with_it_is_told() {
    let value = body("consul-1.8.7", "mesh-config-ingress-gateway-plain.json", &Call::entry(EntryKind::IngressGateway, "plain"));
    let taken = convert::stored(&value).expect("it is taken").decoded;
    let Some(ConfigEntry::IngressGateway(gateway)) = taken.entry else { panic!("{:?}", taken.entry) };
    assert_eq!(gateway.listeners[0].services.len(), 2);
    let said: Vec<&str> = taken.notes.iter().map(|note| note.message.as_str()).collect();
    assert_eq!(said, ["ingress-gateway/plain: service \"api\" cannot be added to a listener more than once"]);
}

#[test]
fn an_answer_that_nobody_claims_is_seen() {
    let mut recorded = named("consul-1.21.4", "empty-datacenters.json");
    recorded.path = "/v1/kv/x".to_owned();
    assert_eq!(judge(&recorded), Err("no rule claims it".to_owned()));
    let mut recorded = named("consul-1.21.4", "acl-self-P1.txt");
    recorded.reply.status = 500;
    assert!(judge(&recorded).is_err());
}

fn body<T>(version: &str, file: &str, call: &Call<T>) -> T {
    call.read(&named(version, file).reply).expect("an answer").what.expect("it is there")
}

#[test]
fn instances_are_those_of_the_mesh_with_their_health_and_the_subsets_meta() {
    for version in VERSIONS {
        let rows = body(version, "mesh-health-connect-web.json", &Call::instances(Side::Mesh, "web"));
        let mut left_out = Vec::new();
        let web = convert::service("web", Side::Mesh, &rows, "dc1", &mut left_out);
        assert_eq!((web.instances.len(), left_out.len()), (rows.len(), 0));
        assert!(web.instances.iter().all(|i| i.mesh && i.datacenter == "dc1"));
        assert!(web.instances.iter().any(|i| i.meta.contains_key("version")), "subsets are chosen by it");
        let usable = body(version, "mesh-health-connect-web-passing.json", &Call::instances(Side::Mesh, "web"));
        let passing = web.instances.iter().filter(|i| i.health == Health::Passing).count();
        assert_eq!(passing, usable.len(), "{version}: health is summed up as Consul sums it up");
        assert!(web.instances.iter().any(|i| i.health != Health::Passing), "{version}");
    }
}

#[test]
fn gateways_elsewhere_are_where_they_are_tagged_wan() {
    for version in VERSIONS {
        let answer = body(version, "secondary-dc2-federation-states-gateways.json", &Call::mesh_gateways());
        let federation = convert::mesh_gateways(&answer, "dc2", &mut Vec::new());
        let dc1: Vec<_> = federation.gateways("dc1").iter().map(|gateway| gateway.address.to_string()).collect();
        let row = &answer["dc1"].0[0].service;
        let wan = &row.tagged_addresses["wan"];
        assert_eq!(dc1, [format!("{}:{}", wan.address, wan.port)], "{version}");
        // In the own datacenter they are reached without a detour.
        let own = &answer["dc2"].0[0].service;
        assert_eq!(federation.gateways("dc2")[0].address.to_string(), format!("{}:{}", own.address, own.port), "{version}");
    }
}

#[test]
fn what_holds_without_an_intention_is_what_the_agent_says_of_it() {
    let deny = Meta { default_policy: Some(IntentionAction::Deny), ..Meta::default() };
    for version in VERSIONS {
        let open = body(version, "empty-self.json", &Call::agent_self());
        assert_eq!(convert::default_action(Some(&open), &deny), Some(IntentionAction::Allow), "{version}: without ACLs all may");
        let closed = body(version, "acl-self-P5.json", &Call::agent_self());
        assert_eq!(convert::default_action(Some(&closed), &Meta::default()), Some(IntentionAction::Deny), "{version}");
        let mut policy = open.clone();
        policy.debug_config.default_intention_policy = "deny".to_owned();
        assert_eq!(convert::default_action(Some(&policy), &Meta::default()), Some(IntentionAction::Deny));
    }
    assert_eq!(convert::default_action(None, &deny), Some(IntentionAction::Deny));
    assert_eq!(convert::default_action(None, &Meta::default()), None);
}

#[test]
fn headers_say_who_may_not_see_and_which_index_it_is() {
    let meta = |version, file| Meta::of(&named(version, file).reply.headers);
    let filtered: Vec<Meta> = all().iter().map(|r| Meta::of(&r.reply.headers)).filter(|meta| meta.filtered).collect();
    assert!(!filtered.is_empty() && filtered.iter().all(|meta| meta.default_policy == Some(IntentionAction::Deny)), "{filtered:?}");
    // An error can have an index, and it is none.
    let error = named("consul-1.8.7", "empty-bad-dc.txt");
    assert_eq!((Meta::of(&error.reply.headers).index, Meta::of(&error.reply.headers).known_leader), (Some(1), Some(false)));
    assert!(Call::services().read(&error.reply).is_err());
    // What is not there has one that can be waited with.
    assert!(meta("consul-1.21.4", "empty-config-none-mesh.txt").index.is_some());
}

fn id_of(leaf: &IssuedLeaf) -> &SpiffeId {
    let Identity::Service(id) = &leaf.id else { panic!("{} is no service", leaf.id) };
    id
}

#[test]
fn a_leaf_of_a_secondary_has_each_certificate_once_and_roots_of_a_rotation_are_all_trusted() {
    for version in VERSIONS {
        let leaf = convert::leaf(&body(version, "secondary-dc2-agent-leaf-web.json", &Call::leaf("web"))).expect("a leaf");
        assert_eq!((leaf.chain.matches("BEGIN CERTIFICATE").count(), &*id_of(&leaf).datacenter), (2, "dc2"), "{version}");
        let roots = convert::roots(&body(version, "rotated-agent-roots.json", &Call::roots())).expect("roots");
        assert_eq!(roots.roots.len(), 2, "{version}");
        assert_eq!(id_of(&leaf).trust_domain.as_str().split_once('.').map(|(_, domain)| domain), Some("consul"), "{version}");
    }
}

#[test]
fn every_refusal_of_a_token_names_the_rule_that_is_missing_in_both_versions() {
    let mut named = BTreeMap::<String, usize>::new();
    for r in all() {
        let text = String::from_utf8_lossy(&r.reply.body).into_owned();
        if r.reply.status != 403 || !text.starts_with("Permission denied") || text.contains("only writeable by controller") {
            continue;
        }
        let path = r.path.split('?').next().unwrap_or_default();
        let rule = permission::missing(&format!("{} {path}", r.method), &text);
        // What was written, or whom it was about, is in the body, which 1.8 does not speak of.
        let unsaid = r.version == "consul-1.8.7" && ["/v1/config", "/v1/agent/connect/authorize"].contains(&path) && r.method != "GET";
        assert_eq!(rule.is_none(), unsaid, "{} {} {}: {text}", r.version, r.method, r.path);
        *named.entry(rule.map_or_else(|| "-".to_owned(), |rule| rule.to_string())).or_default() += 1;
    }
    let kinds: Vec<&str> = named.keys().map(String::as_str).collect();
    let wanted = [
        "-",
        "agent_prefix \"\" { policy = \"read\" }",
        "mesh = \"read\"",
        "operator = \"read\"",
        "peering = \"read\"",
        "service \"igw\" { policy = \"write\" }",
        "service \"legacy\" { policy = \"write\" }",
        "service \"other\" { policy = \"write\" }",
        "service \"q\" { policy = \"write\" }",
        "service_prefix \"\" { policy = \"read\" }",
    ];
    assert_eq!(kinds, wanted, "{named:?}");
}
