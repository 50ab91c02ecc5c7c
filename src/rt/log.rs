//! Setting up the log: what gw says of itself, on stderr, and how an error stands in a line. Access records are another matter.

use std::sync::{Mutex, OnceLock, PoisonError};

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::{EnvFilter, reload};

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// A library warns of what its peer does, and a client could write as many lines as it likes; who asks for them gets them.
const QUIET: &str = "h2=error";

/// The log of the process, once it was started.
static LOG: OnceLock<Log> = OnceLock::new();

struct Log {
    filter: Mutex<String>,
    set: Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>,
}

/// Starts logging to stderr, once a process; later calls change nothing. `asked` as in `info` or `gw::proxy=debug,warn`;
/// one that does not parse is `info`.
pub fn start(asked: &str, format: Format) {
    let parsed = parse(asked);
    let (asked, filter) = parsed.map_or_else(|_| ("info", EnvFilter::new(format!("{QUIET},info"))), |filter| (asked, filter));
    // What it says of a line that cannot be written goes to stderr by a macro that panics if that cannot be written either.
    let builder = tracing_subscriber::fmt().log_internal_errors(false).with_env_filter(filter).with_writer(std::io::stderr);
    let (set, started): (Box<dyn Fn(EnvFilter) -> _ + Send + Sync>, _) = match format {
        Format::Text => {
            let builder = builder.with_ansi(false).with_filter_reloading();
            let handle = builder.reload_handle();
            (Box::new(move |filter| handle.reload(filter)), builder.try_init().is_ok())
        }
        Format::Json => {
            let builder = builder.json().with_filter_reloading();
            let handle = builder.reload_handle();
            (Box::new(move |filter| handle.reload(filter)), builder.try_init().is_ok())
        }
    };
    // Where a log is already there the first one stays.
    if started {
        drop(LOG.set(Log { filter: Mutex::new(asked.to_owned()), set }));
    }
}

/// What is logged by now; empty: nothing is.
pub fn filter() -> String {
    LOG.get().map(|log| log.filter.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
}

/// Logs something else from now on.
///
/// # Errors
/// What is wrong with the filter, in words; then nothing has changed.
pub fn set(asked: &str) -> Result<(), String> {
    let filter = parse(asked)?;
    let log = LOG.get().ok_or("this process writes no log")?;
    let mut known = log.filter.lock().unwrap_or_else(PoisonError::into_inner);
    (log.set)(filter).map_err(|error| error.to_string())?;
    asked.clone_into(&mut known);
    drop(known);
    Ok(())
}

/// Levels, alone or of a target. The library takes any word for a target.
fn parse(asked: &str) -> Result<EnvFilter, String> {
    let wrong = |why: String| format!("{asked:?} is no filter such as info, debug or gw::proxy=debug,warn: {why}");
    for directive in asked.split(',') {
        let level = directive.rsplit('=').next().unwrap_or_default().trim();
        if level.parse::<LevelFilter>().is_err() || level.is_empty() {
            return Err(wrong(format!("{level:?} is no level; off, error, warn, info, debug and trace are")));
        }
    }
    EnvFilter::try_new(format!("{QUIET},{asked}")).map_err(|error| wrong(error.to_string()))
}

/// An error and what it comes from, in a line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |e| e.source()).map(ToString::to_string);
    causes.collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_levels_alone_or_of_targets() {
        for right in ["info", "off", "gw::proxy=debug,warn", "gw=trace"] {
            assert!(parse(right).is_ok(), "{right}");
        }
        for wrong in ["", "loud", "gw", "gw=loud", "info,"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
