//! The access records of a gateway, one after the other.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(20);

/// Those of one gateway.
pub(crate) struct Records {
    file: PathBuf,
    seen: usize,
}

impl Records {
    pub(crate) fn in_file(file: &Path) -> Self {
        Self { file: file.to_owned(), seen: 0 }
    }

    /// The next one; it may be written a moment after what it is of has ended.
    pub(crate) fn next(&mut self, of: &str) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let text = std::fs::read_to_string(&self.file).unwrap_or_default();
            let mut whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
            if let Some(line) = whole.nth(self.seen) {
                self.seen += 1;
                return serde_json::from_str(line).expect("a record");
            }
            assert!(Instant::now() < until, "{of}: no record {} in {}:\n{text}", self.seen + 1, self.file.display());
            std::thread::yield_now();
        }
    }

    /// Those that came and were not taken.
    pub(crate) fn left(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        text.lines().skip(self.seen).map(|line| serde_json::from_str(line).expect("a record")).collect()
    }
}
