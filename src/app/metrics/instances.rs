//! How the instances of services are, as `gw inspect services` says it.

use std::collections::BTreeMap;

use super::page::Page;
use super::table as m;
use crate::app::world::Held;
use crate::model::service::Health;
use crate::proxy::meters::OTHER;

/// How many services are told of one by one; those of the others are counted together, as `other`.
const MOST: usize = 500;
/// In the order of [`Health`], the best first.
const HEALTH: [Health; 3] = [Health::Passing, Health::Warning, Health::Critical];

pub(super) fn write(held: &Held, page: &mut Page) {
    let known = held.services();
    // What several gateways know is told once: as it is in the mesh.
    let services: BTreeMap<_, _> = known.iter().flat_map(|services| services.iter()).collect();
    let mut other = [0; HEALTH.len()];
    for (n, service) in services.values().enumerate() {
        let count = |health: Health| service.instances.iter().filter(|instance| instance.health == health).count() as u64;
        let counts = HEALTH.map(count);
        if n < MOST {
            tell(service.name.as_str(), counts, page);
        } else {
            other.iter_mut().zip(counts).for_each(|(other, n)| *other += n);
        }
    }
    if services.len() > MOST {
        tell(OTHER, other, page);
    }
}

fn tell(service: &str, counts: [u64; HEALTH.len()], page: &mut Page) {
    for (health, n) in HEALTH.iter().zip(counts) {
        page.count(&m::INSTANCES, &[service, health.as_str()], n);
    }
}
