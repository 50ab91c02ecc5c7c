//! `gw inspect problems`: everything that is wrong or soon will be: where, why it matters, and what to type next.

mod found;
mod reach;

use serde_json::{Value, json};

pub(in crate::app) use self::found::Problems;
use self::found::word;
use super::certs::CERTS;
use crate::app::world::{Asked, Note, Unanswered, Verb, World};
use crate::decide::graph::{Finding, check_set, traps};
use crate::model::level::Level;

/// Each problem.
pub const PROBLEMS: Verb = Verb { page: "/v1/problems", answer };

fn answer(world: &World, asked: &Asked) -> Result<Value, Unanswered> {
    let mut problems = Problems::default();
    of_source(world, &mut problems);
    of_entries(world, &mut problems);
    reach::of_gateways(world, &mut problems);
    of_certificates(&world.ask(CERTS, asked)?, &mut problems);
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
        let why = troubles(consul).map(|(_, why)| why).find(|why| !is_of_token(why)).unwrap_or("no answer");
        let what = format!("the Consul agent has not answered for {away:.0}s: {why}");
        problems.error("agent_away", &what, None, "what is known goes on being served, and gets old", status);
    }
    if consul["stale"] == true {
        let what = "what is served is what an earlier run heard of Consul";
        problems.error("stale", what, None, "Consul has not said yet whether it still holds", status);
    }
    // While nothing is answered, whatever is watched is not: that is one problem.
    let is_away = consul["away"].is_number();
    for (what, why) in troubles(consul).filter(|(_, why)| !is_away || is_of_token(why)) {
        let acl = is_of_token(why);
        let (code, next) = if acl { ("acl", "gw config gen acl-policy --for KIND NAME") } else { ("watch", status) };
        problems.error(code, &format!("{what}: {why}"), None, "the last good answer goes on being used", next);
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

/// What is watched at Consul and does not come, and why.
fn troubles(consul: &Value) -> impl Iterator<Item = (&str, &str)> {
    let watches = consul["watches"].as_array().into_iter().flatten();
    watches.filter_map(|watch| Some((watch["what"].as_str().unwrap_or_default(), watch["trouble"].as_str()?)))
}

fn is_of_token(why: &str) -> bool {
    why.contains("token")
}

/// What is wrong with entries, one by one and as a set.
fn of_entries(world: &World, problems: &mut Problems) {
    for gateway in &world.gateways {
        for rejected in &gateway.snapshot().rejected {
            let what = format!("{}: {}", rejected.what, rejected.why);
            let place = world.places.of(&rejected.what.whole()).or_else(|| Some(rejected.what.to_string()));
            let matters = format!("{} runs without it", gateway.said.gateway.name);
            problems.error("rejected", &what, place, &matters, "gw config validate");
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

fn of_certificates(certs: &Value, problems: &mut Problems) {
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
        let next = format!("gw certs inspect {}", word(text("file")));
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
