//! Intentions as tables, and the object that stays the same.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::*;
use crate::decide::witness::Step;
use crate::id::{Datacenter, TargetId};
use crate::model::entry::*;
use crate::model::resources::Resources;

const ALLOW: IntentionAction = IntentionAction::Allow;
const DENY: IntentionAction = IntentionAction::Deny;

/// An entry by its sources, each `name` or `name%peer`.
fn intentions(destination: &str, sources: &[(&str, IntentionAction)]) -> ConfigEntry {
    entry(destination, sources.iter().map(|(name, action)| SourceIntention { action: Some(*action), ..source(name) }).collect())
}

fn source(name: &str) -> SourceIntention {
    let (name, peer) = name.split_once('%').unwrap_or((name, ""));
    SourceIntention { name: name.into(), peer: peer.into(), r#type: "consul".into(), ..SourceIntention::default() }
}

fn entry(destination: &str, mut sources: Vec<SourceIntention>) -> ConfigEntry {
    for (index, source) in sources.iter_mut().enumerate() {
        source.index = index;
        source.precedence = if destination == "*" { 6 } else { 9 } - i64::from(source.name == "*");
    }
    sources.sort_by_key(|s| std::cmp::Reverse(s.precedence));
    let common = Common { name: destination.into(), ..Common::default() };
    ConfigEntry::ServiceIntentions(Arc::new(ServiceIntentions { common, sources, jwt: None }))
}

/// A source with permissions.
fn permitted(name: &str, permissions: &[(IntentionAction, IntentionHttp)]) -> SourceIntention {
    let permission =
        |(action, http): &(_, IntentionHttp)| IntentionPermission { action: Some(*action), http: Some(http.clone()), jwt: None };
    SourceIntention { permissions: permissions.iter().map(permission).collect(), ..source(name) }
}

fn prefix(path: &str) -> IntentionHttp {
    IntentionHttp { path_prefix: path.into(), ..IntentionHttp::default() }
}

fn header(change: impl FnOnce(&mut IntentionHeader)) -> IntentionHttp {
    let mut header = IntentionHeader { rule: HeaderMatch { name: "x-a".into(), ..HeaderMatch::default() }, ..IntentionHeader::default() };
    change(&mut header);
    IntentionHttp { header: vec![header], ..IntentionHttp::default() }
}

fn world(default_action: IntentionAction, entries: impl IntoIterator<Item = ConfigEntry>) -> Resources {
    let entries = Arc::new(entries.into_iter().collect());
    Resources { default_action, entries, ..Resources::of_a_gateway_alone() }
}

fn begin(judges: &mut Judges, world: &Resources) {
    judges.begin(world.entries.clone(), &world.trust_domain, world.default_action);
}

fn judge(default: IntentionAction, entries: impl IntoIterator<Item = ConfigEntry>) -> Arc<Judge> {
    let mut judges = Judges::default();
    begin(&mut judges, &world(default, entries));
    judges.of("web")
}

/// Method, target and headers.
type Asked<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

/// What is said to a request of a source: `yes a -> web`
fn said(judge: &Judge, source: &str, request: Option<Asked<'_>>) -> String {
    let mut all = HeaderMap::new();
    for (name, value) in request.iter().flat_map(|(.., headers)| headers.iter()) {
        all.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    let method = Method::from_bytes(request.map_or("GET", |(method, ..)| method).as_bytes()).unwrap();
    let head = request.map(|(_, target, _)| RequestHead { method: &method, authority: "web.test", target, scheme: "https", headers: &all });
    let verdict = judge.judge_service(source, head.as_ref(), &mut ());
    format!("{} {}", if verdict.allowed { "yes" } else { "no" }, verdict.by)
}

#[test]
fn the_destination_goes_before_the_source_and_names_before_the_star() {
    let own = || intentions("web", &[("*", DENY), ("a", ALLOW)]);
    let every = || intentions("*", &[("*", ALLOW), ("b", DENY), ("a", DENY)]);
    let both = judge(ALLOW, [own(), every()]);
    assert_eq!(said(&both, "a", None), "yes a -> web");
    assert_eq!(said(&both, "b", None), "no * -> web");
    let every = judge(DENY, [every()]);
    assert_eq!(said(&every, "a", None), "no a -> *");
    assert_eq!(said(&every, "c", None), "yes * -> *");
    assert_eq!(said(&judge(ALLOW, []), "a", None), "yes default");
    assert_eq!(said(&judge(DENY, []), "a", None), "no default");
}

/// Envoy's rules let x in at the first, and keep it out at the second (wire 1.6).
#[test]
fn a_star_for_the_destination_goes_before_a_name_for_every_destination() {
    let first = judge(DENY, [intentions("web", &[("*", DENY)]), intentions("*", &[("x", ALLOW)])]);
    assert_eq!(said(&first, "x", None), "no * -> web");
    let second = judge(ALLOW, [intentions("web", &[("*", ALLOW)]), intentions("*", &[("x", DENY)])]);
    assert_eq!(said(&second, "x", None), "yes * -> web");
    let third = judge(DENY, [entry("web", vec![permitted("*", &[(ALLOW, prefix("/ok"))])]), intentions("*", &[("x", ALLOW)])]);
    assert_eq!(said(&third, "x", Some(("GET", "/no", &[]))), "no default");
}

#[test]
fn the_first_permission_that_matches_decides_and_without_one_the_default_policy_does() {
    let permissions = [(DENY, prefix("/admin")), (ALLOW, prefix("/a"))];
    let with_star = |action| intentions("*", &[("*", action)]);
    for (default, other) in [(ALLOW, DENY), (DENY, ALLOW)] {
        let judge = judge(default, [entry("web", vec![permitted("a", &permissions)]), with_star(other)]);
        assert_eq!(said(&judge, "a", Some(("GET", "/admin/x", &[]))), "no a -> web");
        assert_eq!(said(&judge, "a", Some(("GET", "/ab?x", &[]))), "yes a -> web");
        assert_eq!(said(&judge, "a", Some(("GET", "/other", &[]))), if default == ALLOW { "yes default" } else { "no default" });
        assert_eq!(said(&judge, "a", None), "no a -> web");
    }
}

#[test]
fn conditions_of_headers_are_those_of_routes_with_contains_and_ignore_case_besides() {
    type Change = fn(&mut IntentionHeader);
    let cases: &[(&str, Change, &[&str], bool)] = &[
        ("present", |h| h.rule.present = true, &[""], true),
        ("exact", |h| h.rule.exact = "v".into(), &["v"], true),
        ("exact in another case", |h| h.rule.exact = "v".into(), &["V"], false),
        ("ignore case", |h| (h.rule.exact, h.ignore_case) = ("vA".into(), true), &["Va"], true),
        ("prefix ignores case", |h| (h.rule.prefix, h.ignore_case) = ("AB".into(), true), &["abc"], true),
        ("suffix ignores case", |h| (h.rule.suffix, h.ignore_case) = ("Bc".into(), true), &["aBC"], true),
        ("contains", |h| h.contains = "b".into(), &["abc"], true),
        ("contains not", |h| h.contains = "bb".into(), &["abc"], false),
        ("contains ignores case", |h| (h.contains, h.ignore_case) = ("B".into(), true), &["abc"], true),
        ("regex is of the whole", |h| h.rule.regex = "a|b".into(), &["ab"], false),
        ("joined", |h| h.rule.exact = "a,z".into(), &["a", "z"], true),
        ("joined is not one of them", |h| h.rule.exact = "a".into(), &["a", "z"], false),
        ("inverted", |h| (h.rule.exact, h.rule.invert) = ("v".into(), true), &["w"], true),
        ("inverted, empty", |h| (h.rule.exact, h.rule.invert) = ("v".into(), true), &[""], true),
        ("inverted and absent", |h| (h.rule.exact, h.rule.invert) = ("v".into(), true), &[], false),
        ("contains, inverted and absent", |h| (h.contains, h.rule.invert) = ("v".into(), true), &[], false),
        ("absent", |h| (h.rule.present, h.rule.invert) = (true, true), &[], true),
    ];
    for (name, change, values, matches) in cases {
        let judge = judge(DENY, [entry("web", vec![permitted("a", &[(ALLOW, header(change))])])]);
        let headers: Vec<(&str, &str)> = values.iter().map(|v| ("x-a", *v)).collect();
        assert_eq!(said(&judge, "a", Some(("GET", "/", &headers))).starts_with("yes"), *matches, "{name}");
    }
}

#[test]
fn what_cannot_be_judged_never_opens() {
    let regex = |regex: &str| IntentionHttp { path_regex: regex.into(), ..IntentionHttp::default() };
    let judged = |permissions: &[(IntentionAction, IntentionHttp)]| {
        let mut judges = Judges::default();
        begin(&mut judges, &world(DENY, [entry("web", vec![permitted("a", permissions)])]));
        let judge = judges.of("web");
        (said(&judge, "a", Some(("GET", "/x", &[("x-a", "1")]))), judges.rejected().count())
    };
    assert_eq!(judged(&[(DENY, regex("(")), (ALLOW, prefix("/"))]), ("no a -> web".to_owned(), 1));
    assert_eq!(judged(&[(ALLOW, regex("("))]), ("no default".to_owned(), 1));
    let inverted = |action| (action, header(|h| (h.rule.regex, h.rule.invert) = ("(".into(), true)));
    assert_eq!(judged(&[inverted(ALLOW)]), ("no default".to_owned(), 1));
    assert_eq!(judged(&[inverted(DENY), (ALLOW, prefix("/"))]), ("no a -> web".to_owned(), 1));
    let mut with_jwt = permitted("a", &[(ALLOW, prefix("/"))]);
    with_jwt.permissions[0].jwt = Some(IntentionJwtRequirement::default());
    assert_eq!(said(&judge(ALLOW, [entry("web", vec![with_jwt])]), "a", Some(("GET", "/", &[]))), "no a -> web");
    let ConfigEntry::ServiceIntentions(whole) = intentions("web", &[("a", ALLOW)]) else { unreachable!("that is what it makes") };
    let whole = ServiceIntentions { jwt: Some(IntentionJwtRequirement::default()), ..ServiceIntentions::clone(&whole) };
    assert_eq!(said(&judge(ALLOW, [ConfigEntry::ServiceIntentions(Arc::new(whole))]), "a", None), "no a -> web");
}

#[test]
fn a_source_is_compared_in_its_case_and_a_destination_is_found_in_any() {
    let judge = judge(DENY, [intentions("Web", &[("API", ALLOW)])]);
    assert_eq!(said(&judge, "API", None), "yes API -> Web");
    assert_eq!(said(&judge, "api", None), "no default");
}

#[test]
fn sources_of_peers_are_no_local_services() {
    let judge = judge(ALLOW, [intentions("web", &[("a%east", DENY), ("*%east", DENY), ("b", DENY)])]);
    assert_eq!(said(&judge, "a", None), "yes default");
    assert_eq!(said(&judge, "b", None), "no b -> web");
}

#[test]
fn the_datacenter_is_not_looked_at_and_who_is_of_another_mesh_passes_nowhere() {
    let judge = judge(ALLOW, [intentions("web", &[("a", ALLOW)])]);
    let own = TrustDomain::new("test.consul");
    let id = |dc: &str, trust_domain: &TrustDomain| SpiffeId::of_target(&TargetId::service("a", dc), trust_domain);
    assert!(judge.judge(&id("dc9", &own), None, &mut ()).allowed);
    let foreign = [
        id("dc1", &TrustDomain::new("other.consul")),
        SpiffeId { partition: "p1".into(), ..id("dc1", &own) },
        SpiffeId { namespace: "n1".into(), ..id("dc1", &own) },
    ];
    for id in foreign {
        let verdict = judge.judge(&id, None, &mut ());
        assert!(!verdict.allowed && matches!(verdict.by, By::Foreign), "{id}");
    }
}

#[test]
fn a_witness_sees_what_was_looked_at_and_what_is_shadowed() {
    let own = entry(
        "web",
        vec![permitted("a", &[(ALLOW, prefix("/x")), (DENY, prefix("/"))]), SourceIntention { action: Some(ALLOW), ..source("*") }],
    );
    let judge = judge(DENY, [own, intentions("*", &[("a", ALLOW)])]);
    let (method, headers) = (Method::GET, HeaderMap::new());
    let head = RequestHead { method: &method, authority: "", target: "/y", scheme: "http", headers: &headers };
    let mut steps = Vec::new();
    let verdict = judge.judge_service("a", Some(&head), &mut steps);
    assert_eq!(verdict.by.rule().unwrap().to_string(), "service-intentions/web Sources[0].Permissions[1]");
    let shadows = vec!["service-intentions/web Sources[1]".to_owned(), "service-intentions/* Sources[0]".to_owned()];
    assert!(
        matches!(&steps[0], Step::Intention { rule, precedence: 9, shadows: s, .. } if rule == "service-intentions/web Sources[0]" && *s == shadows)
    );
    assert!(matches!(&steps[1], Step::Missed { rule, why } if rule.ends_with("Permissions[0]") && why.contains("/x")), "{steps:?}");
    assert!(matches!(&steps[2], Step::Permission { rule, .. } if rule.ends_with("Permissions[1]")));
    let mut steps = Vec::new();
    judge.judge_service("A", None, &mut steps);
    assert_eq!(steps.len(), 1, "the star is for A");
}

#[test]
fn rules_are_named_by_the_place_they_are_written_at() {
    let judge = judge(DENY, [intentions("web", &[("*", DENY), ("a", ALLOW)])]);
    let verdict = judge.judge_service("a", None, &mut ());
    assert_eq!(verdict.by.rule().unwrap().to_string(), "service-intentions/web Sources[1]");
}

#[test]
fn a_destination_of_which_nothing_changed_is_judged_by_the_same_object() {
    let web = intentions("web", &[("a", ALLOW)]);
    let (mut judges, first) = (Judges::default(), world(DENY, [web.clone(), intentions("db", &[("a", ALLOW)])]));
    begin(&mut judges, &first);
    let before = (judges.of("web"), judges.of("db"));
    // The same text read again is another object with the same meaning.
    begin(&mut judges, &world(DENY, [intentions("web", &[("a", ALLOW)]), intentions("db", &[("a", DENY)])]));
    assert!(Arc::ptr_eq(&before.0, &judges.of("web")) && !Arc::ptr_eq(&before.1, &judges.of("db")));
    for changed in [world(ALLOW, [web.clone()]), world(DENY, [web.clone(), intentions("*", &[("x", DENY)])]), world(DENY, [])] {
        begin(&mut judges, &first);
        let before = judges.of("web");
        begin(&mut judges, &changed);
        assert!(!Arc::ptr_eq(&before, &judges.of("web")));
    }
    begin(&mut judges, &first);
    let before = judges.of("web");
    begin(&mut judges, &Resources { trust_domain: TrustDomain::new("new.consul"), datacenter: Datacenter::from("dc2"), ..first.clone() });
    assert!(!Arc::ptr_eq(&before, &judges.of("web")));
}
