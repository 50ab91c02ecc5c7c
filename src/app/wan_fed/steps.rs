//! `gw wan-fed plan`: what is there of a federation, and what is still to be done.

use std::path::Path;

use serde::Serialize;

use super::init::{Role, Wanted};
use super::seen::View;
use crate::app::certs::Folder;

/// Something that a federation needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Whether it is there.
    pub done: bool,
    /// What it is.
    pub what: String,
    /// What there is, or what to type.
    pub how: String,
}

/// In the order in which it is done: the files of this datacenter, then what its agents and the others have.
pub fn steps(wanted: Option<(&Wanted, &Path)>, views: &[View]) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Some((wanted, out)) = wanted {
        of_files(wanted, out, &mut steps);
    }
    views.iter().for_each(|view| of_view(view, &mut steps));
    if let Some((wanted, _)) = wanted.filter(|(wanted, _)| !views.iter().any(|view| view.datacenter == wanted.datacenter)) {
        let (dc, role) = (&wanted.datacenter, wanted.role);
        for server in &wanted.servers {
            let how = format!("consul agent -config-file {}.hcl", server.node);
            steps.push(Step { done: false, what: format!("server {} of {dc} runs", server.node), how });
        }
        steps.push(Step {
            done: false,
            what: format!("a mesh gateway of {dc} runs"),
            how: "sh mesh-gateway.sh, or systemctl enable --now gw-mesh".to_owned(),
        });
        if role == Role::Primary {
            steps.push(Step {
                done: false,
                what: "services use mesh gateways".to_owned(),
                how: "gw config apply proxy-defaults.hcl".to_owned(),
            });
        }
    }
    steps
}

fn of_files(wanted: &Wanted, out: &Path, steps: &mut Vec<Step>) {
    let init = "gw wan-fed init, with the same flags";
    if wanted.makes_ca(out) {
        steps.push(Step {
            done: false,
            what: "a CA that certifies servers".to_owned(),
            how: format!("{init}; or --ca, --ca-cert and --ca-key of one that there is"),
        });
    }
    let folder = Folder::at(out);
    for (name, _, what) in wanted.files() {
        let path = folder.file(&name);
        let done = path.exists();
        let how = if done { "it is there".to_owned() } else { init.to_owned() };
        steps.push(Step { done, what: format!("{}: {what}", path.display()), how });
    }
}

fn of_view(view: &View, steps: &mut Vec<Step>) {
    let dc = &view.datacenter;
    let mut step =
        |done: bool, what: String, is: &str, how: &str| steps.push(Step { done, what, how: if done { is } else { how }.to_owned() });
    if let Some(federates) = view.federates {
        step(
            federates,
            format!("servers of {dc} reach others through mesh gateways"),
            "connect.enable_mesh_gateway_wan_federation",
            "connect { enable_mesh_gateway_wan_federation = true }, and restart them",
        );
        step(
            view.verifies_names,
            format!("servers of {dc} ask for the names in certificates"),
            "verify_server_hostname",
            "verify_server_hostname = true, with certificates that have both names (gw wan-fed init)",
        );
    }
    if view.primary != *dc {
        let known = !view.primary_gateways.is_empty();
        step(
            known,
            format!("{dc} knows where gateways of {} are", view.primary),
            &view.primary_gateways.join(", "),
            "primary_gateways = [\"IP:PORT\"], the WAN address of one there",
        );
    }
    for datacenter in &view.datacenters {
        let name = &datacenter.name;
        let gateways = view.gateways_of(name);
        let carries = gateways.iter().find(|gateway| gateway.federates);
        let there = carries.map(|gateway| format!("{} at {}", gateway.id, gateway.far_address())).unwrap_or_default();
        step(
            carries.is_some(),
            format!("{name} has a mesh gateway that carries what servers say"),
            &there,
            "gw mesh --register --expose-servers --address LAN:PORT --wan-address WAN:PORT there",
        );
        if name != dc {
            let answers = datacenter.round_trip.is_some();
            let why = datacenter.trouble.as_deref().unwrap_or("no answer");
            step(answers, format!("{name} answers {dc}"), "yes", &format!("gw wan-fed test: {why}"));
            step(
                view.state(name).is_some_and(|state| !state.gateways.is_empty()),
                format!("{dc} has the federation state of {name}"),
                "yes",
                "it comes by the primary once both have joined",
            );
        }
    }
    if view.others().next().is_none() {
        step(false, format!("{dc} is federated with another datacenter"), "", "gw wan-fed init --role secondary for another one");
    }
}
