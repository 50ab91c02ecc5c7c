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
    _names: Vec<Followed>,
}

impl Health {
    /// Resolves the names of all instances from now on.
    pub(super) fn of(gateways: Vec<Served>, names: &Names) -> Self {
        let followed = names.follow_instances(gateways.iter().map(|g| &g.resources));
        Self { gateways, _names: followed }
    }

    /// Runs the checks, and publishes what they find.
    pub(super) async fn keep(mut self, checks: Checks) {
        checks.follow(self.gateways.iter().map(|g| &g.resources));
        loop {
            checks.changed().await;
            for Served { resources, publisher } in &mut self.gateways {
                let mut found = resources.clone();
                checks.apply(&mut found);
                publisher.publish_health(&found);
            }
            tokio::time::sleep(TOGETHER).await;
        }
    }
}
