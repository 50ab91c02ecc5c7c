//! Chance and load, given by the caller: the brain has neither.

use super::snapshot::Endpoint;

/// Where random numbers come from: the worker's generator, or a replayed roll.
pub trait Dice {
    /// A number in `0..sides`; `sides` is at least 1.
    fn roll(&mut self, sides: u32) -> u32;
}

/// What the caller knows of the work in flight. `gw inspect` passes [`Idle`] and says so.
pub trait Load {
    /// The next turn of a round robin, counting up; `balancer` is the number of the upstream target in its snapshot.
    fn turn(&self, balancer: u32) -> u64;
    /// Requests in flight at an instance, for least_request.
    fn active(&self, endpoint: &Endpoint) -> u32;
    /// Whether the instance refused connections lately and rests for a while.
    fn rests(&self, endpoint: &Endpoint) -> bool;
}

/// No work in flight anywhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct Idle;

impl Load for Idle {
    fn turn(&self, _: u32) -> u64 {
        0
    }

    fn active(&self, _: &Endpoint) -> u32 {
        0
    }

    fn rests(&self, _: &Endpoint) -> bool {
        false
    }
}
