//! Instances that take no connection: a gateway that runs has met them, and says so among its problems.

use gw::app::inspect::problems::PROBLEMS;
use gw::app::world::{Asked, Place};
use serde_json::{Value, json};

use crate::harness::{Gateway, Service, World, get};

/// The problems of a code that a gateway tells of.
fn told(gateway: &Gateway, code: &str) -> Vec<Value> {
    let answer = Place::Running(gateway.admin).ask(PROBLEMS, &[]).unwrap();
    of(&answer, code)
}

fn of(answer: &Value, code: &str) -> Vec<Value> {
    answer["problems"].as_array().unwrap().iter().filter(|problem| problem["code"] == code).cloned().collect()
}

#[test]
fn an_instance_that_took_no_connection_is_a_problem_of_a_gateway_that_runs_and_of_its_dump() {
    let dead = Service::nowhere();
    let gateway = World::of("http").instance("web", dead).start();
    assert_eq!(told(&gateway, "connect_failed"), Vec::<Value>::new(), "nobody has asked for it");
    assert_eq!(get(gateway.address, "/").status, 503);
    let problems = told(&gateway, "connect_failed");
    let [problem] = &problems[..] else { panic!("{problems:#?}") };
    let what = problem["what"].as_str().unwrap();
    assert!(what.starts_with(&format!("web-1 of web at {dead} takes no connection: cannot connect: ")), "{what}");
    assert!(what.contains("refused") && what.contains("(the last try ") && problem["level"] == "error", "{problem:#}");
    assert!(problem["matters"].as_str().unwrap().starts_with("there is no other") && problem["next"] == "gw inspect services -o wide");
    let world = Place::Running(gateway.admin).world().unwrap();
    assert_eq!(of(&world.ask(PROBLEMS, &Asked::default()).unwrap(), "connect_failed").len(), 1);
}

#[test]
fn an_instance_that_took_no_connection_is_a_warning_while_others_take_its_requests() {
    let well = Service::saying("ok");
    let failover = json!({"Kind": "service-resolver", "Name": "web", "Failover": {"*": {"Service": "other"}}});
    let gateway = World::of("http").instance("web", Service::nowhere()).instance("other", well.address).entry(failover).start();
    assert_eq!(get(gateway.address, "/").status, 200);
    let problems = told(&gateway, "connect_failed");
    let [problem] = &problems[..] else { panic!("{problems:#?}") };
    assert!(problem["level"] == "warning" && problem["matters"].as_str().unwrap().contains("other-1 at "), "{problem:#}");
}

#[test]
fn a_tcp_service_that_took_no_connection_is_a_problem_too() {
    let gateway = World::of("tcp").instance("web", Service::nowhere()).start();
    drop(std::net::TcpStream::connect(gateway.address).unwrap());
    crate::harness::eventually("it is told", || told(&gateway, "connect_failed").len() == 1);
}
