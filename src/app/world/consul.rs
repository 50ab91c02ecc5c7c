//! The world of a gateway as a Consul tells it, read once and nothing running: by the code that gateways follow Consul with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Note, OneGateway, Places, World};
use crate::app::consul::{AskError, Consul, Settings, stored};
use crate::app::from_consul::made_of;
use crate::app::inspect::certs;
use crate::app::load::WhichGateway;
use crate::app::status;
use crate::decide::needs::needs;
use crate::model::entry::EntryKind;
use crate::model::gateway::{GatewayConfig, GatewayKind, LeafFolder};
use crate::rt::rng::Rng;
use crate::rt::supervise::Supervisor;
use crate::source::consul::client::Client;
use crate::source::consul::follow::{self, Asking, Following, Subject, Unfollowed};

/// How long it is waited for something new before it is looked what is missing.
const LOOK: Duration = Duration::from_millis(50);
/// How often what is missing is asked for directly, to hear why it does not come.
const PROBE: Duration = Duration::from_secs(1);

/// What is to be read.
#[derive(Clone, Debug)]
pub struct OneReading {
    /// Which agent, and how.
    pub settings: Settings,
    /// The gateway's kind; found by its entry, if not given.
    pub kind: Option<GatewayKind>,
    /// Its name; the only one there is, if not given.
    pub gateway: Option<String>,
    /// Whether a gateway is asked about at all: who may reach whom hangs on none.
    pub needs_gateway: bool,
    /// Within which all must be said.
    pub within: Duration,
}

/// Why a Consul does not tell the world of a gateway.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// It does not say what is needed.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// It is not clear which gateway is meant.
    #[error("{0}; --kind and --service name one")]
    Which(WhichGateway),
    /// It cannot be followed.
    #[error(transparent)]
    Follow(#[from] Unfollowed),
    /// It takes too long.
    #[error("Consul at {agent} did not say all that is needed within {}s; still without {}", .within.as_secs(), .missing.join(", "))]
    TooSlow {
        /// The agent.
        agent: String,
        /// Within which it had to.
        within: Duration,
        /// What is missing.
        missing: Vec<String>,
    },
}

/// Reads all that a gateway would need.
pub(super) fn read(reading: &OneReading) -> Result<World, Unread> {
    let consul = Consul::of(reading.settings.clone())?;
    // Who does not answer at all, or to nobody, is told of at once.
    let gateways = gateways(&consul)?;
    let (kind, name) = match which(reading, &gateways) {
        Ok(found) => found,
        Err(_) if !reading.needs_gateway => (GatewayKind::Terminating, String::new()),
        Err(why) => return Err(Unread::Which(why)),
    };
    let mut threads = Supervisor::default();
    let seed = Rng::from_entropy().next_u64();
    let asking = Asking { client: Arc::new(Client::new(reading.settings.clone())?), signer: None };
    let gateway = GatewayConfig::of(kind, &name);
    let following = follow::start_as(&mut threads, asking, Subject::to_look_at(&gateway), None, seed)?;
    let read = complete(reading, &consul, &following, &gateway);
    following.end();
    drop(threads.join());
    read
}

fn complete(reading: &OneReading, consul: &Consul, following: &Following, gateway: &GatewayConfig) -> Result<World, Unread> {
    let (start, mut probed, mut seen) = (Instant::now(), Instant::now(), u64::MAX);
    loop {
        let (world, version) = following.world();
        if version != seen {
            seen = version;
            let resources = made_of(gateway.clone(), world, nowhere());
            let one = OneGateway::alone(resources, 0);
            following.want(needs(&one.said, one.snapshot()));
        }
        let missing = following.missing_to_look_at();
        // What came meanwhile may need more.
        if missing.is_empty() && following.world().1 == seen {
            return Ok(world_of(reading, following, gateway));
        }
        if probed.elapsed() > PROBE {
            probed = Instant::now();
            gateways(consul)?;
        }
        if start.elapsed() > reading.within {
            let agent = reading.settings.agent.to_string();
            return Err(Unread::TooSlow { agent, within: reading.within, missing });
        }
        following.wait(seen, LOOK);
    }
}

/// No leaf is asked for, and answers are as if all were there.
fn nowhere() -> LeafFolder {
    LeafFolder::of_all(PathBuf::new())
}

fn world_of(reading: &OneReading, following: &Following, gateway: &GatewayConfig) -> World {
    let (known, _) = following.world();
    let notes = known.notes.iter().map(Note::of).collect();
    let certificates = certs::of_roots(known.roots.as_ref());
    let said = made_of(gateway.clone(), known, nowhere());
    let gateways = if gateway.name.is_empty() { Vec::new() } else { vec![OneGateway::alone(said.clone(), 0)] };
    let mut world = World::of(format!("Consul at {}", reading.settings.agent), said, gateways);
    world.places = Places::Consul(following.clone());
    world.notes = notes;
    world.standing = json!({ "consul": status::of_following(following) });
    world.known_certificates = Some(certificates);
    world
}

/// The gateways that have an entry: kinds and names.
fn gateways(consul: &Consul) -> Result<Vec<(GatewayKind, String)>, AskError> {
    let (entries, _) = stored::list(consul, &[EntryKind::IngressGateway, EntryKind::TerminatingGateway])?;
    let kind = |kind| if kind == EntryKind::IngressGateway { GatewayKind::Ingress } else { GatewayKind::Terminating };
    Ok(entries.into_iter().map(|entry| (kind(entry.kind), entry.name)).collect())
}

/// The one that is meant. A mesh gateway has no entry.
fn which(reading: &OneReading, known: &[(GatewayKind, String)]) -> Result<(GatewayKind, String), WhichGateway> {
    let of_kind = |known: &&(GatewayKind, String)| reading.kind.is_none_or(|kind| kind == known.0);
    let fitting: Vec<&(GatewayKind, String)> = known.iter().filter(of_kind).collect();
    let names = || fitting.iter().map(|(_, name)| name.clone()).collect::<Vec<_>>();
    match (&reading.gateway, reading.kind, fitting.as_slice()) {
        (Some(name), Some(kind), _) => Ok((kind, name.clone())),
        (None, Some(GatewayKind::Mesh), _) => Ok((GatewayKind::Mesh, GatewayKind::Mesh.default_name().to_owned())),
        (Some(name), None, fitting) => {
            let found = fitting.iter().find(|(_, known)| known == name);
            found.map(|(kind, name)| (*kind, name.clone())).ok_or_else(|| WhichGateway::Unknown { name: name.clone(), known: names() })
        }
        (None, _, [(kind, name)]) => Ok((*kind, name.clone())),
        (None, Some(kind), []) => Err(WhichGateway::NoEntry { kind, name: kind.default_name().to_owned(), known: Vec::new() }),
        (None, None, []) => Err(WhichGateway::NoneAtConsul),
        (None, _, _) => Err(WhichGateway::Several(names())),
    }
}
