//! What the meaning of paths hangs on: the folders to watch, and the names in them that matter.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::may_hold_entries;

/// As many links in a row as the kernel follows.
const LINKS: usize = 40;
/// How coarse the clock of files may be.
const COARSE: Duration = Duration::from_millis(20);

/// Folders, not files, are watched: a file is replaced by renaming another over it, and a link by renaming another link. A path
/// then means something else, and of the file that it meant nothing is heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// The folders to watch.
    pub(super) folders: BTreeSet<PathBuf>,
    /// What the paths end at, every link on their way, and where a path ends early, what is missing.
    names: HashSet<PathBuf>,
    /// Folders in which every file that may hold entries matters.
    entries: HashSet<PathBuf>,
}

impl Places {
    /// Of files, and of folders of entries.
    pub(super) fn of(paths: &[PathBuf]) -> Self {
        let mut places = Self::default();
        for path in paths {
            if let Some(folder) = places.follow(path).filter(|real| real.is_dir()) {
                places.folder(folder);
            }
        }
        places
    }

    /// Whether it matters that something happened to a path.
    pub(super) fn concern(&self, path: &Path) -> bool {
        let among = |folder: &Path| self.entries.contains(folder) && may_hold_entries(path);
        self.names.contains(path) || self.folders.contains(path) || path.parent().is_some_and(among)
    }

    /// Whether something of it changed at that time or after.
    pub(super) fn changed_since(&self, time: SystemTime) -> bool {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(COARSE);
        // The time of the change itself: a file that is moved here keeps the other one.
        let changed = |path: &Path| {
            let at = path.symlink_metadata().map(|m| (m.ctime(), m.ctime_nsec()));
            at.is_ok_and(|(s, ns)| (s, ns) >= (since.as_secs() as i64, i64::from(since.subsec_nanos())))
        };
        let files = self.entries.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten().map(|item| item.path());
        self.names.iter().any(|path| changed(path)) || files.filter(|file| may_hold_entries(file)).any(|file| changed(&file))
    }

    fn folder(&mut self, folder: PathBuf) {
        self.folders.insert(folder.clone());
        let listing = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let links = listing.filter(|item| item.file_type().is_ok_and(|t| t.is_symlink())).map(|item| item.path());
        for link in links.filter(|path| may_hold_entries(path)) {
            self.follow(&link);
        }
        self.entries.insert(folder);
    }

    /// Walks a path as the kernel does. Where it ends, if it is there.
    fn follow(&mut self, path: &Path) -> Option<PathBuf> {
        let mut ahead = parts(&std::path::absolute(path).ok()?);
        let mut real = PathBuf::from("/");
        let mut links = 0;
        while let Some(part) = ahead.pop_front() {
            if part == ".." {
                real.pop();
                continue;
            }
            let next = real.join(&part);
            let Ok(metadata) = next.symlink_metadata() else {
                self.name(next);
                return None;
            };
            if !metadata.is_symlink() {
                real = next;
                continue;
            }
            links += 1;
            let target = next.read_link().ok().filter(|_| links <= LINKS);
            self.name(next);
            let target = target?;
            if target.is_absolute() {
                real = PathBuf::from("/");
            }
            for part in parts(&target).into_iter().rev() {
                ahead.push_front(part);
            }
        }
        self.name(real.clone());
        Some(real)
    }

    fn name(&mut self, path: PathBuf) {
        self.folders.extend(path.parent().map(Path::to_owned));
        self.names.insert(path);
    }
}

fn parts(path: &Path) -> VecDeque<OsString> {
    let parts = path.components().filter(|c| matches!(c, Component::Normal(_) | Component::ParentDir));
    parts.map(|c| c.as_os_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("gw-places-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path.canonicalize().unwrap())
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(std::fs::remove_dir_all(&self.0));
        }
    }

    #[test]
    fn a_file_hangs_on_every_link_on_its_way() {
        let folder = Folder::new("links");
        let at = |name: &str| folder.0.join(name);
        std::fs::create_dir(at("..one")).unwrap();
        std::fs::write(at("..one/gw.toml"), "").unwrap();
        symlink("..one", at("..data")).unwrap();
        symlink("..data/gw.toml", at("gw.toml")).unwrap();
        let places = Places::of(&[at("gw.toml")]);
        assert_eq!(places.folders, [folder.0.clone(), at("..one")].into());
        for name in ["gw.toml", "..data", "..one/gw.toml"] {
            assert!(places.concern(&at(name)), "{name}");
        }
        for name in ["other.toml", "..one/other", "..two", "access.log"] {
            assert!(!places.concern(&at(name)), "{name}");
        }
    }

    #[test]
    fn a_folder_hangs_on_its_entries_and_where_their_links_lead() {
        let folder = Folder::new("folder");
        let at = |name: &str| folder.0.join(name);
        std::fs::create_dir_all(at("gw.d")).unwrap();
        std::fs::write(at("web.hcl"), "").unwrap();
        symlink("../web.hcl", at("gw.d/web.hcl")).unwrap();
        let places = Places::of(&[at("gw.d")]);
        for name in ["gw.d", "gw.d/new.json", "gw.d/web.hcl", "web.hcl"] {
            assert!(places.concern(&at(name)), "{name}");
        }
        for name in ["gw.d/.web.hcl.swp", "gw.d/notes", "gw.d/web.hcl~", "api.hcl"] {
            assert!(!places.concern(&at(name)), "{name}");
        }
    }

    #[test]
    fn what_is_not_there_hangs_on_the_first_folder_that_is_missing() {
        let folder = Folder::new("missing");
        let places = Places::of(&[folder.0.join("a/b/gw.d")]);
        assert_eq!(places.folders, [folder.0.clone()].into());
        assert!(places.concern(&folder.0.join("a")) && !places.concern(&folder.0.join("b")));
    }

    #[test]
    fn links_in_a_circle_end() {
        let folder = Folder::new("circle");
        symlink("b", folder.0.join("a")).unwrap();
        symlink("a", folder.0.join("b")).unwrap();
        assert!(Places::of(&[folder.0.join("a")]).concern(&folder.0.join("b")));
    }
}
