//! Names of Consul's servers at a mesh gateway (semantics 10): against a walk over all of them, and row by row.

use std::sync::Arc;

use gw::decide::compile::compile;
use gw::id::Datacenter;
use gw::model::federation::{FederatedDatacenter, Federation, Servers};
use gw::model::resources::Resources;
use gw::model::service::{Address, Health, Instance};

use crate::generate::Random;
use crate::mesh::{best, gateway, gateways, led};

/// Some servers, gateways that say that they expose some, and whether this one does.
pub(crate) fn expose(resources: &mut Resources, random: &mut Random) {
    resources.gateway.exposes_servers = random.chance(70);
    let federation = Arc::make_mut(&mut resources.federation);
    for gateway in federation.datacenters.values_mut().flat_map(|known| &mut known.gateways) {
        if random.chance(40) {
            let value = *random.pick(&["1", "1", "0"]);
            gateway.meta.insert(Servers::META.to_owned(), value.to_owned());
        }
    }
    let health = |random: &mut Random| *random.pick(&[Health::Passing, Health::Passing, Health::Critical]);
    let nodes = ["s1", "S2", "server"].into_iter().take(random.below(4) as usize);
    federation.servers.instances = nodes.map(|node| server(node, health(random))).collect();
}

fn server(node: &str, health: Health) -> Instance {
    let address = Address::Socket(([10, 0, 0, 9], 8300).into());
    Instance { node: node.to_owned(), health, ..Instance::new(format!("{node}/consul"), address, "dc1") }
}

/// Where a name of servers leads; `None`: it is none.
pub(crate) fn naive(resources: &Resources, name: &str) -> Option<String> {
    let Federation { datacenters, servers, .. } = &*resources.federation;
    let known = datacenters.keys().map(Datacenter::as_str).chain(["dc1"]);
    let (front, datacenter) = known
        .filter_map(|dc| {
            let rest = name.strip_suffix(&format!("server.{dc}.consul"))?;
            (rest.is_empty() || rest.len() > 1 && rest.ends_with('.')).then_some((rest.trim_end_matches('.'), dc))
        })
        // Of names that end in each other's the longest star.
        .min_by_key(|(front, _)| front.len())?;
    if !resources.gateway.exposes_servers {
        return Some("servers_not_exposed".to_owned());
    }
    if datacenter == "dc1" {
        return match front {
            "" => Some(best(servers.instances.iter(), false)),
            node => servers.instances.iter().find(|server| server.node.to_lowercase() == node).map(|server| server.id.clone()),
        };
    }
    let all = &datacenters[&Datacenter::from(datacenter)].gateways;
    let says = |gateway: &&Instance| gateway.meta.get(Servers::META).is_some_and(|value| value == "1");
    Some(if all.iter().any(|gateway| says(&gateway)) { best(all.iter().filter(says), false) } else { best(all.iter(), false) })
}

/// Mostly names of servers that there are.
pub(crate) fn name(random: &mut Random) -> String {
    let front = *random.pick(&["", "", "s1.", "S1.", "s2.", "server.", "x.", "a.s1.", "."]);
    let middle = *random.pick(&["server.", "server.", "server.", "Server.", "servers."]);
    let place = *random.pick(&["dc1", "dc1", "dc2", "DC3", "internal", "dc9"]);
    let end = *random.pick(&[".consul", ".consul", ".CONSUL", ".consul.", ".other"]);
    format!("{front}{middle}{place}{end}")
}

fn exposing(servers: Vec<Instance>, far: Vec<Instance>) -> Resources {
    let mut resources = gateway(&[], None);
    resources.gateway.exposes_servers = true;
    let federation = Arc::make_mut(&mut resources.federation);
    federation.servers.instances = servers;
    federation.datacenters.insert(Datacenter::from("dc2"), FederatedDatacenter { gateways: far, ..FederatedDatacenter::default() });
    resources
}

#[test]
fn both_forms_of_the_name_of_a_server_lead_to_it_or_to_the_gateways_of_its_datacenter() {
    let servers = vec![server("dc1-s1", Health::Passing), server("dc1-S2", Health::Passing), server("dc1-s3", Health::Critical)];
    let mut resources = exposing(servers, gateways("dc2", &[Health::Passing, Health::Critical]));
    let table = |resources: &Resources, wanted: &[(&str, &str)]| {
        let snapshot = compile(resources);
        for (name, wanted) in wanted {
            assert_eq!(led(&snapshot, Some(name)), *wanted, "{name}");
        }
    };
    table(
        &resources,
        &[
            ("server.dc1.consul", "dc1-S2/consul dc1-s1/consul"),
            ("dc1-s1.server.dc1.consul", "dc1-s1/consul"),
            ("DC1-s2.SERVER.dc1.consul", "dc1-S2/consul"),
            // A server that is asked for by its name is asked, whatever others think of its health.
            ("dc1-s3.server.dc1.consul", "dc1-s3/consul"),
            ("dc1-s4.server.dc1.consul", "no_sni"),
            ("x.dc1-s1.server.dc1.consul", "no_sni"),
            ("server.dc2.consul", "dc2-0"),
            ("any.server.dc2.consul", "dc2-0"),
            ("server.dc3.consul", "no_sni"),
            ("server.dc1.other", "no_sni"),
            ("server.dc1.consul.", "no_sni"),
            ("consul.default.dc1.internal.td.consul", "no_sni"),
        ],
    );
    resources.gateway.exposes_servers = false;
    table(
        &resources,
        &[
            ("server.dc1.consul", "servers_not_exposed"),
            ("dc1-s1.server.dc1.consul", "servers_not_exposed"),
            ("any.server.dc2.consul", "servers_not_exposed"),
            ("server.dc3.consul", "no_sni"),
        ],
    );
    resources.gateway.exposes_servers = true;
    Arc::make_mut(&mut resources.federation).servers.domain = "example.test".into();
    table(&resources, &[("server.dc1.example.test", "dc1-S2/consul dc1-s1/consul"), ("server.dc2.consul", "no_sni")]);
}

#[test]
fn servers_are_not_sent_to_gateways_that_do_not_expose_them_where_others_do() {
    let mut far = gateways("dc2", &[Health::Passing, Health::Critical, Health::Passing]);
    for (gateway, value) in far.iter_mut().zip(["0", "1"]) {
        gateway.meta.insert(Servers::META.to_owned(), value.to_owned());
    }
    let snapshot = compile(&exposing(Vec::new(), far));
    // The one that does is critical, and better than two that are none.
    assert_eq!(led(&snapshot, Some("server.dc2.consul")), "dc2-1");
    assert_eq!(led(&snapshot, Some("web.default.dc2.internal.td.consul")), "dc2-0 dc2-2", "services go through all");
}

#[test]
fn a_gateway_that_knows_of_nothing_but_its_own_servers_leads_to_them() {
    // As in a secondary that has neither roots nor federation states yet.
    let mut resources = exposing(vec![server("dc2-s1", Health::Passing)], Vec::new());
    resources.datacenter = Datacenter::from("dc2");
    Arc::make_mut(&mut resources.federation).datacenters.clear();
    let snapshot = compile(&resources);
    assert_eq!(led(&snapshot, Some("dc2-s1.server.dc2.consul")), "dc2-s1/consul");
    assert_eq!(led(&snapshot, Some("server.dc1.consul")), "no_sni");
}

#[test]
fn what_servers_say_may_be_silent_for_ever_in_one_direction_or_both() {
    use gw::decide::plan::Timeouts;
    let snapshot = compile(&exposing(vec![server("dc1-s1", Health::Passing)], gateways("dc2", &[Health::Passing])));
    let listener = snapshot.listeners.values().next().expect("a listener");
    let of_servers = listener.services.iter().filter(|s| s.host.domains.iter().any(|name| name.contains("server.")));
    let timeouts: Vec<Timeouts> = of_servers.map(|service| service.routes.rules()[0].route.timeouts).collect();
    assert_eq!(timeouts, vec![Timeouts { request: None, idle: None }; 3]);
}

#[test]
fn the_wan_address_is_a_listener_with_the_same_names() {
    let mut resources = exposing(vec![server("dc1-s1", Health::Passing)], Vec::new());
    let of = |resources: &Resources| {
        let snapshot = compile(resources);
        let mut all: Vec<String> = snapshot.listeners.values().map(|l| format!("{} {}", l.listener.name, l.listener.bind)).collect();
        all.sort();
        assert!(snapshot.listeners.values().all(|l| l.names.as_ref().is_some_and(|n| n.find("server.dc1.consul").is_some())));
        all
    };
    resources.gateway.wan = Some(([192, 0, 2, 1], 8443).into());
    assert_eq!(of(&resources), ["edge:8443 127.0.0.1:8443", "edge:wan:8443 192.0.2.1:8443"]);
    resources.gateway.wan = Some(([127, 0, 0, 1], 8443).into());
    assert_eq!(of(&resources), ["edge:8443 127.0.0.1:8443"], "one address is one listener");
}
