//! Routers, splitters, and what leads past them.

use super::check;
use crate::decide::chain::Overrides;
use crate::decide::fixture::{Set, balancer, sketch, splitter, subsets};
use crate::id::TargetId;
use crate::model::chain::ChainNode;
use crate::model::duration::GoDuration;
use crate::model::entry::{EnvoyExtension, HeaderEdits, ServiceSplit};

#[test]
fn a_service_without_entries_is_a_default_chain() {
    check(vec![
        ("nothing at all", Set::new(), "web", "default tcp resolver:web | resolver:web 5s"),
        ("only its protocol", Set::new().protocol("web", "http"), "web", "default http resolver:web | resolver:web 5s"),
        ("an empty resolver", Set::new().resolver("web", |_| {}), "web", "default tcp resolver:web | resolver:web 5s"),
        ("an empty protocol beats the global one", Set::http().protocol("web", ""), "web", "default tcp resolver:web | resolver:web 5s"),
        ("a redirect is no default", Set::new().redirect("web", "api"), "web", "tcp resolver:api | resolver:api 5s"),
    ]);
}

#[test]
fn a_router_goes_through_its_routes_and_ends_with_itself() {
    check(vec![
        ("no routes", Set::http().router("web", &[]), "web", "http router:web | resolver:web 5s | router:web -> resolver:web"),
        (
            "a route without destination",
            Set::http().router("web", &[("/a", "", "")]),
            "web",
            "http router:web | resolver:web 5s | router:web -> resolver:web, resolver:web",
        ),
        (
            "a route to a service that splits",
            Set::http().router("web", &[("/a", "api", "")]).splitter("api", &[(60.0, "", ""), (40.0, "db", "")]),
            "web",
            "http router:web | resolver:api 5s | resolver:db 5s | resolver:web 5s | router:web -> splitter:api, resolver:web \
             | splitter:api -> 60 resolver:api, 40 resolver:db",
        ),
        (
            "a route to a subset passes the splitter",
            Set::http()
                .router("web", &[("/a", "api", "v1")])
                .splitter("api", &[(100.0, "db", "")])
                .resolver("api", |r| subsets(r, &["v1"])),
            "web",
            "http router:web | resolver:v1.api 5s | resolver:web 5s | router:web -> resolver:v1.api, resolver:web",
        ),
        (
            "the router of a destination does not count",
            Set::http().router("web", &[("/a", "api", "")]).router("api", &[("/b", "db", "")]),
            "web",
            "http router:web | resolver:api 5s | resolver:web 5s | router:web -> resolver:api, resolver:web",
        ),
        (
            "the router behind a redirect neither",
            Set::http().redirect("web", "api").router("api", &[("/b", "db", "")]),
            "web",
            "http resolver:api | resolver:api 5s",
        ),
    ]);
}

#[test]
fn a_splitter_goes_on_in_other_splitters_but_not_in_its_own_and_not_with_a_subset() {
    check(vec![
        (
            "a leg that changes nothing",
            Set::http().splitter("web", &[(100.0, "", "")]),
            "web",
            "http splitter:web | resolver:web 5s | splitter:web -> 100 resolver:web",
        ),
        (
            "legs to the own service by name",
            Set::http().splitter("web", &[(50.0, "web", ""), (50.0, "", "v1")]).resolver("web", |r| subsets(r, &["v1"])),
            "web",
            "http splitter:web | resolver:v1.web 5s | resolver:web 5s | splitter:web -> 50 resolver:web, 50 resolver:v1.web",
        ),
        (
            "a leg to a subset",
            Set::http()
                .splitter("web", &[(100.0, "api", "v1")])
                .splitter("api", &[(100.0, "db", "")])
                .resolver("api", |r| subsets(r, &["v1"])),
            "web",
            "http splitter:web | resolver:v1.api 5s | splitter:web -> 100 resolver:v1.api",
        ),
        (
            "a leg to a splitter is folded",
            Set::http().splitter("web", &[(50.0, "api", ""), (50.0, "", "")]).splitter("api", &[(33.33, "a", ""), (66.67, "b", "")]),
            "web",
            "http splitter:web | resolver:a 5s | resolver:b 5s | resolver:web 5s \
             | splitter:web -> 16.67 resolver:a, 33.34 resolver:b, 50 resolver:web",
        ),
        (
            "legs of no weight stay, and so do two ways to one resolver",
            Set::http().splitter("web", &[(0.0, "api", ""), (100.0, "db", "")]).splitter("api", &[(50.0, "db", ""), (50.0, "", "")]),
            "web",
            "http splitter:web | resolver:api 5s | resolver:db 5s | splitter:web -> 0 resolver:db, 0 resolver:api, 100 resolver:db",
        ),
        (
            "an own splitter behind a redirect does not count",
            Set::http().redirect("web", "api").splitter("api", &[(100.0, "db", "")]),
            "web",
            "http resolver:api | resolver:api 5s",
        ),
    ]);
}

#[test]
fn three_levels_are_folded_from_the_outside_in() {
    let set = Set::http()
        .splitter("auth", &[(64.0, "mail", ""), (36.0, "", "")])
        .splitter("mail", &[(51.87, "web", ""), (48.13, "", "")])
        .splitter("web", &[(79.02, "", ""), (20.98, "db", "")]);
    let expected = "http splitter:auth | resolver:auth 5s | resolver:db 5s | resolver:mail 5s | resolver:web 5s \
                    | splitter:auth -> 26.23 resolver:web, 6.97 resolver:db, 30.8 resolver:mail, 36 resolver:auth";
    check(vec![("6.97, not 6.96", set, "auth", expected)]);
}

#[test]
fn a_splitter_picks_by_hash_as_its_first_leg_that_does() {
    let set = Set::http()
        .splitter("web", &[(20.0, "a", ""), (40.0, "b", ""), (40.0, "c", "")])
        .resolver("a", |r| r.load_balancer = balancer("random"))
        .resolver("b", |r| r.load_balancer = balancer("maglev"))
        .resolver("c", |r| r.load_balancer = balancer("ring_hash"));
    let expected = "http splitter:web | resolver:a 5s by random | resolver:b 5s by maglev | resolver:c 5s by ring_hash \
                    | splitter:web -> 20 resolver:a, 40 resolver:b, 40 resolver:c by maglev";
    check(vec![("maglev comes first", set, "web", expected)]);
}

#[test]
fn folded_legs_merge_their_edits_and_name_every_leg_they_came_through() {
    let edits = |name: &str, value: &str| HeaderEdits { set: [(name.into(), value.into())].into(), ..HeaderEdits::default() };
    let leg = |service: &str, value: &str| ServiceSplit {
        weight: 100.0,
        service: service.into(),
        request_headers: Some(edits("x", value)),
        response_headers: Some(edits("y", value)),
        ..ServiceSplit::default()
    };
    let set = Set::http().with(splitter("web", vec![leg("api", "outer")])).with(splitter("api", vec![leg("db", "inner")]));
    let chain = set.compile("web").unwrap();
    let Some(ChainNode::Splitter { splits, .. }) = chain.nodes.get(&chain.start_node) else { panic!("{chain:?}") };
    assert_eq!(splits[0].definition.request_headers, Some(edits("x", "inner")));
    assert_eq!(splits[0].definition.response_headers, Some(edits("y", "outer")));
    let rules: Vec<String> = splits[0].rules.iter().map(ToString::to_string).collect();
    assert_eq!(rules, ["service-splitter/web Splits[0]", "service-splitter/api Splits[0]"]);
}

#[test]
fn every_route_names_its_rule_and_the_catch_all_the_router() {
    let chain = Set::http().router("Web", &[("/a", "api", ""), ("/b", "", "")]).compile("web").unwrap();
    let Some(ChainNode::Router { routes, name }) = chain.nodes.get(&chain.start_node) else { panic!("{chain:?}") };
    let rules: Vec<String> = routes.iter().map(|r| r.rule.to_string()).collect();
    assert_eq!(rules, ["service-router/Web Routes[0]", "service-router/Web Routes[1]", "service-router/Web"]);
    assert_eq!(name, "Web.default.default", "nodes keep the spelling of the entry");
}

#[test]
fn overrides_that_change_nothing_leave_no_hash() {
    let set = Set::http().router("web", &[]).defaults("db", |d| d.mesh_gateway = "local".into());
    let with = |protocol: &str, gateway: &str, seconds| Overrides {
        protocol: protocol.into(),
        mesh_gateway: gateway.into(),
        connect_timeout: GoDuration::from_secs(seconds),
    };
    for (service, overrides, customized, expected) in [
        ("web", with("http", "", 5), false, "http router:web | resolver:web 5s | router:web -> resolver:web"),
        ("web", with("grpc", "", 0), true, "grpc router:web | resolver:web 5s | router:web -> resolver:web"),
        ("web", with("tcp", "", 0), true, "default tcp resolver:web | resolver:web 5s"),
        ("web", with("HTTP", "", 0), true, "default HTTP resolver:web | resolver:web 5s"),
        ("web", with("", "", 7), true, "http router:web | resolver:web 7s | router:web -> resolver:web"),
        ("db", with("", "local", 0), false, "default tcp resolver:db | resolver:db 5s"),
        ("db", with("", "remote", -1), true, "default tcp resolver:db | resolver:db 5s"),
    ] {
        let result = set.compile_with(service, overrides.clone());
        assert_eq!(sketch(&result), expected, "{overrides:?}");
        assert_eq!(!result.unwrap().customization_hash.is_empty(), customized, "{overrides:?}");
    }
}

#[test]
fn meta_is_the_services_own_and_extensions_are_both() {
    let extension = |name: &str| vec![EnvoyExtension { name: name.into(), ..EnvoyExtension::default() }];
    let set = Set::new().global(|d| d.envoy_extensions = extension("all")).redirect("web", "api");
    let set = set.defaults("api", |d| drop(d.common.meta.insert("a".into(), "b".into()))).defaults("web", |d| {
        d.common.meta.insert("c".into(), "d".into());
        d.envoy_extensions = extension("web");
    });
    let chain = set.compile("web").unwrap();
    assert_eq!(chain.service_meta, [("c".to_owned(), "d".to_owned())].into());
    assert_eq!(chain.envoy_extensions.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(), ["all", "web"]);
}

#[test]
fn names_have_no_case_but_ids_keep_the_spelling_of_the_reference() {
    let set = Set::new().protocol("API", "http").protocol("web", "http").redirect("WEB", "aPi");
    let chain = set.compile("web").unwrap();
    assert_eq!(chain.targets.keys().collect::<Vec<_>>(), [&TargetId::service("aPi", "dc1")]);
    assert_eq!(chain.targets.values().next().unwrap().sni, "aPi.default.dc1.internal.td.consul");
}
