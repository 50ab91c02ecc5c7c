//! What is followed of a real Consul.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gw::id::ServiceKey;
use gw::model::gateway::{GatewayConfig, GatewayKind};
use gw::model::needs::{Needed, Needs};
use gw::rt::supervise::Supervisor;
use gw::source::consul::client::Client;
use gw::source::consul::follow::{self, Asking, Following};
use gw::source::consul::known::World;
use gw::source::consul::settings::{Flags, Settings};
use serde_json::json;

use crate::agent::Consul;
use crate::harness::{Service, eventually};
use crate::proxy::Spoiler;

/// A Consul that is followed until the test ends.
pub(crate) struct Followed {
    pub(crate) following: Following,
    threads: Option<Supervisor>,
}

impl Followed {
    pub(crate) fn begin(consul: &Consul, kind: GatewayKind, gateway: &str) -> Self {
        Self::begin_with(client(consul, &consul.token), kind, gateway)
    }

    pub(crate) fn begin_with(client: Client, kind: GatewayKind, gateway: &str) -> Self {
        let mut threads = Supervisor::default();
        let asking = Asking { client: Arc::new(client), signer: None };
        let following = follow::start(&mut threads, asking, &[GatewayConfig::of(kind, gateway)], None, 1).unwrap();
        Self { following, threads: Some(threads) }
    }

    fn world(&self) -> World {
        self.following.world().0
    }

    /// Waits until everything that is needed is known.
    pub(crate) fn complete(&self) {
        eventually("everything that is needed is known", || self.following.missing().is_empty());
    }

    fn health(&self, service: &str) -> Vec<String> {
        let world = self.world();
        let key = ServiceKey::of(service);
        let of = world.services.get(&key).or_else(|| world.outside.get(&key));
        of.into_iter().flat_map(|s| &s.instances).map(|i| format!("{} {:?}", i.address, i.health)).collect()
    }
}

impl Drop for Followed {
    #[expect(clippy::print_stdout, reason = "shown with the test that failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{:#?}", self.following.watches());
        }
        let threads = self.threads.take().unwrap();
        self.following.end();
        threads.join().unwrap();
    }
}

/// A way to its agent.
pub(crate) fn client(consul: &Consul, token: &str) -> Client {
    client_at(consul.address, token)
}

fn client_at(address: SocketAddr, token: &str) -> Client {
    gw::tls::install();
    let flags = Flags { http_addr: Some(address.to_string()), token: Some(token.to_owned()), ..Flags::default() };
    Client::new(Settings::of(&flags, |_| None).unwrap()).unwrap()
}

fn web() -> Needs {
    Needs { services: [Needed::of(ServiceKey::of("web"), "dc1")].into(), ..Needs::default() }
}

#[test]
fn what_an_ingress_gateway_needs_is_known_and_every_change_is_heard() {
    let mut consul = Consul::start("ingress");
    consul.write(&json!({"Kind": "service-defaults", "Name": "web", "Protocol": "http"}));
    let listener = json!({"Port": 8080, "Protocol": "http", "Services": [{"Name": "web"}]});
    consul.write(&json!({"Kind": "ingress-gateway", "Name": "edge", "Listeners": [listener]}));
    let sidecar = consul.in_the_mesh("web-1", "web", Service::saying("hi").address, &json!({}));

    let followed = Followed::begin(&consul, GatewayKind::Ingress, "edge");
    followed.following.want(web());
    followed.complete();
    let world = followed.world();
    assert_eq!(world.datacenter.as_str(), "dc1");
    assert!(world.entries.ingress_gateways.contains_key(&ServiceKey::of("edge")), "{:?}", world.left_out);
    assert!(world.leaves.contains_key("edge") && world.roots.is_some());
    assert_eq!(followed.health("web"), [format!("{sidecar} Passing")]);

    consul.write(&json!({"Kind": "service-resolver", "Name": "web", "ConnectTimeout": "3s"}));
    eventually("a resolver is heard of", || !followed.world().entries.resolvers.is_empty());
    consul.delete("service-resolver", "web");
    eventually("that it is gone is heard", || followed.world().entries.resolvers.is_empty());

    consul.put("/v1/agent/service/maintenance/web-1-sidecar-proxy?enable=true", "");
    eventually("maintenance is heard of", || followed.health("web") == [format!("{sidecar} Critical")]);
    consul.put("/v1/agent/service/maintenance/web-1-sidecar-proxy?enable=false", "");
    eventually("its end is heard", || followed.health("web") == [format!("{sidecar} Passing")]);

    // Without any check: nothing but the index of the names tells of it.
    let other = json!({"ID": "web-2-proxy", "Name": "proxy-of-some-name", "Kind": "connect-proxy", "Address": "127.0.0.1", "Port": 9,
        "Proxy": {"DestinationServiceName": "web"}});
    consul.register(&other);
    eventually("an instance without a check is heard of", || followed.health("web").contains(&"127.0.0.1:9 Passing".to_owned()));
    consul.put("/v1/agent/service/deregister/web-2-proxy", "");
    eventually("that it is gone is heard", || followed.health("web").len() == 1);
}

#[test]
fn what_a_terminating_gateway_needs_is_known_and_every_change_is_heard() {
    let consul = Consul::start("terminating");
    consul.write(&json!({"Kind": "terminating-gateway", "Name": "exit", "Services": [{"Name": "*"}]}));
    consul.register(&json!({"ID": "old", "Name": "old", "Address": "127.0.0.1", "Port": 9}));
    let followed = Followed::begin(&consul, GatewayKind::Terminating, "exit");
    followed.following.want(Needs { all_outside: true, ..Needs::default() });
    followed.complete();
    assert!(followed.world().leaves.is_empty(), "nobody has named it");
    eventually("the leaf of what was named is there", || {
        followed.following.want_leaf("Old");
        followed.world().leaves.contains_key("old")
    });
    assert_eq!(followed.health("old"), ["127.0.0.1:9 Passing"]);
    let id = consul.intention("web", "old", "deny");
    eventually("an intention is heard of", || followed.world().entries.intentions.contains_key(&ServiceKey::of("old")));
    consul.no_intention(&id);
    eventually("that it is gone is heard", || followed.world().entries.intentions.is_empty());
    consul.register(&json!({"ID": "new", "Name": "new", "Address": "127.0.0.1", "Port": 10}));
    eventually("a new service is heard of", || followed.health("new") == ["127.0.0.1:10 Passing"]);
}

#[test]
fn a_datacenter_that_nobody_knows_is_asked_at_one_pace_and_forgotten_with_the_last_who_needs_it() {
    let consul = Consul::start("nowhere");
    let spoiler = Spoiler::before(consul.address);
    let followed = Followed::begin_with(client_at(spoiler.address, &consul.token), GatewayKind::Ingress, "edge");
    let needs = |services: &[(&str, &str)]| {
        let services = services.iter().map(|(service, datacenter)| Needed::of(ServiceKey::of(service), datacenter));
        followed.following.want(Needs { services: services.collect(), ..Needs::default() });
    };
    let asked = |service: &str| spoiler.asked(&format!("/v1/health/connect/{service}"));
    needs(&[("far", "dc9")]);
    eventually("it is asked for", || asked("far") > 0);
    // Each time that others are needed as well it is looked whom to ask for.
    for n in 0..8 {
        let other = format!("other-{n}");
        needs(&[("far", "dc9"), (&other, "dc1")]);
        eventually("the other one is asked for", || asked(&other) > 0);
    }
    let (before, start) = (asked("far"), Instant::now());
    eventually("it is asked for again", || asked("far") >= before + 3);
    assert!(start.elapsed() >= Duration::from_secs(4), "every two seconds, and it was {:?} for three times", start.elapsed());

    let troubles = || followed.following.watches().into_iter().filter(|watch| watch.what.contains("dc9")).count();
    assert!(troubles() > 0, "nobody knows the way there");
    needs(&[("last", "dc1")]);
    eventually("nothing is told of it", || asked("last") > 0 && troubles() == 0);
}

#[test]
fn an_agent_that_is_away_changes_nothing_and_is_followed_again_when_it_is_back() {
    let mut consul = Consul::start("away");
    let sidecar = consul.in_the_mesh("web-1", "web", Service::saying("hi").address, &json!({}));
    let followed = Followed::begin(&consul, GatewayKind::Ingress, "edge");
    followed.following.want(web());
    followed.complete();
    consul.end();
    eventually("it is noticed", || followed.following.away().is_some_and(|since| since > Duration::from_millis(300)));
    assert_eq!(followed.health("web"), [format!("{sidecar} Passing")]);
    consul.run();
    consul.leads();
    consul.write(&json!({"Kind": "service-resolver", "Name": "web", "ConnectTimeout": "3s"}));
    eventually("a change is heard of again", || !followed.world().entries.resolvers.is_empty());
    assert_eq!(followed.health("web"), [format!("{sidecar} Passing")]);
}
