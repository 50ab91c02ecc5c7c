//! Gossip goes one way on each of its connections, and nothing ever comes back (consul-api 12): they must not be taken for dead.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::eventually_within;
use crate::federation::{Federation, Like};

/// Longer than gw waits for anything that does not move, which is five minutes for a side that takes nothing.
const LONG_SILENCE: Duration = Duration::from_secs(330);

/// What went through the open connections of a gateway so far, by client: from it, and to it.
fn moved(federation: &Federation) -> BTreeMap<String, (u64, u64)> {
    let all: Value = serde_json::from_str(&federation.admin("dc1-gw1", "/v1/connections")).unwrap_or_default();
    let connection = |c: &Value| Some((c["client"].as_str()?.to_owned(), (c["bytes_received"].as_u64()?, c["bytes_sent"].as_u64()?)));
    all["connections"].as_array().into_iter().flatten().filter_map(connection).collect()
}

#[test]
#[ignore = "takes six minutes, which is what it is about"]
fn a_connection_on_which_one_side_never_says_anything_is_not_cut() {
    let federation = Federation::start("silent", Like::default());
    // Handshakes are over by the first look.
    let start = Instant::now();
    eventually_within(LONG_SILENCE, "handshakes are over", || start.elapsed() > LONG_SILENCE / 33);
    let (first, start) = (moved(&federation), Instant::now());
    eventually_within(LONG_SILENCE * 2, "it was long enough", || start.elapsed() > LONG_SILENCE);
    let last = moved(&federation);
    let one_way = |(client, (received, sent)): &(&String, &(u64, u64))| last.get(*client).is_some_and(|(r, s)| s == sent && r > received);
    let one_way = first.iter().filter(one_way).count();
    assert!(one_way > 0, "at first {first:?}, at last {last:?}");
    assert!(federation.all_alive());
}
