//! What is generated is checked in and not stale: completions, manual pages, the help of every command, the table of codes.
//!
//! `GW_BLESS=1 cargo test --test generated` writes it anew.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use gw::app::entries;
use gw::app::metrics::{Kind, METRICS, Metric};
use gw::cli::generated;
use gw::decide::code::Code;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Compares a folder's generated files with what is checked in, both ways: none differs, none is missing, none is left over.
fn fresh(folder: &str, files: &[(String, String)], left_over: bool) {
    let folder = root().join(folder);
    let bless = std::env::var_os("GW_BLESS").is_some();
    let known: BTreeSet<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    let there = std::fs::read_dir(&folder).into_iter().flatten().map(|f| f.expect("a file").file_name().to_string_lossy().into_owned());
    let extra: Vec<String> = there.filter(|name| left_over && !known.contains(name.as_str())).collect();
    if bless {
        std::fs::create_dir_all(&folder).expect("the folder");
        files.iter().for_each(|(name, text)| std::fs::write(folder.join(name), text).expect("the file"));
        extra.iter().for_each(|name| std::fs::remove_file(folder.join(name)).expect("the file"));
        return;
    }
    let stale = |(name, text): &&(String, String)| std::fs::read_to_string(folder.join(name)).ok().as_ref() != Some(text);
    let stale: Vec<&String> = files.iter().filter(stale).map(|(name, _)| name).collect();
    let folder = folder.display();
    assert!(stale.is_empty() && extra.is_empty(), "{folder}: stale: {stale:?}, left over: {extra:?}; GW_BLESS=1 writes them anew");
}

#[test]
fn the_completions_are_those_of_the_commands() {
    let files = generated::SHELLS.map(|(shell, name)| (name.to_owned(), generated::completions(shell)));
    fresh("completions", &files, true);
}

#[test]
fn the_manual_pages_are_those_of_the_commands() {
    let files: Vec<(String, String)> = generated::pages().into_iter().map(|page| (page.name, page.text)).collect();
    assert!(files.iter().any(|(name, _)| name == "gw.toml.5"));
    fresh("man", &files, true);
}

#[test]
fn the_help_of_every_command_is_as_agreed() {
    fresh("tests/golden", &[("help.txt".to_owned(), generated::help())], false);
}

#[test]
fn the_table_of_codes_is_that_of_the_code() {
    fresh("docs", &[("codes.md".to_owned(), codes())], false);
}

#[test]
fn the_table_of_metrics_is_that_of_the_code() {
    fresh("docs", &[("metrics.md".to_owned(), metrics())], false);
}

#[test]
fn metrics_are_named_as_prometheus_wants_it_and_have_no_label_without_bound() {
    for Metric { name, kind, labels, help } in METRICS {
        assert!(name.starts_with("gw_") || name.starts_with("process_"), "{name}");
        assert_eq!(*kind == Kind::Counter, name.ends_with("_total"), "{name}");
        assert!(!help.ends_with('.') && help.chars().next().is_some_and(|c| c.is_uppercase() || c.is_ascii_digit()), "{name}: {help}");
        for unbound in ["path", "ip", "address", "client", "instance", "user_agent", "request_id", "spiffe", "sni", "host"] {
            assert!(!labels.contains(&unbound), "{name} {unbound}");
        }
    }
}

#[test]
fn every_command_has_examples_and_exit_codes() {
    for help in generated::help().split("\n$ ").skip(1) {
        let name = help.lines().next().unwrap_or_default();
        let group = help.contains("\nCommands:");
        assert!(group || help.contains("EXIT CODES"), "{name}");
    }
}

#[test]
fn every_code_in_the_sources_is_in_the_table_once() {
    let table: Vec<&str> = entries::codes().into_iter().map(|(code, _)| code).collect();
    let known: BTreeSet<&str> = table.iter().copied().collect();
    assert_eq!(known.len(), table.len(), "a code is given twice: {table:?}");
    let mut said = BTreeSet::new();
    codes_in(&root().join("src"), &mut said);
    let unknown: Vec<&String> = said.iter().filter(|code| !known.contains(code.as_str())).collect();
    assert!(unknown.is_empty(), "not in the table: {unknown:?}");
    let unused: Vec<&&str> = known.iter().filter(|code| !said.contains(**code)).collect();
    assert!(unused.is_empty(), "never said: {unused:?}");
}

/// Every `"GW0102"` of the sources of a folder.
fn codes_in(folder: &Path, out: &mut BTreeSet<String>) {
    for item in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = item.expect("a file").path();
        if path.is_dir() {
            codes_in(&path, out);
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a source");
        for (at, _) in text.match_indices("\"GW") {
            let code: String = text[at + 1..].chars().take_while(|c| *c != '"').collect();
            if code.len() == 6 && code[2..].chars().all(|c| c.is_ascii_digit()) {
                out.insert(code);
            }
        }
    }
}

fn metrics() -> String {
    let mut text = "\
# Metrics

Generated from the code by `tests/generated.rs`. Names stay; new ones are added.

`/metrics` of the admin listener, Envoy's `/stats/prometheus`, and `/metrics` at `--metrics-bind IP:PORT`, where nothing else is told and
which may be off loopback. Prometheus' text format, or OpenMetrics for who asks for it (`Accept: application/openmetrics-text`).

`gateway`, `listener`: where a client came in (`edge:8080`). `service`, `subset`, `datacenter`, `peer`: the target that was decided for; without them
nothing was, and `code` says why. `code`: [codes.md](codes.md); what intentions denied is `code=\"denied\"`. There are 1000 sets of labels at
most; what is beyond is counted with `listener=\"other\"`. A label is never a path, an address, a SPIFFE id or anything else that a client chooses.

What it costs: a request is about ten additions in memory of its own worker, one look at the clock, and a look-up by number of its
target. No lock is taken, and no other thread writes there; labels are looked up once a configuration, listener and target. A scrape runs on a thread of its
own, reads what the workers have, and stops none of them.

| metric | type | labels | what it says |
|---|---|---|---|
"
    .to_owned();
    for Metric { name, kind, labels, help } in METRICS {
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        writeln!(text, "| `{name}` | {} | {} | {help} |", kind.as_str(), labels.join(" ")).expect("writing to a String");
    }
    text
}

fn codes() -> String {
    let mut text = "\
# Codes

Generated from the code by `tests/generated.rs`. The words never change their meaning; new ones are added.

## Why a connection or request ended as it did

In access records (`code`), in the answer's `x-gw-code`, in metrics, and in `gw inspect route`. The status is that of the answer that
gw makes itself; without one it makes none.

| code | status | meaning |
|---|---|---|
"
    .to_owned();
    for code in Code::ALL {
        let status = if code.status() == 0 { String::new() } else { code.status().to_string() };
        writeln!(text, "| `{code}` | {status} | {} |", code.meaning()).expect("writing to a String");
    }
    text.push_str(
        "
## What can be wrong with files and config entries

`gw config validate` prints them, and so does whatever reads files. GW00: files and gw.toml. GW01: reading an entry. GW02: an entry by
itself. GW03: what Consul takes of an entry and then chokes on, or does not do what is meant. GW04: entries together. GW05: sets of
files, and what a gateway runs without.

| code | meaning |
|---|---|
",
    );
    for (code, meaning) in entries::codes() {
        writeln!(text, "| `{code}` | {meaning} |").expect("writing to a String");
    }
    text
}
