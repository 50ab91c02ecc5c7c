//! service-intentions: field table, normalization, validation (semantics 11.1, 11.2).

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Arguments;
use std::sync::Arc;

use serde_json::Value as Json;

use super::check::Check;
use super::codes;
use super::common::{self, META_VALUE_MAX};
use super::cx::Cx;
use super::decode::{Field, object};
use super::fields::{decode_map, fields, names, print_struct, schema};
use super::kind::{Acted, Kind};
use super::matching;
use super::scalar::Timestamp;
use super::tree::{Map, Node};
use super::word::{Word, words};
use crate::model::entry::*;
use crate::source::diagnostic::Diagnostic;

fields!(ServiceIntentions {
    common.name: "Name"; keep,
    sources: "Sources"; keep,
    jwt: "JWT",
    common.meta: "Meta",
});

schema!(SourceIntention {
    name: "Name"; keep,
    action: "Action" as Word<IntentionAction>,
    permissions: "Permissions",
    precedence: "Precedence"; keep,
    r#type: "Type"; keep,
    description: "Description",
    peer: "Peer",
});

words!(IntentionAction);

fields!(IntentionPermission {
    action: "Action"; keep as Word<IntentionAction>,
    http: "HTTP",
    jwt: "JWT",
});

fields!(IntentionHttp {
    path_exact: "PathExact" ~ "path_exact",
    path_prefix: "PathPrefix" ~ "path_prefix",
    path_regex: "PathRegex" ~ "path_regex",
    header: "Header",
    methods: "Methods",
});

fields!(IntentionHeader {
    rule.name: "Name"; keep,
    rule.present: "Present",
    rule.exact: "Exact",
    rule.prefix: "Prefix",
    rule.suffix: "Suffix",
    contains: "Contains",
    rule.regex: "Regex",
    rule.invert: "Invert",
    ignore_case: "IgnoreCase" ~ "ignore_case",
});

fields!(IntentionJwtRequirement { providers: "Providers" });

fields!(IntentionJwtProvider { name: "Name", verify_claims: "VerifyClaims" ~ "verify_claims" });

fields!(IntentionJwtClaim { path: "Path", value: "Value" });

/// What a source may say that is never stored: the old API's fields, and one of Consul Enterprise.
#[derive(Default)]
struct Unkept {
    sameness_group: String,
    legacy_id: String,
    legacy_meta: BTreeMap<String, String>,
    legacy_create_time: Timestamp,
    legacy_update_time: Timestamp,
}

schema!(Unkept {
    sameness_group: "SamenessGroup" ~ "sameness_group",
    legacy_id: "LegacyID" ~ "legacy_id",
    legacy_meta: "LegacyMeta" ~ "legacy_meta",
    legacy_create_time: "LegacyCreateTime" ~ "legacy_create_time",
    legacy_update_time: "LegacyUpdateTime" ~ "legacy_update_time",
});

impl Field for SourceIntention {
    fn decode(node: &Node, cx: &mut Cx) -> Self {
        let Some(map) = object(node, cx) else { return Self::default() };
        let mut others = Map::new();
        let source = decode_map(map, cx, &mut |key, node, _| {
            let unkept = names::<Unkept>(&key.text);
            if unkept {
                others.push((key.clone(), node.clone()));
            }
            unkept
        });
        let unkept: Unkept = decode_map(&others, cx, &mut |_, _, _| false);
        if !unkept.sameness_group.is_empty() {
            let place = format!("{}.SamenessGroup", cx.here());
            let message = format!("{place}: sameness groups belong to Consul Enterprise");
            let diagnostic = cx.place(Diagnostic::error(codes::ENTERPRISE, message), &node.span);
            cx.refuse(diagnostic, || place);
        }
        // What was written by the older API has it, and is stored with it.
        if !unkept.legacy_meta.is_empty() && !cx.stored {
            let message = format!("{}.LegacyMeta belongs to the API before service-intentions; write Meta of the entry", cx.here());
            cx.error(codes::EXCLUSIVE, &node.span, message);
        }
        source
    }

    fn print(&self) -> Json {
        print_struct(self)
    }

    fn is_empty(&self) -> bool {
        false
    }
}

const WILDCARD: &str = "*";

impl Kind for ServiceIntentions {
    fn normalize(&mut self) {
        for (i, source) in self.sources.iter_mut().enumerate() {
            source.index = i;
            source.precedence = precedence(&self.common.name, &source.name);
            if source.r#type.is_empty() {
                source.r#type = "consul".to_owned();
            }
            for http in source.permissions.iter_mut().filter_map(|p| p.http.as_mut()) {
                http.methods.iter_mut().for_each(|method| *method = method.to_uppercase());
            }
        }
        self.sources.sort_by_key(|source| Reverse(source.precedence));
    }

    fn validate(&self, check: &mut Check<'_>) {
        wildcard("Name", &self.common.name, check);
        jwt_rules(self.jwt.as_ref(), format_args!("JWT"), check);
        if self.sources.is_empty() {
            check.error(codes::EMPTY, "Sources", "Sources must have at least one source");
        }
        let mut known = HashSet::new();
        for source in &self.sources {
            let at = format_args!("Sources[{}]", source.index);
            source_rules(source, at, check);
            if self.common.name == WILDCARD && !source.permissions.is_empty() {
                let message = format!("{at}.Permissions cannot be given for every service: name the destination");
                check.error(codes::EXCLUSIVE, format!("{at}.Permissions"), message);
            }
            if !known.insert((&source.peer, &source.name)) {
                let of = if source.peer.is_empty() { String::new() } else { format!(" of peer {:?}", source.peer) };
                check.error(codes::DUPLICATE, at, format!("source {:?}{of} is defined more than once", source.name));
            }
        }
    }

    /// What allows under a condition that is not understood would allow too much: such a source denies, and if the entry itself
    /// asks for something unknown, all of them do.
    fn close(&mut self, doubts: &[String]) {
        let of_all = doubts.iter().any(|place| !names::<Self>(place.split(['.', '[']).next().unwrap_or_default()));
        for source in &mut self.sources {
            let at = format!("Sources[{}]", source.index);
            let of_it = |place: &String| place.strip_prefix(&at).is_some_and(|within| within != ".Description");
            if of_all || doubts.iter().any(of_it) {
                (source.action, source.permissions) = (Some(IntentionAction::Deny), Vec::new());
                if source.name.is_empty() {
                    // Whom else it means is not known either.
                    WILDCARD.clone_into(&mut source.name);
                    source.precedence = precedence(&self.common.name, WILDCARD);
                }
            }
        }
        self.sources.sort_by_key(|source| Reverse(source.precedence));
    }

    fn common(&self) -> &Common {
        &self.common
    }
}

impl Acted for ServiceIntentions {
    fn entry(self) -> ConfigEntry {
        ConfigEntry::ServiceIntentions(Arc::new(self))
    }
}

/// Who comes first where several are about a call: the one with the more exact destination, then source.
fn precedence(destination: &str, source: &str) -> i64 {
    let highest = if destination == WILDCARD { 6 } else { 9 };
    highest - i64::from(source == WILDCARD)
}

/// A name is `*` or has none.
fn wildcard(place: &str, name: &str, check: &mut Check<'_>) {
    if name != WILDCARD && name.contains(WILDCARD) {
        check.error(codes::NAME, place, format!("{place} {name:?}: '*' stands for every name, and cannot be a part of one"));
    }
}

fn source_rules(source: &SourceIntention, at: Arguments<'_>, check: &mut Check<'_>) {
    if source.name.is_empty() {
        check.error(codes::NAME, at, format!("{at} needs a Name"));
    }
    wildcard(&format!("{at}.Name"), &source.name, check);
    if source.peer.contains(WILDCARD) {
        check.error(codes::NAME, format!("{at}.Peer"), format!("{at}.Peer {:?} cannot have a '*': name one peer", source.peer));
    }
    if source.description.len() > META_VALUE_MAX {
        let message = format!("{at}.Description has {} bytes, at most {META_VALUE_MAX} are allowed", source.description.len());
        check.error(codes::META, format!("{at}.Description"), message);
    }
    if source.r#type != "consul" {
        check.error(codes::VALUE, format!("{at}.Type"), format!("{at}.Type {:?} must be \"consul\"", source.r#type));
    }
    match (source.action, source.permissions.is_empty()) {
        (None, true) => check.error(codes::VALUE, at, format!("{at} needs an Action, \"allow\" or \"deny\", or Permissions")),
        (Some(_), false) => {
            check.error(codes::EXCLUSIVE, format!("{at}.Action"), format!("{at} has Permissions, which stand in place of its Action"));
        }
        _ => {}
    }
    for (i, permission) in source.permissions.iter().enumerate() {
        permission_rules(permission, format_args!("{at}.Permissions[{i}]"), check);
    }
}

fn permission_rules(permission: &IntentionPermission, at: Arguments<'_>, check: &mut Check<'_>) {
    if permission.action.is_none() {
        check.error(codes::VALUE, at, format!("{at} needs an Action, \"allow\" or \"deny\""));
    }
    jwt_rules(permission.jwt.as_ref(), format_args!("{at}.JWT"), check);
    let Some(http) = &permission.http else {
        check.error(codes::EMPTY, at, format!("{at} needs HTTP: what requests it is for"));
        return;
    };
    let at = format_args!("{at}.HTTP");
    if *http == IntentionHttp::default() {
        check.error(codes::EMPTY, at, format!("{at} needs a condition; for every request write PathPrefix = \"/\""));
    }
    matching::paths(&http.path_exact, &http.path_prefix, &http.path_regex, at, check);
    matching::methods(&http.methods, at, check);
    common::regex(&http.path_regex, format_args!("{at}.PathRegex"), BAD_REGEX, check);
    for (i, header) in http.header.iter().enumerate() {
        header_rules(header, format_args!("{at}.Header[{i}]"), check);
    }
}

/// What comes of a regex that is none.
const BAD_REGEX: &str =
    "Consul stores the entry and no proxy takes it; in gw the permission allows nothing, and denies all that its other conditions match";

fn header_rules(header: &IntentionHeader, at: Arguments<'_>, check: &mut Check<'_>) {
    let IntentionHeader { rule, contains, ignore_case } = header;
    let texts = [&rule.exact, &rule.prefix, &rule.suffix, contains, &rule.regex];
    matching::one_kind(&rule.name, rule.present, &texts, "Present, Exact, Prefix, Suffix, Contains and Regex", at, check);
    if *ignore_case && (rule.present || !rule.regex.is_empty()) {
        let message = format!("{at}.IgnoreCase goes with Exact, Prefix, Suffix and Contains");
        check.error(codes::EXCLUSIVE, format!("{at}.IgnoreCase"), message);
    }
    common::regex(&rule.regex, format_args!("{at}.Regex"), BAD_REGEX, check);
}

fn jwt_rules(jwt: Option<&IntentionJwtRequirement>, at: Arguments<'_>, check: &mut Check<'_>) {
    if jwt.is_some() {
        let message = format!("{at}: gw verifies no tokens, so what asks for one is denied");
        check.finding(codes::JWT, at, message, "Consul's sidecars verify it; keep such a service behind one");
    }
    for (i, provider) in jwt.iter().flat_map(|jwt| &jwt.providers).enumerate() {
        if provider.name.is_empty() {
            check.error(codes::NAME, format!("{at}.Providers[{i}]"), format!("{at}.Providers[{i}] needs a Name"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::model::entry::ConfigEntry;
    use crate::source::entry::{from_json, from_stored};

    fn entry(name: &str, sources: Value) -> Value {
        json!({"Kind": "service-intentions", "Name": name, "Sources": sources})
    }

    /// The codes of what is wrong with intentions, or of the notes about them.
    fn codes(entry: &Value) -> Vec<&'static str> {
        from_json(entry).map_or_else(|problems| problems, |decoded| decoded.notes).into_iter().map(|d| d.code).collect()
    }

    #[test]
    fn sources_are_judged_by_consuls_rules() {
        let long = "d".repeat(513);
        for (source, wanted) in [
            (json!({"Name": "a", "Action": "allow"}), &[][..]),
            (json!({"name": ["a"], "ACTION": "deny", "Peer": "east", "Precedence": "0x7", "Type": ""}), &[]),
            (json!({"Name": " ", "Action": "deny", "Permissions": {}}), &[]),
            (json!({"Name": "a", "Action": "deny", "LegacyID": "x", "legacy_create_time": "2020-01-01T00:00:00+01:00"}), &[]),
            (json!({"Name": "a", "Action": "deny", "LegacyMeta": {}, "sameness_group": "", "LegacyUpdateTime": null}), &[]),
            (json!(null), &["GW0201", "GW0203"]),
            (json!({"Action": "allow"}), &["GW0201"]),
            (json!({"Name": "a*", "Action": "allow"}), &["GW0201"]),
            (json!({"Name": "**", "Action": "allow"}), &["GW0201"]),
            (json!({"Name": "a", "Peer": "*", "Action": "allow"}), &["GW0201"]),
            (json!({"Name": "a"}), &["GW0203"]),
            (json!({"Name": "a", "Action": "Allow"}), &["GW0203"]),
            (json!({"Name": "a", "Action": "allow", "Type": "external"}), &["GW0203"]),
            (json!({"Name": "a", "Action": "allow", "Description": long}), &["GW0202"]),
            (json!({"Name": "a", "Action": "allow", "Permissions": [{"Action": "allow", "HTTP": {"PathPrefix": "/"}}]}), &["GW0204"]),
            (json!({"Name": "a", "Action": "allow", "LegacyMeta": {"a": "b"}}), &["GW0204"]),
            (json!({"Name": "a", "Action": "allow", "LegacyCreateTime": "yesterday"}), &["GW0103"]),
            (json!({"Name": "a", "Action": "allow", "LegacyCreateTime": 5}), &["GW0103"]),
            (json!({"Name": "a", "Action": "allow", "Precedence": "x"}), &["GW0103"]),
            (json!({"Name": "a", "Action": "allow", "SamenessGroup": "x"}), &["GW0106"]),
            (json!({"Name": "a", "Action": "allow", "Namespace": "default"}), &["GW0106"]),
            (json!({"Name": "a", "Action": "allow", "Partition": null}), &["GW0106"]),
            (json!({"Name": "a", "Action": "allow", "Actoin": "deny"}), &["GW0102"]),
            (json!({"Name": "a", "Action": "allow", "LegacyID": "x", "legacy_id": "y"}), &["GW0102"]),
        ] {
            assert_eq!(codes(&entry("web", json!([source]))), wanted, "{source}");
        }
    }

    #[test]
    fn permissions_are_judged_by_consuls_rules() {
        let header = |header: Value| json!({"Action": "allow", "HTTP": {"Header": header}});
        for (permission, wanted) in [
            (json!({"Action": "allow", "HTTP": {"path_prefix": "/", "methods": "get"}}), &[][..]),
            (json!({"Action": "deny", "HTTP": {"PathRegex": "x"}}), &[]),
            (json!([{}]), &["GW0203", "GW0214"]),
            (json!({"Action": "allow"}), &["GW0214"]),
            (json!({"Action": "allow", "HTTP": {"Header": [], "Methods": []}}), &["GW0214"]),
            (json!({"Action": "allow", "HTTP": {"PathExact": "x"}}), &["GW0205"]),
            (json!({"Action": "allow", "HTTP": {"PathExact": "/x", "PathRegex": "/x"}}), &["GW0204"]),
            (json!({"Action": "allow", "HTTP": {"Methods": ["get", "GET", "FETCH"]}}), &["GW0206", "GW0203"]),
            (json!({"Action": "allow", "HTTP": {"PathRegex": "("}}), &["GW0302"]),
            (json!({"Action": "allow", "HTTP": {"PathPrefix": "/", "QueryParam": []}}), &["GW0102"]),
            (header(json!({"Name": "x", "Contains": "c", "ignore_case": "true", "Invert": true})), &[]),
            (header(json!({"Contains": "c"})), &["GW0201"]),
            (header(json!({"Name": "x"})), &["GW0204"]),
            (header(json!([{"Name": "x", "Contains": "c", "Exact": "c"}])), &["GW0204"]),
            (header(json!([{"Name": "x", "Regex": "c", "IgnoreCase": true}])), &["GW0204"]),
            (header(json!([{"Name": "x", "Present": true, "IgnoreCase": true}])), &["GW0204"]),
            (json!({"Action": "allow", "HTTP": {"PathPrefix": "/"}, "JWT": {}}), &["GW0310"]),
            (json!({"Action": "allow", "HTTP": {"PathPrefix": "/"}, "JWT": {"Providers": [{}]}}), &["GW0310", "GW0201"]),
        ] {
            assert_eq!(codes(&entry("web", json!({"Name": "a", "Permissions": permission}))), wanted, "{permission}");
        }
    }

    #[test]
    fn what_holds_between_the_sources_of_a_destination_is_judged() {
        let allow = |name: &str, peer: &str| json!({"Name": name, "Peer": peer, "Action": "allow"});
        let permitted = json!({"Name": "a", "Permissions": [{"Action": "allow", "HTTP": {"PathPrefix": "/"}}]});
        for (given, wanted) in [
            (entry("web", json!([allow("a", ""), allow("a", "east"), allow("A", "")])), &[][..]),
            (entry("web", json!([allow("a", ""), allow("*", ""), allow("a", "")])), &["GW0206"]),
            (entry("web", json!([allow("a", "east"), allow("a", "east")])), &["GW0206"]),
            (entry("web", json!([])), &["GW0214"]),
            (entry("", json!([allow("a", "")])), &["GW0201"]),
            (entry("w*", json!([allow("a", "")])), &["GW0201"]),
            (entry("*", json!([permitted])), &["GW0204"]),
        ] {
            assert_eq!(codes(&given), wanted, "{given}");
        }
    }

    #[test]
    fn the_strongest_come_first_and_places_are_those_that_were_written() {
        let given = entry("*", json!([{"Name": "*", "Action": "deny"}, {"Name": "b", "Action": "allow"}, {"Name": "a", "Action": "deny"}]));
        let decoded = from_json(&given).expect("it is accepted");
        let wanted = [("b", "allow", 6), ("a", "deny", 6), ("*", "deny", 5)];
        let wanted =
            wanted.map(|(name, action, precedence)| json!({"Name": name, "Action": action, "Precedence": precedence, "Type": "consul"}));
        assert_eq!(decoded.stored()["Sources"], json!(wanted));
        let Some(ConfigEntry::ServiceIntentions(intentions)) = decoded.entry else { panic!("it is acted on") };
        assert_eq!(intentions.sources.iter().map(|s| s.index).collect::<Vec<_>>(), [1, 2, 0]);
        let exact = from_json(&entry("web", json!([{"Name": "*", "Action": "deny"}, {"Name": "b", "Action": "allow"}])));
        let sources = exact.expect("it is accepted").stored()["Sources"].clone();
        assert_eq!((&sources[0]["Precedence"], &sources[1]["Precedence"]), (&json!(9), &json!(8)));
    }

    /// Who may what by intentions that are stored: `source precedence action`, the number of permissions after it.
    fn stored(entry: &Value) -> Vec<String> {
        let Ok(Some(ConfigEntry::ServiceIntentions(read))) = from_stored(entry).map(|d| d.entry) else { panic!("{entry} is not read") };
        let one = |s: &crate::model::entry::SourceIntention| {
            format!("{} {} {} {}", s.name, s.precedence, s.action.map_or("none", |a| a.as_str()), s.permissions.len())
        };
        read.sources.iter().map(one).collect()
    }

    #[test]
    fn a_stored_intention_that_says_what_is_not_understood_denies_and_the_others_are_as_they_are() {
        let get = json!([{"Action": "allow", "HTTP": {"PathPrefix": "/", "Methods": ["GET"]}}]);
        let weekdays = json!([{"Action": "allow", "HTTP": {"PathPrefix": "/", "Weekdays": ["Monday"]}}]);
        let both = json!([{"Action": "allow", "HTTP": {"PathPrefix": "/", "PathExact": "/a"}}]);
        let of = |sources: Value| stored(&entry("web", sources));
        let known = json!({"Name": "a", "Permissions": get});
        for (other, wanted) in [
            (json!({"Name": "b", "Permissions": weekdays}), "b 9 deny 0"),
            (json!({"Name": "b", "Permissions": both}), "b 9 deny 0"),
            (json!({"Name": "b", "Action": "challenge"}), "b 9 deny 0"),
            (json!({"Name": "b", "Action": "allow", "Within": "10m"}), "b 9 deny 0"),
            (json!({"Name": "b", "Action": "allow", "Within": "", "Namespace": "default", "LegacyMeta": {"a": "b"}}), "b 9 allow 0"),
            (json!({"Name": "b", "Action": "allow", "Description": "d".repeat(600)}), "b 9 allow 0"),
            (json!({"Action": "deny", "SamenessGroup": "all"}), "* 8 deny 0"),
        ] {
            assert_eq!(of(json!([known, other])), ["a 9 none 1", wanted], "{other}");
        }
        let mut whole = entry("web", json!([{"Name": "a", "Action": "allow"}, {"Name": "b", "Action": "allow"}]));
        whole["Meta"] = json!({"k": "v".repeat(600)});
        assert_eq!(stored(&whole), ["a 9 allow 0", "b 9 allow 0"]);
        whole["Posture"] = json!("managed");
        assert_eq!(stored(&whole), ["a 9 deny 0", "b 9 deny 0"]);
    }
}
