//! Tables: what is known, and what is found to be wrong with it.

use super::*;
use crate::app::wan_fed::seen::{Datacenter, Gateway, Server, State, View};

fn gateway(n: u8) -> Gateway {
    Gateway {
        id: format!("dc{n}-s1/mesh-gateway"),
        service: "mesh-gateway".to_owned(),
        lan: format!("10.0.{n}.1:8443"),
        wan: Some(format!("192.0.2.{n}:8443")),
        federates: true,
        health: "passing",
    }
}

fn datacenter(n: u8) -> Datacenter {
    Datacenter {
        name: format!("dc{n}"),
        round_trip: Some(0.002),
        servers: vec![Server {
            node: format!("dc{n}-s1"),
            address: format!("10.0.{n}.10:8300"),
            version: "1.21.4".to_owned(),
            health: "passing",
        }],
        gateways: vec![gateway(n)],
        trust_domain: "td.consul".to_owned(),
        roots: vec!["aa".to_owned()],
        ..Datacenter::default()
    }
}

/// What the agent of a datacenter knows of a healthy pair.
fn view(n: u8) -> View {
    let state = |n: u8| State { datacenter: format!("dc{n}"), updated_at: "2026-11-23T06:40:13Z".to_owned(), gateways: vec![gateway(n)] };
    View {
        agent: format!("http://10.0.{n}.10:8500"),
        datacenter: format!("dc{n}"),
        node: format!("dc{n}-s1"),
        version: "1.21.4".to_owned(),
        server: true,
        primary: "dc1".to_owned(),
        domain: "consul".to_owned(),
        federates: Some(true),
        clock_ahead: Some(0),
        datacenters: vec![datacenter(n), datacenter(3 - n)],
        states: vec![state(1), state(2)],
        ..View::default()
    }
}

fn faults(change: impl FnOnce(&mut [View; 2])) -> Vec<Fault> {
    let mut views = [view(1), view(2)];
    change(&mut views);
    let mut findings = known(&views);
    without_consequences(&mut findings);
    let mut faults: Vec<Fault> = findings.into_iter().map(|finding| finding.fault).collect();
    faults.dedup();
    faults
}

#[test]
fn nothing_is_wrong_with_a_healthy_pair() {
    assert_eq!(faults(|_| {}), []);
}

#[test]
fn each_fault_that_agents_know_of_is_named() {
    type Change = fn(&mut [View; 2]);
    let cases: [(Fault, Change); 12] = [
        (Fault::FederationOff, |v| v[1].federates = Some(false)),
        (Fault::ClockSkew, |v| v[0].clock_ahead = Some(-400)),
        (Fault::OtherPrimary, |v| v[1].primary = "dc2".to_owned()),
        (Fault::NodeName, |v| v[0].datacenters[0].servers[0].node = "a.b".to_owned()),
        (Fault::NoGateway, |v| {
            for view in v {
                view.states.retain(|state| state.datacenter == "dc1");
                view.datacenters.iter_mut().filter(|dc| dc.name == "dc2").for_each(|dc| dc.gateways.clear());
            }
        }),
        (Fault::MetaMissing, |v| {
            for view in v {
                view.states[1].gateways[0].federates = false;
                view.datacenters.iter_mut().filter(|dc| dc.name == "dc2").for_each(|dc| dc.gateways[0].federates = false);
            }
        }),
        (Fault::GatewayCritical, |v| v[1].datacenters[0].gateways[0].health = "critical"),
        (Fault::NoState, |v| v[0].states.retain(|state| state.datacenter == "dc1")),
        (Fault::StaleState, |v| v[0].states[1].gateways[0].wan = Some("192.0.2.9:8443".to_owned())),
        (Fault::OtherRoots, |v| v[0].datacenters[1].roots = vec!["bb".to_owned()]),
        (Fault::Rpc, |v| {
            (v[0].datacenters[1].round_trip, v[0].datacenters[1].trouble) = (None, Some("Remote DC has no server".to_owned()))
        }),
        (Fault::Alone, |v| {
            for view in v {
                view.datacenters.truncate(1);
                let own = view.datacenter.clone();
                view.states.retain(|state| state.datacenter == own);
            }
        }),
    ];
    for (fault, change) in cases {
        assert_eq!(faults(change), [fault], "{}", fault.as_str());
    }
}

#[test]
fn what_another_fault_explains_is_not_told_beside_it() {
    let faults = faults(|v| {
        v[1].datacenters[0].gateways[0].federates = false;
        (v[0].datacenters[1].round_trip, v[0].datacenters[1].trouble) = (None, Some("No path to datacenter".to_owned()));
    });
    assert!(!faults.contains(&Fault::Rpc) && faults.contains(&Fault::MetaMissing), "{faults:?}");
}

#[test]
fn a_gateway_that_turned_critical_makes_no_state_stale() {
    assert_eq!(faults(|v| v[0].states[1].gateways[0].health = "critical"), []);
}
