//! Named threads with a runtime each. The first that ends before it was told ends the others; a panic is a failure.

use std::future::Future;
use std::io;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, LocalOptions};

use super::signal::Shutdown;

/// How many tasks run before sockets are looked at again. A request takes four, so that up to 64 go through together: all of them are read
/// before the first is passed on, and whoever they go to is woken once for many. With the runtime's own 61 a request costs a twentieth more.
/// Many times as many would have those wait who come while others move bytes without end.
const AT_ONCE: u32 = 256;

/// Why a process ended that was not told to.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A thread panicked: a bug.
    #[error("thread {0} panicked")]
    Panicked(String),
    /// What a thread ran failed.
    #[error("thread {0} failed")]
    Failed(String, #[source] io::Error),
    /// A thread could not be started.
    #[error("cannot start thread {0}")]
    Start(String, #[source] io::Error),
}

/// The threads of a process.
#[derive(Debug, Default)]
pub struct Supervisor {
    threads: Vec<(String, JoinHandle<io::Result<()>>)>,
    shutdown: Shutdown,
}

/// Triggers the shutdown when its thread ends, however it ends.
struct Ends(Shutdown);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.trigger();
    }
}

impl Supervisor {
    /// Threads that end, and are ended, with those of another supervisor.
    pub const fn sharing(shutdown: Shutdown) -> Self {
        Self { threads: Vec::new(), shutdown }
    }

    /// The handle that tells all threads to end.
    pub fn shutdown(&self) -> Shutdown {
        self.shutdown.clone()
    }

    /// Runs what `make` makes on a thread and a single-threaded runtime of its own; tasks that it spawns by
    /// [`super::task::spawn`] are dropped when it is done.
    pub fn start<M, F>(&mut self, name: &str, make: M) -> Result<(), Failure>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future<Output = io::Result<()>>,
    {
        let failed = |e| Failure::Start(name.to_owned(), e);
        let ends = Ends(self.shutdown());
        let body = move || {
            let _ends = ends;
            // A runtime for tasks that stay on their thread: a set of such tasks in a runtime for others would be polled by two
            // schedulers, one inside the other.
            let runtime = Builder::new_current_thread().enable_all().event_interval(AT_ONCE).build_local(LocalOptions::default())?;
            runtime.block_on(async { make().await })
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(body).map_err(failed)?;
        self.threads.push((name.to_owned(), thread));
        Ok(())
    }

    /// Waits until all threads have ended. The first failure, if there was one.
    pub fn join(self) -> Result<(), Failure> {
        let mut first = Ok(());
        for (name, thread) in self.threads {
            let ended = match thread.join() {
                Ok(result) => result.map_err(|e| Failure::Failed(name, e)),
                Err(_) => Err(Failure::Panicked(name)),
            };
            first = first.and(ended);
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_panics_ends_the_others_and_is_the_failure() {
        let mut all = Supervisor::default();
        let told = all.shutdown();
        all.start("waits", move || async move {
            told.triggered().await;
            Ok(())
        })
        .unwrap();
        all.start("breaks", || async { panic!("on purpose") }).unwrap();
        assert!(matches!(all.join(), Err(Failure::Panicked(name)) if name == "breaks"));
    }

    #[test]
    fn a_failure_ends_the_threads_of_a_supervisor_that_shares_its_shutdown() {
        let mut all = Supervisor::default();
        let told = all.shutdown();
        all.start("waits", move || async move {
            told.triggered().await;
            Ok(())
        })
        .unwrap();
        let mut other = Supervisor::sharing(all.shutdown());
        other.start("breaks", || async { Err(io::ErrorKind::Other.into()) }).unwrap();
        assert!(all.join().is_ok() && other.join().is_err());
    }

    #[test]
    fn threads_that_end_when_told_are_no_failure() {
        let mut all = Supervisor::default();
        let told = all.shutdown();
        let handle = told.clone();
        all.start("waits", move || async move {
            told.triggered().await;
            Ok(())
        })
        .unwrap();
        handle.trigger();
        assert!(all.join().is_ok());
    }
}
