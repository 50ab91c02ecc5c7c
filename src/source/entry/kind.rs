//! One entry from its tree: which kind it is, decoded, normalized, validated.

use std::sync::Arc;

use serde_json::Value as Json;

use super::api_gateway::ApiGateway;
use super::check::Check;
use super::codes;
use super::cx::{Cx, Step};
use super::decode::{Field, take};
use super::fields::{Schema, decode_map, nearest, print_struct};
use super::file_system_certificate::FileSystemCertificate;
use super::http_route::HttpRoute;
use super::inline_certificate::InlineCertificate;
use super::jwt_provider::JwtProvider;
use super::parts::{Known, Parts};
use super::read::Again;
use super::tcp_route::TcpRoute;
use super::tree::{Key, Map, Node, Span, Value};
use super::{Decoded, EntrySource};
use crate::model::entry::*;
use crate::source::diagnostic::{Diagnostic, Text};

/// A kind of entries: how one is judged.
pub(super) trait Kind: Schema {
    /// Makes the entry what Consul stores.
    fn normalize(&mut self);
    /// Everything that Consul refuses, and what it should have.
    fn validate(&self, check: &mut Check<'_>);
    /// Closes what a stored entry opens at places that say what is not understood or not allowed.
    fn close(&mut self, _doubts: &[String]) {}
    /// Takes a key that is none of the struct's; true if it is known all the same.
    fn other_key(_key: &Key, _node: &Node, _cx: &mut Cx) -> bool {
        false
    }
    /// Name, Meta.
    fn common(&self) -> &Common;
}

/// A kind that the model has.
pub(super) trait Acted: Kind {
    /// The entry of the model.
    fn entry(self) -> ConfigEntry;
}

/// An accepted entry that does not know yet where it stands.
pub(super) struct Accepted {
    kind: EntryKind,
    name: String,
    entry: Option<ConfigEntry>,
    pub(super) notes: Vec<Diagnostic>,
    parts: Vec<(Span, Known)>,
}

impl Accepted {
    pub(super) fn at(self, source: EntrySource) -> Decoded {
        let Self { kind, name, entry, notes, parts } = self;
        // A note says where it belongs, which nobody would know of a part that is taken over.
        let parts = if notes.is_empty() { Parts::of(&parts, &source.span) } else { Parts::default() };
        Decoded { kind, name, entry, notes, source, parts }
    }
}

/// Reads one entry; `twice` is for HCL, which Consul's command decodes before the server does.
pub(super) fn decode(root: &Node, text: &Arc<Text>, twice: bool) -> Result<Accepted, Vec<Diagnostic>> {
    let place = (!text.content.is_empty()).then(|| text.clone());
    decode_in(root, Cx::new(place, twice))
}

/// Takes one entry that a Consul stores: what alone its validation would refuse today is a finding, and so is what is not known here.
pub(super) fn decode_stored(root: &Node) -> Result<Accepted, Vec<Diagnostic>> {
    decode_in(root, Cx::of_stored())
}

fn decode_in(root: &Node, mut cx: Cx) -> Result<Accepted, Vec<Diagnostic>> {
    let result = match &root.value {
        Value::Map(map) => decode_kind(root, map, &mut cx),
        _ => {
            cx.error(codes::KIND, &root.span, format!("an entry is an object with a Kind, not {}", root.go_type()));
            None
        }
    };
    cx.found.sort_by_key(|d| d.place.as_ref().map(|(_, span)| span.start));
    match result.filter(|_| !cx.failed()) {
        Some((kind, name, entry)) => Ok(Accepted { kind, name, entry, notes: cx.found, parts: cx.parts }),
        None => Err(cx.found),
    }
}

type Read = (EntryKind, String, Option<ConfigEntry>);

fn decode_kind(root: &Node, map: &Map, cx: &mut Cx) -> Option<Read> {
    let kind = kind_of(root, map, cx)?;
    match kind {
        EntryKind::IngressGateway => acted_on::<IngressGateway>(kind, root, map, cx),
        EntryKind::ServiceDefaults => acted_on::<ServiceDefaults>(kind, root, map, cx),
        EntryKind::ProxyDefaults => acted_on::<ProxyDefaults>(kind, root, map, cx),
        EntryKind::ServiceRouter => acted_on::<ServiceRouter>(kind, root, map, cx),
        EntryKind::ServiceSplitter => acted_on::<ServiceSplitter>(kind, root, map, cx),
        EntryKind::ServiceResolver => acted_on::<ServiceResolver>(kind, root, map, cx),
        EntryKind::TerminatingGateway => acted_on::<TerminatingGateway>(kind, root, map, cx),
        EntryKind::ServiceIntentions => acted_on::<ServiceIntentions>(kind, root, map, cx),
        EntryKind::Mesh => acted_on::<Mesh>(kind, root, map, cx),
        EntryKind::ExportedServices => acted_on::<ExportedServices>(kind, root, map, cx),
        EntryKind::SamenessGroup => {
            cx.error(codes::ENTERPRISE, &root.span, "sameness-group entries belong to Consul Enterprise");
            None
        }
        EntryKind::BoundApiGateway => {
            cx.error(codes::KIND, &root.span, "bound-api-gateway entries are written by Consul's servers alone");
            None
        }
        _ => {
            let name = (JudgedOnly::of(kind)?.name)(root, map, cx)?;
            Some((kind, name, None))
        }
    }
}

/// A kind that the model does not have, for nothing acts on it: its entries are judged, and decoded once more if somebody asks
/// what is stored.
struct JudgedOnly {
    /// Judges an entry and tells its name.
    name: fn(&Node, &Map, &mut Cx) -> Option<String>,
    /// Prints one as it is stored.
    print: fn(EntryKind, &Node, &Map, &mut Cx) -> Json,
}

impl JudgedOnly {
    fn of(kind: EntryKind) -> Option<Self> {
        Some(match kind {
            EntryKind::ApiGateway => Self::as_one::<ApiGateway>(),
            EntryKind::HttpRoute => Self::as_one::<HttpRoute>(),
            EntryKind::TcpRoute => Self::as_one::<TcpRoute>(),
            EntryKind::InlineCertificate => Self::as_one::<InlineCertificate>(),
            EntryKind::FileSystemCertificate => Self::as_one::<FileSystemCertificate>(),
            EntryKind::JwtProvider => Self::as_one::<JwtProvider>(),
            _ => return None,
        })
    }

    fn as_one<K: Kind>() -> Self {
        Self {
            name: |root, map, cx| Some(judged::<K>(root, map, cx)?.common().name.clone()),
            print: |kind, root, map, cx| judged::<K>(root, map, cx).map_or(Json::Null, |entry| stored(kind, &entry)),
        }
    }
}

/// A kind that no other Consul knows.
const OF_ENTERPRISE: &str = "control-plane-request-limit";

/// The kind: under `Kind`, else `kind`, in no other spelling.
fn kind_of(root: &Node, map: &Map, cx: &mut Cx) -> Option<EntryKind> {
    let under = |name: &str| map.iter().find(|(k, _)| k.text == name).map(|(_, v)| v);
    let Some(node) = under("Kind").or_else(|| under("kind")) else {
        cx.error(codes::KIND, &root.span, "the entry has no Kind");
        return None;
    };
    let Value::Text(word) = &node.value else {
        cx.error(codes::KIND, &node.span, "Kind must be a string");
        return None;
    };
    let kind = EntryKind::parse(word);
    if word == OF_ENTERPRISE {
        cx.error(codes::ENTERPRISE, &node.span, format!("{word} entries belong to Consul Enterprise"));
    } else if kind.is_none() {
        let mut diagnostic = Diagnostic::error(codes::KIND, format!("unknown kind {word:?}"));
        let trimmed = word.trim().to_lowercase();
        if let Some(name) = nearest(&trimmed, EntryKind::ALL.iter().map(|k| k.as_str())) {
            diagnostic = diagnostic.label(format!("did you mean {name:?}?"));
        }
        let diagnostic = cx.place(diagnostic, &node.span);
        cx.found.push(diagnostic);
    }
    kind
}

fn acted_on<K: Acted>(kind: EntryKind, root: &Node, map: &Map, cx: &mut Cx) -> Option<Read> {
    let entry = judged::<K>(root, map, cx)?.entry();
    Some((kind, entry.common().name.clone(), Some(entry)))
}

/// An entry, decoded, normalized and validated.
fn judged<K: Kind>(root: &Node, map: &Map, cx: &mut Cx) -> Option<K> {
    let mut entry: K = decode_map(map, cx, &mut |key, node, cx| server_set(key, node, cx) || K::other_key(key, node, cx));
    if cx.failed() {
        return None;
    }
    entry.normalize();
    let mut check = Check::new(root, cx);
    super::common::validate(entry.common(), &mut check);
    entry.validate(&mut check);
    entry.close(&cx.doubts);
    Some(entry)
}

/// Keys that every entry may have at its top and that say nothing. Consul's command takes the indexes for numbers, in any
/// case, and has no Hash; its servers look at no index, and take a Hash for a number.
fn server_set(key: &Key, node: &Node, cx: &mut Cx) -> bool {
    let named = |name: &str| key.text.eq_ignore_ascii_case(name);
    let number = if cx.twice { named("CreateIndex") || named("ModifyIndex") } else { named("Hash") };
    if number {
        let _: u64 = cx.at(Step::Other(key.text.clone()), |cx| take(node, cx));
    }
    number || matches!(key.text.as_str(), "CreateIndex" | "ModifyIndex" | "Kind" | "kind")
}

/// What Consul would print of an entry of a kind that the model does not have.
pub(super) fn print_judged(kind: EntryKind, root: &Node, again: Again) -> Json {
    let mut cx = if let Again::Stored = again { Cx::of_stored() } else { Cx::new(None, again.is_twice()) };
    match (JudgedOnly::of(kind), &root.value) {
        (Some(only), Value::Map(map)) => (only.print)(kind, root, map, &mut cx),
        _ => Json::Null,
    }
}

/// What Consul stores and prints: the kind, then the fields in its order.
fn stored<K: Kind>(kind: EntryKind, entry: &K) -> Json {
    let mut out = serde_json::Map::new();
    out.insert("Kind".to_owned(), Json::String(kind.as_str().to_owned()));
    entry.print_into(&mut out);
    Json::Object(out)
}

/// An entry of the model as Consul's JSON.
pub(super) fn print(entry: &ConfigEntry) -> Json {
    let kind = entry.kind();
    match entry {
        ConfigEntry::ServiceDefaults(e) => stored(kind, &**e),
        ConfigEntry::ProxyDefaults(e) => stored(kind, &**e),
        ConfigEntry::ServiceRouter(e) => stored(kind, &**e),
        ConfigEntry::ServiceSplitter(e) => stored(kind, &**e),
        ConfigEntry::ServiceResolver(e) => stored(kind, &**e),
        ConfigEntry::IngressGateway(e) => stored(kind, &**e),
        ConfigEntry::TerminatingGateway(e) => stored(kind, &**e),
        ConfigEntry::ServiceIntentions(e) => stored(kind, &**e),
        ConfigEntry::Mesh(e) => stored(kind, &**e),
        ConfigEntry::ExportedServices(e) => stored(kind, &**e),
    }
}

/// A part of an entry as Consul's JSON.
pub(super) fn print_part<T: Schema + Field>(part: &T) -> Json {
    print_struct(part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::source::entry::{from_json, from_stored};

    #[test]
    fn kinds_are_exact_and_a_misspelt_one_is_told() {
        let label = |entry: Json| from_json(&entry).map(|d| d.kind).map_err(|p| p[0].label.clone());
        assert_eq!(label(json!({"kind": "mesh"})), Ok(EntryKind::Mesh));
        assert_eq!(label(json!({"Kind": "service-defaults", "kind": "mesh", "Name": "a"})), Ok(EntryKind::ServiceDefaults));
        assert_eq!(label(json!({"Kind": "Service-Router", "Name": "a"})), Err("did you mean \"service-router\"?".to_owned()));
        for refused in
            [json!({"KIND": "mesh"}), json!({}), json!([]), json!({"Kind": "sameness-group", "Name": "a"}), json!({"Kind": ["mesh"]})]
        {
            assert!(from_json(&refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn kinds_that_the_model_does_not_have_are_judged_and_stored_all_the_same() {
        let entry = json!({"Kind": "file-system-certificate", "Name": "edge", "Certificate": "/c", "ModifyIndex": 7});
        let decoded = from_json(&entry).expect("it is accepted");
        assert_eq!((decoded.name.as_str(), decoded.entry.is_none()), ("edge", true));
        let stored = json!({"Kind": "file-system-certificate", "Name": "edge", "Certificate": "/c", "PrivateKey": ""});
        assert_eq!(decoded.stored(), stored);
    }

    fn anything() -> impl Strategy<Value = Json> {
        let names = [
            "Routes",
            "Match",
            "HTTP",
            "Header",
            "Name",
            "Splits",
            "Weight",
            "Subsets",
            "Failover",
            "Targets",
            "Listeners",
            "Services",
            "Hosts",
        ];
        let more = [
            "Meta",
            "Config",
            "protocol",
            "Destination",
            "Addresses",
            "UpstreamConfig",
            "Overrides",
            "LoadBalancer",
            "HashPolicies",
            "v1",
            "*",
            "",
        ];
        let of_mesh = [
            "Sources",
            "Permissions",
            "Action",
            "Peer",
            "LegacyMeta",
            "LegacyCreateTime",
            "JWT",
            "Providers",
            "TLS",
            "Incoming",
            "CipherSuites",
            "RequestNormalization",
            "CAFile",
            "SNI",
        ];
        let key = proptest::sample::select([&names[..], &more[..], &of_mesh[..]].concat()).prop_map(str::to_owned);
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Json::from),
            (-3i64..70000).prop_map(Json::from),
            ".{0,6}".prop_map(Json::from),
            proptest::sample::select(vec!["http", "5s", "/a", "a.b", "*", "1", "x == y", "allow", "ALLOW", "TLSv1_2"]).prop_map(Json::from),
        ];
        leaf.prop_recursive(6, 40, 5, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                proptest::collection::vec((key.clone(), inner), 0..5).prop_map(|m| Json::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_panics_and_what_is_stored_is_stored_again_as_it_is(kind in 0..EntryKind::ALL.len(), fields in anything()) {
            let mut entry = fields.as_object().cloned().unwrap_or_default();
            entry.insert("Kind".to_owned(), EntryKind::ALL[kind].as_str().into());
            let entry = Json::Object(entry);
            let taken = from_stored(&entry).map(|d| (d.stored(), d.notes));
            if let Ok(first) = from_json(&entry) {
                let again = from_json(&first.stored()).map(|d| d.stored());
                prop_assert_eq!(again.ok(), Some(first.stored()));
                prop_assert_eq!(taken, Ok((first.stored(), first.notes)));
            }
        }
    }
}
