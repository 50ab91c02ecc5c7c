//! Other datacenters.

use std::collections::BTreeMap;

use super::{LeftOut, instances};
use crate::id::Datacenter;
use crate::model::federation::{FederatedDatacenter, Federation};
use crate::model::service::Instance;
use crate::source::consul::call::Side;
use crate::source::consul::wire::{FederationRow, GatewaysAnswer, HealthRow, Nullable};

/// What `/v1/internal/federation-states/mesh-gateways` says, seen from a datacenter.
pub fn mesh_gateways(answer: &GatewaysAnswer, own: &str, left_out: &mut Vec<LeftOut>) -> Federation {
    of(answer.iter().map(|(datacenter, Nullable(rows))| (datacenter.as_str(), rows.as_slice())), own, left_out)
}

/// The same of `/v1/internal/federation-states`.
pub fn federation(answer: &[FederationRow], own: &str, left_out: &mut Vec<LeftOut>) -> Federation {
    of(answer.iter().map(|state| (state.datacenter.as_str(), state.mesh_gateways.as_slice())), own, left_out)
}

fn of<'a>(states: impl Iterator<Item = (&'a str, &'a [HealthRow])>, own: &str, left_out: &mut Vec<LeftOut>) -> Federation {
    let known = states.map(|(datacenter, rows)| {
        let gateways: Vec<Instance> = rows.iter().filter_map(|row| gateway(datacenter, row, own, left_out)).collect();
        (Datacenter::from(datacenter), FederatedDatacenter { gateways, services: BTreeMap::new() })
    });
    Federation { datacenters: known.collect(), ..Federation::default() }
}

fn gateway(datacenter: &str, row: &HealthRow, own: &str, left_out: &mut Vec<LeftOut>) -> Option<Instance> {
    // Another kind under that name would be asked for services that it does not know.
    let found = match row.service.kind.as_str() {
        "mesh-gateway" => instances::instance(row, Side::Plain, own),
        other => Err(format!("Service.Kind is {other:?}, not \"mesh-gateway\"")),
    };
    let what = || format!("datacenter {datacenter}, mesh gateway {}/{}", row.node.node, row.service.id);
    found.map_err(|why| left_out.push(LeftOut { what: what(), why })).ok()
}
