//! Files of entries that are read again and again: what did not change is neither read nor judged anew.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{entry_files, read_text, syntax_of};
use crate::model::entry::{ConfigEntry, EntryKind};
use crate::source::diagnostic::{Diagnostic, Text};
use crate::source::entry::{self, Decoded};

/// The files as they were read the last time, in the order of reading.
#[derive(Debug, Default)]
pub struct EntryFiles(Vec<EntryFile>);

#[derive(Debug)]
struct EntryFile {
    path: PathBuf,
    text: Arc<Text>,
    decoded: Vec<Decoded>,
    problems: Vec<Diagnostic>,
}

/// How the accepted entries differ from those of the last time.
#[derive(Debug, Default)]
pub struct Differs {
    /// The kind and name of each that is not there any more, or not as it was.
    pub gone: Vec<(EntryKind, String)>,
    /// Those that are there now.
    pub fresh: Vec<ConfigEntry>,
}

impl EntryFiles {
    /// Reads files and folders. How the accepted entries differ, and all that is wrong with the others.
    pub fn read(&mut self, paths: &[PathBuf]) -> (Differs, Vec<Diagnostic>) {
        let (mut differs, mut problems) = (Differs::default(), Vec::new());
        let mut last: HashMap<PathBuf, EntryFile> = std::mem::take(&mut self.0).into_iter().map(|f| (f.path.clone(), f)).collect();
        let mut seen = Vec::new();
        for path in paths {
            // A folder that the gw.toml names and the command line too is one folder.
            let real = path.canonicalize().unwrap_or_else(|_| path.clone());
            if seen.contains(&real) {
                continue;
            }
            seen.push(real);
            match entry_files(path) {
                Ok(files) => files.iter().for_each(|file| problems.extend(self.file(file, last.remove(file), &mut differs).err())),
                Err(e) => problems.push(e),
            }
        }
        differs.gone.extend(last.values().flat_map(|file| &file.decoded).map(named));
        problems.extend(self.0.iter().flat_map(|file| file.problems.iter().cloned()));
        (differs, problems)
    }

    /// The accepted entries, in the order of reading.
    pub fn decoded(&self) -> impl Iterator<Item = &Decoded> {
        self.0.iter().flat_map(|file| &file.decoded)
    }

    fn file(&mut self, path: &Path, mut last: Option<EntryFile>, differs: &mut Differs) -> Result<(), Diagnostic> {
        let text = read_text(path).inspect_err(|_| differs.gone.extend(last.iter().flat_map(|last| &last.decoded).map(named)))?;
        if let Some(same) = last.take_if(|last| last.text == text) {
            self.0.push(same);
            return Ok(());
        }
        let earlier = last.as_ref().map(|last| last.decoded.as_slice()).unwrap_or_default();
        let read = entry::read_again(&text, syntax_of(path), earlier);
        differs.gone.extend(read.gone.into_iter().map(named));
        differs.fresh.extend(read.fresh.iter().filter_map(|n| read.decoded[*n].entry.clone()));
        self.0.push(EntryFile { path: path.to_owned(), text, decoded: read.decoded, problems: read.problems });
        Ok(())
    }
}

fn named(decoded: &Decoded) -> (EntryKind, String) {
    (decoded.kind, decoded.name.clone())
}
