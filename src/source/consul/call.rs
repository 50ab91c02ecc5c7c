//! What is asked of Consul's HTTP API: one constructor an endpoint, each with the shape of its answer.

use std::fmt;

use http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::wire::*;
use crate::model::entry::EntryKind;

/// A question whose answer is a `T`.
#[derive(Clone, Debug)]
pub struct Call<T> {
    pub(super) method: Method,
    /// The path after `/v1`, in parts that are not escaped yet.
    pub(super) path: Vec<String>,
    pub(super) params: Vec<(&'static str, String)>,
    pub(super) body: Option<Vec<u8>>,
    /// What a 404 means.
    pub(super) absent: Absent,
    pub(super) decode: fn(&[u8]) -> Result<T, serde_json::Error>,
}

/// When a 404 says that there is no such thing, rather than no such endpoint.
#[derive(Clone, Copy, Debug)]
pub(super) enum Absent {
    Never,
    /// When it has an index.
    Indexed,
    /// When it says so.
    Said(&'static str),
    /// Every version that gw speaks to has the endpoint.
    Always,
}

/// Which instances of a service are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// `health/service`: the instances themselves.
    Plain,
    /// `health/connect`: those that speak mTLS for them.
    Mesh,
    /// `health/ingress`: the ingress gateways before them.
    Ingress,
}

fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(body)
}

/// An answer that may be `null` as a whole.
fn nullable<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, serde_json::Error> {
    json::<Nullable<T>>(body).map(|Nullable(value)| value)
}

/// Whether something was done: `{}` where it is so without a condition, or where a version knows of none.
fn unless_false(body: &[u8]) -> Result<bool, serde_json::Error> {
    json::<Value>(body).map(|value| value != Value::Bool(false))
}

/// An answer of which only the status counts: bodies of writes are empty, `true`, `{}`.
fn done(_: &[u8]) -> Result<(), serde_json::Error> {
    Ok(())
}

impl<T> fmt::Display for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} /v1/{}", self.method, self.path.join("/"))
    }
}

impl<T> Call<T> {
    fn new<const N: usize>(method: Method, path: [&str; N], decode: fn(&[u8]) -> Result<T, serde_json::Error>) -> Self {
        let path = path.into_iter().map(str::to_owned).collect();
        Self { method, path, params: Vec::new(), body: None, absent: Absent::Never, decode }
    }

    fn get<const N: usize>(path: [&str; N], decode: fn(&[u8]) -> Result<T, serde_json::Error>) -> Self {
        Self::new(Method::GET, path, decode)
    }

    fn absent(mut self, absent: Absent) -> Self {
        self.absent = absent;
        self
    }

    fn param(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.params.push((name, value.into()));
        self
    }

    fn body(mut self, body: &impl Serialize) -> Self {
        self.body = Some(serde_json::to_vec(body).expect("keys are texts and numbers are finite"));
        self
    }

    /// Whether each part of the path is one. What names services may come from clients, and must not ask for something else.
    pub(super) fn is_of_names(&self) -> bool {
        self.path.iter().all(|part| !matches!(part.as_str(), "" | "." | "..") && !part.contains(char::is_control))
    }

    /// Whether the agent itself is asked, which is in one datacenter alone.
    pub(super) fn is_of_the_agent(&self) -> bool {
        self.path.first().is_some_and(|part| part == "agent")
    }

    /// Whether it is asked of servers that may be far away.
    pub(super) fn is_of_another_datacenter(&self) -> bool {
        self.params.iter().any(|(name, _)| *name == "dc")
    }

    /// The same of another datacenter.
    #[must_use]
    pub fn in_datacenter(self, datacenter: &str) -> Self {
        self.param("dc", datacenter)
    }

    /// The same of what a peer exports.
    #[must_use]
    pub fn of_peer(self, peer: &str) -> Self {
        self.param("peer", peer)
    }

    /// The same, written only where the entry still has that index; 0 is none.
    #[must_use]
    pub fn if_still(self, index: u64) -> Self {
        self.param("cas", index.to_string())
    }
}

impl Call<SelfAnswer> {
    /// What the agent says of itself.
    pub fn agent_self() -> Self {
        Self::get(["agent", "self"], json)
    }
}

impl Call<VersionAnswer> {
    /// The agent's version; 1.8 has no such endpoint.
    pub fn version() -> Self {
        Self::get(["agent", "version"], json)
    }
}

impl Call<AgentServiceAnswer> {
    /// A service of the agent.
    pub fn agent_service(id: &str) -> Self {
        Self::get(["agent", "service", id], json).absent(Absent::Said("nknown service ID"))
    }
}

impl Call<AgentChecks> {
    /// The checks of the agent's services.
    pub fn agent_checks() -> Self {
        Self::get(["agent", "checks"], nullable)
    }
}

impl Call<CatalogServices> {
    /// The names of all services.
    pub fn services() -> Self {
        Self::get(["catalog", "services"], nullable)
    }
}

impl Call<Vec<String>> {
    /// The datacenters, the nearest first.
    pub fn datacenters() -> Self {
        Self::get(["catalog", "datacenters"], nullable)
    }
}

impl Call<Vec<GatewayServiceRow>> {
    /// What the entry of a gateway leads to.
    pub fn gateway_services(gateway: &str) -> Self {
        Self::get(["catalog", "gateway-services", gateway], nullable)
    }
}

impl Call<Vec<HealthRow>> {
    /// The instances of a service, whatever their health.
    pub fn instances(side: Side, service: &str) -> Self {
        let side = match side {
            Side::Plain => "service",
            Side::Mesh => "connect",
            Side::Ingress => "ingress",
        };
        Self::get(["health", side, service], nullable)
    }
}

impl Call<Vec<StateRow>> {
    /// All checks of a datacenter.
    pub fn checks() -> Self {
        Self::get(["health", "state", "any"], nullable)
    }
}

impl Call<ChainAnswer> {
    /// The chain of a service as Consul compiles it.
    pub fn chain(service: &str) -> Self {
        Self::get(["discovery-chain", service], json)
    }

    /// The same as it would be elsewhere, or with something else said about it.
    pub fn chain_with(service: &str, compile_dc: Option<&str>, overrides: &Value) -> Self {
        let call = Self::new(Method::POST, ["discovery-chain", service], json).body(overrides);
        match compile_dc {
            Some(dc) => call.param("compile-dc", dc),
            None => call,
        }
    }
}

impl Call<Vec<Value>> {
    /// All entries of a kind.
    pub fn entries(kind: EntryKind) -> Self {
        Self::get(["config", kind.as_str()], nullable)
    }
}

impl Call<Value> {
    /// An entry.
    pub fn entry(kind: EntryKind, name: &str) -> Self {
        Self::get(["config", kind.as_str(), name], json).absent(Absent::Indexed)
    }
}

impl Call<bool> {
    /// Writes an entry; false: it was not as [`Call::if_still`] says.
    pub fn write_entry(entry: &Value) -> Self {
        Self::new(Method::PUT, ["config"], json).body(entry)
    }

    /// Deletes an entry, whether it is there or not; false: it was not as [`Call::if_still`] says, which 1.8 does not ask.
    pub fn delete_entry(kind: EntryKind, name: &str) -> Self {
        Self::new(Method::DELETE, ["config", kind.as_str(), name], unless_false)
    }
}

impl Call<()> {
    /// Registers a service with the agent.
    pub fn register(registration: &Registration) -> Self {
        Self::new(Method::PUT, ["agent", "service", "register"], done).body(registration)
    }

    /// Takes a service of the agent back. One that is not there is taken back already.
    pub fn deregister(id: &str) -> Self {
        Self::new(Method::PUT, ["agent", "service", "deregister", id], done).absent(Absent::Said("nknown service ID"))
    }
}

impl Call<RootsAnswer> {
    /// The roots of the mesh.
    pub fn roots() -> Self {
        Self::get(["agent", "connect", "ca", "roots"], json)
    }

    /// The same as the servers have them, also those of another datacenter.
    pub fn roots_of_servers() -> Self {
        Self::get(["connect", "ca", "roots"], json)
    }
}

impl Call<AclReplicationAnswer> {
    /// How far tokens and policies have come from the primary datacenter.
    pub fn acl_replication() -> Self {
        Self::get(["acl", "replication"], json)
    }
}

impl Call<LeafAnswer> {
    /// The leaf of a service, with its key.
    pub fn leaf(service: &str) -> Self {
        Self::get(["agent", "connect", "ca", "leaf", service], json)
    }
}

impl Call<Vec<IntentionRow>> {
    /// All intentions: how they are read where entries cannot say them.
    pub fn intentions() -> Self {
        Self::get(["connect", "intentions"], nullable)
    }
}

impl Call<MatchAnswer> {
    /// The intentions for some destinations.
    pub fn intentions_for(destinations: &[&str]) -> Self {
        let call = Self::get(["connect", "intentions", "match"], nullable).param("by", "destination");
        destinations.iter().fold(call, |call, name| call.param("name", *name))
    }
}

impl Call<AuthorizeAnswer> {
    /// Whether who has that id may talk to a service.
    pub fn authorize(body: &AuthorizeBody) -> Self {
        Self::new(Method::POST, ["agent", "connect", "authorize"], json).body(body)
    }
}

impl Call<CheckAnswer> {
    /// Whether a service may talk to another.
    pub fn intention_check(source: &str, destination: &str) -> Self {
        Self::get(["connect", "intentions", "check"], json).param("source", source).param("destination", destination)
    }
}

impl Call<GatewaysAnswer> {
    /// The mesh gateways of all datacenters.
    pub fn mesh_gateways() -> Self {
        Self::get(["internal", "federation-states", "mesh-gateways"], nullable)
    }
}

impl Call<Vec<FederationRow>> {
    /// All federation states; needs more rights than [`Call::mesh_gateways`].
    pub fn federation_states() -> Self {
        Self::get(["internal", "federation-states"], nullable)
    }
}

impl Call<FederationAnswer> {
    /// The federation state of a datacenter.
    pub fn federation_state(datacenter: &str) -> Self {
        Self::get(["internal", "federation-state", datacenter], json).absent(Absent::Always)
    }
}

impl Call<Vec<PeeringRow>> {
    /// All peerings. A refusal takes Consul seconds.
    pub fn peerings() -> Self {
        Self::get(["peerings"], nullable)
    }
}

impl Call<PeeringRow> {
    /// A peering.
    pub fn peering(name: &str) -> Self {
        Self::get(["peering", name], json).absent(Absent::Said("Peering not found"))
    }
}

impl Call<Vec<ExportedRow>> {
    /// What this cluster lets peers use.
    pub fn exported_services() -> Self {
        Self::get(["exported-services"], nullable)
    }
}
