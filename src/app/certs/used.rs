//! Which datacenters have gateways that run by a folder. Two of them that issued leaves of the same names would overwrite each other's
//! without end: what is another one's stays as long as a gateway of it runs.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;

use super::folder::Folder;

/// That gateways of a datacenter run by a folder, as long as this is there.
#[derive(Debug)]
pub(in crate::app) struct Used {
    folder: Folder,
    datacenter: String,
    /// The system holds the lock as long as the file is open. Without one, in a folder that cannot be written to, nothing is issued.
    _held: Option<File>,
}

impl Used {
    /// From now on; `before` is what was said until now.
    pub(in crate::app) fn by(folder: Folder, datacenter: &str, before: Option<Self>) -> Self {
        if let Some(before) = before.filter(|before| before.folder == folder && before.datacenter == datacenter) {
            return before;
        }
        // Nobody holds it alone but for a moment.
        let held = open(&folder, datacenter).ok().filter(|file| file.lock_shared().is_ok());
        Self { folder, datacenter: datacenter.to_owned(), _held: held }
    }
}

/// Whether gateways of that datacenter run by the folder.
pub(super) fn is_used_by(folder: &Folder, datacenter: &str) -> bool {
    open(folder, datacenter).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

/// The file that stands for a datacenter.
fn open(folder: &Folder, datacenter: &str) -> std::io::Result<File> {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c.to_string() } else { format!("_{:x}", u32::from(c)) };
    let name: String = datacenter.chars().map(plain).collect();
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(folder.file(&format!(".used-{name}")))
}
