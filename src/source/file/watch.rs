//! Hearing that files changed. It says only that they are worth reading: whether they say anything new, their content tells.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use super::places::Places;
use super::settle::{Happened, Settling};

/// The system does not tell of changes.
#[derive(Debug, thiserror::Error)]
#[error("the system does not tell of changes of files")]
pub struct Unwatched(#[from] notify::Error);

/// What is watched.
#[derive(Debug)]
pub struct Watch {
    watcher: RecommendedWatcher,
    shared: Arc<Shared>,
    folders: BTreeSet<PathBuf>,
}

/// What was heard.
#[derive(Clone, Debug)]
pub struct Changes(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Seen>,
    bell: Notify,
}

#[derive(Debug, Default)]
struct Seen {
    places: Places,
    settling: Settling,
}

/// Begins to watch; nothing yet.
pub fn watch() -> Result<(Watch, Changes), Unwatched> {
    let shared = Arc::new(Shared::default());
    let heard = shared.clone();
    let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| heard.hear(event))?;
    Ok((Watch { watcher, shared: shared.clone(), folders: BTreeSet::new() }, Changes(shared)))
}

impl Watch {
    /// Watches these files and folders of entries, in place of those before. To be called again after each change, for a path
    /// may lead elsewhere by then, or a folder be another one of the same name. Whether a folder is new.
    pub fn follow(&mut self, paths: &[PathBuf]) -> Result<bool, Unwatched> {
        let places = Places::of(paths);
        let folders = places.folders.clone();
        self.shared.seen().places = places;
        let mut failed = None;
        for folder in &folders {
            match self.watcher.watch(folder, RecursiveMode::NonRecursive) {
                Err(e) if !is_gone(&e) => failed = failed.or(Some(e)),
                _ => {}
            }
        }
        for folder in self.folders.difference(&folders) {
            // An error means that it is gone.
            drop(self.watcher.unwatch(folder));
        }
        let new = !folders.is_subset(&self.folders);
        self.folders = folders;
        failed.map_or(Ok(new), |e| Err(e.into()))
    }

    /// Looks whether something changed while nobody watched.
    pub fn missed_since(&self, time: SystemTime) {
        let places = self.shared.seen().places.clone();
        if places.changed_since(time) {
            self.shared.happened(Happened::Something);
        }
    }
}

fn is_gone(error: &notify::Error) -> bool {
    match &error.kind {
        notify::ErrorKind::PathNotFound => true,
        notify::ErrorKind::Io(e) => matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory),
        _ => false,
    }
}

impl Changes {
    /// Waits until files are worth reading. Whether they have settled: if not, what is wrong with them may set itself right, and
    /// [`Changes::again`] asks for another look.
    pub async fn next(&self) -> bool {
        loop {
            let due = self.0.seen().settling.due();
            let timer = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.0.bell.notified() => {}
                () = timer => {}
            }
            if let Some(settled) = self.0.seen().settling.take(Instant::now()) {
                return settled;
            }
        }
    }

    /// They were read, which took so long.
    pub fn rest(&self, took: Duration) {
        self.0.seen().settling.rest(took, Instant::now());
    }

    /// Asks for another look when they have settled.
    pub fn again(&self) {
        self.0.seen().settling.again(Instant::now());
        self.0.bell.notify_one();
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, event: notify::Result<Event>) {
        // An error of the system's, or events that were lost: anything may have happened.
        let happened = match &event {
            Ok(event) if !event.need_rescan() => {
                let concerns = event.paths.iter().any(|path| self.seen().places.concern(path));
                what(event).filter(|happened| concerns || *happened == Happened::Something)
            }
            _ => Some(Happened::Something),
        };
        if let Some(happened) = happened {
            self.happened(happened);
        }
    }

    fn happened(&self, happened: Happened) {
        self.seen().settling.saw(happened, Instant::now());
        self.bell.notify_one();
    }
}

/// What an event means; reading means nothing, and gw reads much.
fn what(event: &Event) -> Option<Happened> {
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both)) => Some(Happened::Complete(event.paths.clone())),
        EventKind::Access(_) => None,
        EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(_) => event.paths.first().cloned().map(Happened::Begun),
        EventKind::Any | EventKind::Other => Some(Happened::Something),
    }
}
