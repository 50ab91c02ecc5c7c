//! One question asked of a gateway that runs, of the files it runs by, and of its dump.

use std::path::Path;

use gw::app::inspect::{self, ExplainedOutcome, Explanation};
use gw::app::world::{Asked, Place, Verb, World};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::support::{Gateway, gw};

/// Codes by which a gateway refuses before it connects to anybody.
const DECIDED: [&str; 10] = [
    "no_listener",
    "no_sni",
    "servers_not_exposed",
    "sni_absent",
    "client_tls",
    "denied",
    "path_spelling",
    "no_host",
    "no_route",
    "no_healthy_endpoint",
];

/// All who can be asked of a gateway.
pub(crate) struct Everywhere {
    running: Place,
    others: [(&'static str, World); 2],
}

impl Everywhere {
    /// Of a process that runs by a file.
    pub(crate) fn of(gateway: &Gateway, file: &Path) -> Self {
        let output = gw(&["inspect", "dump", "--admin", &gateway.admin.to_string()]).output().expect("gw runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let dump = file.with_extension("dump");
        std::fs::write(&dump, output.stdout).expect("a dump");
        let world = |place: Place| place.world().unwrap_or_else(|e| panic!("{}: {e}", place.name()));
        let others = [("the files", world(Place::Files(file.to_owned()))), ("the dump", world(Place::Dump(dump)))];
        Self { running: Place::Running(gateway.admin), others }
    }

    /// The one answer that all of them have; `None`: to all of them it is no question.
    pub(crate) fn ask<T: DeserializeOwned>(&self, verb: Verb, asked: &[(&'static str, String)]) -> Option<T> {
        let running: Result<Value, String> = self.running.ask(verb, asked).map_err(|e| e.to_string());
        for (place, world) in &self.others {
            let said = world.ask(verb, &Asked::of_pairs(asked)).map_err(|e| e.to_string());
            assert_eq!(said, running, "{asked:?}: {place}, and the gateway that runs");
        }
        running.ok().map(|said| serde_json::from_value(said).expect("an answer"))
    }

    /// What is said of a request or connection, to whose record it is held.
    pub(crate) fn route(&self, asked: &[(&'static str, String)], record: &Value) -> Explanation {
        let roll = record["roll"].as_u64().map(|roll| ("roll", roll.to_string()));
        let asked: Vec<_> = asked.iter().cloned().chain(roll).collect();
        let said: Explanation = self.ask(inspect::ROUTE, &asked).unwrap_or_else(|| panic!("{asked:?} is no question\n{record}"));
        let context = || format!("{asked:?}\nrecord {record}\nsaid {said:#?}");
        match &said.outcome {
            ExplainedOutcome::Forward { rules, target, instances, .. } => {
                assert_eq!(record["rules"], serde_json::json!(rules), "{}", context());
                let is_one = |instance: &str| instances.iter().any(|known| known.contains(&format!("{instance} at ")));
                assert!(record["instance"].as_str().is_none_or(is_one), "{}", context());
                // Failover goes on to another target; what nobody took has none.
                let is_target = |at: &str| at == target || instances.len() > 1;
                assert!(record["target"].as_str().is_none_or(is_target), "{}", context());
                let is_decided = DECIDED.iter().any(|code| record["code"] == *code);
                assert!(!is_decided, "{}", context());
            }
            ExplainedOutcome::Refuse { code, rule, .. } => {
                assert_eq!(record["code"], **code, "{}", context());
                assert_eq!(record["rule"].as_str(), rule.as_deref(), "{}", context());
            }
        }
        said
    }
}
