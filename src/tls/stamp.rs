//! Whether files are still those that were read: of a thousand leaves one is another after most changes, or none.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What was changed so shortly before it was read may be changed again without showing it: the clock of a file goes by steps.
const SETTLED: Duration = Duration::from_secs(1);

/// What is another one after a file was changed or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Of {
    inode: u64,
    changed: (i64, i64),
    length: u64,
}

/// A certificate and its key as they were before they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp(Of, Of);

impl Stamp {
    /// As they are now; `None`: that cannot be said, or they have just changed.
    pub(super) fn of(cert: &Path, key: &Path) -> Option<Self> {
        Some(Self(Of::file(cert)?, Of::file(key)?))
    }
}

impl Of {
    fn file(path: &Path) -> Option<Self> {
        let is = std::fs::metadata(path).ok()?;
        let changed = UNIX_EPOCH + Duration::from_secs(is.ctime().try_into().ok()?);
        let settled = SystemTime::now().duration_since(changed).is_ok_and(|since| since > SETTLED);
        settled.then(|| Self { inode: is.ino(), changed: (is.ctime(), is.ctime_nsec()), length: is.len() })
    }
}
