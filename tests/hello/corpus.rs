//! The corpus of `fuzz/`: hellos of the rules and of real clients, and what fuzzing found worth keeping, each by the name of what it is.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::{Answer, clients, parsers, read_however_cut, rules};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/hello").join(name)
}

/// Keeps the hello in the corpus, if the corpus is to be written.
pub(crate) fn bless(name: &str, bytes: &[u8]) {
    if std::env::var_os("GW_BLESS").is_some() {
        std::fs::write(file(name), bytes).expect("a file of the corpus");
    }
}

#[test]
fn the_hellos_of_the_rules_are_in_the_corpus() {
    for (name, bytes, _) in rules::all() {
        bless(name, &bytes);
        let kept = std::fs::read(file(name)).unwrap_or_default();
        assert!(kept == bytes, "fuzz/corpus/hello/{name} is not the rule's: GW_BLESS=1 cargo test --test hello");
    }
}

#[test]
fn every_file_of_the_corpus_is_read_as_it_was_however_it_is_cut() {
    let mut wanted: BTreeMap<String, Answer> = rules::all().into_iter().map(|(name, _, answer)| (name.to_owned(), answer)).collect();
    wanted.extend(clients::all().into_iter().map(|client| (client.file(), Ok(Some(client.asks)))));
    for entry in std::fs::read_dir(file("")).expect("the corpus") {
        let path = entry.expect("a file").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).expect("a hello");
        let answer = read_however_cut(&name, &bytes);
        parsers::compare(&name, &bytes);
        match wanted.remove(&name) {
            Some(wanted) => assert_eq!(answer, wanted, "{name}"),
            None => panic!("fuzz/corpus/hello/{name} is no rule's and no client's: give it a name and a rule"),
        }
    }
    assert!(wanted.is_empty(), "not in the corpus: {:?}", wanted.keys());
}
