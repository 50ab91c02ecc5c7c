//! `gw.toml` and the folders of config entries it names.

mod check;
mod consul;
mod convert;
mod datacenters;
mod entries;
mod places;
mod schema;
mod sections;
mod settle;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Text};
use super::entry::{self, Decoded, Syntax};

pub use consul::exposed_token;
pub use convert::{AccessLogFile, Configuration, GatewayFile, convert};
pub use entries::{Differs, EntryFiles};
pub use schema::{GatewayTable, GwToml};
pub use sections::KeptFile;
pub use watch::{Changes, Unwatched, Watch, watch};

/// A `gw.toml` that was read, with its place.
#[derive(Clone, Debug)]
pub struct ReadFile {
    /// What it says.
    pub parsed: GwToml,
    /// Its text.
    pub text: Arc<Text>,
    /// The folder that relative paths in it start from; empty is the current one.
    pub folder: PathBuf,
}

/// The codes of what is wrong with files and `gw.toml`, and what they mean.
pub const CODES: &[(&str, &str)] = &[
    ("GW0001", "a file or folder cannot be read"),
    ("GW0002", "a file is not UTF-8"),
    ("GW0003", "gw.toml is no TOML, has a key that it does not know, or a value of the wrong type"),
    ("GW0004", "a value of gw.toml that means nothing"),
    ("GW0006", "a service that is there twice"),
    ("GW0008", "an admin listener off loopback"),
    ("GW0009", "a gateway that is there twice"),
    ("GW0010", "a folder without entries"),
    ("GW0011", "a datacenter or peer that is there twice"),
    ("GW0012", "a gw.toml with [consul] that says itself what Consul says"),
    ("GW0013", "a token in a gw.toml that others may read"),
    ("GW0014", "a file of expectations is no TOML or JSON, has a key that it does not know, or a value of the wrong type"),
    ("GW0015", "an expectation that cannot be asked, or that expects nothing"),
];

/// What the file of gateways is called where nothing else is said.
pub const NAME: &str = "gw.toml";

/// Whether a file is a `gw.toml` under whatever name, and not a config entry in TOML: it has a key of a `gw.toml`, or nothing
/// that an entry has, and no kind.
pub fn is_gateway_file(path: &Path) -> bool {
    if path.file_name().is_some_and(|n| n == NAME) {
        return true;
    }
    let table = || std::fs::read_to_string(path).ok()?.parse::<toml::Table>().ok();
    let has = |t: &toml::Table, key: &str| t.keys().any(|k| k.eq_ignore_ascii_case(key));
    let of_gateways = |t: toml::Table| !has(&t, "kind") && (schema::KEYS.iter().any(|k| t.contains_key(*k)) || !has(&t, "name"));
    ending(path).as_deref() == Some("toml") && table().is_some_and(of_gateways)
}

/// Reads `gw.toml`. Unknown keys, wrong types and bad values are errors, each with its place.
pub fn read(path: &Path) -> Result<ReadFile, Vec<Diagnostic>> {
    parse(path, read_text(path).map_err(|e| vec![e])?)
}

/// The same of a text that was read from there.
fn parse(path: &Path, text: Arc<Text>) -> Result<ReadFile, Vec<Diagnostic>> {
    let parsed = schema::parse(&text)?;
    Ok(ReadFile { parsed, text, folder: folder_of(path) })
}

/// The folder that relative paths in a file start from.
fn folder_of(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).to_owned()
}

/// Reads every config entry of a file, or of a folder's `.hcl`, `.json` and `.toml` files in the order of their names.
/// A `gw.toml` among them is none. The accepted entries, then all that is wrong with the others.
pub fn read_entries(path: &Path) -> (Vec<Decoded>, Vec<Diagnostic>) {
    let files = match entry_files(path) {
        Ok(files) => files,
        Err(e) => return (Vec::new(), vec![e]),
    };
    let (mut decoded, mut problems) = (Vec::new(), Vec::new());
    for file in files {
        match read_text(&file) {
            Ok(text) => {
                let (good, bad) = entry::read(&text, syntax_of(&file));
                decoded.extend(good);
                problems.extend(bad);
            }
            Err(e) => problems.push(e),
        }
    }
    (decoded, problems)
}

/// The syntax that a file's name says; what has no known ending is HCL, in which JSON is recognised by its brace.
pub fn syntax_of(path: &Path) -> Syntax {
    match ending(path).as_deref() {
        Some("json") => Syntax::Json,
        Some("toml") => Syntax::Toml,
        _ => Syntax::Hcl,
    }
}

/// What a file's name ends with, in lower case.
fn ending(path: &Path) -> Option<String> {
    path.extension().and_then(|e| e.to_str()).map(str::to_lowercase)
}

fn entry_files(path: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let listing = std::fs::read_dir(path).map_err(|e| unreadable(path, &e))?;
    let mut files = Vec::new();
    for item in listing {
        let file = item.map_err(|e| unreadable(path, &e))?.path();
        let gateways = file.file_name().is_some_and(|n| n == NAME);
        if !gateways && may_hold_entries(&file) && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a file of a folder of entries is read, as far as its name tells.
fn may_hold_entries(file: &Path) -> bool {
    let hidden = file.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
    !hidden && matches!(ending(file).as_deref(), Some("hcl" | "json" | "toml"))
}

/// Reads a text, which has to be UTF-8.
pub fn read_text(path: &Path) -> Result<Arc<Text>, Diagnostic> {
    let content = std::fs::read(path).map_err(|e| unreadable(path, &e))?;
    let origin = path.display().to_string();
    match String::from_utf8(content) {
        Ok(content) => Ok(Arc::new(Text { origin, content })),
        Err(e) => {
            Err(Diagnostic::error("GW0002", format!("{origin} is not UTF-8: byte {} begins no character", e.utf8_error().valid_up_to())))
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error("GW0001", format!("cannot read {}: {error}", path.display()))
}
