//! The one loop by which everything comes into effect: files that changed, somebody who asks for them to be read again, and checks
//! that changed their mind. One after the other, each upon what the one before left.

use std::sync::mpsc::SyncSender;
use std::time::Duration;

use tokio::time::Instant;

use super::certs::Keeping;
use super::metrics::{ReloadResult, Reloads};
use super::reload::{Cause, Desk, Refused, Reload, Told};
use crate::admin::Reloaded;
use crate::check::{Checks, Found};
use crate::rt::log::with_causes;
use crate::rt::signal::Shutdown;
use crate::source::consul::follow::Following;
use crate::source::file::Changes;

/// How often it is looked whether workers have let go of what was replaced.
const RELEASE: Duration = Duration::from_millis(500);
/// The shortest time between two publications of what checks found: instances that fall together are one change.
const TOGETHER: Duration = Duration::from_millis(50);

/// The shortest time between two publications of what Consul says: the first change goes through at once.
const COALESCED: Duration = Duration::from_millis(50);

/// What is published, and what that hangs on.
pub(super) struct Publishing {
    pub(super) desk: Desk,
    pub(super) changes: Option<Changes>,
    /// The Consul that is followed in place of files.
    pub(super) following: Option<Following>,
    pub(super) asked: Reload,
    pub(super) tell: SyncSender<Told>,
    pub(super) shutdown: Shutdown,
    /// Told which leaves are those of what is served.
    pub(super) keeping: Keeping,
    /// Told what comes of each reading.
    pub(super) reloads: Reloads,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug)]
enum Next {
    Read(Cause),
    Heal,
    Release,
}

/// What came of it.
#[derive(Debug)]
struct Done {
    told: Option<Told>,
    /// Files are to be looked at again when all is quiet.
    again: bool,
    /// Nothing that was replaced is in use any more.
    released: bool,
}

impl Publishing {
    /// Publishes until the thread ends, also in the drain, for a deny concerns who is still connected. What is told ends with the run.
    /// Reading and compiling happen on a thread of their own: neither a request nor an admin page waits for
    /// them.
    pub(super) async fn run(self, checks: Checks) {
        let Self { mut desk, changes, following, asked, tell, shutdown, keeping, reloads } = self;
        let mut tell = Some(tell);
        let (mut released, mut heal_from, mut hear_from) = (true, Instant::now(), Instant::now());
        checks.follow(desk.said());
        keeping.keep(desk.identities().iter());
        loop {
            let next = tokio::select! {
                biased;
                () = shutdown.triggered(), if tell.is_some() => {
                    tell = None;
                    desk.drain();
                    continue;
                }
                () = found(&checks, heal_from) => Next::Heal,
                () = asked.asked() => Next::Read(Cause::Asked),
                settled = heard(changes.as_ref()) => Next::Read(Cause::Heard { settled }),
                () = told(following.as_ref(), hear_from) => Next::Read(Cause::Heard { settled: true }),
                () = tokio::time::sleep(RELEASE), if !released => Next::Release,
            };
            let waiting = if matches!(next, Next::Read(Cause::Asked)) { asked.waiting() } else { Vec::new() };
            let (start, generation, found) = (Instant::now(), desk.generation(), checks.found());
            let work = move || {
                let done = perform(&mut desk, next, &found);
                (desk, done)
            };
            let Ok((back, done)) = tokio::task::spawn_blocking(work).await else {
                return say(tell.as_ref(), Some(Told::Refused { why: Refused::Bug, generation }));
            };
            (desk, released) = (back, done.released);
            if matches!(next, Next::Read(_)) {
                let reloaded = reloaded(&desk, generation, &done, &reloads);
                waiting.into_iter().for_each(|waits| drop(waits.send(reloaded.clone())));
            }
            if matches!(next, Next::Read(_)) && desk.generation() != generation {
                checks.follow(desk.said());
            }
            if matches!(next, Next::Read(_)) {
                // Also if nothing else is served: the CA may be another one.
                keeping.keep(desk.identities().iter());
            }
            match next {
                Next::Read(_) => {
                    rest(changes.as_ref(), start.elapsed(), done.again);
                    hear_from = Instant::now() + COALESCED.max(start.elapsed());
                }
                Next::Heal => heal_from = Instant::now() + TOGETHER,
                Next::Release => {}
            }
            say(tell.as_ref(), done.told);
        }
    }
}

/// Counts what came of a reading, for who asked for it.
fn reloaded(desk: &Desk, before: u64, done: &Done, reloads: &Reloads) -> Reloaded {
    let (generation, why) = (desk.generation(), desk.refused());
    let result = match &done.told {
        Some(Told::NoFiles) => None,
        // It is looked at once more, and counts then.
        None if done.again && generation == before => None,
        _ if why.is_some() => Some(ReloadResult::Refused),
        _ if generation != before => Some(ReloadResult::Changed),
        _ => Some(ReloadResult::Same),
    };
    if let Some(result) = result {
        reloads.count(result);
    }
    Reloaded { schema: "gw.reload/v1", result: result.map_or("nothing", ReloadResult::as_str), generation, why }
}

fn perform(desk: &mut Desk, next: Next, found: &Found) -> Done {
    let (told, again) = match next {
        Next::Read(cause) => desk.reload(cause, found),
        Next::Heal => {
            desk.heal(found);
            (None, false)
        }
        Next::Release => (None, false),
    };
    Done { told, again, released: desk.release() }
}

/// Resolves when checks have found something else, and the last time is long enough ago.
async fn found(checks: &Checks, from: Instant) {
    tokio::time::sleep_until(from).await;
    checks.changed().await;
}

/// Resolves when files are worth reading: whether they have settled.
async fn heard(changes: Option<&Changes>) -> bool {
    match changes {
        Some(changes) => changes.next().await,
        None => std::future::pending().await,
    }
}

/// Resolves when Consul says something else, and the last time is long enough ago.
async fn told(following: Option<&Following>, from: Instant) {
    match following {
        Some(following) => {
            tokio::time::sleep_until(from).await;
            following.changed().await;
        }
        None => std::future::pending().await,
    }
}

/// Nobody waits for one who does not read what he is told. In the drain nobody reads it, and what is refused stands in the log.
fn say(tell: Option<&SyncSender<Told>>, told: Option<Told>) {
    match (tell, told) {
        (Some(tell), Some(told)) => drop(tell.try_send(told)),
        (None, Some(Told::Refused { why, .. })) => tracing::error!("what the files say is not in effect: {}", with_causes(&why)),
        (_, _) => {}
    }
}

/// Files were read, which took so long.
fn rest(changes: Option<&Changes>, took: Duration, again: bool) {
    let Some(changes) = changes else { return };
    changes.rest(took);
    if again {
        changes.again();
    }
}
