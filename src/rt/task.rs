//! The one place where tasks of a worker are spawned. They stay on its thread.

use std::future::Future;

use tokio::task::JoinHandle;

/// Spawns a task on the worker's own thread. It ends with the worker at the latest.
///
/// # Panics
/// Outside of a worker: only code that runs in one calls this.
pub fn spawn(future: impl Future<Output = ()> + 'static) {
    drop(tokio::task::spawn_local(future));
}

/// Spawns a task that does not outlive what is returned.
///
/// # Panics
/// Outside of a worker: only code that runs in one calls this.
pub fn hold(future: impl Future<Output = ()> + 'static) -> Held {
    Held(tokio::task::spawn_local(future))
}

/// A task that ends when this is dropped, wherever it stands.
#[derive(Debug)]
pub struct Held(JoinHandle<()>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.abort();
    }
}
