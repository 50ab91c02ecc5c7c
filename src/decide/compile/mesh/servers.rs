//! What Consul's servers of federated datacenters say to each other (semantics 10): each server of the own datacenter by its node, any of
//! them, and those of other datacenters through the mesh gateways there. What they speak is theirs: TLS and its ALPN pass as they are.

use std::sync::Arc;

use super::{Compiler, passed_by, passed_on};
use crate::decide::compile::health::least_bad;
use crate::decide::compile::target::{Found, endpoint};
use crate::decide::names::NameTable;
use crate::decide::snapshot::CompiledService;
use crate::id::{TargetId, server_sni};
use crate::model::entry::{EntryKind, EntryRef, RuleRef};
use crate::model::federation::{MeshGatewayMode, Servers};
use crate::model::gateway::{GatewayKind, Protocol};
use crate::model::resources::{Rejected, Resources, Written};
use crate::model::service::Instance;

/// The names of servers where a gateway does not expose them: they are no mistakes, and who sends one is told apart from who sends any.
pub(super) fn unexposed(resources: &Resources) -> Option<Arc<NameTable>> {
    if resources.gateway.exposes_servers {
        return None;
    }
    let mut names = NameTable::default();
    let domain = &resources.federation.servers.domain;
    let elsewhere = resources.federation.datacenters.keys();
    for (number, datacenter) in std::iter::once(&resources.datacenter).chain(elsewhere).enumerate() {
        both(&server_sni(None, datacenter.as_str(), domain)).iter().for_each(|name| names.insert(name, number as u32));
    }
    Some(Arc::new(names))
}

/// Any server of a datacenter, and each.
fn both(any: &str) -> [String; 2] {
    [any.to_owned(), format!("*.{any}")]
}

impl Compiler<'_> {
    /// Every server that there is a way to, if they are exposed.
    pub(super) fn servers(&mut self, services: &mut Vec<Arc<CompiledService>>) {
        if !self.resources.gateway.exposes_servers {
            return;
        }
        let resources = self.resources;
        let Servers { domain, instances } = &resources.federation.servers;
        let (own, consul) = (resources.datacenter.as_str(), EntryRef::new(EntryKind::Service, Servers::SERVICE));
        if instances.is_empty() {
            let add = match resources.written {
                Written::Files => "add [[server]] with node and address = \"IP:8300\"",
                Written::Consul => "consul catalog nodes -service consul lists them, to a token with service:read for consul and node:read",
            };
            let why = format!("no server of {own} is known, and none is exposed; {add}");
            self.rejected.push(Rejected { what: consul.clone(), why });
        }
        let all: Vec<&Instance> = instances.iter().collect();
        services.push(Arc::new(self.server(consul.whole(), server_sni(None, own, domain), "", &all)));
        for server in instances {
            let name = server_sni(Some(&server.node), own, domain);
            services.push(Arc::new(self.server(consul.at(server.node.as_str()), name, &server.node, &[server])));
        }
        for (name, known) in self.other_datacenters() {
            let end = server_sni(None, name.as_str(), domain);
            let what = EntryRef::new(EntryKind::Datacenter, name.as_str());
            let id = TargetId::service(GatewayKind::Mesh.default_name(), name.as_str());
            // A gateway that does not expose servers would close what is sent to it. Files say it of none.
            let says = |gateway: &Instance| gateway.meta.get(Servers::META).is_some_and(|value| value == "1");
            let any_says = known.gateways.iter().any(says);
            let hides = |gateway: &Instance| (any_says && !says(gateway)).then_some("exposing no servers");
            let compiled = self.gateways(what, &both(&end), end.clone(), id, &known.gateways, hides);
            services.push(Arc::new(compiled));
        }
    }

    /// The servers of the own datacenter that a name means: the best there are by what Consul thinks of their health, whatever that is.
    fn server(&mut self, rule: RuleRef, name: String, node: &str, servers: &[&Instance]) -> CompiledService {
        let id = TargetId { subset: node.into(), ..TargetId::service(Servers::SERVICE, self.resources.datacenter.as_str()) };
        let (used, unused) = least_bad(servers.iter().copied(), false, |_| None);
        let endpoints = used.into_iter().map(|server| Arc::new(endpoint(Servers::SERVICE, server, None))).collect();
        let found = Found { endpoints, unused, unreached: None };
        let target = self.targets.number(id, name.clone(), Protocol::Tcp, MeshGatewayMode::None, found);
        passed_on(super::host(Servers::SERVICE, rule, vec![name.to_ascii_lowercase()]), passed_by(target))
    }
}
