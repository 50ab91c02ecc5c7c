//! Subset filters (bexpr).
