//! The only door to stdout and stderr: data to the one, everything else to the other.

use std::error::Error;
use std::io::{self, BufWriter, Write};

/// How errors are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorFormat {
    /// As rustc prints them: the line, a caret, advice.
    Full,
    /// `file:line:column: error[CODE]: message`
    Short,
    /// One JSON object a line.
    Json,
}

/// The terminal, the pipe or the file that this process writes to.
#[derive(Debug)]
pub struct Ui {
    out: BufWriter<anstream::Stdout>,
    err: anstream::Stderr,
    errors: ErrorFormat,
}

impl Ui {
    /// Stdout and stderr of this process; colour as NO_COLOR, CLICOLOR_FORCE and the terminal say.
    pub fn of_process(errors: ErrorFormat) -> Self {
        Self { out: BufWriter::new(anstream::stdout()), err: anstream::stderr(), errors }
    }

    /// Data, to stdout.
    pub fn print(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    /// Everything printed so far leaves the process.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// An error with its causes, and advice.
    pub fn failure(&mut self, error: &dyn Error, hints: &[String]) {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        // Nobody can be told that stderr is gone.
        let _ = writeln!(self.err, "error: {text}");
        for hint in hints {
            let _ = writeln!(self.err, "hint: {hint}");
        }
        let _ = self.errors;
    }
}
