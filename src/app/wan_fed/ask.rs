//! What agents know of a federation, asked for one question after the other.

use std::collections::BTreeSet;
use std::time::Instant;

use super::seen::{Datacenter, Gateway, Replication, Server, State, View};
use crate::app::consul::{AskError, Consul, Settings};
use crate::model::federation::Servers;
use crate::model::gateway::GatewayKind;
use crate::rt::log::with_causes;
use crate::source::consul::call::{Call, Side};
use crate::source::consul::wire::{HealthRow, Nullable, SelfAnswer, TaggedAddress};
use crate::tls::Moment;

/// Agents to be asked, in the order they were named.
#[derive(Debug)]
pub struct Agents(Vec<Consul>);

/// An agent that could not be asked.
#[derive(Debug)]
pub struct Unasked {
    /// Which.
    pub agent: String,
    /// Why.
    pub why: AskError,
}

impl Agents {
    /// Those of these settings; nothing is asked yet.
    pub fn of(settings: Vec<Settings>) -> Result<Self, AskError> {
        Ok(Self(settings.into_iter().map(Consul::of).collect::<Result<_, _>>()?))
    }

    /// What each knows, or why it does not say.
    pub fn views(&self) -> (Vec<View>, Vec<Unasked>) {
        let (mut views, mut unasked) = (Vec::new(), Vec::new());
        for consul in &self.0 {
            match view(consul) {
                Ok(view) => views.push(view),
                Err(why) => unasked.push(Unasked { agent: consul.name(), why }),
            }
        }
        (views, unasked)
    }

    /// The version of the first.
    pub fn version(&self) -> Result<Option<String>, AskError> {
        let Some(first) = self.0.first() else { return Ok(None) };
        Ok(first.ask(&Call::agent_self())?.what.map(|answer| answer.config.version))
    }
}

fn view(consul: &Consul) -> Result<View, AskError> {
    let asked = consul.ask(&Call::agent_self())?;
    let clock_ahead = asked.meta.date.map(|date| date.0 - Moment::now().0);
    let answer = asked.what.unwrap_or_default();
    let acls = answer.debug_config.acls_enabled;
    let mut view = View { agent: consul.name(), clock_ahead, ..of_self(answer) };
    match consul.ask(&Call::federation_states()) {
        Ok(answer) => {
            let states = answer.what.unwrap_or_default().into_iter();
            view.states = states
                .map(|row| State { datacenter: row.datacenter, updated_at: row.updated_at, gateways: gateways(&row.mesh_gateways) })
                .collect();
        }
        // It asks for less of a token.
        Err(error) => match consul.ask(&Call::mesh_gateways()) {
            Ok(answer) => {
                let states = answer.what.unwrap_or_default().into_iter();
                view.states = states
                    .map(|(datacenter, Nullable(rows))| State { datacenter, updated_at: String::new(), gateways: gateways(&rows) })
                    .collect();
            }
            Err(_) => view.states_trouble = Some(with_causes(&error)),
        },
    }
    for name in names(consul, &view)? {
        let secondary = acls && name != view.primary;
        view.datacenters.push(datacenter(consul, &view, name, secondary));
    }
    Ok(view)
}

fn of_self(answer: SelfAnswer) -> View {
    let (config, debug) = (answer.config, answer.debug_config);
    let domain = debug.dns_domain.trim_end_matches('.').to_owned();
    View {
        primary: if debug.primary_datacenter.is_empty() { config.datacenter.clone() } else { debug.primary_datacenter },
        datacenter: config.datacenter,
        node: config.node_name,
        version: config.version,
        server: config.server,
        primary_gateways: debug.primary_gateways,
        domain: if domain.is_empty() { Servers::DOMAIN.to_owned() } else { domain },
        federates: config.server.then_some(debug.federates_by_gateways),
        verifies_names: debug.verify_server_hostname || debug.tls.internal_rpc.verify_server_hostname,
        ..View::default()
    }
}

/// Every datacenter that is known of in any way, the own one first.
fn names(consul: &Consul, view: &View) -> Result<Vec<String>, AskError> {
    let listed = consul.ask(&Call::datacenters())?.what.unwrap_or_default();
    let of_states = view.states.iter().map(|state| state.datacenter.clone());
    let others: BTreeSet<String> =
        listed.into_iter().chain(of_states).chain([view.primary.clone()]).filter(|name| *name != view.datacenter).collect();
    Ok([view.datacenter.clone()].into_iter().chain(others).collect())
}

fn datacenter(consul: &Consul, view: &View, name: String, secondary: bool) -> Datacenter {
    let mut datacenter = Datacenter { name: name.clone(), ..Datacenter::default() };
    let began = Instant::now();
    match consul.ask(&Call::instances(Side::Plain, Servers::SERVICE).in_datacenter(&name)) {
        Ok(answer) => {
            datacenter.round_trip = Some(began.elapsed().as_secs_f64());
            datacenter.servers = answer.what.unwrap_or_default().iter().map(server).collect();
        }
        Err(error) => {
            datacenter.trouble = Some(with_causes(&error));
            return datacenter;
        }
    }
    // The catalog is not asked by kind; gateways have the names by which the federation knows them, or the usual one.
    let known = view.states.iter().flat_map(|state| &state.gateways).map(|gateway| gateway.service.clone());
    let services: BTreeSet<String> = known.chain([GatewayKind::Mesh.default_name().to_owned()]).collect();
    for service in services {
        let rows = consul.ask(&Call::instances(Side::Plain, &service).in_datacenter(&name)).ok().and_then(|answer| answer.what);
        datacenter.gateways.extend(gateways(&rows.unwrap_or_default()));
    }
    if let Some(roots) = consul.ask(&Call::roots_of_servers().in_datacenter(&name)).ok().and_then(|answer| answer.what) {
        datacenter.trust_domain = roots.trust_domain;
        datacenter.roots = roots.roots.into_iter().map(|root| root.id).collect();
        datacenter.roots.sort_unstable();
    }
    if secondary {
        let acl = consul.ask(&Call::acl_replication().in_datacenter(&name)).ok().and_then(|answer| answer.what).filter(|acl| acl.enabled);
        datacenter.acl_replication =
            acl.map(|acl| Replication { running: acl.running, last_success: acl.last_success, last_error: acl.last_error });
    }
    datacenter
}

fn server(row: &HealthRow) -> Server {
    let host = if row.service.address.is_empty() { &row.node.address } else { &row.service.address };
    Server {
        node: row.node.node.clone(),
        address: place(host, row.service.port),
        version: row.service.meta.get("version").or(row.node.meta.get("consul-version")).cloned().unwrap_or_default(),
        health: health(row),
    }
}

/// The mesh gateways among these instances.
fn gateways(rows: &[HealthRow]) -> Vec<Gateway> {
    let mesh = rows.iter().filter(|row| row.service.kind == GatewayKind::Mesh.default_name());
    let mut gateways: Vec<Gateway> = mesh.map(gateway).collect();
    gateways.sort_by(|a, b| a.id.cmp(&b.id));
    gateways
}

fn gateway(row: &HealthRow) -> Gateway {
    let HealthRow { node, service, .. } = row;
    // `wan_ipv4` holds the LAN address where nobody says another: `wan` alone is meant.
    let tagged = |tag: &str| service.tagged_addresses.get(tag).filter(|at| !at.address.is_empty());
    let written = |at: &TaggedAddress| place(&at.address, at.port);
    let host = if service.address.is_empty() { &node.address } else { &service.address };
    Gateway {
        id: format!("{}/{}", node.node, service.id),
        service: service.service.clone(),
        lan: tagged("lan").map_or_else(|| place(host, service.port), written),
        wan: tagged("wan").map(written),
        federates: service.meta.get(Servers::META).is_some_and(|value| value == "1"),
        health: health(row),
    }
}

fn health(row: &HealthRow) -> &'static str {
    let has = |word: &str| row.checks.iter().any(|check| check.status == word);
    let known = |word: &str| matches!(word, "passing" | "warning");
    if row.checks.iter().any(|check| !known(&check.status)) {
        "critical"
    } else if has("warning") {
        "warning"
    } else {
        "passing"
    }
}

fn place(host: &str, port: i64) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
