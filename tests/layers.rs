//! The architecture as a test: who may name whom, one door per dependency, and the few rules that every file keeps.
//! `docs/architecture.md` says why; this file only holds it to be true.

use std::path::{Path, PathBuf};

/// Which layers the code of a layer may name, besides itself.
const MAY_USE: &[(&str, &[&str])] = &[
    ("id", &[]),
    ("rt", &[]),
    ("model", &["id"]),
    ("net", &["rt", "model"]),
    ("decide", &["id", "model"]),
    ("tls", &["id", "model", "rt"]),
    // It reads certificates that stand in entries.
    ("source", &["id", "model", "rt", "tls"]),
    ("check", &["id", "rt", "model", "net"]),
    ("state", &["id", "rt", "model", "decide", "tls"]),
    ("proxy", &["id", "rt", "model", "net", "decide", "tls", "state"]),
    ("admin", &["id", "rt", "model", "decide", "tls", "state"]),
    ("app", &["id", "rt", "model", "net", "check", "decide", "tls", "source", "state", "proxy", "admin"]),
    ("ui", &[]),
    ("cli", &["id", "model", "decide", "app", "ui"]),
];

/// Words that only these files (or the files of these folders) may say: a dependency has one door, a concept one home.
const DOORS: &[(&str, &[&str])] = &[
    ("hyper::", &["proxy/", "admin/", "check/probe.rs", "app/echo.rs"]),
    ("hyper_util::", &["proxy/", "admin/", "check/probe.rs", "app/echo.rs"]),
    ("h2::", &["proxy/error.rs"]),
    ("rustls::", &["tls/", "proxy/handshake.rs"]),
    ("tokio_rustls::", &["tls/", "proxy/handshake.rs", "proxy/dial.rs"]),
    ("rustls_pki_types::", &["tls/"]),
    ("rustls_native_certs::", &["tls/outside.rs"]),
    // The others are tests that need certificates of no mesh.
    ("rcgen::", &["tls/issue", "tls/credentials.rs", "tls/xfcc.rs", "tls/outside/tests.rs"]),
    ("aws_lc_rs::", &["tls/"]),
    ("x509_parser::", &["tls/x509.rs"]),
    ("webpki::", &["tls/"]),
    // Of the others the page needs the hash of its style and script, as browsers want it.
    ("base64::", &["admin/page/mod.rs", "source/entry/octets.rs"]),
    ("mimalloc::", &["main.rs"]),
    ("foldhash::", &["id/table.rs"]),
    ("rustix::", &["proxy/pipes.rs", "ui/screen.rs"]),
    ("memchr::", &["proxy/framing.rs", "proxy/guard.rs"]),
    ("prometheus_client::", &["app/metrics/page.rs"]),
    ("reqwest::", &["admin/client.rs", "app/traces.rs", "source/consul/client"]),
    ("form_urlencoded::", &["admin/asked.rs"]),
    ("hickory_resolver::", &["net/lookup.rs"]),
    ("clap::", &["cli/"]),
    ("clap_complete::", &["cli/"]),
    ("clap_mangen::", &["cli/"]),
    ("comfy_table::", &["ui/"]),
    ("indicatif::", &["ui/progress.rs"]),
    ("annotate_snippets::", &["ui/error.rs"]),
    ("anstream::", &["ui/"]),
    ("anstyle::", &["ui/", "cli/"]),
    ("print!", &["ui/"]),
    ("println!", &["ui/"]),
    ("eprint!", &["ui/"]),
    ("eprintln!", &["ui/"]),
    ("std::io::stdout", &["ui/"]),
    ("toml::", &["source/"]),
    ("notify::", &["source/file/watch.rs"]),
    ("tracing_subscriber::", &["rt/log.rs"]),
    ("tokio::spawn", &["rt/supervise.rs", "proxy/listen.rs"]),
    // The attempts of a race end with it, in a set of its own.
    ("spawn_local", &["rt/task.rs", "net/race.rs"]),
    ("process::exit", &["rt/signal.rs"]),
    ("GatewayKind", &["model/", "decide/compile", "decide/needs.rs", "source/consul/", "source/file/", "source/flags.rs", "app/", "cli/"]),
];

/// What the code of a layer never says: `decide` has no clock, no chance, no log and no socket.
const NEVER: &[(&str, &[&str])] = &[
    (
        "decide",
        &["tokio::", "std::time::Instant", "std::time::SystemTime", "Instant::now", "TcpStream", "tracing::", "std::env", "std::fs"],
    ),
    ("model", &["tokio::", "tracing::", "std::fs", "std::env"]),
    ("id", &["tokio::", "tracing::", "std::fs", "std::env"]),
];

/// Longest file, in lines.
const LONGEST: usize = 600;

#[test]
fn every_file_names_only_the_layers_below_it() {
    report(&sources().iter().flat_map(|s| wrong_layers(&s.path, &s.code)).collect::<Vec<_>>());
}

#[test]
fn every_dependency_has_one_door() {
    report(&sources().iter().flat_map(|s| wrong_doors(&s.path, &s.code)).collect::<Vec<_>>());
}

#[test]
fn every_file_opens_with_what_it_is_and_stays_short() {
    report(&sources().iter().flat_map(|s| wrong_form(&s.path, &s.text)).collect::<Vec<_>>());
}

#[test]
fn every_layer_stands_in_the_table_and_in_the_crate() {
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs");
    let mut declared: Vec<&str> = lib.lines().filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let mut known: Vec<&str> = MAY_USE.iter().map(|(layer, _)| *layer).collect();
    declared.sort_unstable();
    known.sort_unstable();
    assert_eq!(declared, known);
}

#[test]
fn a_breach_of_the_layers_is_seen() {
    let cases = [
        ("decide/plan.rs", "use crate::model::entry::RuleRef;", 0),
        ("decide/plan.rs", "use crate::source::entry;", 1),
        ("decide/plan.rs", "use crate::{id::{self, x::{source}}, model};", 0),
        ("decide/plan.rs", "use crate::{id::{self, y}, tls::{pem}, source};", 2),
        ("decide/plan.rs", "fn f() { crate::proxy::go() }", 1),
        ("decide/plan.rs", "// crate::proxy::go()\nlet x = \"crate::proxy\"; /* crate::proxy */", 0),
        ("decide/compile/service.rs", "use super::super::plan::Plan;", 0),
        ("decide/compile/service.rs", "use super::super::super::proxy;", 1),
        ("decide/mod.rs", "use super::proxy;", 1),
        ("decide/mod.rs", "#[cfg(test)]\nmod tests { use super::*; }", 0),
        ("ui/mod.rs", "use crate::model::entry;", 1),
    ];
    for (path, text, breaches) in cases {
        let found = wrong_layers(path, &code_of(text));
        assert_eq!(found.len(), breaches, "{path}: {text}: {found:?}");
    }
}

#[test]
fn a_breach_of_a_door_is_seen() {
    let cases = [
        ("proxy/http.rs", "use hyper::Request;", 0),
        ("state/mod.rs", "use hyper::Request;", 1),
        ("state/mod.rs", "let my_hyper = x.hyper; // hyper::Request", 0),
        ("proxy/mod.rs", "match kind { GatewayKind::Mesh => 1 }", 1),
        ("app/mod.rs", "println!(\"x\")", 1),
        ("app/mod.rs", "let s = \"println!\"; 'a'; let c = '\"'; println!()", 1),
        ("app/mod.rs", "let s = r#\"println!(\"x\")\"#;", 0),
        ("decide/plan.rs", "let now = std::time::Instant::now();", 2),
        ("state/mod.rs", "tokio::spawn(async {});", 1),
    ];
    for (path, text, breaches) in cases {
        let found = wrong_doors(path, &code_of(text));
        assert_eq!(found.len(), breaches, "{path}: {text}: {found:?}");
    }
}

#[test]
fn a_breach_of_the_form_is_seen() {
    // Written in two parts, so that this file does not contain the words it looks for.
    let later = concat!("TO", "DO");
    let long = format!("//! Long.\n{}", "x\n".repeat(LONGEST));
    let todo = format!("//! A file.\n// {later}: finish\n");
    for (text, breaches) in [("//! A file.\n", 0), ("use std::fmt;\n", 1), (todo.as_str(), 1), (long.as_str(), 1)] {
        assert_eq!(wrong_form("decide/plan.rs", text).len(), breaches, "{}", text.lines().next().unwrap_or_default());
    }
}

struct Source {
    /// Under `src/`, with slashes.
    path: String,
    text: String,
    /// The text without comments and the insides of literals.
    code: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    fn walk(folder: &Path, base: &Path, out: &mut Vec<Source>) {
        for item in std::fs::read_dir(folder).expect("a folder of sources") {
            let path = item.expect("a file").path();
            if path.is_dir() {
                walk(&path, base, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source");
                let path = path.strip_prefix(base).expect("under src").to_string_lossy().replace('\\', "/");
                out.push(Source { path, code: code_of(&text), text });
            }
        }
    }
    let mut out = Vec::new();
    walk(&root().join("src"), &root().join("src"), &mut out);
    assert!(out.len() > 30, "the sources are there");
    out.sort_by(|a, b| a.path.cmp(&b.path));
    out
}

fn report(breaches: &[String]) {
    assert!(breaches.is_empty(), "{} breaches:\n{}", breaches.len(), breaches.join("\n"));
}

fn wrong_layers(path: &str, code: &str) -> Vec<String> {
    let Some((layer, _)) = path.split_once('/') else { return Vec::new() };
    let Some((_, allowed)) = MAY_USE.iter().find(|(l, _)| *l == layer) else {
        return vec![format!("src/{path}: the layer {layer} is not in the table of tests/layers.rs")];
    };
    let mut out: Vec<String> = crate_names(code)
        .into_iter()
        .filter(|named| named != layer && !allowed.contains(&named.as_str()))
        .map(|named| format!("src/{path} names crate::{named}; {layer} may use {}", allowed.join(", ")))
        .collect();
    if longest_super(code) >= depth(path) {
        out.push(format!("src/{path} leaves its layer by super::; say crate::layer::.. instead"));
    }
    out
}

/// How many modules a file is deep: `src/a/mod.rs` and `src/a.rs` 1, `src/a/b.rs` 2.
fn depth(path: &str) -> usize {
    path.trim_end_matches("/mod.rs").split('/').count()
}

/// The most `super::` in a row, outside of the test module at the end of the file, which is one deeper.
fn longest_super(code: &str) -> usize {
    let code = code.split("#[cfg(test)]").next().unwrap_or_default();
    let mut longest = 0;
    for (at, _) in code.match_indices("super::") {
        let run = code.as_bytes()[at..].chunks("super::".len()).take_while(|c| *c == b"super::").count();
        longest = longest.max(run);
    }
    longest
}

/// The first word after every `crate::`, nested use trees included.
fn crate_names(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, found) in code.match_indices("crate::") {
        if code[..at].ends_with(is_word) {
            continue;
        }
        let rest = code[at + found.len()..].trim_start();
        match rest.strip_prefix('{') {
            Some(tree) => names.extend(branches(tree)),
            None => names.extend(first_word(rest)),
        }
    }
    names
}

/// The first words of the branches of a use tree, up to its closing brace.
fn branches(tree: &str) -> Vec<String> {
    let (mut depth, mut begins, mut names) = (0, true, Vec::new());
    for (at, c) in tree.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            c if depth == 0 && begins && is_word(c) => {
                names.extend(first_word(&tree[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    names
}

fn first_word(text: &str) -> Option<String> {
    let word: String = text.chars().take_while(|c| is_word(*c)).collect();
    (!word.is_empty()).then_some(word)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn wrong_doors(path: &str, code: &str) -> Vec<String> {
    let mut out = Vec::new();
    for (word, doors) in DOORS {
        if says(code, word) && !doors.iter().any(|door| path.starts_with(door)) {
            out.push(format!("src/{path} says {word}, which is for {} alone", doors.join(", ")));
        }
    }
    let layer = path.split('/').next().unwrap_or_default();
    for (_, words) in NEVER.iter().filter(|(l, _)| *l == layer) {
        out.extend(words.iter().filter(|word| says(code, word)).map(|word| format!("src/{path} says {word}, which {layer} never does")));
    }
    out
}

/// Whether a word stands in the code as a whole, not as the end of a longer one or of a path.
fn says(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| !code[..at].ends_with(|c| is_word(c) || (c == ':' && word.ends_with("::"))))
}

fn wrong_form(path: &str, text: &str) -> Vec<String> {
    let mut out = Vec::new();
    if !text.starts_with("//! ") {
        out.push(format!("src/{path} does not open with //! and what it is"));
    }
    for word in [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("unimpl", "emented!"), concat!("to", "do!(")] {
        if text.contains(word) {
            out.push(format!("src/{path} says {word}"));
        }
    }
    let lines = text.lines().count();
    if lines > LONGEST {
        out.push(format!("src/{path} has {lines} lines, more than {LONGEST}"));
    }
    out
}

/// The text without comments and without the insides of string and character literals.
fn code_of(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let skipped = match rest {
            [b'/', b'/', ..] => rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()),
            [b'/', b'*', ..] => block_comment(rest),
            [b'"', ..] => string(rest),
            [b'r', b'"' | b'#', ..] if !out.last().is_some_and(|b: &u8| is_word(*b as char)) => raw_string(rest),
            [b'\'', ..] => character(rest),
            _ => 0,
        };
        if skipped == 0 {
            out.push(bytes[at]);
        }
        at += skipped.max(1);
    }
    String::from_utf8(out).expect("whole characters were taken out")
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at + 1 < rest.len() {
        match &rest[at..at + 2] {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != b'"' {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

/// `r"..."`, `r#"..."#`; 0 if it is a raw identifier.
fn raw_string(rest: &[u8]) -> usize {
    let hashes = rest[1..].iter().take_while(|b| **b == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return 0;
    }
    let end: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let inside = 2 + hashes;
    let length = rest[inside..].windows(end.len()).position(|w| w == end).unwrap_or(rest.len());
    inside + length + end.len()
}

/// A character literal; 0 if it is a lifetime.
fn character(rest: &[u8]) -> usize {
    if rest.get(1) == Some(&b'\\') {
        return rest[2..].iter().skip(1).position(|b| *b == b'\'').map_or(0, |n| n + 4);
    }
    let text = String::from_utf8_lossy(&rest[1..rest.len().min(6)]).into_owned();
    let width = text.chars().next().map_or(0, char::len_utf8);
    if rest.get(1 + width) == Some(&b'\'') { width + 2 } else { 0 }
}
