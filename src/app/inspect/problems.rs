//! `gw inspect problems`: everything that is wrong or soon will be: where, why it matters, and what to type next.

mod found;
mod reach;
mod refusing;

use std::path::Path;

use serde_json::{Value, json};

pub(in crate::app) use self::found::Problems;
pub use self::found::word;
use super::certs::CERTS;
use crate::app::certs;
use crate::app::world::{Asked, Note, Unanswered, Verb, World};
use crate::decide::graph::{Finding, check_set, traps};
use crate::model::entry::EntryKind;
use crate::model::level::Level;
use crate::model::resources::Written;

/// Each problem.
pub const PROBLEMS: Verb = Verb { page: "/v1/problems", answer };

fn answer(world: &World, asked: &Asked) -> Result<Value, Unanswered> {
    let mut problems = Problems::default();
    of_source(world, &mut problems);
    of_entries(world, &mut problems);
    reach::of_gateways(world, &mut problems);
    refusing::of_gateways(world, &mut problems);
    of_certificates(world, &world.ask(CERTS, asked)?, &mut problems);
    Ok(json!({ "schema": "gw.problems/v1", "from": world.from, "problems": problems.sorted() }))
}

/// What the source does not say, or says and is not taken.
fn of_source(world: &World, problems: &mut Problems) {
    if let Some(why) = &world.refused {
        let matters = "what was served before goes on being served, and nothing that was written since";
        problems.error("refused", why, None, matters, "gw config validate");
    }
    let consul = &world.standing["consul"];
    let status = "gw inspect status";
    if let Some(away) = consul["away"].as_f64() {
        let why = troubles(consul).find(|(.., acl)| !acl).map_or("no answer", |(_, why, _)| why);
        let what = format!("the Consul agent has not answered for {away:.0}s: {why}");
        problems.error("agent_away", &what, None, "what is known goes on being served, and gets old", status);
    }
    if consul["stale"] == true {
        let what = "what is served is what an earlier run heard of Consul";
        problems.error("stale", what, None, "Consul has not said yet whether it still holds", status);
    }
    // While nothing is answered, whatever is watched is not: that is one problem.
    let is_away = consul["away"].is_number();
    for (what, why, acl) in troubles(consul).filter(|(.., acl)| !is_away || *acl) {
        let (code, next) = if acl { ("acl", policy_for(world)) } else { ("watch", status.to_owned()) };
        problems.error(code, &format!("{what}: {why}"), None, "the last good answer goes on being used", &next);
    }
    for name in world.standing["unresolved"].as_array().into_iter().flatten() {
        let what = format!("{} has no address: {}", name["name"].as_str().unwrap_or_default(), name["why"].as_str().unwrap_or_default());
        problems.error(
            "unresolved",
            &what,
            None,
            "the instances and gateways of that name cannot be connected to",
            "gw inspect services -o wide",
        );
    }
    for registration in world.standing["registrations"].as_array().into_iter().flatten() {
        if let Some(why) = registration["trouble"].as_str() {
            let what = format!("{}: {why}", registration["gateway"].as_str().unwrap_or_default());
            problems.error("registration", &what, None, "other gateways and services do not find this one", status);
        }
    }
}

/// What prints the policy that the token needs.
fn policy_for(world: &World) -> String {
    let gateway = world.gateways.first().map(|gateway| &gateway.said.gateway);
    let (kind, name) = gateway.map_or(("KIND", "NAME"), |gateway| (gateway.kind.as_str(), gateway.name.as_str()));
    format!("gw config gen acl-policy --for {kind} {}", word(name))
}

/// What is watched at Consul and does not come, why, and whether that is what the token may.
fn troubles(consul: &Value) -> impl Iterator<Item = (&str, &str, bool)> {
    let watches = consul["watches"].as_array().into_iter().flatten();
    watches.filter_map(|watch| Some((watch["what"].as_str().unwrap_or_default(), watch["trouble"].as_str()?, watch["of_token"] == true)))
}

/// What is wrong with entries, one by one and as a set.
fn of_entries(world: &World, problems: &mut Problems) {
    for gateway in &world.gateways {
        for rejected in &gateway.snapshot().rejected {
            let what = format!("{}: {}", rejected.what, rejected.why);
            let place = world.places.of(&rejected.what.whole()).or_else(|| Some(rejected.what.to_string()));
            let matters = format!("{} runs without it", gateway.said.gateway.name);
            let next = match (world.base.written, rejected.what.kind) {
                (Written::Files, _) => "gw config validate".to_owned(),
                (Written::Consul, EntryKind::Datacenter | EntryKind::Peer) => "gw inspect datacenters".to_owned(),
                (Written::Consul, EntryKind::Service) => "gw inspect services -o wide".to_owned(),
                (Written::Consul, _) => format!("gw config read {}", word(&rejected.what.to_string())),
            };
            problems.error("rejected", &what, place, &matters, &next);
        }
    }
    let base = &world.base;
    let found = check_set(&base.entries).into_iter().chain(traps(&base.entries, base.default_action));
    for finding in found {
        let place = world.places.of(&finding.rule).or_else(|| Some(finding.rule.to_string()));
        let level = finding.level;
        let Finding { code, message, help, .. } = finding;
        problems.noted(&Note { code: code.to_owned(), message, place, help }, level == Level::Error);
    }
    world.notes.iter().for_each(|note| problems.noted(note, false));
}

/// What makes a certificate that is none any more anew. A Consul signs its leaves itself.
fn renewal(world: &World, cert: &Value) -> String {
    let file = Path::new(cert["file"].as_str().unwrap_or_default());
    if cert["role"] != "leaf" || cert["ca"] == true {
        return format!("gw certs inspect {}", word(&file.display().to_string()));
    }
    if world.base.written == Written::Consul {
        return "gw inspect status".to_owned();
    }
    // What is not there is made without overwriting what somebody may have put there meanwhile.
    certs::anew(file, cert["state"] != "unreadable")
}

fn of_certificates(world: &World, certs: &Value, problems: &mut Problems) {
    for cert in certs["certificates"].as_array().into_iter().flatten() {
        let text = |key: &str| cert[key].as_str().unwrap_or_default();
        let file = Some(text("file").to_owned());
        let who = if text("called").is_empty() { text("of") } else { text("called") };
        let matters = match text("role") {
            "root" => "nobody trusts what it signed after that",
            "leaf" => "nobody in the mesh trusts it after that",
            "listener" => "clients of the listener do not trust it after that",
            _ => "services outside the mesh cannot be reached by TLS after that",
        };
        let next = renewal(world, cert);
        match text("state") {
            "unreadable" => problems.error("certificate", &format!("of {who}: {}", text("why")), file, matters, &next),
            "expired" => problems.error("certificate", &format!("{who} expired at {}", text("not_after")), file, matters, &next),
            "not yet valid" => {
                let what = format!("{who} is not valid before {}", text("not_before"));
                problems.error("certificate", &what, file, "nobody trusts it until then", &next);
            }
            "near its end" => {
                let what = format!("{who} ends at {}, and nine tenths of its life are over", text("not_after"));
                problems.warning("certificate", &what, file, matters, &next);
            }
            _ => {}
        }
    }
}
