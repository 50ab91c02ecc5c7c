//! Ways to other datacenters, as tables: an ingress gateway in dc1, asked for `web`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::decide::balance::{Dice, Idle};
use crate::decide::compile::{Compiler, compile};
use crate::decide::facts::Facts;
use crate::decide::fixture::{Set, subsets, targets};
use crate::decide::snapshot::{Endpoint, Snapshot, UpstreamTls};
use crate::decide::witness::Step;
use crate::id::{ListenerName, ServiceName};
use crate::model::entry::{Failover, Redirect, UpstreamConfig, UpstreamConfiguration};
use crate::model::federation::FederatedDatacenter;
use crate::model::gateway::{GatewayConfig, Identity};
use crate::model::resources::{Rejected, Resources};
use crate::model::service::{Address, Health, Instance, Service};

struct First;

impl Dice for First {
    fn roll(&mut self, _: u32) -> u32 {
        0
    }
}

/// `ADDRESS`, `ADDRESS critical`, `ADDRESS warning`, `ADDRESS v1`.
fn instance(written: &str, datacenter: &str) -> Instance {
    let (address, more) = written.split_once(' ').unwrap_or((written, ""));
    let health = match more {
        "critical" => Health::Critical,
        "warning" => Health::Warning,
        _ => Health::Passing,
    };
    let meta = [("version".to_owned(), more.to_owned())].into();
    let address = Address::parse(address).expect("an address");
    Instance { health, meta, mesh: true, ..Instance::new(written.replace(' ', "-"), address, datacenter) }
}

fn instances(written: &[&str], datacenter: &str) -> Vec<Instance> {
    written.iter().map(|written| instance(written, datacenter)).collect()
}

fn service(name: &str, written: &[&str], datacenter: &str) -> Arc<Service> {
    Arc::new(Service { name: ServiceName::from(name), instances: instances(written, datacenter) })
}

/// The gateway edge of dc1, which has an identity.
struct World(Resources);

impl World {
    fn of(set: Set) -> Self {
        let alone = Resources::of_a_gateway_alone();
        let gateway = GatewayConfig { identity: Some(Identity::in_folder(Path::new("certs"), "edge")), ..alone.gateway.clone() };
        let entries = Arc::new(set.ingress("tcp", &[("web", &[])]).0);
        Self(Resources { gateway, entries, ..alone })
    }

    fn own(mut self, name: &str, written: &[&str]) -> Self {
        let service = service(name, written, "dc1");
        Arc::make_mut(&mut self.0.services).insert(service.name.key(), service);
        self
    }

    fn datacenter(&mut self, name: &str) -> &mut FederatedDatacenter {
        Arc::make_mut(&mut self.0.federation).datacenters.entry(name.into()).or_default()
    }

    fn gateways(mut self, datacenter: &str, written: &[&str]) -> Self {
        self.datacenter(datacenter).gateways = instances(written, datacenter);
        self
    }

    fn there(mut self, datacenter: &str, name: &str, written: &[&str]) -> Self {
        let service = service(name, written, datacenter);
        self.datacenter(datacenter).services.insert(service.name.key(), service);
        self
    }

    /// Every hop as `ADDRESS SNI SPIFFE-ID`, the trust domain left out, or why each target is passed over.
    fn way(&self) -> String {
        way(&compile(&self.0))
    }
}

fn way(snapshot: &Snapshot) -> String {
    let (listener, client) = (ListenerName::from("edge:8080"), ([127, 0, 0, 1], 1).into());
    let facts = Facts { listener: &listener, client, local: client, sni: None, peer: None, request: None };
    let mut steps = Vec::new();
    match snapshot.plan(&facts, &Idle, &mut First, &mut steps) {
        Ok(plan) => plan.hops().map(|(_, endpoint)| hop(endpoint)).collect::<Vec<_>>().join(", "),
        Err(_) => {
            let why = steps.iter().filter_map(|step| if let Step::PassedOver { why, .. } = step { Some(why.as_str()) } else { None });
            why.collect::<Vec<_>>().join(", ")
        }
    }
}

fn hop(endpoint: &Endpoint) -> String {
    match endpoint.tls.as_deref() {
        Some(UpstreamTls::Mesh { sni, id, .. }) => {
            let (sni, id) = (sni.replace(".internal.test.consul", ""), id.to_string().replace("spiffe://test.consul/ns/default", ""));
            format!("{} {sni} {id}", endpoint.address)
        }
        _ => endpoint.address.to_string(),
    }
}

fn to(datacenter: &str) -> Set {
    Set::new().resolver("web", |r| r.redirect = Some(Redirect { datacenter: datacenter.into(), ..Redirect::default() }))
}

#[test]
fn the_mode_says_whose_gateway_leads_there_and_mtls_is_with_the_service_there() {
    let at = |mode: &str| {
        let world = World::of(to("dc2").defaults("web", |d| d.mesh_gateway = mode.into()));
        world.gateways("dc1", &["10.0.1.1:1"]).gateways("dc2", &["10.0.2.1:1", "10.0.2.2:1"]).there("dc2", "web", &["10.2.0.1:1"]).way()
    };
    let all = "web.default.dc2 /dc/dc2/svc/web";
    assert_eq!(at("local"), format!("10.0.1.1:1 {all}"));
    assert_eq!(at("remote"), format!("10.0.2.1:1 {all}, 10.0.2.2:1 {all}"));
    for none in ["none", "", "any"] {
        assert_eq!(at(none), format!("10.2.0.1:1 {all}"), "{none}");
    }
}

#[test]
fn the_mode_of_the_callers_overrides_goes_before_that_of_its_defaults_of_the_service_and_of_all() {
    let upstream = |name: &str, mode: &str| UpstreamConfig { name: name.into(), mesh_gateway: mode.into(), ..UpstreamConfig::default() };
    let of = |overriding: &str, defaults: &str, service: &str, all: &str| {
        let config = UpstreamConfiguration { overrides: vec![upstream("Web", overriding)], defaults: Some(upstream("", defaults)) };
        let set = to("dc2").global(|d| d.mesh_gateway = all.into()).defaults("web", |d| d.mesh_gateway = service.into());
        let set = set.defaults("edge", |d| d.upstream_config = Some(config));
        let world = World::of(set).gateways("dc1", &["10.0.1.1:1"]).gateways("dc2", &["10.0.2.1:1"]);
        let world = world.there("dc2", "web", &["10.2.0.1:1"]);
        match world.way().split(' ').next() {
            Some("10.0.1.1:1") => "local",
            Some("10.0.2.1:1") => "remote",
            _ => "none",
        }
    };
    for (overriding, defaults, service, all, wanted) in [
        ("local", "none", "none", "none", "local"),
        ("", "local", "remote", "none", "local"),
        ("none", "local", "remote", "remote", "none"),
        ("", "", "remote", "local", "remote"),
        ("", "", "none", "local", "none"),
        ("", "", "", "local", "local"),
        ("", "", "", "", "none"),
    ] {
        assert_eq!(of(overriding, defaults, service, all), wanted, "{overriding:?} {defaults:?} {service:?} {all:?}");
    }
}

#[test]
fn a_target_of_the_own_datacenter_is_reached_directly_whatever_the_mode() {
    for mode in ["local", "remote", "none"] {
        let world = World::of(Set::new().global(|d| d.mesh_gateway = mode.into())).own("web", &["10.1.0.1:1"]);
        assert_eq!(world.gateways("dc1", &["10.0.1.1:1"]).way(), "10.1.0.1:1 web.default.dc1 /dc/dc1/svc/web", "{mode}");
    }
}

#[test]
fn every_leg_of_a_failover_has_its_own_name_and_identity() {
    let legs = targets(&["@dc2", "api@dc3", "api"]);
    let set = Set::new().resolver("web", |r| r.failover = [("*".to_owned(), legs)].into());
    let world = World::of(set.global(|d| d.mesh_gateway = "local".into()).defaults("api", |d| d.mesh_gateway = "remote".into()));
    let world = world.own("web", &["10.1.0.1:1 critical"]).own("api", &["10.1.0.2:1"]);
    let way = world.gateways("dc1", &["10.0.1.1:1"]).gateways("dc3", &["10.0.3.1:1"]).way();
    let hops = [
        "10.0.1.1:1 web.default.dc2 /dc/dc2/svc/web",
        "10.0.3.1:1 api.default.dc3 /dc/dc3/svc/api",
        "10.1.0.2:1 api.default.dc1 /dc/dc1/svc/api",
    ];
    assert_eq!(way, hops.join(", "));
}

#[test]
fn a_subset_keeps_its_name_and_its_filter_counts_where_instances_are_known() {
    let set = to("dc2").global(|d| d.mesh_gateway = "remote".into());
    let v2 = |r: &mut crate::model::entry::ServiceResolver| {
        subsets(r, &["v1", "v2"]);
        r.default_subset = "v2".into();
        r.failover = [("*".to_owned(), Failover { datacenters: vec!["dc2".into(), "dc3".into()], ..Failover::default() })].into();
    };
    let world = || World::of(set.clone().resolver("web", v2)).gateways("dc2", &["10.0.2.1:1"]).gateways("dc3", &["10.0.3.1:1"]);
    let (second, third) = ("10.0.2.1:1 v2.web.default.dc2 /dc/dc2/svc/web", "10.0.3.1:1 v2.web.default.dc3 /dc/dc3/svc/web");
    assert_eq!(world().way(), format!("{second}, {third}"));
    assert_eq!(world().there("dc2", "web", &["10.2.0.1:1 v2"]).way(), format!("{second}, {third}"));
    assert_eq!(world().there("dc2", "web", &["10.2.0.1:1 v1"]).way(), third);
}

#[test]
fn health_is_that_of_the_instances_where_any_are_known() {
    let set = || {
        let failover = Failover { datacenters: vec!["dc2".into(), "dc3".into()], ..Failover::default() };
        Set::new().global(|d| d.mesh_gateway = "remote".into()).resolver("web", |r| r.failover = [("*".to_owned(), failover)].into())
    };
    let world = || World::of(set()).gateways("dc2", &["10.0.2.1:1"]).gateways("dc3", &["10.0.3.1:1"]);
    let first = |world: World| world.way().split(' ').next().unwrap_or_default().to_owned();
    assert_eq!(first(world()), "10.0.2.1:1", "nothing is known, so that the gateway is asked");
    assert_eq!(first(world().there("dc2", "web", &["10.2.0.1:1", "10.2.0.2:1 critical"])), "10.0.2.1:1");
    assert_eq!(first(world().there("dc2", "web", &["10.2.0.1:1 critical"])), "10.0.3.1:1");
    assert_eq!(first(world().there("dc2", "web", &[])), "10.0.3.1:1");
    let none = world().there("dc2", "web", &["10.2.0.1:1 critical"]).there("dc3", "web", &[]);
    assert_eq!(none.way(), "no healthy instance, no healthy instance (10.2.0.1:1-critical is critical), no healthy instance");
}

#[test]
fn of_instances_that_only_warn_none_is_used_where_only_passing_ones_are_wanted() {
    let world = |only_passing: bool| {
        let set = to("dc2").global(|d| d.mesh_gateway = "remote".into()).resolver("web", |r| {
            subsets(r, &["v1"]);
            r.subsets.values_mut().for_each(|subset| (subset.filter, subset.only_passing) = (String::new(), only_passing));
            r.failover = [("*".to_owned(), Failover { datacenters: vec!["dc2".into()], ..Failover::default() })].into();
            r.default_subset = "v1".into();
        });
        World::of(set).gateways("dc2", &["10.0.2.1:1"]).there("dc2", "web", &["10.2.0.1:1 warning"]).way()
    };
    assert_eq!(world(false), "10.0.2.1:1 v1.web.default.dc2 /dc/dc2/svc/web");
    assert!(world(true).contains("10.2.0.1:1-warning is warning"), "{}", world(true));
}

#[test]
fn a_critical_gateway_is_used_where_none_is_better() {
    let way = |gateways: &[&str]| {
        let world = World::of(to("dc2").global(|d| d.mesh_gateway = "remote".into())).gateways("dc2", gateways).way();
        world.split(", ").map(|hop| hop.split(' ').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(way(&["10.0.2.1:1 critical", "10.0.2.2:1"]), ["10.0.2.2:1"]);
    assert_eq!(way(&["10.0.2.1:1 critical", "10.0.2.2:1 critical"]), ["10.0.2.1:1", "10.0.2.2:1"]);
}

#[test]
fn what_cannot_be_reached_is_passed_over_with_what_to_write_and_is_among_what_is_left_out() {
    let world = |mode: &str| World::of(to("dc2").defaults("web", |d| d.mesh_gateway = mode.into()));
    let no_identity = |mut world: World| {
        world.0.gateway.identity = None;
        world
    };
    for (world, said) in [
        (world("remote"), "no mesh gateway of dc2 is known; add [[datacenter]] with name = \"dc2\" and gateways"),
        (world("local"), "no mesh gateway of dc1 is known; add [[datacenter]] with name = \"dc1\", own = true and gateways"),
        (world("none"), "add [[service]] with name = \"web\", datacenter = \"dc2\" and an instance"),
        (no_identity(world("remote").gateways("dc2", &["10.0.2.1:1"])), "there is no certificate to show; add [certs]"),
        (
            World::of(Set::new().resolver("web", |r| {
                r.redirect = Some(Redirect { service: "web".into(), peer: "east".into(), ..Redirect::default() });
            })),
            "it is a service of the peer east",
        ),
    ] {
        let way = world.way();
        assert!(way.contains(said), "{said}: {way}");
        let rejected = compile(&world.0).rejected;
        let left_out =
            |r: &&Rejected| r.what.to_string() == "service-resolver/web" && r.why.contains(" is not reached: ") && r.why.contains(said);
        assert_eq!(rejected.iter().filter(left_out).count(), 1, "{rejected:?}");
    }
}

#[test]
fn what_changes_elsewhere_is_seen_by_who_compiles_again_and_again() {
    let mut compiler = Compiler::default();
    let mut seen = |world: &World| {
        let way = way(&compiler.compile(&world.0));
        assert_eq!(way, world.way(), "as compiled once");
        way
    };
    let set = || to("dc2").global(|d| d.mesh_gateway = "remote".into());
    let first = World::of(set()).gateways("dc2", &["10.0.2.1:1"]);
    let mut ways = BTreeMap::new();
    let upstream = UpstreamConfig { mesh_gateway: "local".into(), ..UpstreamConfig::default() };
    let config = UpstreamConfiguration { overrides: Vec::new(), defaults: Some(upstream) };
    let mut unknown = World::of(set()).gateways("dc2", &["10.0.2.1:1"]);
    unknown.0.gateway.identity = None;
    for (what, world) in [
        ("a gateway", first),
        ("another gateway", World::of(set()).gateways("dc2", &["10.0.2.2:1"])),
        ("no identity", unknown),
        ("an instance that is critical", World::of(set()).gateways("dc2", &["10.0.2.2:1"]).there("dc2", "web", &["10.2.0.1:1 critical"])),
        (
            "one that is well",
            World::of(set()).gateways("dc2", &["10.0.2.2:1"]).there("dc2", "web", &["10.2.0.1:1"]).gateways("dc1", &["10.0.1.1:1"]),
        ),
        (
            "another mode of the gateway's own",
            World::of(set().defaults("edge", |d| d.upstream_config = Some(config)))
                .gateways("dc2", &["10.0.2.2:1"])
                .gateways("dc1", &["10.0.1.1:1"])
                .there("dc2", "web", &["10.2.0.1:1"]),
        ),
    ] {
        ways.insert(seen(&world), what);
    }
    assert_eq!(ways.len(), 5, "{ways:?}");
}
