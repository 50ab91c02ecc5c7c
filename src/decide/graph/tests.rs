//! Changes that Consul refuses, and what a whole set is told.

use std::sync::Arc;

use super::{Change, Level, check, check_set, traps};
use crate::decide::fixture::{Set, common, ingress, intentions, router, splitter, subsets, targets, terminating};
use crate::id::ServiceKey;
use crate::model::entry::*;

/// What Consul says of a change; empty where it takes it.
fn verdict(existing: &Set, change: &Change<'_>) -> String {
    check(&existing.0, change).map_or_else(|e| e.to_string(), |()| String::new())
}

fn defaults(name: &str, change: impl FnOnce(&mut ServiceDefaults)) -> ConfigEntry {
    let mut entry = ServiceDefaults { common: common(name), ..ServiceDefaults::default() };
    change(&mut entry);
    ConfigEntry::ServiceDefaults(Arc::new(entry))
}

fn to(service: &str) -> Vec<ServiceSplit> {
    vec![ServiceSplit { weight: 100.0, service: service.into(), ..ServiceSplit::default() }]
}

#[test]
fn writes_are_checked_one_link_back() {
    let protocol = |name: &str, word: &str| defaults(name, |d| d.protocol = word.into());
    let split = Set::http().splitter("web", &[(100.0, "api", "")]);
    let rows = [
        (
            "the written service itself",
            Set::new(),
            router("web", vec![]),
            "discovery chain \"web\" uses a protocol \"tcp\" that does not permit advanced routing or splitting behavior",
        ),
        (
            "a splitter that leads to it",
            split.clone(),
            protocol("api", "tcp"),
            "discovery chain \"web\" uses a protocol \"tcp\" that does not permit advanced routing or splitting behavior",
        ),
        (
            "a new circle",
            split.clone(),
            splitter("api", to("web")),
            "detected circular reference: [splitter:api.default.default -> splitter:web.default.default -> splitter:api.default.default]",
        ),
        ("a change in another spelling is not seen by references", split.clone(), protocol("API", "tcp"), ""),
        ("a link in another spelling is none", Set::http().splitter("web", &[(100.0, "Api", "")]), protocol("api", "tcp"), ""),
        (
            "a failover to a peer is no link",
            Set::new().resolver("web", |r| drop(r.failover.insert("*".into(), targets(&["api%east"])))),
            protocol("api", "http"),
            "",
        ),
    ];
    for (sentence, existing, write, expected) in rows {
        let got = verdict(&existing, &Change::Write(&write));
        assert!(got == expected, "{sentence}: {got}");
    }
}

#[test]
fn deletes_are_checked_the_same_way() {
    let global = Set::http().router("web", &[]);
    let subset = Set::new().resolver("api", |r| subsets(r, &["v1"])).resolver("web", |r| {
        r.redirect = Some(Redirect { service: "api".into(), service_subset: "v1".into(), ..Redirect::default() });
    });
    let rows = [
        (
            "the protocol under a router",
            &global,
            EntryKind::ProxyDefaults,
            "global",
            "discovery chain \"web\" uses a protocol \"tcp\" that does not permit advanced routing or splitting behavior",
        ),
        (
            "proxy-defaults of another name",
            &global,
            EntryKind::ProxyDefaults,
            "GLOBAL",
            "invalid name (\"GLOBAL\"), only \"global\" is supported",
        ),
        ("a subset that someone names", &subset, EntryKind::ServiceResolver, "api", "service \"api\" does not have a subset named \"v1\""),
        ("what is not there", &subset, EntryKind::ServiceRouter, "api", ""),
        ("the reference itself", &subset, EntryKind::ServiceResolver, "web", ""),
    ];
    for (sentence, existing, kind, name, expected) in rows {
        assert_eq!(verdict(existing, &Change::Delete(kind, name)), expected, "{sentence}");
    }
}

#[test]
fn an_ingress_listener_has_the_protocol_of_its_services() {
    let mismatch = |protocol: &str, listener: &str| {
        format!("service \"web\" has protocol {protocol:?}, which does not match defined listener protocol {listener:?}")
    };
    let http = Set::new().protocol("web", "http");
    let wild = ingress("http", &[("*", &[])]);
    let rows = [
        ("http on http", http.clone(), ingress("http", &[("web", &[])]), String::new()),
        ("tcp on http", Set::new(), ingress("http", &[("web", &[])]), mismatch("tcp", "http")),
        ("http on tcp, when the gateway is written", http.clone(), ingress("tcp", &[("web", &[])]), mismatch("http", "tcp")),
        (
            "http on tcp, when the service is written",
            Set::new().ingress("tcp", &[("web", &[])]),
            defaults("web", |d| d.protocol = "http".into()),
            String::new(),
        ),
        ("a splitter on tcp", http.clone().ingress("tcp", &[("web", &[])]), splitter("web", to("")), mismatch("http", "tcp")),
        (
            "http2 on http",
            http.ingress("http", &[("web", &[])]),
            defaults("web", |d| d.protocol = "http2".into()),
            mismatch("http2", "http"),
        ),
        ("the wildcard is not checked", Set::new().protocol("web", "tcp"), wild, String::new()),
    ];
    for (sentence, existing, write, expected) in rows {
        assert_eq!(verdict(&existing, &Change::Write(&write)), expected, "{sentence}");
    }
}

#[test]
fn permissive_mutual_tls_needs_leave_unless_it_was_so_before() {
    let permissive = |d: &mut ServiceDefaults| d.mutual_tls_mode = "permissive".into();
    let write = defaults("web", permissive);
    let mut allowed = Set::new();
    allowed.0.insert(ConfigEntry::Mesh(Arc::new(Mesh { allow_enabling_permissive_mutual_tls: true, ..Mesh::default() })));
    assert!(verdict(&Set::new(), &Change::Write(&write)).starts_with("cannot set MutualTLSMode=permissive"));
    assert_eq!(verdict(&allowed, &Change::Write(&write)), "");
    assert_eq!(verdict(&Set::new().defaults("web", permissive), &Change::Write(&write)), "");
}

/// Code, level and place of all findings.
fn findings(set: &Set) -> Vec<String> {
    check_set(&set.0).iter().map(|f| format!("{} {:?} {}", f.code, f.level, f.rule)).collect()
}

#[test]
fn a_set_that_fits_together_has_no_findings() {
    let set = Set::http()
        .router("web", &[("/api", "api", "v1"), ("/", "", "")])
        .splitter("web", &[(50.0, "", ""), (50.0, "db", "")])
        .resolver("api", |r| subsets(r, &["v1"]))
        .ingress("http", &[("web", &["a.example", "*.b.example"]), ("api", &[])]);
    assert_eq!(findings(&set), Vec::<String>::new());
}

#[test]
fn what_breaks_a_chain_is_told_once_and_at_its_place() {
    let rows = [
        (
            "a missing subset",
            Set::http().router("web", &[("/x", "api", "v1")]),
            "GW0405 Error service-router/web Routes[0].Destination.ServiceSubset",
        ),
        (
            "a leg of another protocol",
            Set::http().protocol("api", "grpc").splitter("web", &[(50.0, "", ""), (50.0, "api", "")]),
            "GW0403 Error service-splitter/web Splits[1].Service",
        ),
        (
            "a circle of three",
            Set::new().redirect("a", "b").redirect("b", "c").redirect("c", "a"),
            "GW0401 Error service-resolver/c Redirect",
        ),
        (
            "a circle of two splitters",
            Set::http().splitter("a", &[(100.0, "b", "")]).splitter("b", &[(100.0, "a", "")]),
            "GW0402 Error service-splitter/a",
        ),
        ("a router of a tcp service", Set::new().router("web", &[]), "GW0404 Error service-router/web"),
        (
            "subsets outside the mesh",
            Set::new().defaults("web", |d| d.external_sni = "a.b".into()).resolver("web", |r| subsets(r, &["v1"])),
            "GW0406 Error service-defaults/web ExternalSNI",
        ),
        (
            "a listener of another protocol",
            Set::new().ingress("http", &[("web", &[])]),
            "GW0408 Error ingress-gateway/edge Listeners[0].Services[0].Name",
        ),
        (
            "http served as bytes",
            Set::new().protocol("web", "http").ingress("tcp", &[("web", &[])]),
            "GW0408 Warning ingress-gateway/edge Listeners[0].Services[0].Name",
        ),
        ("a silent service under a global protocol", Set::http().protocol("web", ""), "GW0412 Warning service-defaults/web"),
        (
            "a reference in another case",
            Set::http().splitter("web", &[(100.0, "Api", "")]).protocol("api", "http"),
            "GW0413 Warning service-splitter/web Splits[0].Service",
        ),
        (
            "a host in another case",
            Set::http().ingress("http", &[("a", &["X.example"]), ("b", &["x.example:8080"])]),
            "GW0410 Finding ingress-gateway/edge Listeners[0].Services[1].Hosts[0]",
        ),
    ];
    for (sentence, set, expected) in rows {
        assert_eq!(findings(&set), [expected], "{sentence}");
    }
}

#[test]
fn long_chains_of_redirects_are_walked_once() {
    let mut set = Set::new();
    for n in 0..3_000 {
        set = set.redirect(&format!("s{n}"), &format!("s{}", n + 1));
    }
    assert_eq!(findings(&set), Vec::<String>::new());
    let circle = set.redirect("s3000", "s0");
    assert_eq!(findings(&circle).len(), 1);
}

#[test]
fn nested_splits_that_end_a_consul_are_errors() {
    let leg = |service: &str, edits: HeaderEdits| {
        vec![ServiceSplit { weight: 100.0, service: service.into(), request_headers: Some(edits), ..ServiceSplit::default() }]
    };
    let add = || HeaderEdits { add: [("a".into(), "1".into())].into(), ..HeaderEdits::default() };
    let remove = || HeaderEdits { remove: vec!["b".into()], ..HeaderEdits::default() };
    let nested = |outer, inner| Set::http().with(splitter("web", leg("api", outer))).with(splitter("api", leg("db", inner)));
    assert_eq!(findings(&nested(remove(), add())), ["GW0409 Error service-splitter/api Splits[0]"]);
    assert_eq!(findings(&nested(add(), remove())), Vec::<String>::new());
}

fn matching(change: impl FnOnce(&mut HttpMatch)) -> Arc<ServiceRoute> {
    let mut http = HttpMatch::default();
    change(&mut http);
    Arc::new(ServiceRoute { r#match: Some(RouteMatch { http: Some(http) }), destination: None })
}

#[test]
fn a_route_that_an_earlier_one_covers_is_never_reached() {
    let exact = |path: &str| matching(|m| m.path_exact = path.into());
    let prefix = |path: &str| matching(|m| m.path_prefix = path.into());
    let regex = |path: &str| matching(|m| m.path_regex = path.into());
    let folded = |path: &str| matching(|m| (m.path_prefix, m.case_insensitive) = (path.into(), true));
    let methods = |list: &[&str]| matching(|m| m.methods = list.iter().map(|w| (*w).into()).collect());
    let header = |change: fn(&mut HeaderMatch)| {
        let mut header = HeaderMatch { name: "X-User".into(), ..HeaderMatch::default() };
        change(&mut header);
        matching(|m| m.header.push(header))
    };
    let any = || Arc::new(ServiceRoute::default());
    let rows = [
        ("all before one", any(), exact("/a"), true),
        ("one before all", exact("/a"), any(), false),
        ("a prefix before a longer one", prefix("/a"), prefix("/a/b"), true),
        ("a prefix before an exact path", prefix("/a"), exact("/ab"), true),
        ("a longer prefix first", prefix("/a/b"), prefix("/a"), false),
        ("the same path twice", exact("/a"), exact("/a"), true),
        ("the same regex twice", regex("/a.*"), regex("/a.*"), true),
        ("a prefix before a regex is not known", prefix("/a"), regex("/a.*"), false),
        ("without case before with case", folded("/A"), prefix("/a/x"), true),
        ("with case before without case", prefix("/a"), folded("/a"), false),
        ("beyond ascii", prefix("/é"), exact("/éa"), true),
        ("all methods of the later one", methods(&["GET", "PUT"]), methods(&["GET"]), true),
        ("some methods", methods(&["GET"]), methods(&["GET", "PUT"]), false),
        ("a method before any", methods(&["GET"]), any(), false),
        ("present before a value", header(|h| h.present = true), header(|h| h.exact = "a".into()), true),
        ("a value before present", header(|h| h.exact = "a".into()), header(|h| h.present = true), false),
        ("present before absent", header(|h| h.present = true), header(|h| (h.present, h.invert) = (true, true)), false),
        ("present before a value that is not", header(|h| h.present = true), header(|h| (h.exact, h.invert) = ("a".into(), true)), true),
    ];
    for (sentence, earlier, later, shadowed) in rows {
        let set = Set::http().with(router("web", vec![earlier, later]));
        let expected: &[&str] = if shadowed { &["GW0411 Warning service-router/web Routes[1]"] } else { &[] };
        assert_eq!(findings(&set), expected, "{sentence}");
    }
}

#[test]
fn errors_come_before_warnings_and_every_finding_helps() {
    let set = Set::http().protocol("web", "").router("web", &[("/a", "", ""), ("/a", "", "")]);
    let found = check_set(&set.0);
    assert_eq!(found.iter().map(|f| f.level).collect::<Vec<_>>(), [Level::Error, Level::Warning, Level::Warning]);
    assert!(found.iter().all(|f| !f.help.is_empty()), "{found:?}");
}

#[test]
fn permissions_need_a_service_with_requests_in_whatever_order_they_are_written() {
    let tcp = "service \"api\" has protocol \"tcp\", which is incompatible with L7 intentions permissions";
    let permissions = || intentions("api", &["web: allow /"]);
    let after = Set::http().with(permissions());
    let rows = [
        ("on a tcp service", Set::new(), permissions(), tcp),
        ("on an http one", Set::new().protocol("api", "http"), permissions(), ""),
        ("an action on a tcp one", Set::new(), intentions("api", &["web: allow"]), ""),
        ("the service turns tcp", after.clone(), defaults("api", |d| d.protocol = "tcp".into()), tcp),
        (
            "all turn tcp",
            after.clone(),
            ConfigEntry::ProxyDefaults(Arc::new(ProxyDefaults { common: common("global"), ..Default::default() })),
            tcp,
        ),
        ("the service in another spelling turns tcp", after.clone(), defaults("API", |d| d.protocol = "tcp".into()), ""),
        ("another write brings to light what that missed", after.clone().protocol("API", "tcp"), router("db", vec![]), tcp),
        ("another service turns tcp", after, defaults("db", |d| d.protocol = "tcp".into()), ""),
    ];
    for (sentence, existing, write, expected) in rows {
        assert_eq!(verdict(&existing, &Change::Write(&write)), expected, "{sentence}");
    }
    let deleted = Change::Delete(EntryKind::ServiceDefaults, "api");
    assert_eq!(verdict(&Set::new().protocol("api", "grpc").with(permissions()), &deleted), tcp);
    let deleted = Change::Delete(EntryKind::ServiceIntentions, "api");
    assert_eq!(verdict(&Set::new().with(permissions()), &deleted), "");
}

#[test]
fn token_providers_are_there_as_long_as_intentions_name_them() {
    let jwt = |name: &str| {
        let provider = IntentionJwtProvider { name: name.into(), ..IntentionJwtProvider::default() };
        Some(IntentionJwtRequirement { providers: vec![provider] })
    };
    let asking = |provider: &str| {
        let source = SourceIntention { name: "web".into(), action: Some(IntentionAction::Allow), ..SourceIntention::default() };
        ConfigEntry::ServiceIntentions(Arc::new(ServiceIntentions { common: common("api"), sources: vec![source], jwt: jwt(provider) }))
    };
    let mut known = Set::new();
    known.0.jwt_providers.insert(ServiceKey::of("okta"), "okta".to_owned());
    assert_eq!(verdict(&known, &Change::Write(&asking("okta"))), "");
    for (existing, provider) in [(&Set::new(), "okta"), (&known, "Okta")] {
        let wanted = format!("Referenced JWT Provider does not exist. Provider Name: {provider}");
        assert_eq!(verdict(existing, &Change::Write(&asking(provider))), wanted);
    }
    let gone = |name| Change::Delete(EntryKind::JwtProvider, name);
    assert_eq!(verdict(&known, &gone("okta")), "");
    assert_eq!(
        verdict(&known.with(asking("okta")), &gone("OKTA")),
        "cannot delete jwt provider config entry referenced by an intention. Provider name: okta, intention name: api"
    );
    assert_eq!(codes_of(&Set::new().with(asking("okta"))), ["GW0415"]);
}

/// exported-services that let a peer use these.
fn exported(services: &[&str]) -> ConfigEntry {
    let consumers = vec![ServiceConsumer { peer: "east".into(), ..ServiceConsumer::default() }];
    let services = services.iter().map(|name| ExportedService { name: (*name).into(), consumers: consumers.clone(), ..Default::default() });
    ConfigEntry::ExportedServices(Arc::new(ExportedServices { common: common("default"), services: services.collect() }))
}

/// A resolver that redirects.
fn redirect(name: &str, change: impl FnOnce(&mut Redirect)) -> ConfigEntry {
    let mut redirect = Redirect::default();
    change(&mut redirect);
    ConfigEntry::ServiceResolver(Arc::new(ServiceResolver { common: common(name), redirect: Some(redirect), ..Default::default() }))
}

#[test]
fn what_peers_use_leads_to_no_other_datacenter_or_peer() {
    let away = |service: &str, how: &str| format!("peer exported service {service:?} contains {how}");
    let elsewhere = redirect("db", |r| r.datacenter = "dc2".into());
    let at_peer = redirect("db", |r| (r.peer, r.service) = ("west".into(), "db".into()));
    let behind = Set::http().splitter("web", &[(50.0, "", ""), (50.0, "db", "")]).with(elsewhere.clone());
    let none = Set::new;
    let rows = [
        ("the resolver itself", none().with(elsewhere.clone()), exported(&["db"]), away("db", "cross-datacenter resolver redirect")),
        ("a resolver behind a splitter", behind.clone(), exported(&["web"]), away("web", "cross-datacenter resolver redirect")),
        ("every service", behind, exported(&["*"]), away("db", "cross-datacenter resolver redirect")),
        ("a redirect to a peer", none().with(at_peer.clone()), exported(&["db"]), away("db", "cross-peer resolver redirect")),
        ("another service", none().with(at_peer.clone()), exported(&["web"]), String::new()),
        ("the other way round", none().with(exported(&["db"])), at_peer, away("db", "cross-peer resolver redirect")),
        ("every service, the other way round", none().with(exported(&["*"])), elsewhere, away("db", "cross-datacenter resolver redirect")),
        (
            "another service of tcp, under the same name",
            none().with(exported(&["db"])),
            redirect("db", |r| r.service = "cache".into()),
            "peer exported service \"db\" uses protocol=\"tcp\" and cannot introduce new discovery chain targets like \"cache.default.default.dc1\"".to_owned(),
        ),
        (
            "another service of http",
            Set::http().with(exported(&["db"])),
            redirect("db", |r| r.service = "cache".into()),
            String::new(),
        ),
    ];
    for (sentence, existing, write, expected) in rows {
        assert_eq!(verdict(&existing, &Change::Write(&write)), expected, "{sentence}");
    }
    let set = none().with(redirect("db", |r| r.datacenter = "dc2".into())).with(exported(&["db"]));
    assert_eq!(findings(&set), ["GW0421 Error service-resolver/db Redirect.Datacenter"]);
    assert_eq!(verdict(&set, &Change::Delete(EntryKind::ExportedServices, "default")), "");
}

#[test]
fn an_entry_that_the_model_does_not_have_is_checked_by_its_name() {
    let broken = Set::new().router("web", &[]);
    let refused = verdict(&broken, &Change::WriteOther(EntryKind::HttpRoute, "web"));
    assert_eq!(refused, "discovery chain \"web\" uses a protocol \"tcp\" that does not permit advanced routing or splitting behavior");
    assert_eq!(verdict(&broken, &Change::WriteOther(EntryKind::HttpRoute, "api")), "");
}

#[test]
fn an_ingress_and_a_terminating_gateway_cannot_share_a_name() {
    let ingress = ingress("tcp", &[("web", &[])]);
    let words = |kind: &str, name: &str, other: &str| {
        format!("cannot create a \"{kind}\" config entry with name \"{name}\", a \"{other}\" config entry with that name already exists")
    };
    let terminating_after = verdict(&Set::new().with(ingress.clone()), &Change::Write(&terminating("Edge", &["db"])));
    assert_eq!(terminating_after, words("terminating-gateway", "Edge", "ingress-gateway"));
    let ingress_after = verdict(&Set::new().with(terminating("edge", &["db"])), &Change::Write(&ingress));
    assert_eq!(ingress_after, words("ingress-gateway", "edge", "terminating-gateway"));
    assert_eq!(verdict(&Set::new().with(terminating("edge", &[])), &Change::Write(&terminating("edge", &["db"]))), "");
    assert_eq!(codes_of(&Set::new().with(ingress).with(terminating("edge", &[]))), ["GW0416"]);
}

/// The codes of what a set is told, whatever the default policy is.
fn codes_of(set: &Set) -> Vec<&'static str> {
    check_set(&set.0).into_iter().map(|f| f.code).collect()
}

#[test]
fn permissions_on_tcp_and_names_in_another_case_are_seen_in_a_set() {
    let http = Set::http().protocol("db", "tcp");
    assert_eq!(codes_of(&http.clone().intentions("api", &["web: allow /"])), [""; 0]);
    assert_eq!(codes_of(&http.clone().intentions("db", &["web: allow", "x: allow /"])), ["GW0414"]);
    assert_eq!(codes_of(&http.clone().intentions("*", &["web: allow"])), [""; 0]);
    assert_eq!(codes_of(&http.clone().intentions("DB", &["web: allow"])), ["GW0413"]);
    assert_eq!(codes_of(&http.clone().intentions("api", &["Db: allow", "Db%east: allow"])), ["GW0413"]);
    assert_eq!(codes_of(&http.with(terminating("tgw", &["*", "Db"]))), ["GW0413"]);
}

#[test]
fn intentions_that_do_not_do_what_they_seem_to_say_are_told() {
    use IntentionAction::{Allow, Deny};
    let web = |sources: &[&str]| Set::http().intentions("web", sources);
    let below = |sources: &[&str], every: &[&str]| web(sources).intentions("*", every);
    type Told = (&'static str, &'static str, &'static [&'static str]);
    let rows: &[(Set, IntentionAction, &[Told])] = &[
        (web(&["a: deny /x"]), Deny, &[("GW0417", "Sources[0]", &[])]),
        (web(&["a: deny /x"]), Allow, &[]),
        (web(&["a: allow /x"]), Allow, &[("GW0417", "Sources[0]", &[])]),
        (web(&["a: allow /x"]), Deny, &[]),
        (web(&["a: allow /x", "*: deny"]), Deny, &[]),
        (web(&["a: allow /x", "*: deny"]), Allow, &[("GW0417", "Sources[0]", &["web Sources[1]"])]),
        (web(&["*: allow", "a: deny /x"]), Deny, &[("GW0417", "Sources[1]", &["web Sources[0]"])]),
        (web(&["a: allow /x", "*: allow"]), Deny, &[("GW0418", "Sources[0]", &["web Sources[1]"])]),
        (web(&["a: allow /x", "*: allow /y"]), Deny, &[("GW0418", "Sources[0]", &["web Sources[1]"])]),
        (web(&["a: allow /x", "*%east: allow"]), Deny, &[]),
        (web(&["a%east: allow /x", "*%east: allow"]), Deny, &[("GW0418", "Sources[0]", &["web Sources[1]"])]),
        (below(&["a: allow /x"], &["a: deny", "*: allow"]), Deny, &[]),
        (below(&["a: allow /x"], &["*: allow"]), Deny, &[("GW0418", "Sources[0]", &["* Sources[0]"])]),
        (below(&["*: deny /x"], &["*: allow"]), Deny, &[("GW0417", "Sources[0]", &["* Sources[0]"])]),
        (web(&["a: deny /x, deny /", "*: allow"]), Deny, &[]),
        (web(&["a: allow x-a, deny /x, allow /"]), Allow, &[]),
        (web(&["a: allow /x, deny /x/y, allow GET"]), Deny, &[("GW0419", "Sources[0].Permissions[1]", &["web Sources[0].Permissions[0]"])]),
        (web(&["a: allow x-a, deny x-a, deny x-b"]), Deny, &[("GW0419", "Sources[0].Permissions[1]", &["web Sources[0].Permissions[0]"])]),
        (below(&["*: deny"], &["a: allow", "b: deny"]), Deny, &[("GW0420", "Sources[0]", &["* Sources[0]"])]),
        (below(&["*: allow"], &["a: allow", "b: deny"]), Deny, &[("GW0420", "Sources[0]", &["* Sources[1]"])]),
        (below(&["*: deny", "a: allow"], &["a: allow"]), Deny, &[]),
        (below(&["*%east: deny"], &["a: allow"]), Deny, &[]),
        (
            below(&["*: allow /"], &["a: allow", "b: deny", "c: deny", "d: deny"]),
            Deny,
            &[("GW0420", "Sources[0]", &["* Sources[0]", "* Sources[1]", "* Sources[2]"])],
        ),
    ];
    for (n, (set, default, wanted)) in rows.iter().enumerate() {
        let found = traps(&set.0, *default);
        let told: Vec<_> = found
            .iter()
            .map(|f| (f.code, &*f.rule.path, f.related.iter().map(|r| format!("{} {}", r.entry.name, r.path)).collect::<Vec<_>>()))
            .collect();
        let wanted: Vec<_> = wanted.iter().map(|(code, at, also)| (*code, *at, also.iter().map(|a| (*a).to_owned()).collect())).collect();
        assert_eq!(told, wanted, "row {n}");
        assert!(found.iter().all(|f| f.level == Level::Warning && !f.help.is_empty()), "row {n}");
    }
}
