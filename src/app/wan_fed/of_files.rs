//! What a `gw.toml` says of a federation: the mesh gateways of its `[[datacenter]]`, and its own gateways and `[[server]]`.

use std::path::Path;

use super::seen::{Datacenter, Gateway, Server, View};
use crate::app::entries::Diagnostic;
use crate::app::load;
use crate::model::gateway::{GatewayConfig, GatewayKind};
use crate::model::resources::Resources;
use crate::model::service::Instance;

/// The view of the datacenter that the file is of.
pub fn of_files(path: &Path) -> Result<View, Vec<Diagnostic>> {
    let loaded = load::load(path, &[])?;
    let mut view = View { agent: path.display().to_string(), ..View::default() };
    for (_, resources) in &loaded.gateways {
        view.datacenter = resources.datacenter.to_string();
        view.primary = view.datacenter.clone();
        view.domain = resources.federation.servers.domain.to_string();
        for (name, known) in &resources.federation.datacenters {
            let datacenter = in_it(&mut view, &name.to_string());
            if datacenter.gateways.is_empty() {
                datacenter.gateways = known.gateways.iter().map(named).collect();
            }
        }
        of_itself(&mut view, resources);
    }
    Ok(view)
}

fn of_itself(view: &mut View, resources: &Resources) {
    let own = in_it(view, &resources.datacenter.to_string());
    if own.servers.is_empty() {
        let server = |server: &Instance| Server { node: server.node.clone(), address: server.address.to_string(), ..Server::default() };
        own.servers = resources.federation.servers.instances.iter().map(server).collect();
    }
    let gateway = &resources.gateway;
    if gateway.kind == GatewayKind::Mesh {
        let port = gateway.port.unwrap_or(GatewayConfig::PORT);
        let lan = std::net::SocketAddr::new(gateway.addresses.get(&port).copied().unwrap_or(gateway.address), port);
        let (lan, wan) = (lan.to_string(), gateway.wan.map(|wan| wan.to_string()));
        // One that the file names as its own datacenter's, too, is probed once.
        own.gateways.retain(|known| known.lan != lan && wan.as_ref() != Some(&known.lan));
        own.gateways.push(Gateway {
            id: gateway.name.clone(),
            lan,
            wan,
            federates: gateway.exposes_servers,
            health: "passing",
            ..Gateway::default()
        });
    }
}

fn in_it<'v>(view: &'v mut View, name: &str) -> &'v mut Datacenter {
    let at = view.datacenters.iter().position(|known| known.name == name).unwrap_or_else(|| {
        view.datacenters.push(Datacenter { name: name.to_owned(), ..Datacenter::default() });
        view.datacenters.len() - 1
    });
    &mut view.datacenters[at]
}

/// A gateway that a file names: what it carries is not said there.
fn named(instance: &Instance) -> Gateway {
    let at = instance.address.to_string();
    Gateway { id: instance.id.clone(), lan: at.clone(), wan: Some(at), federates: true, health: "passing", ..Gateway::default() }
}
