//! Why a question has no answer: what was asked, of whom, what came, and what to do about it.

use std::path::PathBuf;
use std::time::Duration;

use crate::source::consul::answer::Why;
use crate::source::consul::permission::{self, Rule};

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// A name that cannot be part of a path.
    #[error("{0} names something that cannot be asked for")]
    Name(String),
    /// The token's file was never readable.
    #[error("cannot read the token in {}", file.display())]
    TokenFile {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A token with line breaks or the like. It is not shown.
    #[error("{0} holds what cannot be a token")]
    Token(String),
    /// A file of TLS is not readable.
    #[error("cannot read {}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of TLS holds something else.
    #[error("{} holds no {what}", file.display())]
    Pem {
        /// The file.
        file: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// Why; nothing where it is just empty.
        #[source]
        why: Option<Library>,
    },
    /// The settings fit together nowhere.
    #[error("cannot ask {agent}")]
    Settings {
        /// The agent.
        agent: String,
        /// Why.
        source: Library,
    },
    /// Nothing came back, or not all of it.
    #[error("asked Consul at {agent} for {asked}")]
    Unreached {
        /// The agent.
        agent: String,
        /// Method and path.
        asked: String,
        /// What happened.
        #[source]
        why: Unreached,
    },
    /// An answer that says nothing about the world.
    #[error("asked Consul at {agent} for {asked}")]
    Answered {
        /// The agent.
        agent: String,
        /// Method and path.
        asked: String,
        /// What it says.
        #[source]
        why: Why,
    },
}

/// What the library says.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Library(#[from] pub(super) reqwest::Error);

/// Why nothing came back, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum Unreached {
    /// No connection.
    #[error("no connection")]
    Connect(#[source] Library),
    /// No answer in time.
    #[error("no answer within {} s", .0.as_secs())]
    TooSlow(Duration),
    /// The connection ended before the answer.
    #[error("the connection ended before the answer did")]
    Cut(#[source] Library),
    /// More than any answer has.
    #[error("the answer has more than {0} bytes, which no answer of Consul has")]
    TooLong(usize),
}

impl Unreached {
    /// What the library says, without the address, which is said already.
    pub(super) fn of(error: reqwest::Error, patience: Duration) -> Self {
        if error.is_connect() {
            Self::Connect(Library(error.without_url()))
        } else if error.is_timeout() {
            Self::TooSlow(patience)
        } else {
            Self::Cut(Library(error.without_url()))
        }
    }
}

impl AskError {
    /// What somebody can do about it.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Name(_) => Some("names of Consul are made of letters, digits, '-' and '_'"),
            Self::TokenFile { .. } | Self::Token(_) => Some("say another one by --token-file or CONSUL_HTTP_TOKEN_FILE"),
            Self::File { .. } | Self::Pem { .. } => {
                Some("see --ca-file, --ca-path, --client-cert, --client-key, and CONSUL_CACERT and the like")
            }
            Self::Settings { .. } => None,
            Self::Unreached { why: Unreached::TooLong(_), .. } => None,
            Self::Unreached { .. } => Some("is an agent running there? say where it is by --http-addr or CONSUL_HTTP_ADDR"),
            Self::Answered { why, .. } => why.advice(),
        }
    }

    /// Whether another token may have an answer.
    pub const fn is_of_token(&self) -> bool {
        let of_answer = matches!(self, Self::Answered { why: Why::Denied(_) | Why::UnknownToken(_), .. });
        of_answer || matches!(self, Self::TokenFile { .. } | Self::Token(_))
    }

    /// What the token lacks, if that is it and can be told.
    pub fn missing(&self) -> Option<Rule> {
        match self {
            Self::Answered { asked, why: Why::Denied(text), .. } => permission::missing(asked, text),
            _ => None,
        }
    }

    /// What Consul answered, if it is that.
    pub const fn why(&self) -> Option<&Why> {
        match self {
            Self::Answered { why, .. } => Some(why),
            _ => None,
        }
    }
}
