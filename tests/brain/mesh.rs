//! Server names at a mesh gateway: what the table of names leads to against an evaluator that walks a list of all of them, and the
//! rules of what is in it, row by row.

use std::sync::Arc;

use gw::decide::Snapshot;
use gw::decide::balance::Idle;
use gw::decide::compile::{Compiler, compile};
use gw::decide::facts::Facts;
use gw::id::{Datacenter, ListenerName, TrustDomain};
use gw::model::entry::{Entries, ServiceResolver, Subset};
use gw::model::federation::{FederatedDatacenter, Federation, Peer};
use gw::model::gateway::GatewayKind;
use gw::model::resources::Resources;
use gw::model::service::{Address, Health, Instance};

use crate::generate::{Random, SERVICES, World};
use crate::{Fixed, seeds, servers};

const TRUST_DOMAIN: &str = "td.consul";

/// Where a name leads: `ID ID` in the order of the catalog, or the code.
pub(crate) fn led(snapshot: &Snapshot, sni: Option<&str>) -> String {
    let here = ([127, 0, 0, 1], 1).into();
    let listener = ListenerName::of("edge", 8443);
    let facts = Facts { listener: &listener, client: here, local: here, sni, peer: None, request: None };
    match snapshot.plan(&facts, &Idle, &mut Fixed(0), &mut ()) {
        Ok(plan) => {
            assert!(plan.hops().all(|(_, endpoint)| endpoint.tls.is_none()), "{sni:?} is passed on as it is");
            let mut ids: Vec<&str> = plan.hops().map(|(_, endpoint)| endpoint.id.as_str()).collect();
            ids.sort_unstable();
            ids.join(" ")
        }
        Err(refusal) => refusal.code.to_string(),
    }
}

pub(crate) fn gateways(datacenter: &str, healths: &[Health]) -> Vec<Instance> {
    let gateway = |(n, health): (usize, &Health)| {
        let address = Address::Socket(([10, 0, 0, 1], 8443).into());
        Instance { mesh: true, health: *health, ..Instance::new(format!("{datacenter}-{n}"), address, datacenter) }
    };
    healths.iter().enumerate().map(gateway).collect()
}

/// The world as a mesh gateway has it, with some instances in the mesh, other datacenters and a peer.
fn at_a_mesh_gateway(world: &World, random: &mut Random) -> Resources {
    let mut resources = world.resources();
    resources.gateway.kind = GatewayKind::Mesh;
    resources.trust_domain = TrustDomain::new(TRUST_DOMAIN);
    for service in Arc::make_mut(&mut resources.services).values_mut() {
        Arc::make_mut(service).instances.iter_mut().for_each(|instance| instance.mesh = random.chance(80));
    }
    let mut federation = Federation::default();
    let health = |random: &mut Random| *random.pick(&[Health::Passing, Health::Warning, Health::Critical]);
    for name in ["dc1", "dc2", "internal", "dc3"] {
        let healths: Vec<Health> = (0..random.below(4)).map(|_| health(random)).collect();
        let known = FederatedDatacenter { gateways: gateways(name, &healths), ..FederatedDatacenter::default() };
        federation.datacenters.insert(Datacenter::from(name), known);
    }
    let peer = Peer { trust_domain: TrustDomain::new("other.consul"), gateways: gateways("peer", &[Health::Passing]) };
    federation.peers.insert("far".into(), peer);
    resources.federation = Arc::new(federation);
    servers::expose(&mut resources, random);
    resources
}

/// Walks every name there is, in words of the semantics (9).
fn naive(resources: &Resources, name: &str) -> String {
    let name = name.to_lowercase();
    if name.split('.').any(str::is_empty) {
        return "no_sni".to_owned();
    }
    for service in resources.services.values() {
        let resolver = resources.entries.resolvers.values().find(|r| r.common.name == service.name.as_str());
        let none = ServiceResolver::default();
        let resolver = resolver.map_or(&none, AsRef::as_ref);
        for subset in std::iter::once("").chain(resolver.subsets.keys().map(String::as_str)) {
            let dot = if subset.is_empty() { "" } else { "." };
            if name == format!("{subset}{dot}{}.default.dc1.internal.{TRUST_DOMAIN}", service.name) {
                let subset = if subset.is_empty() { resolver.default_subset.as_str() } else { subset };
                let whole = Subset::default();
                let subset = resolver.subsets.get(subset).unwrap_or(&whole);
                let version = subset.filter.rsplit(' ').next().unwrap_or_default();
                let fits = |i: &&Instance| i.mesh && (version.is_empty() || i.meta.get("version").is_some_and(|v| v == version));
                return best(service.instances.iter().filter(fits), subset.only_passing);
            }
        }
    }
    if let Some(wanted) = servers::naive(resources, &name) {
        return wanted;
    }
    let Federation { datacenters, peers, .. } = &*resources.federation;
    let elsewhere = datacenters.iter().filter(|(dc, _)| dc.as_str() != "dc1");
    let ends = elsewhere.map(|(dc, known)| (format!(".{dc}.internal.{TRUST_DOMAIN}"), &known.gateways));
    let ends = ends.chain(peers.values().map(|peer| (format!(".external.{}", peer.trust_domain), &peer.gateways)));
    let found = ends.filter(|(end, _)| name.ends_with(end)).max_by_key(|(end, _)| end.len());
    found.map_or("no_sni".to_owned(), |(_, gateways)| best(gateways.iter(), false))
}

/// The good ones; else the least bad.
pub(crate) fn best<'i>(instances: impl Iterator<Item = &'i Instance>, only_passing: bool) -> String {
    let could: Vec<&Instance> = instances.filter(|i| i.weight > 0).collect();
    let good = |i: &&Instance| i.health == Health::Passing || i.health == Health::Warning && !only_passing;
    let mut used: Vec<&Instance> = could.iter().copied().filter(good).collect();
    for health in [Health::Warning, Health::Critical] {
        if used.is_empty() {
            used = could.iter().copied().filter(|i| i.health == health).collect();
        }
    }
    let mut ids: Vec<&str> = used.iter().map(|i| i.id.as_str()).collect();
    ids.sort_unstable();
    if ids.is_empty() { "no_healthy_endpoint".to_owned() } else { ids.join(" ") }
}

/// Mostly names that there are, or nearly.
fn name(random: &mut Random) -> String {
    let subset = *random.pick(&["", "", "v1.", "v2.", "v3.", "x.v1.", "."]);
    let service = *random.pick(&[SERVICES[0], SERVICES[1], SERVICES[2], "WEB", "none", "internal"]);
    let middle = *random.pick(&[".default.", ".default.", ".default.", ".ns1.", "..", "."]);
    let place = *random.pick(&["dc1", "dc1", "dc2", "DC3", "internal", "dc9"]);
    let end = *random.pick(&[
        ".internal.td.consul",
        ".internal.TD.consul",
        ".internal.td.consul.",
        ".internal.other.consul",
        ".external.other.consul",
    ]);
    match random.below(14) {
        12 | 13 => servers::name(random),
        0 => format!("{place}{end}"),
        1 => format!(".{place}{end}"),
        2 => (*random.pick(&["local_agent", "server.dc2.consul", "td.consul", "", "."])).to_owned(),
        _ => format!("{subset}{service}{middle}{place}{end}"),
    }
}

#[test]
fn a_name_leads_where_a_walk_over_all_names_leads() {
    let (mut asked, mut led_on) = (0, 0);
    for seed in seeds() {
        let mut random = Random::new(seed);
        let world = World::generate(&mut random);
        let resources = at_a_mesh_gateway(&world, &mut random);
        let snapshot = compile(&resources);
        for _ in 0..40 {
            let name = name(&mut random);
            let (got, wanted) = (led(&snapshot, Some(&name)), naive(&resources, &name));
            assert_eq!(got, wanted, "seed {seed}: {name}\n{world}{:?}", resources.services);
            asked += 1;
            led_on += usize::from(!got.starts_with("no_"));
        }
    }
    assert!(led_on * 5 > asked, "too few of the generated names lead anywhere: {led_on} of {asked}");
}

#[test]
fn a_change_at_a_mesh_gateway_leads_as_if_compiled_from_nothing_and_what_is_unchanged_is_shared() {
    let mut shared = 0;
    for seed in seeds() {
        let mut random = Random::new(seed);
        let mut world = World::generate(&mut random);
        let mut compiler = Compiler::default();
        let mut last = compiler.compile(&at_a_mesh_gateway(&world, &mut Random::new(seed)));
        for step in 0..6 {
            world.change(&mut random);
            let resources = at_a_mesh_gateway(&world, &mut Random::new(seed));
            let (changed, fresh) = (compiler.compile(&resources), compile(&resources));
            assert_eq!(changed.rejected, fresh.rejected, "seed {seed}, step {step}");
            for _ in 0..10 {
                let name = name(&mut random);
                assert_eq!(led(&changed, Some(&name)), led(&fresh, Some(&name)), "seed {seed}, step {step}: {name}\n{world}");
            }
            let services = |snapshot: &Snapshot| snapshot.listeners.values().next().expect("a listener").services.clone();
            let before = services(&last);
            shared += services(&changed).iter().filter(|now| before.iter().any(|then| Arc::ptr_eq(now, then))).count();
            last = changed;
        }
    }
    assert!(shared > 0, "what is compiled again is nothing that was there");
}

/// A mesh gateway of dc1: instances are `SERVICE/ID`, each with what is said after it; `plain` is out of the mesh.
pub(crate) fn gateway(instances: &[&str], resolver: Option<ServiceResolver>) -> Resources {
    let mut resources = World { entries: Entries::default(), services: Default::default() }.resources();
    resources.gateway.kind = GatewayKind::Mesh;
    resources.trust_domain = TrustDomain::new(TRUST_DOMAIN);
    let mut world = std::collections::BTreeMap::<String, Vec<Instance>>::new();
    for written in instances {
        let mut words = written.split(' ');
        let (service, id) = words.next().and_then(|name| name.split_once('/')).expect("SERVICE/ID");
        let mut instance = Instance::new(id.to_owned(), Address::Socket(([127, 0, 0, 1], 9000).into()), "dc1");
        instance.mesh = true;
        for word in words {
            match word {
                "plain" => instance.mesh = false,
                "warning" => instance.health = Health::Warning,
                "critical" => instance.health = Health::Critical,
                "weightless" => instance.weight = 0,
                version => drop(instance.meta.insert("version".into(), version.into())),
            }
        }
        world.entry(service.to_owned()).or_default().push(instance);
    }
    let service = |(name, instances): (String, Vec<Instance>)| {
        let name = gw::id::ServiceName::from(name);
        (name.key(), Arc::new(gw::model::service::Service { name, instances }))
    };
    resources.services = Arc::new(world.into_iter().map(service).collect());
    let entries = Arc::make_mut(&mut resources.entries);
    resolver.into_iter().for_each(|resolver| entries.insert(gw::model::entry::ConfigEntry::ServiceResolver(Arc::new(resolver))));
    resources
}

fn resolver(default: &str, subsets: &[(&str, bool)]) -> ServiceResolver {
    let mut resolver = ServiceResolver { default_subset: default.to_owned(), ..ServiceResolver::default() };
    resolver.common.name = "web".to_owned();
    for (name, only_passing) in subsets {
        let subset = Subset { filter: format!("Service.Meta.version == {name}"), only_passing: *only_passing };
        resolver.subsets.insert((*name).to_owned(), subset);
    }
    resolver
}

#[test]
fn own_services_are_led_to_by_health_weight_and_whether_they_are_in_the_mesh() {
    for (instances, wanted) in [
        (&["web/a", "web/b"][..], "a b"),
        (&["web/a", "web/b warning"], "a b"),
        (&["web/a", "web/b critical"], "a"),
        (&["web/a critical", "web/b critical"], "a b"),
        (&["web/a", "web/b weightless"], "a"),
        (&["web/a", "web/b plain"], "a"),
        (&["web/a plain"], "no_healthy_endpoint"),
        (&["web/a plain", "web/b critical"], "b"),
        (&["web/a weightless"], "no_healthy_endpoint"),
        (&["api/a"], "no_sni"),
    ] {
        let snapshot = compile(&gateway(instances, None));
        assert_eq!(led(&snapshot, Some("web.default.dc1.internal.td.consul")), wanted, "{instances:?}");
    }
}

#[test]
fn a_subset_has_a_name_of_its_own_and_the_default_one_stands_behind_the_plain_name() {
    let instances = ["web/a v1", "web/b v2", "web/c v2 warning"];
    let snapshot = compile(&gateway(&instances, Some(resolver("v2", &[("v1", false), ("v2", true)]))));
    for (front, wanted) in [("web", "b"), ("v1.web", "a"), ("v2.web", "b"), ("V2.Web", "b"), ("v3.web", "no_sni")] {
        assert_eq!(led(&snapshot, Some(&format!("{front}.default.dc1.internal.td.consul"))), wanted, "{front}");
    }
    let only = ["web/a v1", "web/c v2 warning", "web/d v2 critical"];
    let snapshot = compile(&gateway(&only, Some(resolver("", &[("v1", false), ("v2", true)]))));
    assert_eq!(led(&snapshot, Some("v2.web.default.dc1.internal.td.consul")), "c", "none passes, and a warning is less bad");
    assert_eq!(led(&snapshot, Some("web.default.dc1.internal.td.consul")), "a c");
}

#[test]
fn redirects_and_failover_are_the_callers_and_not_followed_by_a_mesh_gateway() {
    let mut redirecting = resolver("", &[]);
    redirecting.redirect = Some(gw::model::entry::Redirect { service: "api".into(), ..Default::default() });
    let snapshot = compile(&gateway(&["web/a", "api/b"], Some(redirecting)));
    assert_eq!(led(&snapshot, Some("web.default.dc1.internal.td.consul")), "a");
    let mut failing = resolver("", &[]);
    failing.failover.insert("*".into(), gw::model::entry::Failover { service: "api".into(), ..Default::default() });
    let snapshot = compile(&gateway(&["web/a plain", "api/b"], Some(failing)));
    assert_eq!(led(&snapshot, Some("web.default.dc1.internal.td.consul")), "no_healthy_endpoint");
}

#[test]
fn without_a_server_name_nothing_is_meant() {
    assert_eq!(led(&compile(&gateway(&["web/a"], None)), None), "sni_absent");
}

#[test]
fn a_service_that_has_a_name_of_another_datacenter_is_still_its_own() {
    // A service called as a datacenter's end would be taken for it, did the longest star go before whole names.
    let mut resources = gateway(&["web/own"], None);
    resources.datacenter = Datacenter::from("dc2.internal.td.consul.dc1");
    let known = FederatedDatacenter { gateways: gateways("dc2", &[Health::Passing]), ..FederatedDatacenter::default() };
    Arc::make_mut(&mut resources.federation).datacenters.insert(Datacenter::from("dc2"), known);
    let snapshot = compile(&resources);
    assert_eq!(led(&snapshot, Some("web.default.dc2.internal.td.consul")), "dc2-0");
    assert_eq!(led(&snapshot, Some("web.default.dc2.internal.td.consul.dc1.internal.td.consul")), "own");
}

#[test]
fn the_resolver_says_within_what_time_a_connection_stands_and_who_is_chosen() {
    use gw::decide::snapshot::{Next, Policy};
    let mut timed = resolver("", &[]);
    timed.connect_timeout = gw::model::duration::GoDuration::parse("1500ms").expect("a duration");
    timed.load_balancer = Some(gw::model::entry::LoadBalancer { policy: "random".into(), ..Default::default() });
    let snapshot = compile(&gateway(&["api/a", "web/a"], Some(timed)));
    let listener = snapshot.listeners.values().next().expect("a listener");
    let told: Vec<_> = listener
        .services
        .iter()
        .map(|service| match &service.routes.rules()[0].next {
            Next::Upstream(upstream) => (service.host.service.as_str(), upstream.connect_timeout.as_millis(), upstream.policy),
            Next::Split(_) => panic!("nothing is split"),
        })
        .collect();
    assert_eq!(told, [("api", 5000, Policy::RoundRobin), ("web", 1500, Policy::Random)]);
}
