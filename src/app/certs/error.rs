//! Why a command of `gw certs` did not do what it was asked.

use std::path::PathBuf;
use std::{io, iter};

use crate::tls::{self, Distrust, IssueError};

/// Why it did not.
#[derive(Debug, thiserror::Error)]
pub enum CertsError {
    /// The file system does not let it.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// There is a file already.
    #[error("{} exists and is not overwritten: --force does it", .0.display())]
    Exists(PathBuf),
    /// There is no CA.
    #[error("there is no CA in {}: gw certs init makes one; --dir, or --ca of gw wan-fed init, says where it is", .0.display())]
    NoCa(PathBuf),
    /// There is a CA, but not its key.
    #[error("{} is not there: a CA without its key verifies, and signs nothing", .0.display())]
    NoKey(PathBuf),
    /// No root in the bundle has the key.
    #[error("{} is the key of no certificate in {}", key.display(), bundle.display())]
    Stray {
        /// The key.
        key: PathBuf,
        /// The bundle.
        bundle: PathBuf,
    },
    /// Files that cannot be used.
    #[error("the certificates cannot be used")]
    Files(#[from] tls::Error),
    /// Nothing was made.
    #[error("nothing was issued")]
    Issue(#[from] IssueError),
    /// What was asked for means nothing.
    #[error("{0}")]
    Usage(String),
    /// There is no such certificate.
    #[error("{0}")]
    NoSuch(String),
    /// The leaf of that name is another datacenter's, whose gateways run.
    #[error(
        "{} is the leaf of {name} in {theirs}, where gateways run by this folder, too: give {ours} a folder of its own, \
         cp -p {}/ca*.pem there, and name it as dir of [certs]",
        cert.display(), cert.parent().unwrap_or(cert).display()
    )]
    Taken {
        /// The file.
        cert: PathBuf,
        /// The service.
        name: String,
        /// The datacenter that it is of.
        theirs: String,
        /// The one that it is not issued for.
        ours: String,
    },
    /// It is not the time for it.
    #[error("{0}")]
    Conflict(String),
    /// Nobody answers there, or not with TLS.
    #[error("cannot look at {at}")]
    Unreachable {
        /// Where.
        at: String,
        /// Why.
        source: io::Error,
    },
    /// Some leaves were not made, each for a reason of its own.
    #[error("{}", told(.0))]
    Leaves(Vec<(String, Self)>),
    /// It does not verify.
    #[error("not trusted")]
    Distrusted(#[from] Box<Distrust>),
}

impl CertsError {
    /// Whether what was asked for means nothing, for one leaf at least: no other try will do.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Usage(_) | Self::Taken { .. } => true,
            Self::Leaves(failed) => failed.iter().any(|(_, error)| error.is_usage()),
            _ => false,
        }
    }

    /// What went wrong with leaves of these names; `None`: nothing.
    pub(super) fn of_leaves(failed: Vec<(String, Self)>) -> Option<Self> {
        (!failed.is_empty()).then_some(Self::Leaves(failed))
    }

    pub(super) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}

/// In one line: a log has no more.
fn told(failed: &[(String, CertsError)]) -> String {
    let causes = |error: &CertsError| {
        let causes = iter::successors(Some(error as &dyn std::error::Error), |error| error.source()).map(ToString::to_string);
        causes.collect::<Vec<_>>().join(": ")
    };
    failed.iter().map(|(name, error)| format!("{name}: {}", causes(error))).collect::<Vec<_>>().join("; ")
}
