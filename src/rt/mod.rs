//! Running things: drain, supervision, signals, chance, logs. Knows no word of the domain.

pub mod drain;
pub mod log;
pub mod rng;
pub mod signal;
pub mod supervise;
pub mod task;
