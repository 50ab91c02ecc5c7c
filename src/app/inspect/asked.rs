//! `gw inspect route` of whoever is asked: the question as names and values, and its answer.

use serde_json::{Value, json};

use super::{Explanation, RouteQuestion, route};
use crate::app::world::{Asked, OneGateway, Unanswered, Verb, World};
use crate::id::{SpiffeId, TargetId};
use crate::model::gateway::ListenerMode;
use crate::model::resources::Resources;

/// One request.
pub const ROUTE: Verb = Verb { page: "/v1/route", answer };

/// Who connects, by an id or the name of a service of the mesh.
pub fn peer(named: &str, resources: &Resources) -> SpiffeId {
    let of_the_mesh = || SpiffeId::of_target(&TargetId::service(named, resources.datacenter.as_str()), &resources.trust_domain);
    SpiffeId::parse(named).unwrap_or_else(of_the_mesh)
}

/// A question as it is asked. What names depend on is for the gateway to know: `peer` as it was typed, and which gateway is asked,
/// where there are several.
pub fn written(question: &RouteQuestion, peer: Option<&str>, service: Option<&str>) -> Vec<(&'static str, String)> {
    let RouteQuestion { method, url, headers, roll, source, sni, .. } = question;
    let mut asked = vec![("method", method.clone()), ("url", url.clone())];
    asked.extend(headers.iter().map(|line| ("header", line.clone())));
    asked.extend(roll.map(|roll| ("roll", roll.to_string())));
    asked.extend(source.map(|source| ("source", source.to_string())));
    let names = [("sni", sni.as_deref()), ("peer", peer), ("service", service)];
    asked.extend(names.into_iter().filter_map(|(name, value)| Some((name, value?.to_owned()))));
    asked
}

fn answer(world: &World, asked: &Asked) -> Result<Value, Unanswered> {
    let mut explanation = explained(world.which(asked)?, asked)?;
    explanation.places = world.places.of_printed(explanation.rules());
    Ok(json!(explanation))
}

/// The same, where it does not matter where rules are written.
pub(in crate::app) fn explained(gateway: &OneGateway, asked: &Asked) -> Result<Explanation, Unanswered> {
    let question = read(gateway, asked).map_err(Unanswered::Wrong)?;
    let mut explanation = route(gateway.snapshot(), &question).map_err(|e| Unanswered::Wrong(e.to_string()))?;
    explanation.notes.extend(of_listener(gateway, &question, &explanation));
    explanation.notes.extend(super::advice::advice(gateway, &explanation));
    Ok(explanation)
}

fn read(gateway: &OneGateway, asked: &Asked) -> Result<RouteQuestion, String> {
    let needed = |name: &str| asked.one(name).map(str::to_owned).ok_or_else(|| format!("{name}= is missing"));
    Ok(RouteQuestion {
        method: needed("method")?,
        url: needed("url")?,
        headers: asked.all("header").map(str::to_owned).collect(),
        roll: asked.one("roll").map(|roll| roll.parse().map_err(|_| format!("roll={roll} is no number"))).transpose()?,
        source: asked.one("source").map(|ip| ip.parse().map_err(|_| format!("source={ip} is no address"))).transpose()?,
        sni: asked.one("sni").map(str::to_owned),
        peer: asked.one("peer").map(|named| peer(named, &gateway.said)),
    })
}

/// A listener takes http or https, or reads neither; the question is asked all the same.
fn of_listener(gateway: &OneGateway, question: &RouteQuestion, explanation: &Explanation) -> Option<String> {
    let https = question.url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
    let name = &explanation.facts.listener;
    let asked = gateway.snapshot().listeners.values().find(|l| l.listener.name.as_str() == name)?;
    match (https, asked.listener.mode) {
        (true, ListenerMode::Plain) if asked.listener.protocol.is_http() => Some(format!("{name} takes http alone, no https")),
        (false, ListenerMode::TerminateTls) => Some(format!("{name} takes https alone, no http")),
        _ if explanation.forwards() && explanation.is_of_connection() => {
            Some(format!("{name} reads no request of it: this is what becomes of the connection"))
        }
        _ => None,
    }
}
