//! `gw inspect route` of a process that runs: the question as its page is asked it, and the answer of the state that it serves by.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{Explanation, RouteQuestion, route};
use crate::admin::client::{self, AskError};
use crate::admin::{Asked, Gateway};
use crate::app::load::WhichGateway;
use crate::id::{SpiffeId, TargetId};
use crate::model::resources::Resources;
use crate::tls;

/// Where it is asked.
pub(in crate::app) const PAGE: &str = "/v1/route";

/// Who connects, by an id or the name of a service of the mesh.
pub fn peer(named: &str, resources: &Resources) -> SpiffeId {
    let of_the_mesh = || SpiffeId::of_target(&TargetId::service(named, resources.datacenter.as_str()), &resources.trust_domain);
    SpiffeId::parse(named).unwrap_or_else(of_the_mesh)
}

/// The answer of the process that answers there. What names depend on is the gateway's to know: `peer` as it was typed, and which
/// gateway is asked, where there are several.
pub fn route_of_running(
    address: SocketAddr,
    question: &RouteQuestion,
    peer: Option<&str>,
    service: Option<&str>,
) -> Result<Explanation, AskError> {
    tls::install();
    let RouteQuestion { method, url, headers, roll, source, sni, .. } = question;
    let mut asked = vec![("method", method.clone()), ("url", url.clone())];
    asked.extend(headers.iter().map(|line| ("header", line.clone())));
    asked.extend(roll.map(|roll| ("roll", roll.to_string())));
    asked.extend(source.map(|source| ("source", source.to_string())));
    let names = [("sni", sni.as_deref()), ("peer", peer), ("service", service)];
    asked.extend(names.into_iter().filter_map(|(name, value)| Some((name, value?.to_owned()))));
    client::ask_blocking(address, PAGE, &asked)
}

/// The answer of a process that runs.
pub(in crate::app) fn answer(gateways: &[Gateway], asked: &Asked) -> Result<Value, String> {
    let gateway = which(gateways, asked.one("service")).map_err(|e| e.to_string())?;
    let needed = |name: &str| asked.one(name).map(str::to_owned).ok_or_else(|| format!("{name}= is missing"));
    let question = RouteQuestion {
        method: needed("method")?,
        url: needed("url")?,
        headers: asked.all("header").map(str::to_owned).collect(),
        roll: asked.one("roll").map(|roll| roll.parse().map_err(|_| format!("roll={roll} is no number"))).transpose()?,
        source: asked.one("source").map(|ip| ip.parse().map_err(|_| format!("source={ip} is no address"))).transpose()?,
        sni: asked.one("sni").map(str::to_owned),
        peer: asked.one("peer").map(|named| peer(named, &gateway.said)),
    };
    let explanation = route(&gateway.live.current().snapshot, &question).map_err(|e| e.to_string())?;
    Ok(json!(explanation))
}

/// The gateway of that name; without a name the only one.
fn which<'a>(gateways: &'a [Gateway], name: Option<&str>) -> Result<&'a Gateway, WhichGateway> {
    let known = || gateways.iter().map(|gateway| gateway.said.gateway.name.clone()).collect();
    match (name, gateways) {
        (_, []) => Err(WhichGateway::None),
        (None, [only]) => Ok(only),
        (None, _) => Err(WhichGateway::Several(known())),
        (Some(name), _) => {
            let found = gateways.iter().find(|gateway| gateway.said.gateway.name == name);
            found.ok_or_else(|| WhichGateway::Unknown { name: name.to_owned(), known: known() })
        }
    }
}
