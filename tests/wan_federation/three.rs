//! Three datacenters: a secondary reaches another through its own gateway and theirs.

use crate::eventually_within;
use crate::federation::{FEDERATES, Federation, Like};

#[test]
fn secondaries_reach_each_other_through_their_own_gateways() {
    let mut federation = Federation::start("three", Like { datacenters: 3, ..Like::default() });
    eventually_within(FEDERATES, "every server is alive for every other", || federation.all_alive());
    for (from, to) in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
        assert_eq!(federation.writes(from, to, &format!("from-dc{}", from + 1), "yes"), Ok(()));
    }
    // What is written of connections is written when they end.
    let gateway = &mut federation.datacenters[1].gateways[0];
    gateway.stop();
    let records = gateway.records();
    assert!(records.contains("\"requested_server_name\":\"dc3-s1.server.dc3.consul\""), "dc2 asked for dc3 elsewhere: {records}");
    assert_eq!(federation.writes(0, 2, "without-dc2", "yes"), Ok(()));
    assert_eq!(federation.writes(2, 0, "without-dc2", "yes"), Ok(()));
}
