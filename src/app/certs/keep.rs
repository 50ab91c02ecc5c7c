//! A gateway keeps its own leaves: each is renewed from the CA of its folder between 60 and 90 % of its life, and at once when another
//! CA signs; so is the CA below the root, where the root's key is there. What is written is then taken up as any file that changes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::ending::ending;
use super::error::CertsError;
use super::folder::Folder;
use super::make::{BELOW, file_name};
use super::renew::{self, Renewed, renews_below};
use crate::model::gateway::Identity;
use crate::tls::Moment;

/// The longest time between two looks at the clock, which may be set meanwhile.
const LONGEST: Duration = Duration::from_secs(60);
/// After a failure it is tried again so much later.
const AGAIN: Duration = Duration::from_secs(10);

/// The names of leaves, by the folder that they are in.
type Kept = BTreeMap<Folder, Vec<String>>;

/// Says which leaves are kept.
#[derive(Debug)]
pub(in crate::app) struct Keeping(watch::Sender<Kept>);

/// Keeps them.
#[derive(Debug)]
pub(in crate::app) struct Keeper(watch::Receiver<Kept>);

/// Both ends.
pub(in crate::app) fn keeper() -> (Keeping, Keeper) {
    let (says, keeps) = watch::channel(Kept::new());
    (Keeping(says), Keeper(keeps))
}

impl Keeping {
    /// Keeps the leaves of these identities from now on, and looks at them at once: the CA may be another one.
    pub(in crate::app) fn keep<'a>(&self, identities: impl Iterator<Item = &'a Identity>) {
        let mut kept = Kept::new();
        for identity in identities {
            let (Some(folder), Some(name)) = (identity.cert.parent(), identity.cert.file_stem().and_then(|name| name.to_str())) else {
                continue;
            };
            // A service may be called so, and is then refused with the reason where its leaf is asked for.
            if file_name(name).is_err() {
                continue;
            }
            let names = kept.entry(Folder::at(folder)).or_default();
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        self.0.send_replace(kept);
    }
}

impl Keeper {
    /// Renews until nobody says any more what is kept. Signing and writing happen on a thread of their own.
    pub(in crate::app) async fn run(mut self) {
        let mut told = BTreeSet::new();
        loop {
            let kept = self.0.borrow_and_update().clone();
            let look = move || (round(&kept, &mut told, Moment::now()), told);
            let Ok((pause, so_far)) = tokio::task::spawn_blocking(look).await else {
                tracing::error!("a bug in renewing certificates: none is renewed any more before a restart");
                return;
            };
            told = so_far;
            if matches!(timeout(pause, self.0.changed()).await, Ok(Err(_))) {
                return;
            }
        }
    }
}

/// Renews what is due, and tells once of each CA whose end is near. How long until the next look.
fn round(kept: &Kept, told: &mut BTreeSet<String>, now: Moment) -> Duration {
    let mut pause = LONGEST;
    for (folder, names) in kept.iter().filter(|(folder, _)| folder.signs()) {
        // First: what signs from then on signs the leaves, too. That it cannot be renewed is no reason not to renew them.
        let below = renews_below(folder).then(|| vec![BELOW.to_owned()]);
        for names in below.iter().chain([names]) {
            match kept_up(folder, names, now) {
                Ok(next) => {
                    let wait = next.map_or(i64::MAX, |next| next.0 - now.0).max(1);
                    pause = pause.min(Duration::from_secs(wait.unsigned_abs()));
                }
                Err(why) => {
                    let error: &dyn std::error::Error = &why;
                    tracing::warn!(folder = %folder.path().display(), error, "certificates are not renewed, those there are go on serving");
                    pause = pause.min(AGAIN);
                }
            }
        }
        // What is wrong with the CA was said.
        if let Some(end) = ending(folder, now).ok().flatten().filter(|end| told.insert(end.clone())) {
            tracing::warn!("{end}");
        }
    }
    pause
}

/// The next moment of one of these leaves. Nothing is touched before it has come: the folder may be somebody else's to write.
fn kept_up(folder: &Folder, names: &[String], now: Moment) -> Result<Option<Moment>, CertsError> {
    let next = renew::next(folder, names, now)?;
    if next.is_none_or(|next| next > now) {
        return Ok(next);
    }
    let Renewed { wrote, failed } = renew::renew_due(folder, names)?;
    for path in wrote.iter().filter(|path| !path.to_string_lossy().ends_with("-key.pem")) {
        tracing::info!(certificate = %path.display(), "renewed");
    }
    failed.map_or_else(|| renew::next(folder, names, now), Err)
}
