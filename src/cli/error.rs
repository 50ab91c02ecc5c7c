//! Why a command did not do what it was asked, and what the exit code says about it.

use std::io;
use std::process::ExitCode;

use super::input;
use crate::app::entries::Diagnostic;
use crate::ui::Ui;

/// Why a command failed. The exit code follows from the variant, as in gw(1).
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// stdout cannot be written.
    #[error("cannot write the answer")]
    Output(#[from] io::Error),
    /// stdin cannot be read.
    #[error("cannot read stdin")]
    Stdin(#[source] io::Error),
    /// Arguments that clap cannot judge.
    #[error("{0}")]
    Usage(String),
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
            Self::Invalid(problems) => problems.iter().for_each(|p| ui.report(&input::report(p))),
            _ => ui.failure(&self, &[]),
        }
        ExitCode::from(self.code())
    }

    fn code(&self) -> u8 {
        match self {
            Self::Output(_) | Self::Stdin(_) => 1,
            Self::Usage(_) => 2,
            Self::Invalid(_) => 3,
        }
    }
}
