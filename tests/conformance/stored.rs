//! Entries as they come from a Consul that stores them: read leniently, which changes nothing where there is nothing to be lenient about.

use std::collections::BTreeMap;
use std::sync::Arc;

use gw::decide::compile::compile;
use gw::model::entry::EntryKind;
use gw::model::gateway::GatewayKind;
use gw::model::level::Level;
use gw::model::service::Address;
use gw::source::entry::{self, Decoded};
use serde_json::{Value, json};

use super::{corpus, report};
use crate::corpus::{Places, resources};

/// Codes of what cannot be decoded, and of kinds that only Consul itself or its Enterprise edition has.
const UNREADABLE: [&str; 5] = ["GW0103", "GW0104", "GW0105", "GW0106", "GW0107"];

fn written(accepted: bool) -> Vec<(String, Value)> {
    let cases = corpus("entries-1.21.4.jsonl");
    let of = cases.into_iter().filter(|case| case["accepted"] == json!(accepted) && case.get("write").is_some());
    of.map(|case| (case["id"].to_string(), case["write"].clone())).collect()
}

fn said(decoded: &Decoded) -> (EntryKind, &str, String, Vec<String>) {
    let notes = decoded.notes.iter().map(|note| format!("{note:?}")).collect();
    (decoded.kind, &decoded.name, decoded.stored().to_string(), notes)
}

#[test]
fn what_consul_accepts_is_read_alike_whether_it_is_written_or_stored() {
    let cases = written(true);
    let differs = |(id, value): &(String, Value)| {
        let (strict, stored) = (entry::from_json(value), entry::from_stored(value));
        let same = matches!((&strict, &stored), (Ok(a), Ok(b)) if said(a) == said(b) && a.entry == b.entry);
        (!same).then(|| format!("{id}: {strict:?}\n    {stored:?}"))
    };
    let differences: Vec<String> = cases.iter().filter_map(differs).collect();
    assert!(cases.len() > 700, "the corpus is there: {}", cases.len());
    report("entries", cases.len(), &differences);
}

#[test]
fn what_another_consul_stores_is_left_out_only_if_it_cannot_be_read_and_nothing_is_at_a_loss_with_it() {
    let places = Places { port: &|n| n, instance: &|_| Address::Socket(([127, 0, 0, 1], 1).into()) };
    let (mut read, mut wrong) = (0, Vec::new());
    for (id, value) in written(false) {
        match entry::from_stored(&value) {
            Ok(decoded) => {
                read += 1;
                let told = decoded.notes.iter().all(|note| note.level != Level::Error);
                let kinds = [GatewayKind::Ingress, GatewayKind::Terminating, GatewayKind::Mesh];
                let Some(entry) = decoded.entry else { continue };
                for kind in kinds.into_iter().filter(|_| told) {
                    let case = json!({"entries": [], "instances": [{"id": "w", "service": "web"}, {"id": "a", "service": "api"}]});
                    let mut world = resources(&case, &places);
                    world.entries = Arc::new([entry.clone()].into_iter().collect());
                    (world.gateway.kind, world.gateway.name, world.gateway.addresses) = (kind, decoded.name.clone(), BTreeMap::new());
                    compile(&world);
                }
                wrong.extend((!told).then(|| format!("{id}: an error among the notes")));
            }
            Err(problems) => {
                let unreadable = problems.iter().any(|p| p.level == Level::Error && UNREADABLE.contains(&p.code));
                wrong.extend((!unreadable).then(|| format!("{id}: {problems:?}")));
            }
        }
    }
    assert!(read > 300, "{read} were read");
    report("entries", read, &wrong);
}
