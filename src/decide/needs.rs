//! Whose instances a gateway needs: what a source that has to ask for each service asks for.

use super::snapshot::{Next, Snapshot, Upstream};
use crate::id::ServiceKey;
use crate::model::gateway::GatewayKind;
use crate::model::needs::{Needed, Needs};
use crate::model::resources::Resources;

/// What a gateway needs that was compiled to this snapshot, whatever is known by then: targets without an instance are targets
/// all the same.
pub fn needs(resources: &Resources, snapshot: &Snapshot) -> Needs {
    let name = &*ServiceKey::text(&resources.gateway.name);
    let entries = &resources.entries;
    let mut needs = Needs::default();
    match resources.gateway.kind {
        GatewayKind::Mesh => needs.all = true,
        GatewayKind::Terminating => {
            for linked in entries.terminating_gateways.get(name).into_iter().flat_map(|entry| &entry.services) {
                linked_with(&mut needs, resources, &linked.name);
            }
        }
        GatewayKind::Ingress => {
            let listeners = entries.ingress_gateways.get(name).into_iter().flat_map(|entry| &entry.listeners);
            for service in listeners.flat_map(|listener| &listener.services) {
                needs.all |= service.name == "*";
            }
            targets(&mut needs, snapshot);
        }
    }
    needs
}

fn linked_with(needs: &mut Needs, resources: &Resources, service: &str) {
    if service == "*" {
        needs.all_outside = true;
    } else {
        needs.services.insert(Needed::outside(ServiceKey::of(service), resources.datacenter.as_str()));
    }
}

fn targets(needs: &mut Needs, snapshot: &Snapshot) {
    let services = snapshot.listeners.values().flat_map(|listener| &listener.services);
    for rule in services.flat_map(|service| service.routes.rules()) {
        match &rule.next {
            Next::Upstream(to) => upstream(needs, to),
            Next::Split(split) => split.legs.iter().for_each(|(_, _, to)| upstream(needs, to)),
        }
    }
}

fn upstream(needs: &mut Needs, upstream: &Upstream) {
    needs.services.extend(upstream.targets.iter().map(|target| Needed {
        service: ServiceKey::of(&target.id.service),
        datacenter: target.id.datacenter.to_string(),
        peer: target.id.peer.to_string(),
        outside: false,
    }));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::decide::compile::compile;
    use crate::decide::fixture::Set;
    use crate::model::entry::{Common, ConfigEntry, Failover, LinkedService, TerminatingGateway};

    fn of(set: Set, kind: GatewayKind) -> (bool, Vec<String>) {
        let mut resources = Resources { entries: Arc::new(set.0), ..Resources::of_a_gateway_alone() };
        resources.gateway.kind = kind;
        let needs = needs(&resources, &compile(&resources));
        let name = |n: &Needed| [n.service.as_str(), &n.datacenter, &n.peer].join("/");
        (needs.all, needs.services.iter().map(name).collect())
    }

    #[test]
    fn an_ingress_gateway_needs_what_its_chains_end_in_also_elsewhere() {
        let set = Set::http()
            .ingress("http", &[("web", &["*"])])
            .router("web", &[("/a", "split", ""), ("/b", "gone", "")])
            .splitter("split", &[(50.0, "one", ""), (50.0, "two", "")])
            .redirect("gone", "Three")
            .resolver("one", |r| {
                let failover = Failover { datacenters: vec!["dc2".into()], ..Failover::default() };
                r.failover.insert("*".into(), failover);
            });
        let wanted = ["one/dc1/", "one/dc2/", "three/dc1/", "two/dc1/", "web/dc1/"].map(str::to_owned).to_vec();
        assert_eq!(of(set, GatewayKind::Ingress), (false, wanted));
    }

    #[test]
    fn a_wildcard_and_a_mesh_gateway_need_all() {
        assert!(of(Set::http().ingress("http", &[("*", &[])]), GatewayKind::Ingress).0);
        assert!(of(Set::http(), GatewayKind::Mesh).0);
    }

    #[test]
    fn a_terminating_gateway_needs_what_it_is_linked_with() {
        let mut set = Set::http();
        let linked = |name: &str| LinkedService { name: name.to_owned(), ..LinkedService::default() };
        let common = Common { name: "edge".into(), ..Common::default() };
        let entry = TerminatingGateway { common, services: vec![linked("Legacy")] };
        set.0.insert(ConfigEntry::TerminatingGateway(Arc::new(entry)));
        assert_eq!(of(set, GatewayKind::Terminating), (false, vec!["legacy/dc1/".to_owned()]));
    }
}
