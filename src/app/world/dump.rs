//! A dump of a process that runs: everything that questions are answered of, as one JSON document, without a key and without a token. Read
//! again it is compiled by the same code, and gives the same answers, wherever it is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::places::Places;
use super::{Asked, Note, OneGateway, Unanswered, Verb, World};
use crate::app::inspect::certs;
use crate::decide::listing::rules;
use crate::id::{Datacenter, ServiceKey, ServiceName, TrustDomain};
use crate::model::credential::is_credential;
use crate::model::entry::{ConfigEntry, Entries, EntryKind, EntryRef, IntentionAction};
use crate::model::federation::{FederatedDatacenter, Federation, Peer, Servers};
use crate::model::gateway::{Certificate, GatewayConfig, GatewayKind};
use crate::model::resources::{Rejected, Resources, Written};
use crate::model::service::{Instance, Service};
use crate::source::entry;
use crate::tls::Moment;

const SCHEMA: &str = "gw.dump/v1";
/// A longer file is no dump: memory is bounded whatever it is.
const MOST_BYTES: u64 = 1 << 30;

/// Everything, as one document.
pub const DUMP: Verb = Verb { page: "/v1/dump", answer };

/// Why a file is no dump.
#[derive(Debug, thiserror::Error)]
pub enum NoDump {
    /// It cannot be read.
    #[error("cannot read {}", .0.display())]
    Io(PathBuf, #[source] io::Error),
    /// It is not what `gw inspect dump` prints.
    #[error("{} is no dump of gw, which gw inspect dump prints: {why}", .path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct Dump {
    schema: String,
    /// When it was made, RFC 3339.
    taken: String,
    from: String,
    refused: Option<String>,
    datacenter: String,
    trust_domain: String,
    default_intention: String,
    gateways: Vec<DumpedGateway>,
    /// As Consul prints them.
    entries: Vec<Value>,
    jwt_providers: Vec<String>,
    services: Vec<DumpedService>,
    datacenters: BTreeMap<String, DumpedDatacenter>,
    peers: BTreeMap<String, DumpedPeer>,
    servers: Servers,
    listener_certificates: Vec<Certificate>,
    /// As `gw inspect certs` prints them.
    certificates: Value,
    notes: Vec<Note>,
    standing: Value,
    /// Where each rule is written.
    places: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct DumpedGateway {
    generation: u64,
    gateway: GatewayConfig,
    rejected: Vec<DumpedRejected>,
    /// Where they are not those of all: a Consul tells gateways of different kinds of different instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    services: Option<Vec<DumpedService>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct DumpedRejected {
    kind: String,
    name: String,
    why: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct DumpedService {
    name: String,
    instances: Vec<Instance>,
}

#[derive(Debug, Serialize, Deserialize)]
struct DumpedDatacenter {
    gateways: Vec<Instance>,
    services: Vec<DumpedService>,
}

#[derive(Debug, Serialize, Deserialize)]
struct DumpedPeer {
    trust_domain: String,
    gateways: Vec<Instance>,
}

fn answer(world: &World, _: &Asked) -> Result<Value, Unanswered> {
    let base = &world.base;
    let federation = &base.federation;
    let datacenter = |(name, known): (&Datacenter, &FederatedDatacenter)| {
        (name.to_string(), DumpedDatacenter { gateways: known.gateways.clone(), services: services(known.services.values()) })
    };
    let peer = |(name, peer): (&Arc<str>, &Peer)| {
        (name.to_string(), DumpedPeer { trust_domain: peer.trust_domain.to_string(), gateways: peer.gateways.clone() })
    };
    let rejected = |r: &Rejected| DumpedRejected { kind: r.what.kind.to_string(), name: r.what.name.to_string(), why: r.why.clone() };
    let gateway = |gateway: &OneGateway| DumpedGateway {
        generation: gateway.generation(),
        gateway: gateway.said.gateway.clone(),
        rejected: gateway.said.rejected.iter().map(rejected).collect(),
        services: (gateway.said.services != base.services).then(|| services(gateway.said.services.values())),
    };
    let dump = Dump {
        schema: SCHEMA.to_owned(),
        taken: Moment::now().to_string(),
        from: world.from.clone(),
        refused: world.refused.clone(),
        datacenter: base.datacenter.to_string(),
        trust_domain: base.trust_domain.to_string(),
        default_intention: base.default_action.as_str().to_owned(),
        gateways: world.gateways.iter().map(gateway).collect(),
        entries: base.entries.all().map(|entry| without_secrets(entry::print(&entry))).collect(),
        jwt_providers: base.entries.jwt_providers.values().cloned().collect(),
        services: services(base.services.values()),
        datacenters: federation.datacenters.iter().map(datacenter).collect(),
        peers: federation.peers.iter().map(peer).collect(),
        servers: federation.servers.clone(),
        listener_certificates: world.certificates.clone(),
        certificates: world.ask(certs::CERTS, &Asked::default())?,
        notes: world.notes.clone(),
        standing: world.standing.clone(),
        places: world.places.of_printed(named(world).iter().map(String::as_str)),
    };
    Ok(json!(dump))
}

/// Every rule that an answer may name.
fn named(world: &World) -> BTreeSet<String> {
    let mut named: BTreeSet<String> = world.gateways.iter().flat_map(|gateway| rules(gateway.snapshot())).collect();
    for entry in world.base.entries.all() {
        let whole = entry.entry_ref();
        if let ConfigEntry::ServiceIntentions(intentions) = &entry {
            for (n, source) in intentions.sources.iter().enumerate() {
                named.insert(whole.at(format!("Sources[{n}]")).to_string());
                named.extend((0..source.permissions.len()).map(|p| whole.at(format!("Sources[{n}].Permissions[{p}]")).to_string()));
            }
        }
        named.insert(whole.to_string());
    }
    named
}

/// What gateways put into headers that carry credentials: no answer of gw hangs on it.
fn without_secrets(mut entry: Value) -> Value {
    hide(&mut entry, false);
    entry
}

fn hide(value: &mut Value, edits: bool) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(|value| hide(value, edits)),
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                if edits && value.is_string() && is_credential(name) {
                    *value = "(hidden)".into();
                } else {
                    hide(value, matches!(name.as_str(), "RequestHeaders" | "ResponseHeaders") || edits);
                }
            }
        }
        _ => {}
    }
}

fn services<'a>(services: impl Iterator<Item = &'a Arc<Service>>) -> Vec<DumpedService> {
    services.map(|service| DumpedService { name: service.name.to_string(), instances: service.instances.clone() }).collect()
}

/// Whether a file is a dump: one begins with its schema.
pub fn is_dump(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(256).read_to_end(&mut start));
    let text = String::from_utf8_lossy(&start);
    read.is_ok() && text.trim_start().starts_with('{') && text.contains("\"gw.dump/")
}

/// The world that was dumped.
pub(super) fn read(path: &Path) -> Result<World, NoDump> {
    let io = |error| NoDump::Io(path.to_owned(), error);
    let mut text = Vec::new();
    File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut text)).map_err(io)?;
    world(&text).map_err(|why| NoDump::Other { path: path.to_owned(), why })
}

/// The world that a document is of.
pub(super) fn world(text: &[u8]) -> Result<World, String> {
    let dump: Dump = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if dump.schema != SCHEMA {
        return Err(format!("its schema is {:?}, and this gw reads {SCHEMA:?}", dump.schema));
    }
    let mut entries = Entries::default();
    for value in &dump.entries {
        let name = value["Name"].as_str().unwrap_or_default();
        let decoded = entry::from_stored(value).map_err(|why| format!("entry {name}: {}", why.first().map_or("", |d| &d.message)))?;
        decoded.entry.into_iter().for_each(|entry| entries.insert(entry));
    }
    entries.jwt_providers = dump.jwt_providers.into_iter().map(|name| (ServiceKey::of(&name), name)).collect();
    let datacenters = dump.datacenters.into_iter().map(|(name, known)| {
        let services = of_services(known.services);
        (Datacenter::from(name), FederatedDatacenter { gateways: known.gateways, services })
    });
    let peers = dump.peers.into_iter().map(|(name, peer)| {
        let trust_domain = TrustDomain::new(&peer.trust_domain);
        (Arc::from(name), Peer { trust_domain, gateways: peer.gateways })
    });
    let base = Resources {
        datacenter: Datacenter::from(dump.datacenter),
        trust_domain: TrustDomain::new(&dump.trust_domain),
        entries: Arc::new(entries),
        services: Arc::new(of_services(dump.services)),
        federation: Arc::new(Federation { datacenters: datacenters.collect(), peers: peers.collect(), servers: dump.servers }),
        written: if dump.standing["consul"].is_object() { Written::Consul } else { Written::Files },
        default_action: if dump.default_intention == "allow" { IntentionAction::Allow } else { IntentionAction::Deny },
        ..Resources::of(GatewayConfig::of(GatewayKind::Ingress, ""))
    };
    let mut gateways = Vec::new();
    for DumpedGateway { generation, gateway, rejected, services } in dump.gateways {
        let rejected =
            rejected.into_iter().filter_map(|r| Some(Rejected { what: EntryRef::new(EntryKind::parse(&r.kind)?, &r.name), why: r.why }));
        let services = services.map_or_else(|| base.services.clone(), |own| Arc::new(of_services(own)));
        gateways.push(OneGateway::alone(Resources { gateway, rejected: rejected.collect(), services, ..base.clone() }, generation));
    }
    let mut world = World::of(dump.from, base, gateways);
    world.places = Places::Listed(Arc::new(dump.places));
    world.certificates = dump.listener_certificates;
    world.refused = dump.refused;
    world.notes = dump.notes;
    world.standing = dump.standing;
    world.known_certificates = Some(dump.certificates);
    Ok(world)
}

fn of_services(dumped: Vec<DumpedService>) -> BTreeMap<ServiceKey, Arc<Service>> {
    let one = |dumped: DumpedService| {
        (ServiceKey::of(&dumped.name), Arc::new(Service { name: ServiceName::from(dumped.name), instances: dumped.instances }))
    };
    dumped.into_iter().map(one).collect()
}
