//! Why a command did not do what it was asked, and what the exit code says about it.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use super::input;
use crate::app::certs::CertsError;
use crate::app::config::TokenError;
use crate::app::consul::apply::ApplyError;
use crate::app::consul::{self, Unreached, Why};
use crate::app::entries::Diagnostic;
use crate::app::load::WhichGateway;
use crate::app::routes::AskError;
use crate::app::wan_fed::InitError;
use crate::app::{Ended, StartError};
use crate::ui::Ui;

const ASK_HINT: &str = "is a gateway running, and is that its --admin-bind?";
const FILES_HINT: &str = "-c FILE asks files instead";

const AGAIN: &str = "the same command again goes on from what Consul has now; --dry-run says what that would do";

/// Why a command failed. The exit code follows from the variant, as in gw(1).
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// stdout cannot be written.
    #[error("cannot write the answer")]
    Output(#[from] io::Error),
    /// stdin cannot be read.
    #[error("cannot read stdin")]
    Stdin(#[source] io::Error),
    /// A file cannot be written.
    #[error("cannot write {}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A command of certificates did not do it.
    #[error(transparent)]
    Certs(#[from] CertsError),
    /// Arguments that clap cannot judge.
    #[error("{0}")]
    Usage(String),
    /// No answer in time.
    #[error("{0}")]
    TooSlow(String),
    /// The services of the embedded default cannot be started.
    #[error("the services of the embedded default cannot start")]
    Echo(#[source] io::Error),
    /// A gateway did not start.
    #[error("the gateway does not start")]
    Start(#[source] Box<StartError>),
    /// The admin token cannot be used.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A gateway ended that was not told to.
    #[error("the gateway ended")]
    Ended(#[from] Ended),
    /// A gateway that runs did not answer.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// Consul did not answer, or not so.
    #[error(transparent)]
    Consul(Box<consul::AskError>),
    /// Not all changes were made.
    #[error(transparent)]
    Apply(Box<ApplyError>),
    /// Consul does not have what was asked for.
    #[error("{0}")]
    NotFound(String),
    /// It was not done in time.
    #[error("{0}")]
    Slow(String),
    /// The same, where files could be asked instead.
    #[error(transparent)]
    AskOrRead(AskError),
    /// No table has the code.
    #[error("there is no code {word:?}: docs/codes.md lists them")]
    NoSuchCode {
        /// What was typed.
        word: String,
        /// Those that may be meant.
        near: Vec<&'static str>,
    },
    /// Neither an agent nor a gateway answered.
    #[error("nothing can be reached: no agent, no gateway, no server")]
    Nothing,
    /// The files do not have what was asked for.
    #[error("{0}")]
    Refused(String),
    /// The input is refused: these reports are still to be printed.
    #[error("the input is refused")]
    Invalid(Vec<Diagnostic>),
}

impl Failure {
    /// Prints it, and says how the process ends.
    pub(super) fn report(self, ui: &mut Ui) -> ExitCode {
        match &self {
            // Whoever closed the pipe has what it wanted.
            Self::Output(e) if e.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
            Self::Ask(AskError::Unreachable { .. }) => ui.failure(&self, &[ASK_HINT.to_owned()]),
            Self::Consul(error) => ui.failure(&self, &error.advice().map(str::to_owned).into_iter().collect::<Vec<_>>()),
            Self::Apply(error) if matches!(**error, ApplyError::Conflict { .. }) => ui.failure(&self, &[AGAIN.to_owned()]),
            Self::Apply(error) if let ApplyError::Step { source, .. } = &**error => {
                let advice = source.advice().map(str::to_owned);
                ui.failure(&self, &advice.into_iter().chain([AGAIN.to_owned()]).collect::<Vec<_>>());
            }
            Self::NoSuchCode { near, .. } if !near.is_empty() => ui.failure(&self, &[format!("did you mean {}?", near.join(" or "))]),
            Self::Start(error) => ui.failure(&self, &error.advice().into_iter().collect::<Vec<_>>()),
            Self::AskOrRead(AskError::Unreachable { .. }) => ui.failure(&self, &[format!("{ASK_HINT} {FILES_HINT}")]),
            Self::Invalid(problems) => problems.iter().for_each(|p| ui.report(&input::report(p))),
            _ => ui.failure(&self, &[]),
        }
        ExitCode::from(self.code())
    }

    fn code(&self) -> u8 {
        match self {
            Self::Output(_) | Self::Stdin(_) | Self::Write { .. } => 1,
            Self::Echo(_) | Self::Start(_) => 1,
            Self::Read { .. } | Self::Token(_) => 3,
            Self::Slow(_) => 7,
            Self::Certs(error) => of_certs(error),
            Self::Usage(_) => 2,
            Self::Invalid(_) | Self::Refused(_) => 3,
            Self::Nothing => 4,
            Self::TooSlow(_) => 7,
            Self::Ask(error) | Self::AskOrRead(error) => of_ask(error),
            Self::Consul(error) => of_consul(error),
            Self::Apply(error) => match &**error {
                ApplyError::NoOrder(_) => 3,
                ApplyError::Conflict { .. } => 8,
                ApplyError::Step { source, .. } => of_step(source),
            },
            Self::NoSuchCode { .. } | Self::NotFound(_) => 6,
            Self::Ended(_) => 70,
        }
    }
}

const fn of_ask(error: &AskError) -> u8 {
    match error {
        AskError::Token(_) => 3,
        AskError::Status { status: 400, .. } => 2,
        AskError::Status { status: 401, .. } => 5,
        AskError::Status { status: 504, .. } => 7,
        _ => 4,
    }
}

/// Of a write a 500 is Consul's way to refuse what it says.
fn of_step(error: &consul::AskError) -> u8 {
    match error.why() {
        Some(Why::Failed { .. } | Why::UnknownKind(_)) => 3,
        _ => of_consul(error),
    }
}

fn of_consul(error: &consul::AskError) -> u8 {
    use consul::AskError::{Answered, File, Name, Pem, Settings, Token, TokenFile, Unreached as Nothing};
    match error {
        Name(_) | Settings { .. } => 2,
        TokenFile { .. } | Token(_) | File { .. } | Pem { .. } => 3,
        Nothing { why: Unreached::TooSlow(_), .. } => 7,
        Nothing { .. } => 4,
        Answered { why, .. } => match why {
            Why::Refused { .. } => 3,
            Why::Denied(_) | Why::UnknownToken(_) => 5,
            Why::UnknownKind(_) | Why::NoDatacenter(_) => 6,
            _ => 4,
        },
    }
}

fn of_certs(error: &CertsError) -> u8 {
    match error {
        CertsError::Io { .. } | CertsError::Distrusted(_) => 1,
        CertsError::Usage(_) => 2,
        CertsError::Files(_) | CertsError::Issue(_) | CertsError::Stray { .. } => 3,
        CertsError::Unreachable { .. } => 4,
        CertsError::Leaves(failed) => failed.first().map_or(1, |(_, error)| of_certs(error)),
        CertsError::NoCa(_) | CertsError::NoKey(_) | CertsError::NoSuch(_) => 6,
        CertsError::Exists(_) | CertsError::Conflict(_) | CertsError::Taken { .. } => 8,
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self::Start(Box::new(error))
    }
}

impl From<consul::AskError> for Failure {
    fn from(error: consul::AskError) -> Self {
        Self::Consul(Box::new(error))
    }
}

impl From<InitError> for Failure {
    fn from(error: InitError) -> Self {
        match error {
            InitError::Usage(why) => Self::Usage(why),
            InitError::Certs(error) => Self::Certs(error),
        }
    }
}

impl From<WhichGateway> for Failure {
    fn from(error: WhichGateway) -> Self {
        match error {
            WhichGateway::NoEntry { .. } => Self::Refused(error.to_string()),
            _ => Self::Usage(error.to_string()),
        }
    }
}
