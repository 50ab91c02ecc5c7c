//! Whom one asks: a process that runs, files, a Consul, a dump. The same question has the same answer.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::Value;

use super::consul::{OneReading, Unread};
use super::dump::NoDump;
use super::{Asked, Unanswered, Verb, World, consul, dump, files};
use crate::admin::client::{self, AskError};
use crate::source::diagnostic::Diagnostic;
use crate::tls;

/// Whom one asks.
#[derive(Clone, Debug)]
pub enum Place {
    /// The process whose admin listener is there.
    Running(SocketAddr),
    /// A `gw.toml`, a file of config entries, or a folder of them.
    Files(PathBuf),
    /// The same; the entries are not judged as a set before.
    UnjudgedFiles(PathBuf),
    /// A Consul, read once: what a gateway would need.
    Consul(Box<OneReading>),
    /// What a process that ran has dumped.
    Dump(PathBuf),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskPlaceError {
    /// What is wrong with the files.
    #[error("the files are refused")]
    Files(Vec<Diagnostic>),
    /// No answer from the process.
    #[error(transparent)]
    Ask(AskError),
    /// The Consul does not say what is needed.
    #[error(transparent)]
    Consul(#[from] Unread),
    /// The file is no dump.
    #[error(transparent)]
    Dump(#[from] NoDump),
    /// The question is none, or has no answer.
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
}

impl Place {
    /// For the one who reads: `gw.toml`, `the gateway at 127.0.0.1:19000`, `Consul at 127.0.0.1:8500`.
    pub fn name(&self) -> String {
        match self {
            Self::Running(address) => format!("the gateway at {address}"),
            Self::Files(path) | Self::UnjudgedFiles(path) => path.display().to_string(),
            Self::Consul(reading) => format!("Consul at {}", reading.settings.agent),
            Self::Dump(path) => format!("the dump {}", path.display()),
        }
    }

    /// Answers a question, asked with these names and values.
    pub fn ask(&self, verb: Verb, asked: &[(&str, String)]) -> Result<Value, AskPlaceError> {
        if let Self::Running(address) = self {
            tls::install();
            return client::ask_blocking(*address, verb.page, asked).map_err(of_running);
        }
        Ok(self.world()?.ask(verb, &Asked::of_pairs(asked))?)
    }

    /// The world that is asked, of what does not run.
    pub fn world(&self) -> Result<World, AskPlaceError> {
        tls::install();
        match self {
            Self::Running(_) => {
                let dump = self.ask(dump::DUMP, &[])?;
                dump::world(dump.to_string().as_bytes()).map_err(|why| Unanswered::Wrong(why).into())
            }
            Self::Files(path) => files::read(path),
            Self::UnjudgedFiles(path) => files::entries(path),
            Self::Consul(reading) => Ok(consul::read(reading)?),
            Self::Dump(path) => Ok(dump::read(path)?),
        }
    }
}

/// What a process says of a question is what it would say itself.
fn of_running(error: AskError) -> AskPlaceError {
    match error {
        AskError::Status { status: 400, said, .. } => Unanswered::Wrong(said).into(),
        AskError::Status { status: 422, said, .. } => Unanswered::Refused(said).into(),
        other => AskPlaceError::Ask(other),
    }
}
