//! The one place where tasks of a worker are spawned. They stay on its thread.

use std::future::Future;

/// Spawns a task on the worker's own thread. It ends with the worker at the latest.
///
/// # Panics
/// Outside of a worker: only code that runs in one calls this.
pub fn spawn(future: impl Future<Output = ()> + 'static) {
    drop(tokio::task::spawn_local(future));
}

/// A task that ends when this is dropped.
#[derive(Debug)]
pub struct Held(tokio::task::AbortHandle);

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
    Held(tokio::task::spawn_local(future).abort_handle())
}
