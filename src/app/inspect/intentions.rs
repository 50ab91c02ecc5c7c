//! `gw inspect intentions`: every intention, the strongest first, as they are looked at.

use serde_json::{Value, json};

use crate::app::world::{Asked, Unanswered, Verb, World};
use crate::model::entry::{EntryKind, EntryRef, IntentionAction, ServiceIntentions, SourceIntention};

/// Each intention.
pub const INTENTIONS: Verb = Verb { page: "/v1/intentions", answer };

fn answer(world: &World, _: &Asked) -> Result<Value, Unanswered> {
    let base = &world.base;
    let all = base.entries.intentions.values();
    let mut listed: Vec<(i64, String, String, Value)> =
        all.flat_map(|entry| entry.sources.iter().enumerate().map(|(n, source)| of(world, entry, n, source))).collect();
    listed.sort_by(|a, b| (b.0, &a.1, &a.2).cmp(&(a.0, &b.1, &b.2)));
    let intentions: Vec<Value> = listed.into_iter().map(|(.., intention)| intention).collect();
    Ok(json!({ "schema": "gw.intentions/v1", "default": base.default_action.as_str(), "intentions": intentions }))
}

fn of(world: &World, entry: &ServiceIntentions, n: usize, source: &SourceIntention) -> (i64, String, String, Value) {
    let destination = &entry.common.name;
    let rule = EntryRef::new(EntryKind::ServiceIntentions, destination).at(format!("Sources[{n}]"));
    let action = source.action.map_or("permissions", IntentionAction::as_str);
    let intention = json!({
        "source": source.name,
        "peer": Some(&source.peer).filter(|peer| !peer.is_empty()),
        "destination": destination,
        "action": action,
        "permissions": source.permissions.len(),
        "precedence": source.precedence,
        "rule": rule.to_string(),
        "place": world.places.of(&rule),
    });
    (source.precedence, destination.clone(), source.name.clone(), intention)
}
