//! Config entries for the one who writes them: everything that is wrong with them, entries to begin with, other syntaxes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::load;
use super::served::without_files;
use crate::decide::code::Code;
use crate::decide::compile::compile;
use crate::decide::graph::{self, Change};
use crate::model::entry::{EntryKind, IntentionAction};
use crate::model::resources::Rejected;
use crate::source::diagnostic::Text;
use crate::source::entry::{self, Decoded, near};
use crate::source::file::{self, Configuration, ReadFile};

pub use crate::model::level::Level;
pub use crate::source::diagnostic::Diagnostic;
pub use crate::source::entry::Syntax;

/// Every code of what can be wrong with files, entries and sets of entries, with what it means, in order.
pub fn codes() -> Vec<(&'static str, &'static str)> {
    let of_sets = [
        ("GW0007", "there is no entry to convert, or more than the syntax has a place for"),
        ("GW0501", "two entries of one kind and name"),
        ("GW0502", "an entry that is accepted, and that the gateway runs without"),
        ("GW0503", "a listener that begins with TLS, and no certificate"),
        ("GW0504", "a certificate that cannot be used"),
        ("GW0505", "a protocol of proxy-defaults that is none"),
        ("GW0506", "a service that entries name, and that gw.toml does not have"),
        ("GW0507", "an identity that the mesh would not trust"),
        ("GW0508", "an instance with a sidecar, and no [certs]"),
        ("GW0509", "a terminating gateway, and no [certs]"),
        ("GW0510", "an entry of Consul's that gw cannot read"),
    ];
    let mut codes = [file::CODES, entry::codes::ALL, graph::codes::ALL, &of_sets].concat();
    codes.sort_unstable();
    codes
}

/// Of codes of answers and of findings those that may be meant.
pub fn near_codes(word: &str) -> Vec<&'static str> {
    let of_findings = codes().into_iter().map(|(code, _)| code);
    near(word, Code::ALL.iter().map(|code| code.as_str()).chain(of_findings))
}

/// What is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A file of entries, a folder of them, or a `gw.toml`.
    Path(PathBuf),
    /// What stdin said.
    Stdin(String),
}

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// All that is wrong, sorted by file and place.
    pub problems: Vec<Diagnostic>,
    /// How many entries were read without error.
    pub entries: usize,
    /// How many gateways were read without error.
    pub gateways: usize,
}

impl Checked {
    /// How many problems are of a level.
    pub fn count(&self, level: Level) -> usize {
        self.problems.iter().filter(|p| p.level == level).count()
    }
}

/// Checks entries one by one and all together as one set, and every `gw.toml` with the entries it names.
pub fn validate(inputs: &[Input]) -> Checked {
    let whole = |input: &Input| matches!(input, Input::Path(path) if path.is_dir() || file::is_gateway_file(path));
    let mut reader = Reader { alone: !inputs.iter().any(whole), ..Reader::default() };
    reader.read(inputs);
    reader.check()
}

/// The entries of inputs, each accepted for itself, and what is wrong with the others. Whether they fit together is not looked at.
pub(super) fn read(inputs: &[Input]) -> (Vec<Decoded>, Vec<Diagnostic>) {
    let mut reader = Reader::default();
    reader.read(inputs);
    (reader.decoded, reader.problems)
}

/// That an entry is written.
pub(super) fn write(decoded: &Decoded) -> Change<'_> {
    decoded.entry.as_ref().map_or(Change::WriteOther(decoded.kind, &decoded.name), Change::Write)
}

/// The kinds that can be written, and have an entry to begin with.
pub fn kinds() -> Vec<&'static str> {
    let kinds = EntryKind::ALL.iter().filter(|kind| entry::starter(**kind, "x").is_some());
    kinds.map(|kind| kind.as_str()).collect()
}

/// An entry of a kind to begin with, in HCL with comments. `None` for a kind that nobody can write.
pub fn starter(kind: &str, name: &str) -> Option<String> {
    entry::starter(EntryKind::parse(kind)?, name)
}

/// Entries in another syntax, as Consul would store them.
pub fn convert(input: &Input, to: Syntax) -> Result<String, Vec<Diagnostic>> {
    let (decoded, problems) = match input {
        Input::Path(path) => file::read_entries(path),
        Input::Stdin(content) => entry::read(&stdin_text(content), Syntax::Hcl),
    };
    if !problems.is_empty() {
        return Err(problems);
    }
    let one = |print: fn(&Value) -> String| match decoded.as_slice() {
        [only] => Ok(print(&only.stored())),
        [] => Err(vec![Diagnostic::error("GW0007", "there is no entry to convert")]),
        _ => {
            let message = format!("there are {} entries, and only JSON has a place for several", decoded.len());
            Err(vec![Diagnostic::error("GW0007", message).help("convert one file at a time, or --to json")])
        }
    };
    match to {
        Syntax::Hcl => one(entry::to_hcl),
        Syntax::Toml => one(entry::to_toml),
        Syntax::Json if decoded.len() > 1 => {
            let all: Value = decoded.iter().map(|d| d.stored()).collect();
            Ok(format!("{all:#}\n"))
        }
        Syntax::Json => one(|entry| format!("{entry:#}\n")),
    }
}

fn stdin_text(content: &str) -> Arc<Text> {
    Arc::new(Text { origin: "-".to_owned(), content: content.to_owned() })
}

/// Reads everything before anything is checked, since entries of all inputs are one set.
#[derive(Default)]
struct Reader {
    decoded: Vec<Decoded>,
    files: Vec<(PathBuf, ReadFile, Configuration)>,
    seen: BTreeSet<PathBuf>,
    /// Whether nothing but files and stdin were given, no folder that could be the whole set.
    alone: bool,
    gateways: usize,
    problems: Vec<Diagnostic>,
}

impl Reader {
    fn read(&mut self, inputs: &[Input]) {
        for input in inputs {
            match input {
                Input::Stdin(content) => self.entries(entry::read(&stdin_text(content), Syntax::Hcl)),
                Input::Path(path) => self.path(path),
            }
        }
    }

    fn path(&mut self, path: &Path) {
        if path.is_dir() {
            let (decoded, problems) = file::read_entries(path);
            let beside = path.join(file::NAME);
            if decoded.is_empty() && problems.is_empty() && !beside.is_file() {
                let message = format!("no entries found in {}", path.display());
                self.problems
                    .push(Diagnostic::error("GW0010", message).help("entries are in .hcl, .json and .toml files of the folder itself"));
            }
            self.entries((decoded, problems));
            if beside.is_file() {
                self.gateway_file(&beside);
            }
        } else if file::is_gateway_file(path) {
            self.gateway_file(path);
        } else {
            self.entries(file::read_entries(path));
        }
    }

    /// Takes what was read, but for files that were read before: a folder and the `gw.toml` that names it are often given together.
    fn entries(&mut self, (decoded, problems): (Vec<Decoded>, Vec<Diagnostic>)) {
        let is_new = |text: &Text| !self.seen.contains(&real_path(text));
        let decoded: Vec<Decoded> = decoded.into_iter().filter(|d| is_new(&d.source.text)).collect();
        let problems: Vec<Diagnostic> = problems.into_iter().filter(|p| p.place.as_ref().is_none_or(|(text, _)| is_new(text))).collect();
        let texts = decoded.iter().map(|d| &d.source.text).chain(problems.iter().filter_map(|p| p.place.as_ref().map(|(text, _)| text)));
        let read: Vec<PathBuf> = texts.map(|text| real_path(text)).collect();
        self.seen.extend(read);
        self.decoded.extend(decoded);
        self.problems.extend(problems);
    }

    /// A `gw.toml`, with the entries it names.
    fn gateway_file(&mut self, path: &Path) {
        let read = match file::read(path) {
            Ok(read) => read,
            Err(problems) => return self.problems.extend(problems),
        };
        match file::convert(&read) {
            Ok(configuration) => {
                configuration.entries.iter().for_each(|folder| self.entries(file::read_entries(folder)));
                self.gateways += configuration.gateways.len();
                self.files.push((path.to_owned(), read, configuration));
            }
            Err(problems) => self.problems.extend(problems),
        }
    }

    fn check(mut self) -> Checked {
        let decoded: Vec<&Decoded> = self.decoded.iter().collect();
        let default = self.files.first().map(|(_, _, configuration)| configuration.default_action);
        let (entries, more) = load::check_set(&decoded, default.unwrap_or(IntentionAction::Deny));
        self.problems.extend(more);
        if self.alone && decoded.len() == 1 {
            self.problems.iter_mut().filter(|p| CURABLE.contains(&p.code)).for_each(alone);
        }
        let of_files = self.files.iter().flat_map(|(_, read, configuration)| load::check_file(read, configuration, &decoded, &entries));
        let of_files: Vec<Diagnostic> = of_files.collect();
        self.problems.extend(of_files);
        let sound = self.problems.iter().all(|p| p.level != Level::Error);
        if sound {
            let left_out = self.files.iter().flat_map(|(path, read, _)| left_out(path, read, &self.decoded)).collect::<Vec<_>>();
            self.problems.extend(left_out);
        }
        load::sort(&mut self.problems);
        Checked { problems: self.problems, entries: self.decoded.len(), gateways: self.gateways }
    }
}

/// What other entries can set right, such as service-defaults that say http.
const CURABLE: [&str; 6] = [
    graph::codes::INCONSISTENT_PROTOCOLS,
    graph::codes::NO_ADVANCED_ROUTING,
    graph::codes::MISSING_SUBSET,
    graph::codes::LISTENER_PROTOCOL,
    graph::codes::PERMISSIONS_ON_TCP,
    graph::codes::NO_JWT_PROVIDER,
];

/// One entry by itself is no set that could be refused: a Consul may well have what it needs.
fn alone(problem: &mut Diagnostic) {
    problem.level = Level::Warning;
    problem.help.push("this entry was checked alone; give the folder of all entries, and it is an error if it still is so".to_owned());
}

/// The file itself, however its path is spelled.
fn real_path(text: &Text) -> PathBuf {
    Path::new(&text.origin).canonicalize().unwrap_or_else(|_| PathBuf::from(&text.origin))
}

/// What the gateways of a `gw.toml` would run without: entries that are accepted, and that no gateway can serve.
fn left_out(path: &Path, read: &ReadFile, decoded: &[Decoded]) -> Vec<Diagnostic> {
    let Ok(loaded) = load::load(path, &[]) else { return Vec::new() };
    let rejected = loaded.gateways.iter().flat_map(|(_, resources)| [compile(resources).rejected, without_files(resources)].concat());
    rejected.map(|rejected| placed(&rejected, read, decoded)).collect()
}

fn placed(rejected: &Rejected, file: &ReadFile, decoded: &[Decoded]) -> Diagnostic {
    let message = format!("not all of {} can be served: {}", rejected.what, rejected.why);
    let diagnostic = Diagnostic::error("GW0502", message).level(Level::Finding);
    let written = decoded.iter().find(|d| d.entry.as_ref().is_some_and(|e| e.entry_ref() == rejected.what));
    match written {
        Some(d) => diagnostic.at(&d.source.text, d.source.find("Name")),
        None => diagnostic.at(&file.text, 0..0),
    }
}
