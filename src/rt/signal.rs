//! How a process is told to end: TERM and INT drain, a second one ends at once; a handle does the same from inside.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Tells a running process to drain, or to end. Clones tell the same process.
#[derive(Clone, Debug)]
pub struct Shutdown(Arc<watch::Sender<Stage>>);

/// How far a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Runs,
    /// Connections may go on so long; `None`: as long as the process was started with.
    Drains(Option<Duration>),
    Ends,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self(Arc::new(watch::channel(Stage::Runs).0))
    }
}

impl Shutdown {
    /// Asks for the drain.
    pub fn trigger(&self) {
        self.drain(None);
    }

    /// Asks for the drain, within a time of its own. The first one who asks says it.
    pub fn drain(&self, within: Option<Duration>) {
        self.0.send_if_modified(|stage| {
            let runs = *stage == Stage::Runs;
            if runs {
                *stage = Stage::Drains(within);
            }
            runs
        });
    }

    /// Asks for the end: what is under way is cut.
    pub fn end(&self) {
        self.0.send_replace(Stage::Ends);
    }

    /// Whether the drain was asked for.
    pub fn is_triggered(&self) -> bool {
        *self.0.borrow() != Stage::Runs
    }

    /// How long connections may go on, if who asked for the drain said that.
    pub fn within(&self) -> Option<Duration> {
        match *self.0.borrow() {
            Stage::Drains(within) => within,
            Stage::Runs | Stage::Ends => None,
        }
    }

    /// Resolves when the drain was asked for.
    pub async fn triggered(&self) {
        // The sender is held by `self`, so waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|stage| *stage != Stage::Runs).await;
    }

    /// Resolves when the end was asked for.
    pub async fn ended(&self) {
        let _ = self.0.subscribe().wait_for(|stage| *stage == Stage::Ends).await;
    }
}

/// Resolves at INT or TERM: one who watches has seen enough. Where they cannot be heard they kill, as they did before.
pub async fn interrupted() {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_who_asks_for_a_drain_says_its_time_and_the_end_stays_the_end() {
        let shutdown = Shutdown::default();
        assert!(!shutdown.is_triggered());
        shutdown.drain(Some(Duration::from_secs(3)));
        shutdown.trigger();
        assert_eq!((shutdown.is_triggered(), shutdown.within()), (true, Some(Duration::from_secs(3))));
        shutdown.end();
        shutdown.trigger();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async { tokio::join!(shutdown.triggered(), shutdown.ended()) });
    }
}
