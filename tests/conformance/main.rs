//! What Consul 1.21.4 itself answered (chains compiled, entries accepted or refused and stored), asked of `gw`.
//!
//! The corpora beside this file are recordings. Compared as meaning, not to the letter: key order is nothing; absent, null, empty and
//! zero are one, but where Consul tells a given 0 from none; durations are compared as times; of an error only that there is one.

mod authz;
#[path = "../brain/corpus.rs"]
#[allow(dead_code, reason = "each test binary uses a part")]
mod corpus;
mod loose;
mod stored;
mod wire;

use std::path::Path;

use gw::app::batch;
use serde_json::{Value, json};

fn corpus(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("a case is a line of JSON")).collect()
}

fn ask(question: &Value) -> Value {
    batch::answer(&question.to_string())
}

/// Panics with every difference at once, so that a run shows the whole picture.
fn report(what: &str, asked: usize, differences: &[String]) {
    let shown: Vec<&str> = differences.iter().take(20).map(String::as_str).collect();
    assert!(differences.is_empty(), "{what}: {} of {asked} differ; the first ones:\n{}", differences.len(), shown.join("\n"));
}

#[test]
fn every_chain_is_compiled_as_consul_compiles_it() {
    let cases = corpus("chains-1.21.4.jsonl");
    let mut differences = Vec::new();
    for case in &cases {
        let query = &case["query"];
        let question = json!({"chain": {
            "entries": case["entries"], "service": query["service"], "datacenter": query["datacenter"], "override": query["override"],
        }});
        let got = ask(&question);
        let alternatives = case["alternatives"].as_array().into_iter().flatten();
        let mut wanted = std::iter::once(&case["answer"]).chain(alternatives);
        let fits = |want: &Value| match (want.get("chain"), got.get("chain")) {
            (Some(want), Some(got)) => loose::chain(want) == loose::chain(got),
            (None, None) => got.get("error").is_some(),
            _ => false,
        };
        if !wanted.any(fits) {
            differences.push(format!("{}: wanted {}\n    got {got}", case["id"], case["answer"]));
        }
    }
    assert!(cases.len() > 700, "the corpus is there");
    report("chains", cases.len(), &differences);
}

#[test]
fn every_entry_is_accepted_refused_and_stored_as_consul_does() {
    let cases = corpus("entries-1.21.4.jsonl");
    let mut differences = Vec::new();
    for case in &cases {
        let mut question = json!({"existing": case["existing"]});
        for key in ["write", "hcl", "delete"] {
            if let Some(given) = case.get(key) {
                question[key] = given.clone();
            }
        }
        let got = ask(&json!({ "validate": question }));
        let stored = case.get("stored").filter(|s| !s.is_null() && case.get("delete").is_none());
        let same_verdict = got["accepted"] == case["accepted"];
        let same_stored = !same_verdict || stored.is_none_or(|want| loose::entry(want) == loose::entry(&got["stored"]));
        if !same_verdict || !same_stored {
            let want = json!({"accepted": case["accepted"], "error": case["error"], "stored": case["stored"]});
            differences.push(format!("{} ({}): wanted {want}\n    got {got}", case["id"], case["note"]));
        }
    }
    assert!(cases.len() > 1600, "the corpus is there: {} cases", cases.len());
    report("entries", cases.len(), &differences);
}
