//! Setting up the log: what gw says of itself, on stderr, and how an error stands in a line. Access records are another matter.

use tracing_subscriber::EnvFilter;

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging to stderr, once a process; later calls change nothing. `asked` as in `info` or `gw::proxy=debug,warn`;
/// one that does not parse is `info`.
pub fn start(asked: &str, format: Format) {
    // A library warns of what its peer does, and a client could write as many lines as it likes; who asks for them gets them.
    let filter = |filter| EnvFilter::try_new(format!("h2=error,{filter}"));
    let filter = filter(asked).or_else(|_| filter("info")).unwrap_or_default();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // An error means that a log is already there: the first one stays.
    let _ = match format {
        Format::Text => builder.with_ansi(false).try_init(),
        Format::Json => builder.json().try_init(),
    };
}

/// An error and what it comes from, in a line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |e| e.source()).map(ToString::to_string);
    causes.collect::<Vec<_>>().join(": ")
}
