//! Sets and changes case by case: what Consul refuses, and what gw sees beyond.
