//! Config entries for the one who writes them: everything that is wrong with them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::load;
use crate::decide::compile::compile;
use crate::decide::graph;
use crate::model::resources::Rejected;
use crate::source::diagnostic::Text;
use crate::source::entry::{self, Decoded};
use crate::source::file::{self, ReadFile};

pub use crate::source::diagnostic::{Diagnostic, Level};
pub use crate::source::entry::Syntax;

/// Every code of what can be wrong with files, entries and sets of entries, with what it means, in order.
pub fn codes() -> Vec<(&'static str, &'static str)> {
    let of_sets = [
        ("GW0007", "there is no entry to convert, or more than the syntax has a place for"),
        ("GW0501", "two entries of one kind and name"),
        ("GW0502", "an entry that is accepted, and that the gateway runs without"),
    ];
    let mut codes = [file::CODES, entry::codes::ALL, graph::codes::ALL, &of_sets].concat();
    codes.sort_unstable();
    codes
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
    let mut reader = Reader::default();
    for input in inputs {
        match input {
            Input::Stdin(content) => reader.entries(entry::read(&stdin_text(content), Syntax::Hcl)),
            Input::Path(path) => reader.path(path),
        }
    }
    reader.check()
}

fn stdin_text(content: &str) -> Arc<Text> {
    Arc::new(Text { origin: "-".to_owned(), content: content.to_owned() })
}

/// Reads everything before anything is checked, since entries of all inputs are one set.
#[derive(Default)]
struct Reader {
    decoded: Vec<Decoded>,
    files: Vec<PathBuf>,
    gateways: usize,
    problems: Vec<Diagnostic>,
}

impl Reader {
    fn path(&mut self, path: &Path) {
        if path.is_dir() {
            self.entries(file::read_entries(path));
            let beside = path.join(file::NAME);
            if beside.is_file() {
                self.gateway_file(&beside);
            }
        } else if file::is_gateway_file(path) {
            self.gateway_file(path);
        } else {
            self.entries(file::read_entries(path));
        }
    }

    fn entries(&mut self, (decoded, problems): (Vec<Decoded>, Vec<Diagnostic>)) {
        self.decoded.extend(decoded);
        self.problems.extend(problems);
    }

    /// A `gw.toml`, with the entries it names that were not read as inputs of their own.
    fn gateway_file(&mut self, path: &Path) {
        let read = match file::read(path) {
            Ok(read) => read,
            Err(problems) => return self.problems.extend(problems),
        };
        match file::convert(&read) {
            Ok(configuration) => {
                for folder in &configuration.entries {
                    let known: Vec<Arc<Text>> = self.decoded.iter().map(|d| d.source.text.clone()).collect();
                    let (mut decoded, problems) = file::read_entries(folder);
                    decoded.retain(|d| known.iter().all(|k| !same_file(&k.origin, &d.source.text.origin)));
                    let fresh = |p: &Diagnostic| !self.problems.contains(p);
                    let problems = problems.into_iter().filter(fresh).collect();
                    self.entries((decoded, problems));
                }
                self.gateways += configuration.gateways.len();
                self.files.push(path.to_owned());
            }
            Err(problems) => self.problems.extend(problems),
        }
    }

    fn check(mut self) -> Checked {
        let (_, more) = load::check_set(&self.decoded);
        self.problems.extend(more);
        let sound = self.problems.iter().all(|p| p.level != Level::Error);
        if sound {
            let left_out = self.files.iter().flat_map(|path| left_out(path, &self.decoded)).collect::<Vec<_>>();
            self.problems.extend(left_out);
        }
        load::sort(&mut self.problems);
        Checked { problems: self.problems, entries: self.decoded.len(), gateways: self.gateways }
    }
}

/// Two spellings of one file.
fn same_file(a: &str, b: &str) -> bool {
    a == b || matches!((Path::new(a).canonicalize(), Path::new(b).canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// What the gateways of a `gw.toml` would run without: entries that are accepted, and that no gateway can serve.
fn left_out(path: &Path, decoded: &[Decoded]) -> Vec<Diagnostic> {
    let (Ok(loaded), Ok(file)) = (load::load(path, &[]), file::read(path)) else { return Vec::new() };
    let rejected = loaded.gateways.iter().flat_map(|(_, resources)| compile(resources).rejected);
    rejected.map(|rejected| placed(&rejected, &file, decoded)).collect()
}

fn placed(rejected: &Rejected, file: &ReadFile, decoded: &[Decoded]) -> Diagnostic {
    let message = format!("{} is left out: {}", rejected.what, rejected.why);
    let diagnostic = Diagnostic::error("GW0502", message).level(Level::Finding);
    let written = decoded.iter().find(|d| d.entry.as_ref().is_some_and(|e| e.entry_ref() == rejected.what));
    match written {
        Some(d) => diagnostic.at(&d.source.text, d.source.find("Name")),
        None => diagnostic.at(&file.text, 0..0),
    }
}
