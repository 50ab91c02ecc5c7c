//! Instances that took no connection when one was last tried. Only a process that runs has tried; so has whom its dump is of.

use serde_json::Value;

use super::Problems;
use super::reach::upstreams;
use crate::app::world::World;
use crate::decide::code::Code;
use crate::decide::snapshot::{Endpoint, Upstream};

pub(super) fn of_gateways(world: &World, problems: &mut Problems) {
    let Some(refusing) = world.standing["refusing"].as_array().filter(|refusing| !refusing.is_empty()) else { return };
    for (rule, upstream) in world.gateways.iter().flat_map(|gateway| upstreams(gateway.snapshot())) {
        let endpoints = || upstream.targets.iter().flat_map(|target| &target.endpoints);
        for endpoint in endpoints() {
            let Some(known) = known(refusing, endpoint) else { continue };
            let other = endpoints().find(|other| self::known(refusing, other).is_none());
            let place = world.places.of(rule).or_else(|| Some(rule.to_string()));
            let of_tls = known["code"] == Code::UpstreamTls.as_str();
            let next = if of_tls { "gw inspect certs" } else { "gw inspect services -o wide" };
            let code = known["code"].as_str().unwrap_or_default();
            match other {
                Some(other) => {
                    let matters = format!("{} at {} takes its requests, later", other.id, other.address);
                    problems.warning(code, &told(endpoint, known), place, &matters, next);
                }
                None => problems.error(code, &told(endpoint, known), place, lost(upstream), next),
            }
        }
    }
}

/// What is known of an instance. Who refuses to be connected to does so whoever is meant; TLS is with one service.
fn known<'a>(refusing: &'a [Value], endpoint: &Endpoint) -> Option<&'a Value> {
    let address = endpoint.address.to_string();
    let is_meant = |known: &Value| known["code"] == Code::ConnectFailed.as_str() || known["service"] == *endpoint.service;
    refusing.iter().find(|known| known["address"] == *address && is_meant(known))
}

fn told(endpoint: &Endpoint, known: &Value) -> String {
    let (times, seconds) = (known["times"].as_u64().unwrap_or(1), known["last"].as_u64().unwrap_or_default());
    let tries = if times == 1 { "the last try".to_owned() } else { format!("{times} tries in a row, the last") };
    let why = known["why"].as_str().unwrap_or_default();
    format!("{} of {} at {} takes no connection: {why} ({tries} {seconds}s ago)", endpoint.id, endpoint.service, endpoint.address)
}

fn lost(upstream: &Upstream) -> &'static str {
    if upstream.targets.iter().map(|target| target.endpoints.len()).sum::<usize>() == 1 {
        "there is no other: requests that are led to it are answered with 503, connections closed"
    } else {
        "none of the others takes one either: requests that are led there are answered with 503, connections closed"
    }
}
