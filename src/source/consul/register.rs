//! What a gateway registers with its agent, and whether that is what the agent has.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::wire::{AgentServiceAnswer, RegisteredAddress, RegisteredCheck, Registration};
use crate::model::duration::GoDuration;
use crate::model::federation::Servers;
use crate::model::gateway::GatewayKind;

/// How often the agent connects. Oftener than the ten seconds of `consul connect envoy`: an agent that restarts calls its services
/// critical until it has looked again, and a gateway that died gets no clients for as long (`docs/differences.md` registered-check).
const INTERVAL: Duration = Duration::from_secs(2);

/// A gateway as it wants to be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its kind.
    pub kind: GatewayKind,
    /// Its service, which has the name of its entry.
    pub name: String,
    /// Unique on the agent.
    pub id: String,
    /// Where clients of its own datacenter connect, and the agent to see whether it is well.
    pub address: SocketAddr,
    /// Where those of other datacenters connect, if that is another address.
    pub wan: Option<SocketAddr>,
    /// Whether it carries what servers of federated datacenters say to each other.
    pub exposes_servers: bool,
    /// After which an instance that is gone is forgotten.
    pub forgotten_after: Duration,
}

/// Why nobody could be registered like that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unregistrable {
    /// A name that Consul does not take, or not everywhere.
    #[error("{0:?} cannot be registered: names in Consul are made of letters, digits, '-' and '_'; give another one by --service")]
    Name(String),
    /// An address that means something else to everybody.
    #[error("{0} cannot be registered, for nobody connects to it: say where the gateway is reached by {1} IP:PORT")]
    Address(SocketAddr, &'static str),
}

impl Wanted {
    /// After which an instance that is gone is forgotten, if nobody says: as `consul connect envoy` has it.
    pub const FORGOTTEN_AFTER: Duration = Duration::from_secs(6 * 3600);

    /// A gateway at an address, with the id that `consul connect envoy -register` gives it: that of its service.
    pub fn new(kind: GatewayKind, name: &str, address: SocketAddr) -> Self {
        let (name, id) = (name.to_owned(), name.to_owned());
        Self { kind, name, id, address, wan: None, exposes_servers: false, forgotten_after: Self::FORGOTTEN_AFTER }
    }

    /// Whether there is anything that Consul would not take, or that nobody could use.
    pub fn check(&self) -> Result<(), Unregistrable> {
        for name in [&self.name, &self.id] {
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
                return Err(Unregistrable::Name(name.clone()));
            }
        }
        for (address, flag) in [(Some(self.address), "--address"), (self.wan, "--wan-address")] {
            if let Some(address) = address.filter(|a| a.ip().is_unspecified() || a.port() == 0) {
                return Err(Unregistrable::Address(address, flag));
            }
        }
        Ok(())
    }

    /// What is sent.
    pub fn registration(&self) -> Registration {
        let check = RegisteredCheck {
            tcp: self.address.to_string(),
            interval: go(INTERVAL),
            // Registered when it listens: until the agent has looked for itself, that is what is known.
            status: "passing".to_owned(),
            deregister_critical_service_after: go(self.forgotten_after),
        };
        let tagged = self.tagged().map(|(tag, at)| (tag.to_owned(), RegisteredAddress { address: at.ip().to_string(), port: at.port() }));
        Registration {
            kind: self.word().to_owned(),
            id: self.id.clone(),
            name: self.name.clone(),
            address: self.address.ip().to_string(),
            port: self.address.port(),
            tagged_addresses: tagged.collect(),
            meta: self.meta(),
            check: Some(check),
        }
    }

    /// Whether the agent has it as it is wanted. Newer agents add tags of their own, which are theirs.
    pub fn is(&self, there: &AgentServiceAnswer) -> bool {
        let at = |host: &str, port: i64, address: SocketAddr| host == address.ip().to_string() && port == i64::from(address.port());
        let tagged = |tag: &str| there.tagged_addresses.get(tag);
        let is_tagged = |(tag, address)| tagged(tag).is_some_and(|t| at(&t.address, t.port, address));
        there.kind == self.word()
            && there.service == self.name
            && at(&there.address, there.port, self.address)
            && self.tagged().all(is_tagged)
            && (self.wan.is_some() || tagged("wan").is_none())
            && there.meta == self.meta()
    }

    fn tagged(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        [("lan", Some(self.address)), ("wan", self.wan)].into_iter().filter_map(|(tag, at)| Some((tag, at?)))
    }

    fn meta(&self) -> BTreeMap<String, String> {
        self.exposes_servers.then(|| (Servers::META.to_owned(), "1".to_owned())).into_iter().collect()
    }

    const fn word(&self) -> &'static str {
        // They are the names that gateways have by default.
        self.kind.default_name()
    }
}

/// A duration as Go writes it.
fn go(duration: Duration) -> String {
    GoDuration::from_nanos(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mesh() -> Wanted {
        let wan = Some("198.18.0.1:8443".parse().unwrap());
        Wanted { wan, exposes_servers: true, ..Wanted::new(GatewayKind::Mesh, "mesh-gateway", "10.0.0.1:8443".parse().unwrap()) }
    }

    fn there() -> serde_json::Value {
        json!({
            "Kind": "mesh-gateway", "ID": "mesh-gateway", "Service": "mesh-gateway", "Address": "10.0.0.1", "Port": 8443,
            "TaggedAddresses": {"lan": {"Address": "10.0.0.1", "Port": 8443}, "wan": {"Address": "198.18.0.1", "Port": 8443},
                "lan_ipv4": {"Address": "10.0.0.1", "Port": 8443}},
            "Meta": {"consul-wan-federation": "1"}, "Weights": {"Passing": 1, "Warning": 1},
        })
    }

    #[test]
    fn what_is_sent_is_what_consul_connect_envoy_sends_but_for_the_check() {
        assert_eq!(mesh().check(), Ok(()));
        let sent = serde_json::to_value(mesh().registration()).unwrap();
        let wanted = json!({
            "Kind": "mesh-gateway", "ID": "mesh-gateway", "Name": "mesh-gateway", "Address": "10.0.0.1", "Port": 8443,
            "TaggedAddresses": {"lan": {"Address": "10.0.0.1", "Port": 8443}, "wan": {"Address": "198.18.0.1", "Port": 8443}},
            "Meta": {"consul-wan-federation": "1"},
            "Check": {"TCP": "10.0.0.1:8443", "Interval": "2s", "Status": "passing", "DeregisterCriticalServiceAfter": "6h0m0s"},
        });
        assert_eq!(sent, wanted);
        let edge = Wanted::new(GatewayKind::Ingress, "edge", "[::1]:8080".parse().unwrap());
        let sent = serde_json::to_value(edge.registration()).unwrap();
        assert_eq!(
            (&sent["Kind"], &sent["Address"], &sent["Check"]["TCP"]),
            (&json!("ingress-gateway"), &json!("::1"), &json!("[::1]:8080"))
        );
        assert!(sent.get("Meta").is_none());
    }

    #[test]
    fn the_agent_has_it_as_long_as_nothing_that_was_sent_is_another() {
        let is = |there: serde_json::Value| mesh().is(&serde_json::from_value(there).unwrap());
        assert!(is(there()));
        for (at, other) in [
            ("/Kind", json!("ingress-gateway")),
            ("/Service", json!("other")),
            ("/Address", json!("10.0.0.2")),
            ("/Port", json!(8444)),
            ("/TaggedAddresses/wan/Address", json!("198.18.0.2")),
            ("/TaggedAddresses", json!(null)),
            ("/Meta", json!({})),
        ] {
            let mut changed = there();
            *changed.pointer_mut(at).unwrap() = other;
            assert!(!is(changed), "{at}");
        }
        let without = Wanted { wan: None, ..mesh() };
        assert!(!without.is(&serde_json::from_value(there()).unwrap()), "an address for others that is not wanted any more");
    }

    #[test]
    fn what_consul_would_not_take_and_nobody_could_use_is_not_sent() {
        let named = |name: &str| Wanted::new(GatewayKind::Ingress, name, "10.0.0.1:80".parse().unwrap()).check();
        for wrong in ["", "*", "a b.c", "a/b", "é"] {
            assert_eq!(named(wrong), Err(Unregistrable::Name(wrong.to_owned())));
        }
        assert_eq!(named("edge_1-a"), Ok(()));
        let everywhere = Wanted::new(GatewayKind::Mesh, "m", "0.0.0.0:8443".parse().unwrap()).check().unwrap_err();
        assert!(everywhere.to_string().contains("--address IP:PORT"), "{everywhere}");
        let far = Wanted { wan: Some("198.18.0.1:0".parse().unwrap()), ..mesh() }.check().unwrap_err();
        assert!(far.to_string().contains("--wan-address IP:PORT"), "{far}");
    }
}
