//! Whether a set of entries fits together: what Consul checks when an entry is written or deleted (semantics 4.9).
