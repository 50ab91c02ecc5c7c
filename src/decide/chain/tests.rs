//! Chains case by case: what Consul makes of them.
