//! What the brain costs: compiling thousands of routes, one more route, and one decision.
//!
//! `cargo bench --bench decide` prints medians of several rounds. Nothing is asserted about time.

#![allow(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gw::decide::balance::{Dice, Idle};
use gw::decide::compile::Compiler;
use gw::decide::facts::{Facts, RequestHead};
use gw::decide::witness::Step;
use gw::decide::{Snapshot, compile::compile};
use gw::id::{Datacenter, ListenerName, ServiceName, TrustDomain};
use gw::model::entry::*;
use gw::model::gateway::{GatewayConfig, GatewayKind};
use gw::model::resources::Resources;
use gw::model::service::{Address, Instance, Service};
use http::{HeaderMap, Method};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Zero;

impl Dice for Zero {
    fn roll(&mut self, _: u32) -> u32 {
        0
    }
}

fn common(name: &str) -> Common {
    Common { name: name.to_owned(), ..Common::default() }
}

fn instance(id: &str) -> Instance {
    Instance::new(id.to_owned(), Address::Socket(([127, 0, 0, 1], 9000).into()), "dc1")
}

fn resources(entries: Entries, services: impl IntoIterator<Item = String>) -> Resources {
    let service = |name: String| Service { instances: vec![instance(&format!("{name}-1"))], name: ServiceName::from(name) };
    Resources {
        gateway: GatewayConfig::of(GatewayKind::Ingress, "edge"),
        datacenter: Datacenter::from("dc1"),
        trust_domain: TrustDomain::new(TrustDomain::OF_FILES),
        entries: Arc::new(entries),
        services: Arc::new(services.into_iter().map(service).map(|s| (s.name.key(), Arc::new(s))).collect()),
        federation: Default::default(),
        default_action: IntentionAction::Deny,
        rejected: Vec::new(),
        written: Default::default(),
    }
}

fn http() -> ConfigEntry {
    ConfigEntry::ProxyDefaults(Arc::new(ProxyDefaults { common: common("global"), protocol: "http".into(), ..Default::default() }))
}

fn ingress(services: Vec<IngressService>) -> ConfigEntry {
    let services = services.into_iter().map(Arc::new).collect();
    let listener = IngressListener { port: 8080, protocol: "http".into(), services, ..Default::default() };
    ConfigEntry::IngressGateway(Arc::new(IngressGateway { common: common("edge"), listeners: vec![listener], ..Default::default() }))
}

fn route(prefix: String, service: String) -> Arc<ServiceRoute> {
    let http = HttpMatch { path_prefix: prefix, ..Default::default() };
    let destination = RouteDestination { service, ..Default::default() };
    Arc::new(ServiceRoute { r#match: Some(RouteMatch { http: Some(http) }), destination: Some(destination) })
}

fn router(name: &str, routes: Vec<Arc<ServiceRoute>>) -> ConfigEntry {
    ConfigEntry::ServiceRouter(Arc::new(ServiceRouter { common: common(name), routes }))
}

/// `n` hosts, each with a router of its own that sends one prefix to a service of its own.
fn many_hosts(n: usize) -> Resources {
    let mut entries: Entries = [http()].into_iter().collect();
    let mut behind = Vec::new();
    for i in 0..n {
        entries.insert(router(&format!("front-{i}"), vec![route(format!("/app-{i}"), format!("app-{i}"))]));
        behind.push(IngressService { name: format!("front-{i}"), hosts: vec![format!("host-{i}.test")], ..Default::default() });
    }
    entries.insert(ingress(behind));
    resources(entries, (0..n).flat_map(|i| [format!("front-{i}"), format!("app-{i}")]))
}

/// One host with one router of `n` routes.
fn many_routes(n: usize) -> Resources {
    let routes = (0..n).map(|i| route(format!("/app-{i}/"), format!("app-{}", i % 100))).collect();
    let behind = IngressService { name: "web".into(), hosts: vec!["*".into()], ..Default::default() };
    let entries = [http(), router("web", routes), ingress(vec![behind])].into_iter().collect();
    resources(entries, (0..100).map(|i| format!("app-{i}")).chain(["web".to_owned()]))
}

fn median(mut rounds: Vec<Duration>) -> Duration {
    rounds.sort();
    rounds[rounds.len() / 2]
}

fn time<T>(rounds: usize, mut work: impl FnMut() -> T) -> Duration {
    let one = |work: &mut dyn FnMut() -> T| {
        let start = Instant::now();
        black_box(work());
        start.elapsed()
    };
    median((0..rounds).map(|_| one(&mut work)).collect())
}

fn decide(snapshot: &Snapshot, host: &str, target: &str, watched: bool) {
    let (method, headers) = (Method::GET, HeaderMap::new());
    let here: SocketAddr = ([127, 0, 0, 1], 8080).into();
    let listener = ListenerName::of("edge", 8080);
    let head = RequestHead { method: &method, authority: host, target, scheme: "http", headers: &headers };
    let facts = Facts { listener: &listener, client: here, local: here, sni: None, peer: None, request: Some(head) };
    const N: u32 = 20_000;
    let all = time(9, || {
        for _ in 0..N {
            if watched {
                let mut steps: Vec<Step> = Vec::new();
                let _ = black_box(snapshot.plan(black_box(&facts), &Idle, &mut Zero, &mut steps));
            } else {
                let _ = black_box(snapshot.plan(black_box(&facts), &Idle, &mut Zero, &mut ()));
            }
        }
    });
    println!("  one decision{}: {:?}", if watched { ", watched" } else { "" }, all / N);
}

/// Sizes may be given: `cargo bench --bench decide -- 10000`.
fn main() {
    let given: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    for n in if given.is_empty() { vec![10, 1_000, 10_000] } else { given } {
        println!("{n} hosts, each with a route and a service of its own");
        let world = many_hosts(n);
        println!("  compile: {:?}", time(5, || compile(&world)));
        let mut compiler = Compiler::default();
        let mut world_now = world.clone();
        let snapshot = compiler.compile(&world_now);
        let mut count = 0;
        let one_more = time(9, || {
            count += 1;
            Arc::make_mut(&mut world_now.entries)
                .insert(router("front-1", vec![route("/new".into(), "app-1".into()), route(format!("/{count}"), "app-2".into())]));
            compiler.compile(&world_now)
        });
        println!("  one more route: {one_more:?}");
        let last = n - 1;
        decide(&snapshot, &format!("host-{last}.test"), &format!("/app-{last}/x?y=1"), false);
        decide(&snapshot, &format!("host-{last}.test"), &format!("/app-{last}/x?y=1"), true);
        println!("{n} routes of one router");
        let world = many_routes(n);
        println!("  compile: {:?}", time(5, || compile(&world)));
        let snapshot = compile(&world);
        decide(&snapshot, "any.test", &format!("/app-{last}/x?y=1"), false);
        decide(&snapshot, "any.test", "/none", false);
    }
}
