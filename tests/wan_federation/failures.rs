//! What happens when gateways fail, and that it is over without anybody touching the ones that are left (consul-api 12, wan-federation 4).

use std::time::{Duration, Instant};

use crate::federation::{Federation, Like, RECOVERS};
use crate::{LONG, eventually, eventually_within, network};

/// Within which traffic goes on after one gateway came back, or another stands in: Consul's own times, none of which is a back-off.
const SOON: Duration = Duration::from_secs(20);

/// Waits until so many writes in a row succeed in a direction.
#[track_caller]
fn goes_on(federation: &Federation, from: usize, to: usize, within: Duration) {
    let mut in_a_row = 0;
    eventually_within(within, &format!("dc{} -> dc{} goes on", from + 1, to + 1), || {
        in_a_row = if federation.writes(from, to, "goes-on", "yes").is_ok() { in_a_row + 1 } else { 0 };
        in_a_row == 10
    });
}

#[test]
fn what_one_gateway_less_costs_is_over_when_it_is_back_and_the_other_was_not_touched() {
    let mut federation = Federation::start("one-less", Like::default());
    goes_on(&federation, 0, 1, LONG);

    // The secondary's: its servers go straight to the primary's, the primary's reach nobody.
    federation.datacenters[1].gateways[0].kill();
    eventually("dc1 does not reach dc2", || federation.reaches(0, 1).is_err());
    let start = Instant::now();
    let refused = federation.reaches(0, 1).expect_err("there is no way");
    assert!(start.elapsed() < Duration::from_secs(2), "whoever asks is not kept waiting: {:?} for {refused}", start.elapsed());
    eventually("the gateway of dc1 says why", || federation.datacenters[0].gateways[0].records().contains("\"code\":\"connect_failed\""));
    goes_on(&federation, 1, 0, SOON);
    federation.gateway_up(1, 0);
    goes_on(&federation, 0, 1, SOON);
    goes_on(&federation, 1, 0, SOON);

    // The primary's.
    federation.datacenters[0].gateways[0].kill();
    eventually("neither reaches the other", || federation.reaches(0, 1).is_err() && federation.reaches(1, 0).is_err());
    federation.gateway_up(0, 0);
    goes_on(&federation, 0, 1, SOON);
    goes_on(&federation, 1, 0, SOON);

    // Both, within a second or two: not a minute, for no server has looked for the others meanwhile.
    for dc in [0, 1] {
        federation.datacenters[dc].gateways[0].kill();
        federation.gateway_up(dc, 0);
    }
    goes_on(&federation, 0, 1, RECOVERS);
    goes_on(&federation, 1, 0, RECOVERS);
}

#[test]
fn a_gateway_that_is_slow_for_seconds_delays_what_is_asked_and_breaks_nothing() {
    let federation = Federation::start("slow", Like::default());
    goes_on(&federation, 0, 1, LONG);
    let gateway = &federation.datacenters[1].gateways[0];
    gateway.signal("STOP");
    let (api, start) = (federation.api(0).clone(), Instant::now());
    let asked = std::thread::spawn(move || (api.get("/v1/catalog/services?dc=dc2").map(drop), start.elapsed()));
    eventually("three seconds are over", || start.elapsed() > Duration::from_secs(3));
    gateway.signal("CONT");
    let (answer, took) = asked.join().expect("an answer");
    assert_eq!(answer, Ok(()));
    assert!(took > Duration::from_secs(3), "it was not asked through the gateway: {took:?}");
    goes_on(&federation, 1, 0, SOON);
}

#[test]
fn of_two_gateways_one_may_die_at_any_time() {
    let mut federation = Federation::start("two", Like { gateways: 2, ..Like::default() });
    goes_on(&federation, 0, 1, LONG);
    for victim in [0, 1] {
        federation.datacenters[0].gateways[victim].kill();
        // Whoever comes through a gateway of dc2 does not notice, not even at first: who refuses is passed over.
        for n in 0..10 {
            let agreed = federation.handshake("dc2", network::lan(2, 1 + n % 2), "server.dc1.consul", "consul/rpc-multi");
            assert_eq!(agreed.as_deref(), Ok("consul/rpc-multi"), "the {n}th with gateway {} dead", victim + 1);
        }
        // A server of dc1 takes the dead one for well until its check fails.
        goes_on(&federation, 0, 1, SOON);
        goes_on(&federation, 1, 0, SOON);
        federation.gateway_up(0, victim);
        let up = network::lan(1, victim as u8 + 1);
        let agreed = federation.handshake("dc1", up, "server.dc2.consul", "consul/rpc-multi");
        assert_eq!(agreed.as_deref(), Ok("consul/rpc-multi"), "the one that is back");
    }
}

#[test]
fn a_gateway_that_was_gone_for_so_long_that_it_is_critical_is_used_as_soon_as_it_listens() {
    let mut federation = Federation::start("back", Like::default());
    let check = |federation: &Federation| federation.api(0).get("/v1/agent/checks").unwrap_or_default()["service:mesh-gateway"].clone();
    federation.datacenters[0].gateways[0].kill();
    eventually("the agent takes it for dead", || check(&federation)["Status"] == "critical");
    federation.gateway_up(0, 0);
    eventually("it is well", || check(&federation)["Status"] == "passing");
    goes_on(&federation, 0, 1, SOON);
    goes_on(&federation, 1, 0, SOON);
    // And one that ends well is not there at all until it is back.
    federation.datacenters[0].gateways[0].stop();
    assert!(check(&federation).is_null());
    federation.gateway_up(0, 0);
    goes_on(&federation, 0, 1, SOON);
    goes_on(&federation, 1, 0, SOON);
}

#[test]
#[ignore = "takes up to ten minutes, for Consul itself may need 200 s to come back"]
fn servers_find_each_other_again_after_every_gateway_was_gone_for_longer_than_they_try() {
    let mut federation = Federation::start("all-gone", Like::default());
    for round in 0..3 {
        for dc in [0, 1] {
            federation.datacenters[dc].gateways[0].kill();
        }
        let start = Instant::now();
        eventually_within(Duration::from_secs(60), "40 s are over", || start.elapsed() > Duration::from_secs(40));
        federation.up(0);
        federation.up(1);
        let took = federation.reaches_all(RECOVERS);
        println!("round {round}: everybody reaches everybody {took:.1?} after the gateways were back");
    }
}
