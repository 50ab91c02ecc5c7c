//! Rows of Consul, and what the model makes of them.
