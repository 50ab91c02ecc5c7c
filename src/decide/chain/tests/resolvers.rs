//! Redirects, subsets, failover, and what a target says of itself.

use super::check;
use crate::decide::fixture::{Set, subsets, targets};
use crate::id::TargetId;
use crate::model::chain::{ChainNode, ChainTarget};
use crate::model::duration::GoDuration;
use crate::model::entry::{Failover, FailoverPolicy, Redirect, ServiceResolver};

fn redirect(resolver: &mut ServiceResolver, change: impl FnOnce(&mut Redirect)) {
    change(resolver.redirect.get_or_insert_with(Redirect::default));
}

fn fail(resolver: &mut ServiceResolver, key: &str, failover: Failover) {
    resolver.failover.insert(key.into(), failover);
}

/// A resolver with two subsets.
fn versions(set: Set, name: &str, change: impl FnOnce(&mut ServiceResolver)) -> Set {
    set.resolver(name, |r| {
        subsets(r, &["v1", "v2"]);
        change(r);
    })
}

#[test]
fn redirects_and_default_subsets_are_followed_to_the_end() {
    check(vec![
        ("to a service", Set::new().redirect("web", "api"), "web", "tcp resolver:api | resolver:api 5s"),
        ("over a service", Set::new().redirect("web", "api").redirect("api", "db"), "web", "tcp resolver:db | resolver:db 5s"),
        (
            "to a datacenter",
            Set::new().resolver("web", |r| redirect(r, |to| to.datacenter = "dc2".into())),
            "web",
            "tcp resolver:web.dc2 | resolver:web.dc2 5s",
        ),
        (
            "to the own datacenter, which is nowhere else",
            Set::new().resolver("web", |r| redirect(r, |to| to.datacenter = "dc1".into())),
            "web",
            "tcp resolver:web | resolver:web 5s",
        ),
        (
            "to a subset",
            versions(Set::new(), "api", |_| {}).resolver("web", |r| {
                redirect(r, |to| (to.service, to.service_subset) = ("api".into(), "v2".into()));
            }),
            "web",
            "tcp resolver:v2.api | resolver:v2.api 5s",
        ),
        ("to oneself", Set::new().redirect("web", "web"), "web", "tcp resolver:web | resolver:web 5s"),
        (
            "a default subset",
            versions(Set::new(), "web", |r| r.default_subset = "v1".into()),
            "web",
            "tcp resolver:v1.web | resolver:v1.web 5s",
        ),
        (
            "a default subset after a redirect",
            versions(Set::new(), "api", |r| r.default_subset = "v1".into()).redirect("web", "api"),
            "web",
            "tcp resolver:v1.api | resolver:v1.api 5s",
        ),
        (
            "another service leaves the subset behind, another datacenter keeps it",
            versions(Set::http(), "api", |r| redirect(r, |to| to.datacenter = "dc2".into())).router("web", &[("/a", "api", "v1")]),
            "web",
            "http router:web | resolver:v1.api.dc2 5s | resolver:web 5s | router:web -> resolver:v1.api.dc2, resolver:web",
        ),
        (
            "to a peer",
            Set::new().resolver("web", |r| redirect(r, |to| (to.service, to.peer) = ("api".into(), "east".into()))),
            "web",
            "tcp resolver:api.external.east | resolver:api.external.east 5s",
        ),
        (
            "to a peer whose name has a default subset here",
            versions(Set::new(), "api", |r| r.default_subset = "v1".into())
                .resolver("web", |r| redirect(r, |to| (to.service, to.peer) = ("api".into(), "east".into()))),
            "web",
            "tcp resolver:v1.api | resolver:v1.api 5s",
        ),
    ]);
}

#[test]
fn failover_follows_the_section_of_the_subset_and_drops_the_target_itself() {
    let datacenters = |list: &[&str]| Failover { datacenters: list.iter().map(|d| (*d).into()).collect(), ..Failover::default() };
    let service = |name: &str| Failover { service: name.into(), ..Failover::default() };
    check(vec![
        (
            "to a service",
            Set::new().resolver("web", |r| fail(r, "*", service("api"))),
            "web",
            "tcp resolver:web | resolver:web 5s else api",
        ),
        (
            "to datacenters, but for the own one",
            Set::new().resolver("web", |r| fail(r, "*", datacenters(&["dc2", "dc1", "dc3"]))),
            "web",
            "tcp resolver:web | resolver:web 5s else web.dc2, web.dc3",
        ),
        (
            "to oneself, which is none",
            Set::new().resolver("web", |r| fail(r, "*", service("web"))),
            "web",
            "tcp resolver:web | resolver:web 5s",
        ),
        (
            "through a redirect",
            Set::new().resolver("web", |r| fail(r, "*", service("api"))).redirect("api", "db"),
            "web",
            "tcp resolver:web | resolver:web 5s else db",
        ),
        (
            "back to oneself through a redirect, which stays",
            Set::new().resolver("web", |r| fail(r, "*", service("api"))).redirect("api", "web"),
            "web",
            "tcp resolver:web | resolver:web 5s else web",
        ),
        (
            "in a circle, of which only the first step counts",
            Set::new().resolver("web", |r| fail(r, "*", service("api"))).resolver("api", |r| fail(r, "*", service("web"))),
            "web",
            "tcp resolver:web | resolver:web 5s else api",
        ),
        (
            "to targets of every sort, doubles too",
            Set::new().resolver("web", |r| fail(r, "*", targets(&["api", "api@dc2", "api%east", "", "api"]))),
            "web",
            "tcp resolver:web | resolver:web 5s else api, api.dc2, api.external.east, api",
        ),
        (
            "of a subset with a section of its own",
            versions(Set::new(), "web", |r| {
                r.default_subset = "v1".into();
                fail(r, "v1", service("api"));
                fail(r, "*", service("db"));
            }),
            "web",
            "tcp resolver:v1.web | resolver:v1.web 5s else api",
        ),
        (
            "of a subset without one, to the same subset elsewhere",
            versions(Set::new(), "web", |r| {
                r.default_subset = "v2".into();
                fail(r, "*", datacenters(&["dc2"]));
            }),
            "web",
            "tcp resolver:v2.web | resolver:v2.web 5s else v2.web.dc2",
        ),
        (
            "to a service with a default subset",
            versions(Set::new(), "api", |r| r.default_subset = "v1".into()).resolver("web", |r| fail(r, "*", service("api"))),
            "web",
            "tcp resolver:web | resolver:web 5s else v1.api",
        ),
    ]);
}

#[test]
fn the_policy_of_a_failover_is_the_sections_else_the_global_one() {
    let policy = |mode: &str| Some(FailoverPolicy { mode: mode.into(), regions: vec!["a".into()] });
    for (own, expected) in [(None, policy("sequential")), (policy(""), policy(""))] {
        let set = Set::new().global(|d| d.failover_policy = policy("sequential")).resolver("web", |r| {
            fail(r, "*", Failover { policy: own.clone(), ..targets(&["api"]) });
        });
        let chain = set.compile("web").unwrap();
        let Some(ChainNode::Resolver(node)) = chain.nodes.get(&chain.start_node) else { panic!("{chain:?}") };
        assert_eq!(node.failover.as_ref().unwrap().policy, expected);
        assert_eq!(node.failover.as_ref().unwrap().rule.as_ref().unwrap().to_string(), "service-resolver/web Failover.*");
    }
}

#[test]
fn a_resolver_names_every_rule_that_led_to_it() {
    let chain = versions(Set::new(), "api", |r| r.default_subset = "v1".into()).redirect("web", "api").compile("web").unwrap();
    let Some(ChainNode::Resolver(node)) = chain.nodes.get(&chain.start_node) else { panic!("{chain:?}") };
    let rules: Vec<String> = node.rules.iter().map(ToString::to_string).collect();
    assert_eq!(rules, ["service-resolver/web Redirect", "service-resolver/api DefaultSubset", "service-resolver/api Subsets.v1"]);
}

#[test]
fn a_redirecting_resolver_loses_what_it_says_besides() {
    let set = Set::new().resolver("web", |r| {
        redirect(r, |to| to.service = "api".into());
        r.connect_timeout = GoDuration::from_secs(9);
    });
    check(vec![("its timeout", set, "web", "tcp resolver:api | resolver:api 5s")]);
}

#[test]
fn a_peers_target_is_shaped_by_local_entries_only_where_something_links_to_them() {
    let slow = |set: Set| {
        set.resolver("api", |r| r.connect_timeout = GoDuration::from_secs(9)).defaults("api", |d| d.mesh_gateway = "local".into())
    };
    let timeout = |set: Set, peer: &str| {
        let chain = set.compile("web").unwrap();
        let target = chain.targets.values().find(|t| *t.id.peer == *peer).unwrap();
        (target.connect_timeout.to_string(), target.mesh_gateway.clone(), target.sni.clone())
    };
    let alone = slow(Set::new()).resolver("web", |r| fail(r, "*", targets(&["api%east"])));
    assert_eq!(timeout(alone, "east"), ("5s".into(), String::new(), String::new()));
    let linked = slow(Set::new()).resolver("web", |r| fail(r, "*", targets(&["api%east", "api"])));
    assert_eq!(timeout(linked, "east"), ("9s".into(), "local".into(), String::new()));
    let redirected = slow(Set::new()).resolver("web", |r| redirect(r, |to| (to.service, to.peer) = ("api".into(), "east".into())));
    assert_eq!(timeout(redirected, "east"), ("9s".into(), "local".into(), String::new()));
}

#[test]
fn an_external_target_has_its_own_name_and_no_gateway() {
    let set = Set::new().global(|d| (d.mesh_gateway, d.transparent_proxy.dialed_directly) = ("remote".into(), true));
    let set = set.defaults("ext", |d| (d.external_sni, d.mesh_gateway) = ("a.example".into(), "local".into()));
    let chain = set.clone().redirect("web", "ext").compile("web").unwrap();
    let target = chain.targets.values().next().unwrap();
    assert_eq!((target.sni.as_str(), target.external), ("a.example", true));
    assert_eq!((target.mesh_gateway.as_str(), target.dialed_directly), ("", false));
    assert_eq!(target.name, "ext.default.dc1.internal.td.consul");
    // A leg of a failover may be external too, and a resolver that only redirects there says nothing of the service itself.
    check(vec![(
        "as a leg",
        set.resolver("web", |r| fail(r, "*", targets(&["ext"]))),
        "web",
        "tcp resolver:web | resolver:web 5s else ext",
    )]);
}

#[test]
fn the_mesh_gateway_is_the_services_else_the_global_one_and_none_is_a_word() {
    for (own, expected) in [(None, "remote"), (Some(""), "remote"), (Some("none"), "none"), (Some("local"), "local")] {
        let mut set = Set::new().global(|d| d.mesh_gateway = "remote".into());
        if let Some(own) = own {
            set = set.defaults("web", |d| d.mesh_gateway = own.into());
        }
        let chain = set.compile("web").unwrap();
        let target: &ChainTarget = &chain.targets[&TargetId::service("web", "dc1")];
        assert_eq!(target.mesh_gateway, expected, "{own:?}");
    }
}
