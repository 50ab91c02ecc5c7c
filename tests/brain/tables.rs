//! The tables of Consul's own integration cases for ingress gateways and discovery chains, with inputs of our own: what each asserts
//! there about routes, hosts, subsets and splits is asked of the brain here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gw::decide::Snapshot;
use gw::decide::balance::Idle;
use gw::decide::compile::compile;
use gw::decide::facts::{Facts, RequestHead};
use gw::id::{Datacenter, ListenerName, ServiceName, TrustDomain};
use gw::model::entry::{Entries, IntentionAction};
use gw::model::gateway::{GatewayConfig, GatewayKind};
use gw::model::resources::Resources;
use gw::model::service::{Address, Health, Instance, Service};
use gw::source::diagnostic::Text;
use gw::source::entry::{Syntax, read};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::{Fixed, boundaries, split_sides};

const HTTP: &str = r#"Kind = "proxy-defaults" Name = "global" Config { protocol = "http" }"#;

/// Instances are written `SERVICE`, `SERVICE:VERSION` or `SERVICE:VERSION:warning`.
fn world(entries: &[&str], instances: &[&str]) -> Resources {
    let mut set = Entries::default();
    for entry in entries {
        let text = Arc::new(Text { origin: "table".to_owned(), content: (*entry).to_owned() });
        let (decoded, problems) = read(&text, Syntax::Hcl);
        assert!(problems.is_empty(), "{entry}: {problems:?}");
        decoded.into_iter().filter_map(|d| d.entry).for_each(|e| set.insert(e));
    }
    let mut services: BTreeMap<&str, Vec<Instance>> = BTreeMap::new();
    for written in instances {
        let mut parts = written.split(':');
        let service = parts.next().expect("a service");
        let version = parts.next();
        let list = services.entry(service).or_default();
        list.push(Instance {
            id: version.map_or_else(|| service.to_owned(), |v| format!("{service}-{v}")),
            address: Address::Socket(([127, 0, 0, 1], 9000).into()),
            meta: version.map(|v| ("version".to_owned(), v.to_owned())).into_iter().collect(),
            tags: Vec::new(),
            health: if parts.next().is_some() { Health::Warning } else { Health::Passing },
            check: None,
            weight: 1,
            mesh: false,
            node: String::new(),
            node_meta: BTreeMap::new(),
            datacenter: "dc1".into(),
        });
    }
    let services = services.into_iter().map(|(name, instances)| Service { name: ServiceName::from(name), instances });
    Resources {
        gateway: GatewayConfig::of(GatewayKind::Ingress, "edge"),
        datacenter: Datacenter::from("dc1"),
        trust_domain: TrustDomain::new(TrustDomain::OF_FILES),
        entries: Arc::new(set),
        services: Arc::new(services.map(|s| (s.name.key(), Arc::new(s))).collect()),
        federation: Default::default(),
        default_action: IntentionAction::Deny,
        rejected: Vec::new(),
        written: Default::default(),
    }
}

/// Asks as curl would: `"GET a.test:9999/path?x=1 name:value"`. What is reached, `INSTANCE PATH` for each that some roll reaches with
/// its share in percent where it is not all, or the code.
fn reached(snapshot: &Snapshot, port: i64, request: &str) -> String {
    let mut words = request.split(' ');
    let method = Method::from_bytes(words.next().expect("a method").as_bytes()).expect("a method");
    let url = words.next().expect("a url");
    let (authority, target) = url.split_at(url.find('/').expect("a path"));
    let mut headers = HeaderMap::new();
    for word in words {
        let (name, value) = word.split_once(':').expect("a header");
        headers.append(HeaderName::from_bytes(name.as_bytes()).expect("a name"), HeaderValue::from_str(value).expect("a value"));
    }
    let head = RequestHead { method: &method, authority, target, scheme: "http", headers: &headers };
    let here = ([127, 0, 0, 1], 1).into();
    let listener = ListenerName::of("edge", port);
    let facts = Facts { listener: &listener, client: here, local: here, sni: None, peer: None, request: Some(head) };
    let sides = split_sides(snapshot, &facts);
    let rolls: Vec<u32> = boundaries(snapshot).into_iter().filter(|r| *r < sides).collect();
    let mut shares: BTreeMap<String, f64> = BTreeMap::new();
    for (n, roll) in rolls.iter().enumerate() {
        let outcome = match snapshot.plan(&facts, &Idle, &mut Fixed(*roll), &mut ()) {
            Ok(plan) => {
                let ids: BTreeSet<&str> = plan.hops().filter(|(t, _)| t.id == plan.first_target().id).map(|(_, e)| e.id.as_str()).collect();
                let ids: Vec<&str> = ids.into_iter().collect();
                format!("{} {}", ids.join("|"), plan.rewritten.as_deref().unwrap_or(target))
            }
            Err(refusal) => refusal.code.to_string(),
        };
        let width = f64::from(rolls.get(n + 1).unwrap_or(&sides) - roll);
        *shares.entry(outcome).or_default() += width * 100.0 / f64::from(sides);
    }
    let all: Vec<String> =
        shares.iter().map(|(what, share)| if *share > 99.99 { what.clone() } else { format!("{share}% {what}") }).collect();
    all.join(", ")
}

fn check(case: &str, entries: &[&str], instances: &[&str], rows: &[(i64, &str, &str)]) {
    let snapshot = compile(&world(entries, instances));
    let mut wrong = Vec::new();
    for (port, request, wanted) in rows {
        let got = reached(&snapshot, *port, request);
        if got != *wanted {
            wrong.push(format!("{case}, {request}: wanted {wanted}, got {got}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_ingress_routes_two_paths_of_one_host_with_rewrites() {
    check(
        "ingress http",
        &[
            HTTP,
            r#"Kind = "ingress-gateway" Name = "edge" Listeners = [{ Port = 9999 Protocol = "http" Services = [{ Name = "shop" }] }]"#,
            r#"Kind = "service-router" Name = "shop" Routes = [
                { Match { HTTP { PathPrefix = "/s1/" } } Destination { Service = "s1" PrefixRewrite = "/" } },
                { Match { HTTP { PathPrefix = "/s2/" } } Destination { Service = "s2" PrefixRewrite = "/" } } ]"#,
        ],
        &["s1", "s2"],
        &[
            (9999, "GET shop.ingress.consul/s1/debug?env=dump", "s1 /debug?env=dump"),
            (9999, "GET shop.ingress.consul:9999/s2/", "s2 /"),
            (9999, "GET shop.ingress.dc1.consul/other", "no_healthy_endpoint"),
            (9999, "GET s1.ingress.consul/s1/", "no_host"),
            (9998, "GET shop.ingress.consul/s1/", "no_listener"),
        ],
    );
}

#[test]
fn an_ingress_chooses_among_several_services_by_host() {
    check(
        "ingress multiple services",
        &[
            HTTP,
            r#"Kind = "ingress-gateway" Name = "edge" Listeners = [
                { Port = 9999 Protocol = "http" Services = [{ Name = "*" }] },
                { Port = 9998 Protocol = "http" Services = [{ Name = "s1" Hosts = ["test.example.test"] }, { Name = "s2" Hosts = ["*.example.test", "bare"] }] } ]"#,
            r#"Kind = "service-defaults" Name = "tcp-only" Protocol = "tcp""#,
        ],
        &["s1", "s2", "tcp-only"],
        &[
            (9999, "GET s1.ingress.consul/", "s1 /"),
            (9999, "GET S2.INGRESS.dc1.consul:9999/x", "s2 /x"),
            (9999, "GET s3.ingress.consul/", "no_host"),
            (9999, "GET tcp-only.ingress.consul/", "no_host"),
            (9998, "GET test.example.test/", "s1 /"),
            (9998, "GET other.example.test/", "s2 /"),
            (9998, "GET bare/", "s2 /"),
            (9998, "GET example.test/", "no_host"),
            (9998, "GET s1.ingress.consul/", "no_host"),
        ],
    );
}

#[test]
fn every_feature_of_a_router_finds_its_route() {
    let routes = [
        r#"{ Match { HTTP { PathExact = "/exact" Methods = ["GET", "PUT"] } } Destination { Service = "s2" PrefixRewrite = "/debug" } }"#,
        r#"{ Match { HTTP { PathExact = "/exact-alt" } } Destination { Service = "s2" ServiceSubset = "v1" PrefixRewrite = "/debug" } }"#,
        r#"{ Match { HTTP { PathPrefix = "/prefix" } } Destination { Service = "s2" PrefixRewrite = "/" } }"#,
        r#"{ Match { HTTP { PathPrefix = "/prefix-alt/" } } Destination { Service = "s2" ServiceSubset = "v1" PrefixRewrite = "/" } }"#,
        r#"{ Match { HTTP { PathRegex = "/deb[ug]{2}" Header = [{ Name = "x-debug" Exact = "regex-path" }] } } Destination { Service = "s2" ServiceSubset = "v2" } }"#,
        r#"{ Match { HTTP { Header = [{ Name = "x-debug" Present = true }, { Name = "x-more" Exact = "1" }] } } Destination { ServiceSubset = "v1" } }"#,
        r#"{ Match { HTTP { Header = [{ Name = "x-debug" Exact = "exact" }] } } Destination { Service = "s2" } }"#,
        r#"{ Match { HTTP { Header = [{ Name = "x-debug" Prefix = "pre" }] } } Destination { Service = "s3" } }"#,
        r#"{ Match { HTTP { Header = [{ Name = "x-debug" Suffix = "suf" }] } } Destination { Service = "s4" } }"#,
        r#"{ Match { HTTP { Header = [{ Name = "x-debug" Regex = "re.*x" }] } } Destination { Service = "s5" } }"#,
        r#"{ Match { HTTP { QueryParam = [{ Name = "qtest" Exact = "exact" }] } } Destination { Service = "s2" ServiceSubset = "v2" } }"#,
        r#"{ Match { HTTP { QueryParam = [{ Name = "qtest" Regex = "reg[ex]{2}" }] } } Destination { Service = "s3" } }"#,
        r#"{ Match { HTTP { QueryParam = [{ Name = "present" Present = true }] } } Destination { Service = "s4" } }"#,
        r#"{ Match { HTTP { PathPrefix = "/methods" Methods = ["post"] } } Destination { Service = "s5" } }"#,
    ];
    let router = format!(r#"Kind = "service-router" Name = "s1" Routes = [{}]"#, routes.join(","));
    let subsets = |name: &str| {
        format!(
            r#"Kind = "service-resolver" Name = "{name}" Subsets {{ v1 {{ Filter = "Service.Meta.version == v1" }} v2 {{ Filter = "Service.Meta.version == v2" }} }}"#
        )
    };
    check(
        "router features",
        &[
            HTTP,
            r#"Kind = "ingress-gateway" Name = "edge" Listeners = [{ Port = 1 Protocol = "http" Services = [{ Name = "s1" Hosts = ["*"] }] }]"#,
            &router,
            &subsets("s1"),
            &subsets("s2"),
        ],
        &["s1:v1", "s1:v2", "s2:v1", "s2:v2", "s3", "s4", "s5"],
        &[
            (1, "GET h/exact?env=dump", "s2-v1|s2-v2 /debug?env=dump"),
            (1, "POST h/exact", "s1-v1|s1-v2 /exact"),
            (1, "GET h/exact/", "s1-v1|s1-v2 /exact/"),
            (1, "GET h/exact-alt", "s2-v1 /debug"),
            (1, "GET h/prefix/debug?x", "s2-v1|s2-v2 //debug?x"),
            (1, "GET h/prefixed", "s2-v1|s2-v2 /ed"),
            (1, "GET h/prefix-alt/debug", "s2-v1|s2-v2 /-alt/debug"),
            (1, "GET h/debug x-debug:regex-path", "s2-v2 /debug"),
            (1, "GET h/debugg x-debug:regex-path", "s1-v1|s1-v2 /debugg"),
            (1, "GET h/ x-debug: x-more:1", "s1-v1 /"),
            (1, "GET h/ x-debug:exact", "s2-v1|s2-v2 /"),
            (1, "GET h/ x-debug:prefixed", "s3 /"),
            (1, "GET h/ x-debug:with-suf", "s4 /"),
            (1, "GET h/ x-debug:relax", "s5 /"),
            (1, "GET h/ x-debug:other", "s1-v1|s1-v2 /"),
            (1, "GET h/?qtest=exact", "s2-v2 /?qtest=exact"),
            (1, "GET h/?qtest=regex", "s3 /?qtest=regex"),
            (1, "GET h/?a&present=", "s4 /?a&present="),
            (1, "POST h/methods", "s5 /methods"),
            (1, "GET h/methods", "s1-v1|s1-v2 /methods"),
        ],
    );
}

#[test]
fn a_splitter_shares_between_subsets_and_never_asks_the_rest() {
    check(
        "splitter features",
        &[
            HTTP,
            r#"Kind = "ingress-gateway" Name = "edge" Listeners = [{ Port = 1 Protocol = "http" Services = [{ Name = "s2" Hosts = ["*"] }] }]"#,
            r#"Kind = "service-splitter" Name = "s2" Splits = [{ Weight = 50 ServiceSubset = "v2" }, { Weight = 50 ServiceSubset = "v1" }]"#,
            r#"Kind = "service-resolver" Name = "s2" Subsets { v1 { Filter = "Service.Meta.version == v1" } v2 { Filter = "Service.Meta.version == v2" } }"#,
        ],
        &["s2", "s2:v1", "s2:v2"],
        &[(1, "GET h/", "50% s2-v1 /, 50% s2-v2 /")],
    );
}

#[test]
fn resolvers_choose_subsets_filter_instances_redirect_and_fail_over() {
    let edge = r#"Kind = "ingress-gateway" Name = "edge" Listeners = [{ Port = 1 Protocol = "http" Services = [
        { Name = "defaulted" }, { Name = "filtered" }, { Name = "passing" }, { Name = "to-subset" }, { Name = "to-service" }, { Name = "failing" } ] }]"#;
    let versions = r#"Subsets { v1 { Filter = "Service.Meta.version == v1" } v2 { Filter = "Service.Meta.version == v2" } }"#;
    check(
        "resolvers",
        &[
            HTTP,
            edge,
            &format!(r#"Kind = "service-resolver" Name = "defaulted" DefaultSubset = "v2" {versions}"#),
            r#"Kind = "service-resolver" Name = "filtered" DefaultSubset = "odd" Subsets { odd { Filter = "Service.Meta.version != v2 and not Service.Meta.version == v3" } }"#,
            r#"Kind = "service-resolver" Name = "passing" DefaultSubset = "well" Subsets { well { OnlyPassing = true } }"#,
            r#"Kind = "service-resolver" Name = "to-subset" Redirect { Service = "defaulted" ServiceSubset = "v1" }"#,
            r#"Kind = "service-resolver" Name = "to-service" Redirect { Service = "defaulted" }"#,
            r#"Kind = "service-resolver" Name = "failing" Failover { "*" { Targets = [{ Service = "none" }, { Service = "to-service" }] } }"#,
        ],
        &["defaulted:v1", "defaulted:v2", "filtered", "filtered:v1", "filtered:v2", "filtered:v3", "passing:a", "passing:b:warning"],
        &[
            (1, "GET defaulted.ingress.x/", "defaulted-v2 /"),
            (1, "GET filtered.ingress.x/", "filtered|filtered-v1 /"),
            (1, "GET passing.ingress.x/", "passing-a /"),
            (1, "GET to-subset.ingress.x/", "defaulted-v1 /"),
            (1, "GET to-service.ingress.x/", "defaulted-v2 /"),
            (1, "GET failing.ingress.x/", "defaulted-v2 /"),
        ],
    );
}

#[test]
fn central_defaults_decide_the_protocol_and_with_it_what_is_served() {
    check(
        "central configuration",
        &[
            r#"Kind = "service-defaults" Name = "s1" Protocol = "http""#,
            r#"Kind = "service-defaults" Name = "s2""#,
            r#"Kind = "proxy-defaults" Name = "global" Config { protocol = "http2" }"#,
            r#"Kind = "ingress-gateway" Name = "edge" Listeners = [
                { Port = 1 Protocol = "http" Services = [{ Name = "*" }] }, { Port = 2 Protocol = "http2" Services = [{ Name = "*" }] } ]"#,
        ],
        &["s1", "s2", "s3"],
        &[
            (1, "GET s1.ingress.x/", "s1 /"),
            (1, "GET s2.ingress.x/", "no_host"),
            (1, "GET s3.ingress.x/", "no_host"),
            (2, "GET s3.ingress.x/", "s3 /"),
            (2, "GET s1.ingress.x/", "no_host"),
        ],
    );
}
