//! How a process is told to end: TERM and INT drain, a second one ends at once; a handle does the same from inside.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Tells a running process to drain. Clones tell the same process.
#[derive(Clone, Debug)]
pub struct Shutdown(Arc<watch::Sender<bool>>);

impl Default for Shutdown {
    fn default() -> Self {
        Self(Arc::new(watch::channel(false).0))
    }
}

impl Shutdown {
    /// Asks for the drain.
    pub fn trigger(&self) {
        self.0.send_replace(true);
    }

    /// Whether the drain was asked for.
    pub fn is_triggered(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves when the drain was asked for.
    pub async fn triggered(&self) {
        // The sender is held by `self`, so waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|t| *t).await;
    }
}

/// The signals that a process hears.
#[derive(Debug)]
pub struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
    usr1: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// TERM or INT, with the exit code of a process that it killed: 143 or 130.
    End(u8),
    /// HUP: read the configuration anew.
    Reload,
    /// USR1: open log files anew.
    Reopen,
}

impl Signals {
    /// Listens from now on; needs a runtime with I/O.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
            usr1: signal(SignalKind::user_defined1())?,
        })
    }

    /// The next one. Several of one kind that come at once are one.
    pub async fn next(&mut self) -> Heard {
        tokio::select! {
            biased;
            _ = self.term.recv() => Heard::End(143),
            _ = self.int.recv() => Heard::End(130),
            _ = self.hup.recv() => Heard::Reload,
            _ = self.usr1.recv() => Heard::Reopen,
        }
    }

    /// Ends the process at once when it is told to: for the time after the first TERM.
    pub async fn exit_on_next(&mut self) -> std::convert::Infallible {
        loop {
            if let Heard::End(code) = self.next().await {
                // The one place where a process may end without its drain: it was told to twice.
                #[allow(clippy::disallowed_methods)]
                std::process::exit(i32::from(code))
            }
        }
    }
}
