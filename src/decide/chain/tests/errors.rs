//! What does not compile, in Consul's words.

use super::check;
use crate::decide::chain::{ChainError, MOST_LEGS};
use crate::decide::fixture::{Set, subsets, targets};

#[test]
fn what_does_not_fit_together_has_no_chain() {
    check(vec![
        (
            "a router of a tcp service",
            Set::new().router("web", &[]),
            "web",
            "error: discovery chain \"web\" uses a protocol \"tcp\" that does not permit advanced routing or splitting behavior",
        ),
        (
            "a splitter of a service of an unknown protocol",
            Set::new().global(|d| d.protocol = "redis".into()).splitter("web", &[(100.0, "", "")]),
            "web",
            "error: discovery chain \"web\" uses a protocol \"redis\" that does not permit advanced routing or splitting behavior",
        ),
        (
            "http and http2",
            Set::http().protocol("api", "http2").router("web", &[("/", "api", "")]),
            "web",
            "error: discovery chain \"web\" uses inconsistent protocols; service \"api\" has \"http2\" which is not \"http\"",
        ),
        (
            "a service that is only passed by a redirect",
            Set::new().protocol("api", "http").redirect("web", "api").redirect("api", "db"),
            "web",
            "error: discovery chain \"web\" uses inconsistent protocols; service \"api\" has \"http\" which is not \"tcp\"",
        ),
        (
            "a failover to another protocol",
            Set::new().protocol("api", "http").resolver("web", |r| drop(r.failover.insert("*".into(), targets(&["api"])))),
            "web",
            "error: discovery chain \"web\" uses inconsistent protocols; service \"api\" has \"http\" which is not \"tcp\"",
        ),
        (
            "a subset that is not there",
            Set::http().router("web", &[("/", "api", "v1")]),
            "web",
            "error: service \"api\" does not have a subset named \"v1\"",
        ),
        (
            "a circle of redirects",
            Set::new().redirect("web", "api").redirect("api", "db").redirect("db", "api"),
            "web",
            "error: detected circular resolver redirect: [web.default.default.dc1 -> api.default.default.dc1 -> \
             db.default.default.dc1 -> api.default.default.dc1]",
        ),
        (
            "a circle of splitters",
            Set::http().splitter("web", &[(100.0, "api", "")]).splitter("api", &[(100.0, "web", "")]),
            "web",
            "error: detected circular reference: [splitter:web.default.default -> splitter:api.default.default -> \
             splitter:web.default.default]",
        ),
        (
            "a circle over another spelling",
            Set::http().splitter("web", &[(100.0, "API", "")]).splitter("api", &[(100.0, "web", "")]),
            "web",
            "error: detected circular reference: [splitter:web.default.default -> splitter:API.default.default -> \
             splitter:web.default.default]",
        ),
    ]);
}

#[test]
fn a_service_outside_the_mesh_has_neither_redirect_nor_subsets_nor_failover() {
    let outside = || Set::new().defaults("web", |d| d.external_sni = "a.example".into());
    check(vec![
        (
            "a redirect to itself, which is not followed",
            outside().redirect("web", "web"),
            "web",
            "error: service \"web\" has an external SNI set; cannot define redirects for external services",
        ),
        (
            "subsets",
            outside().resolver("web", |r| subsets(r, &["v1"])),
            "web",
            "error: service \"web\" has an external SNI set; cannot define subsets for external services",
        ),
        (
            "failover",
            outside().resolver("web", |r| drop(r.failover.insert("*".into(), targets(&["api"])))),
            "web",
            "error: service \"web\" has an external SNI set; cannot define failover for external services",
        ),
        ("a redirect that leads away is followed first", outside().redirect("web", "api"), "web", "tcp resolver:api | resolver:api 5s"),
    ]);
}

#[test]
fn splitters_of_splitters_end_at_a_limit_and_not_in_all_of_the_memory() {
    let mut set = Set::http();
    for level in 0..64 {
        let next = format!("s{}", level + 1);
        set = set.splitter(&format!("s{level}"), &[(50.0, &next, ""), (50.0, &next, "")]);
    }
    assert_eq!(set.compile("s0"), Err(ChainError::TooManyLegs { chain: "s0".into(), limit: MOST_LEGS }));
}

#[test]
fn deep_chains_take_no_stack() {
    let mut redirects = Set::new();
    let mut splitters = Set::http();
    for level in 0..1_000 {
        redirects = redirects.redirect(&format!("s{level}"), &format!("s{}", level + 1));
        splitters = splitters.splitter(&format!("s{level}"), &[(100.0, &format!("s{}", level + 1), "")]);
    }
    check(vec![
        ("redirects", redirects, "s0", "tcp resolver:s1000 | resolver:s1000 5s"),
        ("splitters", splitters, "s0", "http splitter:s0 | resolver:s1000 5s | splitter:s0 -> 100 resolver:s1000"),
    ]);
}
