//! That datacenters find each other, whatever is there first, and what passes between them.

use serde_json::json;

use crate::federation::{FEDERATES, Federation, Like};
use crate::program::at_least;
use crate::{eventually, eventually_within, network};

/// What is to be seen of a federation: members, keys, catalogs and whole states, in both directions.
#[track_caller]
fn is_whole(federation: &Federation) {
    eventually_within(FEDERATES, "every server is alive for every other", || federation.all_alive());
    for (from, to) in [(0, 1), (1, 0)] {
        let (key, value) = (format!("from-dc{}", from + 1), format!("to-dc{}", to + 1));
        assert_eq!(federation.writes(from, to, &key, &value), Ok(()));
        assert_eq!(federation.reaches(from, to), Ok(()));
        let snapshot = federation.api(from).ask("GET", &format!("/v1/snapshot?dc=dc{}", to + 1), "");
        assert_eq!(snapshot.map(|(status, _)| status), Some(200), "a snapshot has a stream of its own");
    }
}

#[test]
fn servers_without_a_route_to_each_other_are_one_federation_through_gateways_which_change_nothing() {
    let federation = Federation::start("joins", Like::default());
    is_whole(&federation);
    for (from, to) in [("dc1", "198.18.2.10:8300"), ("dc1", "198.18.0.21:8443"), ("dc2", "198.18.1.10:8300"), ("dc2", "198.18.1.1:8443")] {
        let there = federation.network.exec(from, &format!("timeout 2 openssl s_client -connect {to} </dev/null"));
        assert!(!there.status.success(), "there must be no way from {from} to {to}");
    }
    let mut protocols = vec!["rpc-single", "raft", "rpc-multi", "rpc-snapshot", "rpc-gossip", "wan-gossip/packet", "wan-gossip/stream"];
    if at_least(1, 10) {
        protocols.push("rpc-grpc");
    }
    // From where clients of each address are: a server at the LAN address, the other gateway at the WAN address.
    for (from, gateway) in [("dc1", network::lan(1, 1)), ("dc2-gw1", network::wan(1, 1))] {
        for name in ["dc1-s1.server.dc1.consul", "server.dc1.consul", "DC2-S1.server.dc2.consul", "server.dc2.consul"] {
            for protocol in &protocols {
                let alpn = format!("consul/{protocol}");
                assert_eq!(federation.handshake(from, gateway, name, &alpn), Ok(alpn), "{name} from {from}");
            }
        }
        for name in ["dc1-s9.server.dc1.consul", "dc3-s1.server.dc3.consul", "server.dc1.other"] {
            assert!(federation.handshake(from, gateway, name, "consul/rpc-multi").is_err(), "{name} from {from}");
        }
    }
}

#[test]
fn a_secondary_that_is_there_before_any_gateway_joins_and_its_gateway_learns_the_trust_domain_later() {
    let mut federation = Federation::laid_out("before", Like::default());
    federation.start_servers(0);
    federation.start_servers(1);
    assert_eq!(federation.api(1).get("/v1/catalog/datacenters"), Ok(json!(["dc2"])));
    assert!(federation.reaches(1, 0).is_err() && federation.reaches(0, 1).is_err());

    // Its own gateway comes first: of the mesh nothing is known yet, and servers are led to all the same.
    federation.up(1);
    let roots = federation.api(1).get("/v1/agent/connect/ca/roots").ok();
    let unfederated = roots.is_none_or(|roots| roots["Roots"].as_array().is_none_or(Vec::is_empty));
    assert!(unfederated, "the secondary has a CA before it has found the primary");
    for gateway in [network::lan(2, 1), network::wan(2, 1)] {
        for name in ["dc2-s1.server.dc2.consul", "server.dc2.consul"] {
            let agreed = federation.handshake("dc2-gw1", gateway, name, "consul/wan-gossip/packet");
            assert_eq!(agreed.as_deref(), Ok("consul/wan-gossip/packet"), "{name} at {gateway}");
        }
    }

    federation.up(0);
    federation.becomes_one();
    is_whole(&federation);
    let roots = federation.api(0).get("/v1/agent/connect/ca/roots").expect("roots");
    let domain = roots["TrustDomain"].as_str().expect("a trust domain").to_owned();
    // An older secondary has another one until then, and takes half a minute.
    eventually_within(FEDERATES, "the gateway of the secondary knows the trust domain of the primary", || {
        federation.admin("dc2-gw1", "/v1/routes").contains(&format!("*.dc1.internal.{domain}"))
    });
    assert!(federation.datacenters[1].gateways[0].runs(), "it is the same process");
}

#[test]
fn gateways_that_are_there_before_any_server_wait_for_them_and_carry_them() {
    let mut federation = Federation::laid_out("after", Like::default());
    let Federation { datacenters, network, .. } = &mut federation;
    datacenters.iter_mut().for_each(|dc| dc.gateways[0].start(network));
    for dc in &federation.datacenters {
        eventually("it says for whom it waits", || dc.gateways[0].log().contains("first sync with Consul at"));
    }
    federation.start_servers(0);
    federation.start_servers(1);
    federation.becomes_one();
    is_whole(&federation);
}
