//! Which recorded exchanges gw answers otherwise, and why: the names are rows of `docs/differences.md`.

/// Case, exchanges by number, row. Everything that is not here must be equal, and everything that is here must differ.
pub(super) const DELIBERATE: &[(&str, &[usize], &str)] = &[
    // A Host, or the authority of a target, with a port that no entry names.
    ("h2/mixed-listeners", &[5], "host-port"),
    ("hosts/absolute-form", &[8], "host-port"),
    ("hosts/exact", &[3, 4], "host-port"),
    ("hosts/h2-authority", &[2], "host-port"),
    ("hosts/ip", &[7], "host-port"),
    ("hosts/precedence", &[11, 12], "host-port"),
    ("hosts/two-listeners", &[6, 7], "host-port"),
    ("hosts/wildcard", &[6], "host-port"),
    // The primary refuses, and the failover answers.
    ("failover/connect-refused", &[0], "try-next"),
    // HTTP/1.0, and versions that are none.
    ("health/all-critical", &[3], "http10"),
    ("proxy/http10", &[0, 1, 2, 3, 4, 5, 6, 7, 8], "http10"),
    ("proxy/invalid", &[43], "http10"),
    // Two Hosts, a first chunk that is none, a fold, bare line feeds, CR in a value, a chunk that is longer than it says.
    ("proxy/headers", &[20], "stricter"),
    ("proxy/invalid", &[0, 1, 18, 22, 25, 26, 42], "stricter"),
    // An empty :authority, a head of 62 kB, a fragment.
    ("hosts/h2-authority", &[8], "h2-forms"),
    ("proxy/h2-invalid", &[11, 13], "h2-forms"),
    ("proxy/bodies", &[4, 7], "trailers"),
    ("proxy/h2", &[18], "trailers"),
    ("proxy/h2-to-http1", &[3], "trailers"),
    ("proxy/h2", &[13], "stale-pool"),
    // `x-envoy-upstream-stream-duration-ms`, the one that C+E obeys.
    ("proxy/x-envoy-control", &[16], "x-envoy"),
    // These wait for a later version.
    ("health/lb-ring-header", &[0, 1, 3], "hash-policies"),
    ("health/lb-session-cookie", &[0], "hash-policies"),
    ("retry/outlier-reset", &[0], "limits"),
];

/// Exchanges in which a service resets a connection that was used before: whether it had rested long enough to be called stale is
/// for the clock to say, so that they may differ or not.
pub(super) const BY_THE_CLOCK: &[(&str, &[usize], &str)] =
    &[("edit/local-answers", &[2], "stale-pool"), ("proxy/h2-to-http1", &[7], "stale-pool"), ("timeout/partial", &[1, 2], "stale-pool")];
