//! Taking up changes while everything goes on: files are read anew, judged, compiled and published, or refused as a whole; what
//! checks found is laid over what was read last.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use super::files::{Files, Unreadable};
use super::from_consul::ConsulSource;
use super::generations::Cause as Makes;
use super::origin::{Gateways, OriginError};
use super::run::StartError;
use super::served::{Changed, Served};
use super::world::{Held, Note, Places};
use crate::admin::{Reloaded, Standing};
use crate::check::Found;
use crate::decide::compile::keys;
use crate::model::gateway::{Certificate, Identity};
use crate::model::level::Level;
use crate::model::resources::Resources;
use crate::rt::log::with_causes;
use crate::source::diagnostic::Diagnostic;
use crate::source::file::{self, Changes, Unwatched, Watch};

/// What became of files that changed, or that were to be read again.
#[derive(Debug)]
pub enum Told {
    /// They are in effect.
    Changed {
        /// What changed.
        changed: Changed,
        /// Findings and warnings that there were none of before.
        notes: Vec<Diagnostic>,
        /// From the first byte read to the last order given.
        took: Duration,
    },
    /// They say what is in effect already.
    Same {
        /// The generation that goes on serving.
        generation: u64,
    },
    /// They are refused, and nothing has changed.
    Refused {
        /// Why.
        why: Refused,
        /// The generation that goes on serving.
        generation: u64,
    },
    /// There are none: what is served comes from the command line.
    NoFiles,
    /// They are read again only when one asks for it.
    Unwatched(Unwatched),
}

/// Why what the files say is not served.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// They are refused.
    #[error(transparent)]
    Files(#[from] Unreadable),
    /// It cannot be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A bug, which has ended reloading.
    #[error("a bug in reading or compiling: no file is read and no check is heard any more before a restart")]
    Bug,
}

/// Asks for the files to be read again.
#[derive(Clone, Debug, Default)]
pub struct Reload(Arc<Asking>);

#[derive(Debug, Default)]
struct Asking {
    asked: Notify,
    /// Who wants to know what came of it.
    waiting: Mutex<Vec<oneshot::Sender<Reloaded>>>,
}

impl Reload {
    /// Asks. Several that ask at once are one.
    pub fn ask(&self) {
        self.0.asked.notify_one();
    }

    /// Asks, to be told what came of it.
    pub(super) fn ask_and_hear(&self) -> oneshot::Receiver<Reloaded> {
        let (tell, told) = oneshot::channel();
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(tell);
        self.ask();
        told
    }

    /// Resolves when somebody asks.
    pub(super) async fn asked(&self) {
        self.0.asked.notified().await;
    }

    /// Those who have asked by now, and wait.
    pub(super) fn waiting(&self) -> Vec<oneshot::Sender<Reloaded>> {
        std::mem::take(&mut *self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Why files are read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Somebody asked, and wants an answer whatever it is.
    Asked,
    /// Something happened to them; `settled`: and is over.
    Heard { settled: bool },
}

impl Cause {
    /// What it is called where generations are told, by where they come from.
    const fn of(self, source: Makes) -> Makes {
        match self {
            Self::Asked => Makes::Asked,
            Self::Heard { .. } => source,
        }
    }
}

/// Where what is served comes from; neither: from the command line.
#[derive(Debug, Default)]
pub(super) struct From {
    pub(super) files: Option<Files>,
    pub(super) consul: Option<ConsulSource>,
}

/// What is served, and what it is read from.
#[derive(Debug)]
pub(super) struct Desk {
    files: Option<Files>,
    consul: Option<ConsulSource>,
    watch: Option<Watch>,
    followed: Vec<PathBuf>,
    served: Served,
    standing: Arc<Mutex<Standing>>,
    /// The same for questions.
    held: Held,
    /// The notes of the last time, without their places, which move.
    noted: Vec<(&'static str, String)>,
    /// What was said of files of keys that cannot be used.
    unusable: Vec<String>,
}

impl Desk {
    /// Begins to follow the files, if there are any, and if the system tells of changes.
    pub(super) fn new(
        from: From,
        served: Served,
        standing: Arc<Mutex<Standing>>,
        held: Held,
    ) -> (Self, Option<Changes>, Option<Unwatched>) {
        let From { files, consul } = from;
        let of_files = files.as_ref().map(|f| f.first().to_vec());
        let followed = of_files.or_else(|| consul.as_ref().map(ConsulSource::files)).unwrap_or_default();
        let noted = files.as_ref().map(|f| f.first_notes().to_vec()).unwrap_or_default();
        let mut desk = Self { files, consul, watch: None, followed, served, standing, held, noted, unusable: Vec::new() };
        desk.hold_first();
        desk.stand(None, Makes::Start);
        desk.say_unusable(Cause::Asked);
        if desk.followed.is_empty() {
            return (desk, None, None);
        }
        match file::watch() {
            Ok((watch, changes)) => {
                desk.watch = Some(watch);
                let failed = desk.follow().err();
                desk.missed();
                (desk, Some(changes), failed)
            }
            Err(failed) => (desk, None, Some(failed)),
        }
    }

    /// Looks whether the files changed between the first reading of them and the first watch.
    fn missed(&self) {
        if let (Some(watch), Some(files)) = (&self.watch, &self.files) {
            watch.missed_since(files.first_read());
        }
    }

    /// The generation that is in effect.
    pub(super) const fn generation(&self) -> u64 {
        self.served.generation()
    }

    /// Why what the files say by now is not in effect, if it is not.
    pub(super) fn refused(&self) -> Option<String> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).refused.clone()
    }

    /// What the source says of each gateway.
    pub(super) fn said(&self) -> impl Iterator<Item = &Resources> {
        self.served.said()
    }

    /// What the gateways show to the mesh: their own leaves, and those of the services they speak for. None of them are Consul's to renew.
    pub(super) fn identities(&self) -> Vec<Identity> {
        if self.consul.is_some() {
            return Vec::new();
        }
        let own = self.said().filter_map(|resources| resources.gateway.identity.clone());
        let linked = self.said().filter_map(|resources| keys(resources).0).flat_map(|inbound| {
            let roots = inbound.roots;
            inbound.leaves.into_iter().map(move |leaf| Identity { cert: leaf.cert, key: leaf.key, roots: roots.clone() })
        });
        own.chain(linked).collect()
    }

    /// Frees what was replaced. False: a worker still uses some of it.
    pub(super) fn release(&mut self) -> bool {
        self.served.release()
    }

    /// The drain has begun.
    pub(super) const fn drain(&mut self) {
        self.served.drain();
    }

    /// Publishes what the checks have found.
    pub(super) fn heal(&mut self, found: &Found) {
        if let Err(why) = self.served.heal(found) {
            tracing::error!("what checks found is not in effect: {}", with_causes(&why));
        }
        self.held.change().serve(self.served.found(), Makes::Checks);
    }

    /// Reads, judges, compiles and publishes. What is to be told, and whether to look again when all is quiet.
    pub(super) fn reload(&mut self, cause: Cause, found: &Found) -> (Option<Told>, bool) {
        if self.consul.is_some() {
            drop(self.follow());
            return (self.take_up(cause, found), false);
        }
        let start = Instant::now();
        // First of all, so that what changes while it is read is heard.
        drop(self.follow());
        let Some(files) = &mut self.files else { return (Some(Told::NoFiles), false) };
        let read = files.read();
        let paths = match &read {
            Ok(read) => read.read.clone(),
            // What is refused may name something that is not there yet; what is served still holds.
            Err(_) => [files.places(), self.followed.clone()].concat(),
        };
        let elsewhere = self.follow_now(paths);
        let generation = self.served.generation();
        match read.map_err(Refused::from).and_then(|read| self.serve(read, found)) {
            Ok((Some(changed), notes)) => {
                self.stand(None, cause.of(Makes::Files));
                let took = start.elapsed();
                (Some(Told::Changed { changed, notes, took }), elsewhere | self.say_unusable(cause))
            }
            Ok((None, _)) => {
                let recovered = self.stand(None, cause.of(Makes::Files));
                let told = Some(Told::Same { generation }).filter(|_| cause == Cause::Asked || recovered);
                (told, elsewhere | self.say_unusable(cause))
            }
            // The rest of it may be on its way.
            Err(_) if cause == Cause::Heard { settled: false } => (None, true),
            Err(why) => {
                let new = self.stand(Some(why.in_short()), cause.of(Makes::Files));
                (Some(Told::Refused { why, generation }).filter(|_| cause == Cause::Asked || new), elsewhere)
            }
        }
    }

    /// Serves what Consul says by now. Told are changes of listeners alone: what else changes is the ordinary course of a mesh.
    fn take_up(&mut self, cause: Cause, found: &Found) -> Option<Told> {
        let start = Instant::now();
        let consul = self.consul.as_mut()?;
        let generation = self.served.generation();
        let read = consul.read().map_err(|why| Refused::from(StartError::from(why)));
        let certificates = consul.certificates();
        let done = read.and_then(|resources| Ok(self.served.replace(resources, &certificates, found)?));
        match done {
            Ok(changed) => {
                consul.want(self.served.needs());
                self.held.change().notes = consul.notes().to_vec();
                self.stand(None, cause.of(Makes::Consul));
                self.say_unusable(cause);
                let took = start.elapsed();
                let moved = |c: &Changed| !(c.added.is_empty() && c.changed.is_empty() && c.removed.is_empty());
                match changed {
                    Some(changed) if cause == Cause::Asked || moved(&changed) => Some(Told::Changed { changed, notes: Vec::new(), took }),
                    Some(changed) => {
                        tracing::debug!(generation = changed.generation, took = took.as_millis(), "what Consul says is in effect");
                        None
                    }
                    None => Some(Told::Same { generation }).filter(|_| cause == Cause::Asked),
                }
            }
            Err(why) => self.stand(Some(why.in_short()), cause.of(Makes::Consul)).then_some(Told::Refused { why, generation }),
        }
    }

    /// Says once which files of keys cannot be used. Whether that is to be seen when all is quiet: of a key and its certificate one is
    /// always written first.
    fn say_unusable(&mut self, cause: Cause) -> bool {
        let unusable = self.served.unusable();
        let mut new = unusable.iter().filter(|why| !self.unusable.contains(why)).peekable();
        if new.peek().is_some() && cause == (Cause::Heard { settled: false }) {
            return true;
        }
        new.for_each(|why| tracing::warn!("{why}"));
        self.unusable = unusable;
        false
    }

    /// What changed, with the notes that are new.
    fn serve(&mut self, read: Gateways, found: &Found) -> Result<(Option<Changed>, Vec<Diagnostic>), Refused> {
        let changed = self.served.replace(read.resources, &read.certificates, found)?;
        self.hold(read.certificates, read.notes.iter().map(Note::of).collect());
        let noted = read.notes.iter().map(|n| (n.code, n.message.clone())).collect();
        let before = std::mem::replace(&mut self.noted, noted);
        let new = |n: &Diagnostic| !before.iter().any(|(code, message)| *code == n.code && *message == n.message);
        Ok((changed, read.notes.into_iter().filter(new).collect()))
    }

    /// Follows what the files name by now. Whether there is a folder among it that nobody watched while it was read.
    fn follow_now(&mut self, mut paths: Vec<PathBuf>) -> bool {
        paths.sort();
        paths.dedup();
        let same = paths == self.followed;
        self.followed = paths;
        !same && self.follow().unwrap_or(false)
    }

    fn follow(&mut self) -> Result<bool, Unwatched> {
        self.watch.as_mut().map_or(Ok(false), |watch| watch.follow(&self.followed))
    }

    /// Says to admin how things stand. Whether that is new.
    fn stand(&self, refused: Option<String>, cause: Makes) -> bool {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let new = standing.refused != refused;
        *standing = Standing { gateways: self.served.gateways(), refused: refused.clone() };
        drop(standing);
        let mut held = self.held.change();
        held.serve(self.served.found(), cause);
        held.refuse(refused, cause);
        new
    }

    /// What is told of what was read at the start.
    fn hold_first(&self) {
        let mut held = self.held.change();
        if let Some(files) = &self.files {
            (held.places, held.notes) = (files.rules(), files.first_told().to_vec());
            held.certificates = files.first_certificates().to_vec();
        }
        if let Some(consul) = &self.consul {
            held.places = Places::Consul(consul.following());
            held.notes = consul.notes().to_vec();
        }
    }

    /// The same of what was read again, and is served.
    fn hold(&self, certificates: Vec<Certificate>, notes: Vec<Note>) {
        let mut held = self.held.change();
        (held.certificates, held.notes) = (certificates, notes);
        if let Some(files) = &self.files {
            held.places = files.rules();
        }
    }
}

impl Refused {
    /// In a sentence.
    fn in_short(&self) -> String {
        match self {
            Self::Files(Unreadable::Origin(OriginError::Files(problems))) => {
                let all: Vec<String> = problems.iter().filter(|p| p.level == Level::Error).map(in_short).collect();
                all.join("; ")
            }
            other => with_causes(other),
        }
    }
}

fn in_short(problem: &Diagnostic) -> String {
    let place = problem.place.as_ref().zip(problem.line_column());
    let place = place.map(|((text, _), (line, column))| format!("{}:{line}:{column}: ", text.origin)).unwrap_or_default();
    format!("{place}[{}] {}", problem.code, problem.message)
}
