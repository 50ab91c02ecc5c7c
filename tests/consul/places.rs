//! `gw inspect` of a Consul alone, nothing running, beside a gateway that follows it and what that did on the wire.

use std::time::Duration;

use gw::app::authz::{self, AuthzQuestion, Which};
use gw::app::chain::{self, ChainQuestion};
use gw::app::consul::{Flags, Settings};
use gw::app::inspect::{self, RouteQuestion};
use gw::app::routes::ROUTES;
use gw::app::sni::SNI;
use gw::app::world::{AskPlaceError, OneReading, Place, Unread, Verb};
use gw::model::gateway::GatewayKind;
use gw::source::consul::policy::policy;
use serde_json::{Value, json};

use crate::acl;
use crate::agent::Consul;
use crate::gateway::{Gateway, get};
use crate::generate::{Random, Request};
use crate::harness::{Service, eventually};
use crate::support::free_ports;

fn settings(address: &str, token: &str) -> Settings {
    let flags = Flags { http_addr: Some(address.to_owned()), token: Some(token.to_owned()), ..Flags::default() };
    Settings::of(&flags, |_| None).unwrap()
}

fn reading(consul: &Consul, kind: Option<GatewayKind>, gateway: Option<&str>) -> Place {
    let settings = settings(&consul.address.to_string(), &consul.token);
    let (gateway, within) = (gateway.map(str::to_owned), Duration::from_secs(20));
    Place::Consul(Box::new(OneReading { settings, kind, gateway, needs_gateway: true, within }))
}

/// Asked of both, without the number of the publication; the same soon: a gateway may hear of a change a moment later.
fn same(what: &str, verb: Verb, asked: &[(&str, String)], running: &Place, consul: &Place) -> Value {
    let plain = |place: &Place| {
        let mut answer = place.ask(verb, asked).unwrap_or_else(|e| panic!("{what}: {}: {e}", place.name()));
        forget(&mut answer);
        answer
    };
    let mut last = (Value::Null, Value::Null);
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while std::time::Instant::now() < until {
        last = (plain(running), plain(consul));
        if last.0 == last.1 {
            return last.0;
        }
    }
    panic!("{what}: what runs\n{:#}\nConsul\n{:#}", last.0, last.1)
}

fn forget(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(forget),
        Value::Object(fields) => {
            // Where a gateway with one listener binds is its operator's to say, and no Consul knows it.
            for own in ["generation", "from", "listener"] {
                fields.remove(own);
            }
            fields.values_mut().for_each(forget);
        }
        _ => {}
    }
}

#[test]
fn what_a_consul_says_of_an_ingress_gateway_is_what_one_that_runs_says_and_does() {
    let mut consul = Consul::start("places");
    consul.write(&json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}}));
    consul.in_the_mesh("web-1", "web", Service::saying("web v1").address, &json!({"version": "v1"}));
    consul.in_the_mesh("api-1", "api", Service::saying("api").address, &json!({}));
    let subsets = json!({"v1": {"Filter": "Service.Meta.version == v1"}, "v2": {"Filter": "Service.Meta.version == v2"}});
    consul.write(&json!({"Kind": "service-resolver", "Name": "web", "Subsets": subsets}));
    let routes = json!([
        {"Match": {"HTTP": {"PathPrefix": "/a/", "Header": [{"Name": "x-a", "Present": true}]}}, "Destination": {"Service": "api"}},
        {"Match": {"HTTP": {"PathExact": "/b"}}, "Destination": {"ServiceSubset": "v2"}},
        {"Match": {"HTTP": {"PathPrefix": "/", "Methods": ["GET"]}}, "Destination": {"ServiceSubset": "v1"}},
    ]);
    consul.write(&json!({"Kind": "service-router", "Name": "web", "Routes": routes}));
    let [port] = free_ports();
    let services = json!([{"Name": "web", "Hosts": ["shop.test", "*.shop.test"]}, {"Name": "api", "Hosts": ["x.test"]}]);
    consul.write(
        &json!({"Kind": "ingress-gateway", "Name": "edge", "Listeners": [{"Port": port, "Protocol": "http", "Services": services}]}),
    );
    let gateway = Gateway::start(&consul, GatewayKind::Ingress, "edge");
    gateway.listens(port);
    let running = Place::Running(gateway.admin());
    let of_consul = reading(&consul, None, None);
    let listed = same("routes", ROUTES, &[], &running, &of_consul);
    assert!(listed.to_string().contains("v1.web.default.default.dc1"), "{listed:#}");

    let world = of_consul.world().unwrap();
    let mut compared = 0;
    for seed in 1..200 {
        let mut random = Random::new(seed);
        let request = Request::generate(&mut random);
        if request.authority.is_empty() || !request.target.starts_with('/') {
            continue;
        }
        let headers = request.headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap()));
        let headers = headers.chain([format!("host: {}", request.authority)]).collect();
        let url = format!("http://127.0.0.1:{port}{}", request.target);
        let (method, roll) = (request.method.to_string(), Some(random.below(10_000)));
        let question = RouteQuestion { method, url, headers, roll, source: None, sni: None, peer: None };
        let asked = inspect::written(&question, None, None);
        let Ok(of_consul) = world.ask(inspect::ROUTE, &gw::app::world::Asked::of_pairs(&asked)) else { continue };
        assert_eq!(running.ask(inspect::ROUTE, &asked).unwrap(), of_consul, "seed {seed}");
        compared += 1;
    }
    assert!(compared > 50, "{compared}");
    for (host, path, wire) in
        [("shop.test", "/", "web v1"), ("a.shop.test", "/b", "503 no_healthy_endpoint"), ("other.test", "/", "404 no_host")]
    {
        let url = format!("http://{host}:{port}{path}");
        let question = RouteQuestion { method: "GET".into(), url, headers: Vec::new(), roll: None, source: None, sni: None, peer: None };
        let said = same(path, inspect::ROUTE, &inspect::written(&question, None, None), &running, &of_consul);
        let done = get(port, host, path);
        assert!(
            done == wire && (said["outcome"]["code"] == "ok" || wire.ends_with(said["outcome"]["code"].as_str().unwrap())),
            "{done} {said:#}"
        );
        if said["outcome"]["code"] == "ok" {
            let place = said["places"].as_object().unwrap().values().next().and_then(Value::as_str).unwrap();
            assert!(place.starts_with("Consul, modify index "), "{said:#}");
        }
    }
    let question = ChainQuestion { service: "web".to_owned(), ..ChainQuestion::default() };
    let chain = same("chain", chain::CHAIN, &chain::written(&question), &running, &of_consul);
    assert!(chain["outline"].to_string().contains("Consul, modify index"), "{chain:#}");
    for verb in [inspect::listeners::LISTENERS, inspect::datacenters::DATACENTERS] {
        same(verb.page, verb, &[], &running, &of_consul);
    }
    gateway.stop();
}

#[test]
fn what_a_consul_says_of_a_terminating_and_of_a_mesh_gateway_is_what_those_that_run_say() {
    let mut consul = Consul::start("places-exit");
    consul.write(&json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}}));
    consul
        .register(&json!({"ID": "billing", "Name": "billing", "Address": "127.0.0.1", "Port": Service::saying("billing").address.port()}));
    consul.write(&json!({"Kind": "terminating-gateway", "Name": "exit", "Services": [{"Name": "billing"}]}));
    consul.intention("web", "billing", "allow");
    consul.intention("api", "billing", "deny");
    consul.in_the_mesh("web-1", "web", Service::saying("web").address, &json!({}));
    let exit = Gateway::start(&consul, GatewayKind::Terminating, "exit");
    let (running, of_consul) = (Place::Running(exit.admin()), reading(&consul, None, Some("exit")));
    let question = |peer: &str| {
        let url = "https://billing/invoices".to_owned();
        let asked = RouteQuestion { method: "GET".into(), url, headers: Vec::new(), roll: None, source: None, sni: None, peer: None };
        inspect::written(&asked, Some(peer), None)
    };
    eventually("the linked service has its leaf", || {
        running.ask(inspect::ROUTE, &question("web")).is_ok_and(|answer| answer["outcome"]["code"] == "ok")
    });
    for (peer, code) in [("web", "ok"), ("api", "denied")] {
        let said = same(peer, inspect::ROUTE, &question(peer), &running, &of_consul);
        assert_eq!(said["outcome"]["code"], code, "{said:#}");
    }
    let asked = AuthzQuestion { source: "web".into(), destination: "billing".into(), request: None };
    assert_eq!(same("authz", authz::PAIR, &authz::written(&asked), &running, &of_consul)["allowed"], true);
    let who = same("who can", authz::PAIRS, &authz::written_pairs(&Which::WhoCan("billing".into())), &running, &of_consul);
    assert!(who["pairs"].to_string().contains("\"web\""), "{who:#}");
    same("intentions", inspect::intentions::INTENTIONS, &[], &running, &of_consul);
    exit.stop();

    let mesh = Gateway::start(&consul, GatewayKind::Mesh, "mesh-gateway");
    let (running, of_consul) = (Place::Running(mesh.admin()), reading(&consul, Some(GatewayKind::Mesh), None));
    let trust_domain = running.ask(inspect::datacenters::DATACENTERS, &[]).unwrap()["trust_domain"].as_str().unwrap().to_owned();
    for (name, routed) in [("web.default.dc1", true), ("gone.default.dc1", false), ("v1.web.default.dc1", false)] {
        let asked = [("name", format!("{name}.internal.{trust_domain}"))];
        eventually("the mesh gateway knows its services", || running.ask(SNI, &asked).is_ok_and(|answer| answer["routed"] == routed));
        let said = same(name, SNI, &asked, &running, &of_consul);
        assert_eq!(said["routed"], routed, "{said:#}");
    }
    mesh.stop();
}

#[test]
fn which_gateway_is_meant_and_who_does_not_answer_is_said_plainly() {
    let consul = Consul::start("places-which");
    consul.write(&json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}}));
    let why = |place: &Place| place.ask(ROUTES, &[]).unwrap_err().to_string();
    assert!(why(&reading(&consul, None, None)).contains("no [[gateway]]") || why(&reading(&consul, None, None)).contains("gateway"));
    for (name, port) in [("edge", 18080), ("rim", 18081)] {
        let listener = json!({"Port": port, "Protocol": "http", "Services": [{"Name": "web"}]});
        consul.write(&json!({"Kind": "ingress-gateway", "Name": name, "Listeners": [listener]}));
    }
    assert_eq!(why(&reading(&consul, None, None)), "say which gateway is meant; there are edge, rim; --kind and --service name one");
    assert!(why(&reading(&consul, None, Some("edg"))).contains("no gateway is called \"edg\""));
    assert!(reading(&consul, None, Some("rim")).ask(ROUTES, &[]).is_ok());
    let nobody = settings("127.0.0.1:1", "");
    let nobody = OneReading { settings: nobody, kind: None, gateway: None, needs_gateway: false, within: Duration::from_secs(5) };
    assert!(matches!(Place::Consul(Box::new(nobody)).ask(ROUTES, &[]), Err(AskPlaceError::Consul(Unread::Ask(_)))));
}

#[test]
fn a_token_of_the_printed_policy_is_enough_to_ask_one_that_lacks_something_is_a_problem_and_one_that_is_none_may_not() {
    let consul = acl::consul("places-acl");
    let ask = |token: &str, verb: Verb| {
        let settings = settings(&consul.address.to_string(), token);
        let (kind, gateway, within) = (Some(GatewayKind::Ingress), Some("edge".to_owned()), Duration::from_secs(20));
        Place::Consul(Box::new(OneReading { settings, kind, gateway, needs_gateway: true, within })).ask(verb, &[])
    };
    let enough = acl::token(&consul, "enough", &policy(GatewayKind::Ingress, "edge", &[]));
    let listed = ask(&enough, ROUTES).unwrap();
    let target = &listed["gateways"][0]["listeners"][0]["services"][0]["routes"][0]["destinations"][0]["targets"][0];
    assert_eq!(
        (&target["target"], target["endpoints"].as_array().map(Vec::len)),
        (&json!("web.default.default.dc1"), Some(1)),
        "{listed:#}"
    );
    let blind = acl::token(&consul, "blind", "service \"edge\" { policy = \"write\" }");
    let problems = ask(&blind, inspect::problems::PROBLEMS).unwrap();
    let acl = problems["problems"].as_array().unwrap().iter().find(|problem| problem["code"] == "acl");
    assert!(acl.is_some_and(|problem| problem["what"].as_str().unwrap().contains("service_prefix")), "{problems:#}");
    let refused = ask("00000000-0000-0000-0000-00000000dead", ROUTES).unwrap_err();
    let AskPlaceError::Consul(Unread::Ask(error)) = &refused else { panic!("{refused:?}") };
    assert!(error.why().is_some(), "{error}");
}
