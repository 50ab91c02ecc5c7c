//! That datacenters find each other, whatever is there first.

use crate::eventually_within;
use crate::federation::{FEDERATES, Federation, Like};

/// What is to be seen of a federation: members, keys and catalogs, in both directions.
#[track_caller]
fn is_whole(federation: &Federation) {
    eventually_within(FEDERATES, "every server is alive for every other", || federation.all_alive());
    for (from, to) in [(0, 1), (1, 0)] {
        let (key, value) = (format!("from-dc{}", from + 1), format!("to-dc{}", to + 1));
        assert_eq!(federation.writes(from, to, &key, &value), Ok(()));
        assert_eq!(federation.reaches(from, to), Ok(()));
    }
}

#[test]
fn servers_without_a_route_to_each_other_are_one_federation_through_gateways() {
    let federation = Federation::start("joins", Like::default());
    is_whole(&federation);
}
