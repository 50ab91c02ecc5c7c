//! Pages with Envoy's names, for tools that read them: certificates and clusters in Envoy's shape, as far as gw has what they tell;
//! the configuration in gw's own, with the names where Envoy has them.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use serde_json::{Value, json};

use super::paths::{Page, json as page, listed};
use super::{Asked, Subject};
use crate::decide::snapshot::{Endpoint, Next, Snapshot, Target};
use crate::model::gateway::Listener;
use crate::model::service::{Address, Health};
use crate::state::State;
use crate::tls::{Held, Moment, X509};

/// Envoy's `admin.v3.Certificates`.
pub(super) fn certs(subject: &Subject) -> Page {
    let states = states(subject);
    let held = states.iter().flat_map(|state| state.credentials.held());
    page(&json!({"certificates": held.map(|held| chain(&held)).collect::<Vec<_>>()}))
}

fn chain(held: &Held<'_>) -> Value {
    let now = Moment::now();
    let details = held.chain.iter().filter_map(X509::read).map(|cert| {
        let uris = cert.uris.iter().map(|uri| json!({"uri": uri}));
        let names = uris.chain(cert.dns.iter().map(|name| json!({"dns": name})));
        json!({
            "path": format!("{}: {}", held.used, held.name),
            "serial_number": cert.serial.to_lowercase().replace(':', ""),
            "subject_alt_names": names.collect::<Vec<_>>(),
            "days_until_expiration": (cert.until.0.saturating_sub(now.0).max(0) / 86_400).to_string(),
            "valid_from": cert.from.to_string(),
            "expiration_time": cert.until.to_string(),
        })
    });
    let details: Vec<Value> = details.collect();
    if held.used == "root" { json!({"ca_cert": details, "cert_chain": []}) } else { json!({"ca_cert": [], "cert_chain": details}) }
}

/// Envoy's `admin.v3.Clusters`: targets by the name that Consul gives their clusters, with the instances that are in use.
pub(super) fn clusters(subject: &Subject) -> Page {
    let states = states(subject);
    let mut clusters = BTreeMap::new();
    for target in states.iter().flat_map(|state| targets(&state.snapshot)) {
        let name = name(target);
        clusters.entry(name.clone()).or_insert_with(|| {
            let hosts: Vec<Value> = target.endpoints.iter().map(|endpoint| host(endpoint)).collect();
            json!({"name": name, "added_via_api": true, "host_statuses": hosts})
        });
    }
    page(&json!({"cluster_statuses": clusters.into_values().collect::<Vec<_>>()}))
}

fn host(endpoint: &Endpoint) -> Value {
    let health = if endpoint.health == Health::Critical { "UNHEALTHY" } else { "HEALTHY" };
    let (address, port) = match &endpoint.address {
        Address::Socket(socket) => (socket.ip().to_string(), socket.port()),
        Address::Host(host, port) => (host.clone(), *port),
    };
    json!({
        "address": {"socket_address": {"address": address, "port_value": port}},
        "health_status": {"eds_health_status": health},
        "weight": endpoint.weight,
        "hostname": endpoint.address.host().unwrap_or_default(),
    })
}

/// Everything that is said and compiled, `"schema": "gw.config_dump/v1"`: what `gw inspect dump` prints, and under `configs` the listeners
/// and clusters by name where tools of Envoy's look for them.
pub(super) fn config_dump(subject: &Subject) -> Page {
    let standing = subject.standing.lock().unwrap_or_else(PoisonError::into_inner);
    let status = (subject.status.0)(&standing);
    drop(standing);
    let dump = subject.questions.iter().find(|(page, _)| *page == "/v1/dump");
    let dump = dump.and_then(|(_, question)| (question.0)(&Asked::default()).ok());
    let states = states(subject);
    let configs = [listeners(&states), named_clusters(&states)];
    page(&json!({"schema": "gw.config_dump/v1", "status": status, "routes": listed(subject), "dump": dump, "configs": configs}))
}

/// Envoy's `admin.v3.ListenersConfigDump`, as far as names and addresses go.
fn listeners(states: &[Arc<State>]) -> Value {
    let of_one = |state: &Arc<State>| {
        let version = state.generation.to_string();
        let active = |listener: Listener| {
            let socket = json!({"address": listener.bind.ip().to_string(), "port_value": listener.bind.port()});
            let named = json!({"name": listener.name.as_str(), "address": {"socket_address": socket}});
            json!({"name": listener.name.as_str(), "active_state": {"version_info": version, "listener": named}})
        };
        state.listeners().into_iter().map(active).collect::<Vec<_>>()
    };
    let listeners: Vec<Value> = states.iter().flat_map(of_one).collect();
    json!({"@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", "dynamic_listeners": listeners})
}

/// Envoy's `admin.v3.ClustersConfigDump`: the names.
fn named_clusters(states: &[Arc<State>]) -> Value {
    let of_one = |state: &Arc<State>| {
        let version = state.generation.to_string();
        targets(&state.snapshot).map(|target| (name(target), version.clone())).collect::<Vec<_>>()
    };
    let clusters: BTreeMap<String, String> = states.iter().flat_map(of_one).collect();
    let active = clusters.iter().map(|(name, version)| json!({"version_info": version, "cluster": {"name": name}}));
    let active: Vec<Value> = active.collect();
    json!({"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump", "dynamic_active_clusters": active})
}

/// As Consul names the cluster of a target.
fn name(target: &Target) -> String {
    if target.sni.is_empty() { target.id.to_string() } else { target.sni.clone() }
}

fn states(subject: &Subject) -> Vec<Arc<State>> {
    let standing = subject.standing.lock().unwrap_or_else(PoisonError::into_inner);
    standing.gateways.iter().map(|gateway| gateway.live.current()).collect()
}

/// Every target that a snapshot leads to, some of them several times.
fn targets(snapshot: &Snapshot) -> impl Iterator<Item = &Arc<Target>> {
    let services = snapshot.listeners.values().flat_map(|listener| &listener.services);
    let upstreams = services.flat_map(|service| service.routes.rules()).flat_map(|rule| match &rule.next {
        Next::Upstream(upstream) => vec![upstream],
        Next::Split(split) => split.legs.iter().map(|(_, _, upstream)| upstream).collect(),
    });
    upstreams.flat_map(|upstream| &upstream.targets)
}
