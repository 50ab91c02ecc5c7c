//! What is to be probed: every address on the way between datacenters, and the names that servers ask for there (consul-api 11, 12).

use std::collections::{BTreeMap, BTreeSet};

use super::init::Version;
use super::seen::{Gateway, Server, View};
use crate::id::Sni;

/// Since then servers speak gRPC to each other through gateways (wan-federation 1).
const GRPC: Version = Version(1, 11);

/// What stands at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// A mesh gateway, where its own datacenter finds it.
    GatewayLan,
    /// A mesh gateway, where other datacenters do.
    GatewayWan,
    /// A server.
    Server,
}

/// An address on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// `host:port`
    pub(super) at: String,
    /// What stands there.
    pub(super) role: Role,
    /// Whose it is.
    pub(super) datacenter: String,
    /// Who is there: `NODE/ID` of a gateway, the node of a server.
    pub(super) who: String,
    /// Which way it stands in.
    pub(super) hop: String,
    /// What is asked for there.
    pub(super) names: Vec<Name>,
}

/// The name of servers, as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// `NODE.server.DC.consul`, or `server.DC.consul`.
    pub(super) sni: String,
    /// Whose servers it names.
    pub(super) datacenter: String,
    /// Which way that is.
    pub(super) hop: String,
    /// What servers negotiate by it.
    pub(super) alpns: Vec<&'static str>,
}

impl Place {
    /// By what it is reached: the inside of a datacenter, or what is between them (`None`).
    pub(super) fn network(&self) -> Option<&str> {
        (self.role != Role::GatewayWan).then_some(&self.datacenter)
    }
}

/// All of them, none twice. `servers`: whether names of servers are asked for where only files say that there are gateways.
pub(super) fn places(views: &[View], servers: bool) -> Vec<Place> {
    let nodes = nodes(views);
    let mut places: Vec<Place> = Vec::new();
    let mut add = |place: Place| match places.iter_mut().find(|known| known.at == place.at && known.role == place.role) {
        Some(known) => {
            known.names.extend(place.names.into_iter().filter(|name| !known.names.iter().any(|n| n.sni == name.sni)).collect::<Vec<_>>())
        }
        None => places.push(place),
    };
    for view in views {
        let own = &view.datacenter;
        let names = |datacenter: &str, hop: &str| {
            names(datacenter, &view.domain, hop, nodes.get(datacenter).map(Vec::as_slice).unwrap_or_default())
        };
        let at_gateway = |gateway: &Gateway, names: Vec<Name>| if gateway.federates { names } else { Vec::new() };
        for server in view.own().map(|dc| dc.servers.as_slice()).unwrap_or_default() {
            let place = Place {
                at: server.address.clone(),
                role: Role::Server,
                datacenter: own.clone(),
                who: server.node.clone(),
                hop: own.clone(),
                names: Vec::new(),
            };
            let of_this = self::names(own, &view.domain, own, &[server]);
            add(Place { names: of_this, ..place });
        }
        let own_gateways = view.own().map(|dc| dc.gateways.as_slice()).unwrap_or_default();
        for gateway in own_gateways {
            let place = |at: &str, role, hop: String| Place {
                at: at.to_owned(),
                role,
                datacenter: own.clone(),
                who: gateway.id.clone(),
                hop,
                names: Vec::new(),
            };
            let elsewhere: Vec<Name> = view.others().flat_map(|other| names(&other.name, &format!("{own} -> {}", other.name))).collect();
            add(Place { names: at_gateway(gateway, elsewhere), ..place(&gateway.lan, Role::GatewayLan, own.clone()) });
            let hop = format!("-> {own}");
            add(Place { names: at_gateway(gateway, names(own, &hop)), ..place(gateway.far_address(), Role::GatewayWan, hop) });
        }
        for other in view.others() {
            let hop = format!("{own} -> {}", other.name);
            for gateway in view.gateways_of(&other.name) {
                let asked = if !view.is_of_agent() && !servers { Vec::new() } else { at_gateway(gateway, names(&other.name, &hop)) };
                add(Place {
                    at: gateway.far_address().to_owned(),
                    role: Role::GatewayWan,
                    datacenter: other.name.clone(),
                    who: gateway.id.clone(),
                    hop: hop.clone(),
                    names: asked,
                });
            }
        }
        if view.primary != *own {
            let hop = format!("{own} -> {}", view.primary);
            for at in &view.primary_gateways {
                let who = "primary_gateways".to_owned();
                add(Place {
                    at: at.clone(),
                    role: Role::GatewayWan,
                    datacenter: view.primary.clone(),
                    who,
                    hop: hop.clone(),
                    names: names(&view.primary, &hop),
                });
            }
        }
    }
    places
}

/// The servers of each datacenter, from whoever knows them.
fn nodes(views: &[View]) -> BTreeMap<String, Vec<&Server>> {
    let mut nodes: BTreeMap<String, Vec<&Server>> = BTreeMap::new();
    for datacenter in views.iter().flat_map(|view| &view.datacenters) {
        let known = nodes.entry(datacenter.name.clone()).or_default();
        let there: BTreeSet<&str> = known.iter().map(|server| server.node.as_str()).collect();
        let more: Vec<&Server> = datacenter.servers.iter().filter(|server| !there.contains(server.node.as_str())).collect();
        known.extend(more);
    }
    nodes
}

/// Both forms: any server, and each.
fn names(datacenter: &str, domain: &str, hop: &str, servers: &[&Server]) -> Vec<Name> {
    let name = |node: Option<&str>, version: Option<Version>| Name {
        sni: Sni::Server { node: node.map(str::to_owned), datacenter: datacenter.to_owned(), domain: domain.to_owned() }.to_string(),
        datacenter: datacenter.to_owned(),
        hop: hop.to_owned(),
        alpns: alpns(version),
    };
    let oldest = servers.iter().filter_map(|server| Version::parse(&server.version)).min();
    let each = servers.iter().map(|server| name(Some(&server.node), Version::parse(&server.version)));
    [name(None, oldest)].into_iter().chain(each).collect()
}

/// What servers of a version ask for (wan-federation 1, semantics 10.1); what is not known is old.
fn alpns(version: Option<Version>) -> Vec<&'static str> {
    let mut alpns = vec!["consul/rpc-multi", "consul/wan-gossip/packet", "consul/wan-gossip/stream", "consul/rpc-snapshot"];
    if version.is_some_and(|version| version >= GRPC) {
        alpns.push("consul/rpc-grpc");
    }
    alpns
}
