//! Which instance: the policies, with chance and load given by the caller, for the brain has neither.

use super::snapshot::{Endpoint, Policy, Target};

/// Where random numbers come from: the worker's generator, or a replayed roll.
pub trait Dice {
    /// A number in `0..sides`; `sides` is at least 1.
    fn roll(&mut self, sides: u32) -> u32;
}

/// What the caller knows of the work in flight. `gw inspect` passes [`Idle`] and says so.
pub trait Load {
    /// The next turn of a round robin, counting up; `balancer` is the number of the target in its snapshot.
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

/// The number of the instance that is tried first and whether it is awake, or `None` where the target has none. One that rests is
/// passed over for the next that does not.
pub(super) fn choose(target: &Target, policy: Policy, load: &impl Load, dice: &mut impl Dice) -> Option<(usize, bool)> {
    let count = target.endpoints.len();
    let awake = |n: &usize| !load.rests(&target.endpoints[*n]);
    let chosen = match policy {
        _ if count == 0 => return None,
        _ if count == 1 => 0,
        Policy::RoundRobin => target.turns[(load.turn(target.number) % target.turns.len() as u64) as usize] as usize,
        Policy::Random => dice.roll(count as u32) as usize,
        Policy::LeastRequest { choices } => least_request(target, choices, load, dice),
    };
    let found = (chosen..count).chain(0..chosen).find(awake);
    Some((found.unwrap_or(chosen), found.is_some()))
}

/// Draws by weight, then takes the one with the least requests in flight (semantics 6.2): idle instances get what they weigh.
fn least_request(target: &Target, choices: u32, load: &impl Load, dice: &mut impl Dice) -> usize {
    let mut draw = || target.turns[dice.roll(target.turns.len() as u32) as usize] as usize;
    let mut best = draw();
    for _ in 1..choices.min(16) {
        let other = draw();
        let busy = |n: usize| load.active(&target.endpoints[n]);
        if busy(other) < busy(best) {
            best = other;
        }
    }
    best
}

/// The turns of one round, each endpoint as often as its weight, spread as evenly as whole turns allow.
pub(super) fn turns(weights: &[u32]) -> Vec<u16> {
    let divisor = weights.iter().copied().fold(0, gcd).max(1);
    let weights: Vec<i64> = weights.iter().take(usize::from(u16::MAX)).map(|w| i64::from(w / divisor)).collect();
    let total: i64 = weights.iter().sum();
    if weights.iter().all(|w| *w == 1) {
        return (0..weights.len() as u16).collect();
    }
    let mut credit = vec![0i64; weights.len()];
    let mut out = Vec::with_capacity(total as usize);
    for _ in 0..total {
        for (c, w) in credit.iter_mut().zip(&weights) {
            *c += w;
        }
        let richest = (0..credit.len()).rev().max_by_key(|n| credit[*n]).unwrap_or(0);
        credit[richest] -= total;
        out.push(richest as u16);
    }
    out
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::service::Health;

    struct Busy(&'static str);

    impl Load for Busy {
        fn turn(&self, _: u32) -> u64 {
            0
        }

        fn active(&self, endpoint: &Endpoint) -> u32 {
            u32::from(endpoint.id == self.0)
        }

        fn rests(&self, _: &Endpoint) -> bool {
            false
        }
    }

    /// All rolls of one side after the other.
    struct Counting(u32);

    impl Dice for Counting {
        fn roll(&mut self, sides: u32) -> u32 {
            self.0 += 1;
            // Two draws each time: the first digit and the second.
            (if self.0.is_multiple_of(2) { self.0 / 2 } else { self.0 / 2 / sides }) % sides
        }
    }

    fn target(weights: &[u32]) -> Target {
        let endpoint = |(n, weight): (usize, &u32)| {
            let address = crate::model::service::Address::Socket(([127, 0, 0, 1], 1).into());
            std::sync::Arc::new(Endpoint {
                service: "web".into(),
                id: format!("web-{n}"),
                address,
                tls: None,
                host: None,
                health: Health::Passing,
                weight: *weight,
            })
        };
        Target {
            number: 0,
            id: crate::id::TargetId::service("web", "dc1"),
            sni: String::new(),
            protocol: crate::model::gateway::Protocol::Http,
            mode: crate::model::federation::MeshGatewayMode::None,
            unused: Vec::new(),
            unreached: None,
            endpoints: weights.iter().enumerate().map(endpoint).collect(),
            turns: turns(weights),
            named: std::sync::OnceLock::new(),
        }
    }

    fn times_first(weights: &[u32], load: &impl Load) -> usize {
        let (target, mut dice) = (target(weights), Counting(0));
        (0..160).filter(|_| choose(&target, Policy::LeastRequest { choices: 2 }, load, &mut dice) == Some((0, true))).count()
    }

    #[test]
    fn least_request_gives_idle_instances_what_they_weigh_and_busy_ones_less() {
        assert_eq!(times_first(&[3, 1], &Idle), 120);
        assert_eq!(times_first(&[1, 1], &Idle), 80);
        assert_eq!(times_first(&[1, 1], &Busy("web-0")), 40);
    }

    #[test]
    fn a_round_gives_each_instance_as_many_turns_as_it_weighs_well_mixed() {
        assert_eq!(turns(&[1, 1, 1]), [0, 1, 2]);
        assert_eq!(turns(&[4, 4]), [0, 1]);
        assert_eq!(turns(&[5, 1, 1]), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(turns(&[]), [0u16; 0]);
        let round = turns(&[128, 3]);
        assert_eq!(round.iter().filter(|n| **n == 1).count(), 3);
    }
}
