//! Why a command did not do what it was asked, and what the exit code says about it.

use std::io;
use std::process::ExitCode;

use crate::ui::Ui;

/// Why a command failed. The exit code follows from the variant, as in the table of `gw help`.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// stdout or stderr cannot be written.
    #[error("cannot write the answer")]
    Output(#[from] io::Error),
    /// stdin cannot be read.
    #[error("cannot read stdin")]
    Stdin(#[source] io::Error),
}

impl Failure {
    /// Prints it, and says how the process ends.
    pub(super) fn report(self, ui: &mut Ui) -> ExitCode {
        // Whoever closed the pipe has what it wanted.
        if matches!(&self, Self::Output(e) if e.kind() == io::ErrorKind::BrokenPipe) {
            return ExitCode::SUCCESS;
        }
        ui.failure(&self, &[]);
        ExitCode::from(1)
    }
}
