//! RE2 patterns.
