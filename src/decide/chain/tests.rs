//! Chains as sentences: sets of entries, one question, the chain in a line (`decide::fixture` tells how to read it).

mod errors;
mod resolvers;
mod routing;

use crate::decide::fixture::{Set, sketch};

/// Checks rows of (sentence, set, service, sketch), and tells all that differ.
fn check(rows: Vec<(&str, Set, &str, &str)>) {
    let mut wrong = Vec::new();
    for (sentence, set, service, expected) in rows {
        let got = sketch(&set.compile(service));
        if got != expected {
            wrong.push(format!("{sentence}\n  expected {expected}\n  got      {got}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
