//! What the checks of instances find is laid over what the source says, and published.

use std::time::Duration;

use crate::check::Checks;
use crate::model::resources::Resources;
use crate::net::{Followed, Names};
use crate::state::Publisher;

/// The shortest time between two publications: instances that fall together are one change.
const TOGETHER: Duration = Duration::from_millis(50);

/// A gateway that is served.
#[derive(Debug)]
pub(super) struct Served {
    /// What the source says.
    pub(super) resources: Resources,
    pub(super) publisher: Publisher,
}

/// The gateways of a process, whose instances are checked and whose names are kept fresh.
#[derive(Debug)]
pub(super) struct Health {
    gateways: Vec<Served>,
    checks: Checks,
    _names: Vec<Followed>,
}

impl Health {
    /// Resolves the names of all instances, and checks those that are to be checked, from now on.
    pub(super) fn of(gateways: Vec<Served>, names: &Names, checks: Checks) -> Self {
        let followed = names.follow_instances(gateways.iter().flat_map(|g| g.resources.services.values()));
        checks.follow(gateways.iter().map(|g| &g.resources.services));
        Self { gateways, checks, _names: followed }
    }

    /// Publishes what checks find.
    pub(super) async fn keep(mut self) {
        loop {
            self.checks.changed().await;
            for Served { resources, publisher } in &mut self.gateways {
                let mut found = resources.clone();
                self.checks.apply(&mut found.services);
                publisher.publish_health(&found);
            }
            tokio::time::sleep(TOGETHER).await;
        }
    }
}
