//! The instances of a service.

use super::LeftOut;
use crate::id::ServiceName;
use crate::model::service::{Address, Health, Instance, Service};
use crate::source::consul::call::Side;
use crate::source::consul::wire::{CheckRow, HealthRow, WeightsRow};

/// The service of a name as `/v1/health` lists it, seen from a datacenter. An instance that cannot be used is left out.
pub fn service(name: &str, side: Side, rows: &[HealthRow], own: &str, left_out: &mut Vec<LeftOut>) -> Service {
    let mut instances = Vec::with_capacity(rows.len());
    for row in rows {
        match instance(row, side, own) {
            Ok(instance) => instances.push(instance),
            Err(why) => left_out.push(LeftOut { what: format!("service {name}, instance {}", id(row)), why }),
        }
    }
    Service { name: ServiceName::from(name), instances }
}

/// What is unique on an agent is not in a datacenter, so the node is part of it.
fn id(row: &HealthRow) -> String {
    format!("{}/{}", row.node.node, row.service.id)
}

pub(super) fn instance(row: &HealthRow, side: Side, own: &str) -> Result<Instance, String> {
    let HealthRow { node, service, checks } = row;
    let speaks_tls = service.connect.native || matches!(service.kind.as_str(), "connect-proxy" | "terminating-gateway");
    // 1.8 lists an ingress gateway in the place of a terminating one, if an entry of that kind has its name.
    if side == Side::Mesh && !speaks_tls {
        return Err(format!("Service.Kind is {:?}, which does not speak for a service of the mesh", service.kind));
    }
    let health = health(checks);
    Ok(Instance {
        id: id(row),
        address: address(row, own)?,
        meta: service.meta.clone(),
        tags: service.tags.clone(),
        health,
        check: None,
        weight: weight(service.weights, health),
        mesh: side == Side::Mesh,
        node: node.node.clone(),
        node_meta: node.meta.clone(),
        datacenter: node.datacenter.clone(),
    })
}

/// The worst of the checks. A word that is not known, as `maintenance` is of a peer's instances, means that it is not to be used.
fn health(checks: &[CheckRow]) -> Health {
    let of = |check: &CheckRow| match check.status.as_str() {
        "passing" => Health::Passing,
        "warning" => Health::Warning,
        _ => Health::Critical,
    };
    checks.iter().map(of).max().unwrap_or_default()
}

fn weight(weights: WeightsRow, health: Health) -> u32 {
    let weight = if health == Health::Warning { weights.warning } else { weights.passing };
    u32::try_from(weight.max(0)).unwrap_or(u32::MAX)
}

/// In the own datacenter the instance's address, else its node's; from elsewhere the one that is tagged `wan`. `wan_ipv4` is the
/// address of the own datacenter where nobody says another, and `consul-virtual` is nobody's.
fn address(row: &HealthRow, own: &str) -> Result<Address, String> {
    let HealthRow { node, service, .. } = row;
    if !service.socket_path.is_empty() {
        return Err(format!("Service.SocketPath is {:?}: a socket is reached on its own machine alone", service.socket_path));
    }
    let far = node.datacenter != own;
    let tagged = service.tagged_addresses.get("wan").filter(|wan| far && !wan.address.is_empty());
    let of_node = node.tagged_addresses.get("wan").filter(|wan| far && !wan.is_empty()).unwrap_or(&node.address);
    let (field, host, port) = match tagged {
        Some(wan) => ("Service.TaggedAddresses[\"wan\"]", &wan.address, wan.port),
        // From elsewhere an address of the service's own is as good as its node's, where none is tagged.
        None if service.address.is_empty() => ("Node.Address", of_node, service.port),
        None => ("Service.Address", &service.address, service.port),
    };
    let read = match host.parse::<std::net::IpAddr>() {
        Ok(ip) => u16::try_from(port).ok().filter(|port| *port != 0).map(|port| Address::Socket((ip, port).into())),
        Err(_) => Address::parse(&format!("{host}:{port}")),
    };
    read.ok_or_else(|| format!("{field} and port are {host:?} and {port}, which nobody can connect to"))
}
