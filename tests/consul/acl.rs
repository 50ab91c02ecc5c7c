//! Tokens: the policy that is printed is enough, and what is taken from it is told as the rule to add.

use std::net::SocketAddr;

use gw::app::register::Wanted;
use gw::id::ServiceKey;
use gw::model::gateway::GatewayKind;
use gw::model::needs::{Needed, Needs};
use gw::source::consul::policy::policy;
use serde_json::json;

use crate::agent::{Consul, Like};
use crate::follow::{Followed, client};
use crate::harness::{Service, eventually};
use crate::register::Kept;

const KINDS: [(GatewayKind, &str); 3] =
    [(GatewayKind::Ingress, "edge"), (GatewayKind::Terminating, "exit"), (GatewayKind::Mesh, "mesh-gateway")];

/// A Consul with ACLs, and something for each kind of gateway to see.
pub(crate) fn consul(name: &str) -> Consul {
    let mut consul = Consul::like(name, Like { acl: true, ..Like::default() });
    consul.write(&json!({"Kind": "service-defaults", "Name": "web", "Protocol": "http"}));
    let listener = json!({"Port": 8080, "Protocol": "http", "Services": [{"Name": "web"}]});
    consul.write(&json!({"Kind": "ingress-gateway", "Name": "edge", "Listeners": [listener]}));
    consul.write(&json!({"Kind": "terminating-gateway", "Name": "exit", "Services": [{"Name": "legacy"}]}));
    consul.register(&json!({"ID": "legacy", "Name": "legacy", "Address": "127.0.0.1", "Port": 9}));
    for destination in ["legacy", "*"] {
        let intention = json!({"SourceName": "web", "DestinationName": destination, "SourceType": "consul", "Action": "deny"});
        assert_eq!(consul.ask("POST", "/v1/connect/intentions", &intention.to_string()).unwrap().status, 200);
    }
    consul.in_the_mesh("web-1", "web", Service::saying("hi").address, &json!({}));
    consul
}

/// A token with a policy.
pub(crate) fn token(consul: &Consul, name: &str, rules: &str) -> String {
    consul.put("/v1/acl/policy", &json!({"Name": name, "Rules": rules}).to_string());
    let made = consul.put("/v1/acl/token", &json!({"Policies": [{"Name": name}]}).to_string());
    made["SecretID"].as_str().unwrap().to_owned()
}

/// A gateway of a kind that follows Consul and is registered, as far as its token goes.
struct Gateway(Followed, Kept);

impl Gateway {
    fn begin(consul: &Consul, (kind, name): (GatewayKind, &str), token: &str, address: SocketAddr) -> Self {
        let followed = Followed::begin_with(client(consul, token), kind, name);
        let outside = kind == GatewayKind::Terminating;
        let of = |names: &[&str]| {
            let services = names.iter().map(|name| Needed { outside, ..Needed::of(ServiceKey::of(name), "dc1") }).collect();
            Needs { services, ..Needs::default() }
        };
        followed.following.want(match kind {
            GatewayKind::Mesh => Needs { all: true, ..Needs::default() },
            GatewayKind::Ingress => of(&["web", "nobody"]),
            GatewayKind::Terminating => of(&["legacy", "nobody"]),
        });
        Self(followed, Kept::begin(client(consul, token), Wanted::new(kind, name, address)))
    }

    /// All that is wrong.
    fn troubles(&self) -> Vec<String> {
        let watches = self.0.following.watches().into_iter();
        watches.filter_map(|watch| Some(format!("{}: {}", watch.what, watch.trouble?))).chain(self.1.standing().trouble).collect()
    }
}

#[test]
fn the_least_policy_is_enough() {
    let consul = consul("enough");
    let service = Service::saying("hi");
    for (kind, name) in KINDS {
        let token = token(&consul, name, &policy(kind, name, &["legacy".to_owned()]));
        let gateway = Gateway::begin(&consul, (kind, name), &token, service.address);
        gateway.0.complete();
        gateway.1.is_registered();
        if kind == GatewayKind::Terminating {
            gateway.0.following.want_leaf("legacy");
            eventually("the leaf of what a client names is there", || gateway.0.following.world().0.leaves.contains_key("legacy"));
            let entries = gateway.0.following.world().0.entries;
            let intentions: Vec<&str> = entries.intentions.keys().map(ServiceKey::as_str).collect();
            assert_eq!(intentions, ["*", "legacy"], "a denial that is not seen would be none");
        }
        assert_eq!(gateway.troubles(), Vec::<String>::new(), "{kind:?}");
    }
}

#[test]
fn it_is_the_least_and_what_is_taken_from_it_is_told_as_the_rule_to_add() {
    let consul = consul("least");
    let service = Service::saying("hi");
    for (kind, name) in KINDS {
        let policy = policy(kind, name, &["legacy".to_owned()]);
        let rules: Vec<&str> = policy.lines().filter(|line| line.contains('{') && !line.starts_with('#')).collect();
        // Newer agents give a leaf to every token once one had it: those of leaves are taken first.
        let (leaves, rest): (Vec<&str>, Vec<&str>) = rules.iter().partition(|rule| rule.starts_with("service \"legacy\""));
        for (number, taken) in leaves.iter().chain(&rest).enumerate() {
            if kind == GatewayKind::Terminating && taken.starts_with("service_prefix") {
                // It is there for the sake of what is told without one of the others.
                continue;
            }
            let others: Vec<&str> = rules.iter().copied().filter(|rule| rule != taken).collect();
            let token = token(&consul, &format!("{name}-{number}"), &others.join("\n"));
            let gateway = Gateway::begin(&consul, (kind, name), &token, service.address);
            eventually(&format!("{kind:?} without {taken}"), || {
                gateway.0.following.want_leaf("legacy");
                gateway.troubles().iter().any(|trouble| trouble.contains(taken))
            });
        }
    }
}
