//! What the checks have found, as a value: the checks run on one thread, and what is published is compiled on another.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::Subject;
use crate::id::ServiceKey;
use crate::model::resources::Resources;
use crate::model::service::Health;

/// The health of each instance that is checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found(HashMap<Subject, Health>);

impl Found {
    pub(super) fn of(found: impl Iterator<Item = (Subject, Health)>) -> Self {
        Self(found.collect())
    }

    /// Lays it over what the source says. An instance that nothing was found of, or that is to be checked no more, is as the
    /// source says.
    pub fn over<'a>(&self, said: &'a Resources) -> Cow<'a, Resources> {
        let mut out = Cow::Borrowed(said);
        let checked: BTreeSet<&ServiceKey> = self.0.keys().map(|subject| &subject.service).collect();
        for key in checked {
            let Some(service) = said.services.get(key) else { continue };
            let found = service.instances.iter().map(|instance| {
                let found = instance.check.as_ref().and_then(|_| self.0.get(&Subject::of(key, instance)));
                found.copied().unwrap_or(instance.health)
            });
            let found: Vec<Health> = found.collect();
            // A service of which nothing changed stays the very same one, which nobody has to compile again.
            if service.instances.iter().map(|i| i.health).eq(found.iter().copied()) {
                continue;
            }
            if let Some(service) = Arc::make_mut(&mut out.to_mut().services).get_mut(key) {
                Arc::make_mut(service).instances.iter_mut().zip(found).for_each(|(instance, health)| instance.health = health);
            }
        }
        out
    }
}
