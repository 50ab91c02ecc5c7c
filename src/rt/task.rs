//! The one place where tasks of a worker are spawned, and what they wait for. They stay on its thread.

use std::future::Future;

use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

/// Spawns a task on the worker's own thread. It ends with the worker at the latest.
///
/// # Panics
/// Outside of a worker: only code that runs in one calls this.
pub fn spawn(future: impl Future<Output = ()> + 'static) {
    drop(tokio::task::spawn_local(future));
}

/// The same, for who may have to end the task.
///
/// # Panics
/// As [`spawn`].
pub(super) fn spawn_held(future: impl Future<Output = ()> + 'static) -> AbortHandle {
    tokio::task::spawn_local(future).abort_handle()
}

/// A task that ends when this is dropped, wherever it stands.
#[derive(Debug)]
pub struct Held(AbortHandle);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Spawns a task that somebody holds.
///
/// # Panics
/// As [`spawn`].
pub fn hold(future: impl Future<Output = ()> + 'static) -> Held {
    Held(spawn_held(future))
}

/// Resolves at a time, or never.
pub async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
