//! exported-services: field table, normalization, validation (semantics 14).

use std::sync::Arc;

use super::check::Check;
use super::codes;
use super::fields::fields;
use super::kind::{Acted, Kind};
use crate::model::entry::*;

fields!(ExportedServices {
    common.name: "Name"; keep,
    services: "Services",
    common.meta: "Meta",
});

fields!(ExportedService {
    name: "Name"; keep,
    namespace: "Namespace",
    consumers: "Consumers",
});

fields!(ServiceConsumer {
    partition: "Partition",
    peer: "Peer" ~ "peer_name",
    sameness_group: "SamenessGroup" ~ "sameness_group",
});

impl Kind for ExportedServices {
    fn normalize(&mut self) {
        self.services.iter_mut().for_each(|service| service.namespace.clear());
    }

    fn validate(&self, check: &mut Check<'_>) {
        let name = self.common.name.as_str();
        if !matches!(name, "" | "default") {
            check.error(codes::NAME, "Name", format!("Name {name:?} must be \"default\": there is one exported-services entry"));
        }
        for (i, service) in self.services.iter().enumerate() {
            let at = format!("Services[{i}]");
            if service.name.is_empty() {
                check.error(codes::NAME, &at, format!("{at} needs a Name; \"*\" is every service"));
            }
            if service.consumers.is_empty() {
                check.error(codes::EMPTY, &at, format!("{at} needs a consumer, such as Consumers = [{{ Peer = \"east\" }}]"));
            }
            for (j, consumer) in service.consumers.iter().enumerate() {
                consumer_rules(consumer, &format!("{at}.Consumers[{j}]"), check);
            }
        }
    }

    fn common(&self) -> &Common {
        &self.common
    }
}

impl Acted for ExportedServices {
    fn entry(self) -> ConfigEntry {
        ConfigEntry::ExportedServices(Arc::new(self))
    }
}

fn consumer_rules(consumer: &ServiceConsumer, at: &str, check: &mut Check<'_>) {
    let ServiceConsumer { partition, peer, sameness_group } = consumer;
    if !sameness_group.is_empty() {
        let message = format!("{at}.SamenessGroup: sameness groups belong to Consul Enterprise");
        check.error(codes::ENTERPRISE, format!("{at}.SamenessGroup"), message);
    }
    if !partition.is_empty() && !peer.is_empty() {
        check.error(codes::EXCLUSIVE, at, format!("{at} may have at most one of Peer and Partition"));
    }
    for (field, value) in [("Partition", partition), ("Peer", peer)] {
        if value == "*" {
            check.error(codes::NAME, format!("{at}.{field}"), format!("{at}.{field} cannot be \"*\": name each that may use the service"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::source::entry::from_json;

    /// What is stored of the services, or the codes of what is wrong.
    fn stored(name: &str, services: Value) -> Result<Value, Vec<&'static str>> {
        let judged = from_json(&json!({"Kind": "exported-services", "Name": name, "Services": services}));
        judged.map(|d| d.stored()["Services"].clone()).map_err(|problems| problems.into_iter().map(|d| d.code).collect())
    }

    #[test]
    fn exported_services_are_judged_by_consuls_rules() {
        let to = |consumer: Value| json!([{"Name": "api", "Consumers": consumer}]);
        for (given, wanted) in [
            (json!([]), Ok(json!(null))),
            (to(json!([{}])), Ok(to(json!([{}])))),
            (to(json!([{"Peer": "east"}, {"peer_name": "east"}])), Ok(to(json!([{"Peer": "east"}, {"Peer": "east"}])))),
            (to(json!([{"Partition": "p"}])), Ok(to(json!([{"Partition": "p"}])))),
            (json!([{"Name": "api", "Namespace": "*", "Consumers": {"Peer": "a"}}]), Ok(to(json!([{"Peer": "a"}])))),
            (json!([{}]), Err(vec!["GW0201", "GW0214"])),
            (to(json!([])), Err(vec!["GW0214"])),
            (to(json!({"Peer": "*"})), Err(vec!["GW0201"])),
            (to(json!({"Partition": "*"})), Err(vec!["GW0201"])),
            (to(json!({"Peer": "a", "Partition": "b"})), Err(vec!["GW0204"])),
            (to(json!({"SamenessGroup": "a"})), Err(vec!["GW0106"])),
            (to(json!({"PeerName": "a"})), Err(vec!["GW0102"])),
        ] {
            assert_eq!(stored("default", given.clone()), wanted, "{given}");
        }
        assert_eq!(stored("x", json!([])), Err(vec!["GW0201"]));
        assert_eq!(stored("", json!([])), Err(vec!["GW0201"]));
    }
}
