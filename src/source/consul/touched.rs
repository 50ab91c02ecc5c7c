//! Whom to ask for again. A watch for each of a thousand services would be a thousand connections to the agent over plain HTTP, so
//! two watches tell of all services together: all checks of the datacenter, each of which says whose it is, and the names of all
//! services, whose index rises with every registration. What they tell of is then asked for, and waited for by nobody.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::wire::{HealthRow, StateRow};
use crate::id::ServiceKey;

/// How sidecars are called that are registered with their service (consul-api 4).
pub(super) const SIDECAR: &str = "-sidecar-proxy";

/// The services that a change may concern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// These.
    pub services: BTreeSet<ServiceKey>,
    /// Something that is not known to be a part of any: it may be a part of each.
    pub unknown: bool,
}

/// A service as it is asked for: outside the mesh, or in it.
type Asked = (bool, ServiceKey);

/// Which services have instances where, and all checks.
#[derive(Clone, Debug, Default)]
pub struct Placed {
    /// As they were heard of last.
    checks: HashSet<StateRow>,
    by_node: HashMap<String, HashSet<Asked>>,
    /// By node and the id of an instance there.
    by_instance: HashMap<(String, String), HashSet<Asked>>,
    /// By the name that instances are registered under, which a sidecar has of its own.
    by_name: HashMap<String, HashSet<Asked>>,
    /// Where the instances of a service were at last, to forget them.
    places: HashMap<Asked, Vec<(String, String, String)>>,
}

impl Placed {
    /// The instances of a service, outside the mesh or in it, as they were answered just now.
    pub fn place(&mut self, service: &ServiceKey, outside: bool, rows: &[HealthRow]) {
        let service = &(outside, service.clone());
        let places = rows.iter().map(|row| (row.node.node.clone(), row.service.id.clone(), row.service.service.clone()));
        let places: Vec<_> = places.collect();
        for (node, id, name) in self.places.remove(service).unwrap_or_default() {
            forget(&mut self.by_node, &node, service);
            forget(&mut self.by_instance, &(node, id), service);
            forget(&mut self.by_name, &name, service);
        }
        for (node, id, name) in &places {
            self.by_node.entry(node.clone()).or_default().insert(service.clone());
            self.by_instance.entry((node.clone(), id.clone())).or_default().insert(service.clone());
            self.by_name.entry(name.clone()).or_default().insert(service.clone());
        }
        if !places.is_empty() {
            self.places.insert(service.clone(), places);
        }
    }

    /// All checks, as they were answered just now: whom those concern that are others than before.
    pub fn heard(&mut self, rows: Vec<StateRow>) -> Touched {
        let mut touched = Touched::default();
        let mut before = std::mem::take(&mut self.checks);
        let mut checks = HashSet::with_capacity(rows.len());
        for row in rows {
            // What is as it was stays where it is in memory.
            checks.insert(before.take(&row).unwrap_or_else(|| {
                self.touch(&row, &mut touched);
                row
            }));
        }
        before.iter().for_each(|gone| self.touch(gone, &mut touched));
        self.checks = checks;
        touched
    }

    fn touch(&self, check: &StateRow, touched: &mut Touched) {
        let (node, service_id, service_name) = (check.node(), check.service_id(), check.service_name());
        if service_id.is_empty() {
            touched.services.extend(self.by_node.get(node).into_iter().flatten().map(|(_, service)| service.clone()));
            return;
        }
        let at = self.by_instance.get(&(node.to_owned(), service_id.to_owned()));
        let named = self.by_name.get(service_name);
        touched.services.extend(at.into_iter().chain(named).flatten().map(|(_, service)| service.clone()));
        // One that is new may be the first of its service, or the first sidecar of it.
        touched.services.insert(ServiceKey::of(service_name));
        match service_name.strip_suffix(SIDECAR) {
            Some(service) => drop(touched.services.insert(ServiceKey::of(service))),
            None => touched.unknown |= at.is_none() && named.is_none(),
        }
    }
}

fn forget<K: std::hash::Hash + Eq>(map: &mut HashMap<K, HashSet<Asked>>, key: &K, service: &Asked) {
    if let Some(services) = map.get_mut(key) {
        services.remove(service);
        if services.is_empty() {
            map.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::wire::{NodeRow, ServiceRow};
    use super::*;

    fn check(node: &str, id: &str, status: &str, of: (&str, &str)) -> StateRow {
        let fields = json!({"Node": node, "CheckID": id, "Status": status, "ServiceID": of.0, "ServiceName": of.1, "Output": "fine"});
        serde_json::from_value(fields).unwrap()
    }

    fn row(node: &str, id: &str, name: &str) -> HealthRow {
        let node = NodeRow { node: node.into(), ..NodeRow::default() };
        HealthRow { node, service: ServiceRow { id: id.into(), service: name.into(), ..ServiceRow::default() }, checks: Vec::new() }
    }

    fn names(touched: &Touched) -> Vec<&str> {
        touched.services.iter().map(ServiceKey::as_str).collect()
    }

    /// Two services on two nodes; a sidecar of one has a name that says nothing.
    fn placed() -> (Placed, Vec<StateRow>) {
        let mut placed = Placed::default();
        placed.place(&ServiceKey::of("web"), false, &[row("n1", "web-1-proxy", "proxy-of-web"), row("n2", "web-2-proxy", "proxy-of-web")]);
        placed.place(&ServiceKey::of("api"), false, &[row("n2", "api-1-sidecar-proxy", "api-sidecar-proxy")]);
        let checks = vec![
            check("n1", "serfHealth", "passing", ("", "")),
            check("n2", "serfHealth", "passing", ("", "")),
            check("n1", "c1", "passing", ("web-1-proxy", "proxy-of-web")),
            check("n2", "c2", "passing", ("api-1-sidecar-proxy", "api-sidecar-proxy")),
        ];
        placed.heard(checks.clone());
        (placed, checks)
    }

    #[test]
    fn a_check_that_is_the_same_touches_nobody() {
        let (mut placed, checks) = placed();
        assert_eq!(placed.heard(checks.clone()), Touched::default());
    }

    #[test]
    fn a_check_that_changes_touches_the_services_of_its_instance() {
        let (mut placed, mut checks) = placed();
        checks[2] = check("n1", "c1", "critical", ("web-1-proxy", "proxy-of-web"));
        let touched = placed.heard(checks.clone());
        assert_eq!((names(&touched), touched.unknown), (vec!["proxy-of-web", "web"], false));
    }

    #[test]
    fn a_node_that_fails_touches_the_services_with_instances_there() {
        let (mut placed, mut checks) = placed();
        checks[1] = check("n2", "serfHealth", "critical", ("", ""));
        assert_eq!(names(&placed.heard(checks.clone())), ["api", "web"]);
    }

    #[test]
    fn a_check_that_is_gone_touches_whose_it_was() {
        let (mut placed, mut checks) = placed();
        checks.pop();
        assert_eq!(names(&placed.heard(checks.clone())), ["api", "api-sidecar-proxy"]);
    }

    #[test]
    fn a_new_sidecar_touches_its_service_and_one_that_nobody_knows_may_be_anybodys() {
        let (mut placed, mut checks) = placed();
        checks.push(check("n3", "c", "passing", ("pay-1-sidecar-proxy", "pay-sidecar-proxy")));
        let touched = placed.heard(checks.clone());
        assert_eq!((names(&touched), touched.unknown), (vec!["pay", "pay-sidecar-proxy"], false));
        checks.push(check("n3", "d", "passing", ("x", "some-proxy")));
        assert!(placed.heard(checks.clone()).unknown);
    }

    #[test]
    fn an_instance_that_moved_is_found_where_it_is_now() {
        let (mut placed, mut checks) = placed();
        placed.place(&ServiceKey::of("web"), false, &[row("n3", "web-3-proxy", "proxy-of-web")]);
        checks[0] = check("n1", "serfHealth", "critical", ("", ""));
        assert_eq!(names(&placed.heard(checks.clone())), Vec::<&str>::new());
    }
}
