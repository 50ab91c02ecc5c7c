//! Tables: what is known, and what is found to be wrong with it.

use std::time::Duration;

use super::*;
use crate::app::wan_fed::hops::{Name, Place, Role};
use crate::app::wan_fed::probe::{Keys, Met, Named, Seen};
use crate::app::wan_fed::seen::{Datacenter, Gateway, Server, State, View};
use crate::app::wan_fed::trial::Outcome;
use crate::id::TrustDomain;
use crate::tls::{self, Authority, Bundle, CertificateDer, End, Moment, Wanted};

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

/// What was met at the WAN gateway of dc2, seen from dc1, and at dc1's own beside it.
struct Way {
    views: Vec<View>,
    own: Met,
    there: Met,
    keys: Keys,
}

const ALPN: &str = "consul/rpc-multi";
const SNI: &str = "dc2-s1.server.dc2.consul";

impl Way {
    fn well() -> Self {
        let met = |n: u8, hop: &str| Met {
            place: Place {
                at: format!("192.0.2.{n}:8443"),
                role: Role::GatewayWan,
                datacenter: format!("dc{n}"),
                who: format!("dc{n}-s1/mesh-gateway"),
                hop: hop.to_owned(),
                names: Vec::new(),
            },
            tcp: Ok(()),
            took: Duration::from_millis(1),
            stray: Some(Err(End::Closed)),
            named: Vec::new(),
        };
        let mut there = met(2, "dc1 -> dc2");
        let name = Name { sni: SNI.to_owned(), datacenter: "dc2".to_owned(), hop: "dc1 -> dc2".to_owned(), alpns: vec![ALPN] };
        there.place.names.push(name);
        let (chain, keys) = shows(&["server.dc2.consul", SNI], Moment::now(), Duration::from_secs(3600));
        there.named.push(Named {
            name: 0,
            alpn: ALPN,
            shown: Ok(Seen { chain, alpn: Some(ALPN.to_owned()) }),
            spoken: Some(Ok(Duration::from_millis(1))),
            took: Duration::from_millis(2),
        });
        Self { views: vec![view(1)], own: met(1, "-> dc1"), there, keys }
    }

    fn shown(&mut self) -> &mut Named {
        &mut self.there.named[0]
    }

    fn shows(&mut self, names: &[&str], from: Moment, life: Duration) {
        let (chain, keys) = shows(names, from, life);
        self.keys = keys;
        self.shown().shown = Ok(Seen { chain, alpn: Some(ALPN.to_owned()) });
    }

    fn faults(self) -> (Vec<Fault>, Vec<Outcome>) {
        let mut findings = Vec::new();
        let mets = [self.own, self.there];
        let checks = met(&self.views, &mets, &self.keys, Moment::now(), &mut findings);
        without_consequences(&mut findings);
        (findings.into_iter().map(|finding| finding.fault).collect(), checks.into_iter().map(|check| check.outcome).collect())
    }
}

/// A certificate for names by a CA, and that CA.
fn shows(names: &[&str], now: Moment, life: Duration) -> (Vec<CertificateDer<'static>>, Keys) {
    tls::install();
    let ca = Authority::root(&TrustDomain::new("td.consul"), Moment(Moment::now().0 - 1_000_000)).expect("a CA");
    let dns = names.iter().map(|name| (*name).to_owned()).collect();
    let wanted = Wanted { common_name: None, uris: Vec::new(), dns, ips: Vec::new(), for_servers: true, for_clients: true, life };
    let chain = ca.issue(&wanted, &[], now).expect("a certificate").chain;
    let anchors = Bundle::of(vec![ca.certificate().clone()], TrustDomain::new("")).expect("a CA");
    (chain, Keys { anchors: Some(anchors), ..Keys::default() })
}

#[test]
fn nothing_is_wrong_with_a_way_that_works() {
    let (faults, outcomes) = Way::well().faults();
    assert_eq!(faults, []);
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Ok || matches!(outcome, Outcome::NotProbed { .. })), "{outcomes:?}");
}

#[test]
fn each_fault_that_is_met_on_the_way_is_named() {
    type Change = fn(&mut Way);
    let cases: [(Fault, Change); 15] = [
        (Fault::PortClosed, |w| gone(w, End::Refused, 0)),
        (Fault::WanAddress, |w| gone(w, End::Silent, 4)),
        (Fault::WanAddress, |w| {
            w.views.push(view(2));
            gone(w, End::Unreachable, 3);
        }),
        (Fault::Blocked, |w| {
            w.views.push(view(2));
            gone(w, End::Unreachable, 0);
        }),
        (Fault::Blocked, |w| {
            w.views.push(view(2));
            gone(w, End::NoRoute, 0);
        }),
        (Fault::NotAGateway, |w| w.there.stray = Some(Ok(Seen::default()))),
        (Fault::NotAGateway, |w| w.there.stray = Some(Err(End::NoTls))),
        (Fault::NameUnknown, |w| w.shown().shown = Err(End::Closed)),
        (Fault::MissingSan, |w| w.shows(&["server.dc2.consul"], Moment::now(), Duration::from_secs(3600))),
        (Fault::WrongDatacenter, |w| w.shows(&["server.dc3.consul"], Moment::now(), Duration::from_secs(3600))),
        (Fault::Expired, |w| w.shows(&[SNI], Moment(Moment::now().0 - 9000), Duration::from_secs(3600))),
        (Fault::ClockSkew, |w| w.shows(&[SNI], Moment(Moment::now().0 + 9000), Duration::from_secs(3600))),
        (Fault::OtherCa, |w| w.keys = shows(&[SNI], Moment::now(), Duration::from_secs(3600)).1),
        (Fault::Alpn, |w| w.shown().shown.as_mut().expect("shown").alpn = Some("h2".to_owned())),
        (Fault::Refused, |w| w.shown().spoken = Some(Err(End::Alert("BadCertificate".to_owned())))),
    ];
    for (fault, change) in cases {
        let mut way = Way::well();
        change(&mut way);
        let (faults, outcomes) = way.faults();
        assert_eq!(faults, [fault]);
        assert!(outcomes.iter().any(|outcome| matches!(outcome, Outcome::Failed { .. })), "{}: {outcomes:?}", fault.as_str());
    }
}

fn gone(way: &mut Way, end: End, seconds: u64) {
    (way.there.tcp, way.there.took, way.there.stray) = (Err(end), Duration::from_secs(seconds), None);
    way.there.named.clear();
}

#[test]
fn what_this_machine_has_no_way_to_is_not_probed_and_no_fault() {
    let mut way = Way::well();
    gone(&mut way, End::NoRoute, 0);
    (way.own.tcp, way.own.stray) = (Err(End::NoRoute), None);
    let (faults, outcomes) = way.faults();
    assert_eq!(faults, []);
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Outcome::NotProbed { .. })).count(), 2, "{outcomes:?}");
}
