//! A target of another datacenter: at its own addresses or through mesh gateways, by its mode (semantics 9). Whoever passes it on,
//! mTLS is with the target's service.

use std::sync::Arc;

use super::health::least_bad;
use super::target::{Found, TargetCompiler, endpoint};
use crate::id::TargetId;
use crate::model::chain::ChainTarget;
use crate::model::federation::MeshGatewayMode;
use crate::model::resources::{Rejected, Written};

#[cfg(test)]
mod tests;

impl TargetCompiler<'_> {
    /// Health is that of the real instances: a target that has some, and none that is well, is passed over, however well the
    /// gateways are.
    pub(super) fn elsewhere(&self, target: &ChainTarget, mode: MeshGatewayMode, rejected: &mut Vec<Rejected>) -> Found {
        let TargetId { service, datacenter, peer, .. } = &target.id;
        if !peer.is_empty() {
            return unreached(format!("it is a service of the peer {peer}, and this version of gw reaches none of a peer"));
        }
        let known = self.resources.federation.service(datacenter, service);
        let known = known.map(|known| self.of_the_mesh(target, known, self.in_subset(target, known, rejected)));
        match (mode, known) {
            (MeshGatewayMode::None, Some(found)) => found,
            (MeshGatewayMode::None, None) => {
                let add = match self.resources.written {
                    Written::Files => {
                        format!("add [[service]] with name = \"{service}\", datacenter = \"{datacenter}\" and an instance")
                    }
                    Written::Consul => format!("register one with an agent of {datacenter}"),
                };
                unreached(format!(
                    "its mesh gateway mode is none, and none of its instances is known; {add}, or set MeshGateway.Mode of its \
                     service-defaults to \"remote\" or \"local\""
                ))
            }
            (_, Some(found)) if found.endpoints.is_empty() => found,
            (MeshGatewayMode::Local, _) => self.through(target, mode, self.resources.datacenter.as_str()),
            (MeshGatewayMode::Remote, _) => self.through(target, mode, datacenter),
        }
    }

    /// Through the mesh gateways of a datacenter, of which a bad one is better than none (`docs/differences.md`, panic).
    fn through(&self, target: &ChainTarget, mode: MeshGatewayMode, datacenter: &str) -> Found {
        let gateways = self.resources.federation.gateways(datacenter);
        if gateways.is_empty() {
            let own = mode == MeshGatewayMode::Local;
            let add = match self.resources.written {
                Written::Files => {
                    let own = if own { ", own = true" } else { "" };
                    format!("add [[datacenter]] with name = \"{datacenter}\"{own} and gateways = [\"IP:PORT\"]")
                }
                Written::Consul if own => "run one here: gw mesh --address IP:PORT --register".to_owned(),
                Written::Consul => "run one there: gw mesh --address IP:PORT --wan-address IP:PORT --register".to_owned(),
            };
            return unreached(format!("its mesh gateway mode is {}, and no mesh gateway of {datacenter} is known; {add}", mode.as_str()));
        }
        if self.resources.gateway.identity.is_none() {
            let why = "it is reached through a mesh gateway by mTLS, and there is no certificate to show; add [certs] with dir = \"certs\"";
            return unreached(why.to_owned());
        }
        let (used, unused) = least_bad(gateways.iter(), false, |_| None);
        let tls = self.mesh_tls(target);
        let through = |gateway| Arc::new(endpoint(&target.id.service, gateway, Some(tls.clone())));
        Found { endpoints: used.into_iter().map(through).collect(), unused, unreached: None }
    }
}

fn unreached(why: String) -> Found {
    Found { unreached: Some(why), ..Found::default() }
}
