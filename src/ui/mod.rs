//! The only door to stdout and stderr: data to the one, everything else to the other.

mod error;
mod progress;
mod screen;
mod table;

use std::error::Error;
use std::io::{self, BufWriter, IsTerminal, Write};

pub use error::{ErrorFormat, Place, Report, Severity};
pub use progress::Progress;
pub use screen::Screen;
pub use table::Table;

/// Stdout for records that another thread writes, whole lines at a time.
pub fn records() -> Box<dyn Write + Send> {
    Box::new(io::stdout())
}

/// The same of stderr.
pub fn records_beside() -> Box<dyn Write + Send> {
    Box::new(io::stderr())
}

/// The terminal, the pipe or the file that this process writes to. Colour is as NO_COLOR, CLICOLOR_FORCE and the terminal say.
#[derive(Debug)]
pub struct Ui {
    out: BufWriter<anstream::Stdout>,
    err: anstream::Stderr,
    errors: ErrorFormat,
    out_is_terminal: bool,
}

impl Ui {
    /// Stdout and stderr of this process.
    pub fn of_process(errors: ErrorFormat) -> Self {
        let out_is_terminal = io::stdout().is_terminal();
        Self { out: BufWriter::new(anstream::stdout()), err: anstream::stderr(), errors, out_is_terminal }
    }

    /// Data, to stdout.
    pub fn print(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    /// A table, to stdout: with borders on a terminal, only the cells elsewhere.
    pub fn table(&mut self, table: &Table) -> io::Result<()> {
        let text = if self.out_is_terminal { table.drawn(self.width() as u16) } else { table.plain() };
        self.print(&text)
    }

    /// Whether stdout is a terminal.
    pub const fn is_terminal(&self) -> bool {
        self.out_is_terminal
    }

    /// Everything printed so far leaves the process.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// A line for the one who watches, to stderr. Nobody can be told that stderr is gone.
    pub fn note(&mut self, text: &str) {
        let _ = writeln!(self.err, "{text}");
    }

    /// Something that is wrong, to stderr.
    pub fn report(&mut self, report: &Report<'_>) {
        let text = error::render(report, self.errors, self.width());
        let _ = self.err.write_all(text.as_bytes());
    }

    /// An error with its causes, and advice.
    pub fn failure(&mut self, error: &dyn Error, hints: &[String]) {
        let message = error::with_causes(error);
        self.report(&Report { code: "", severity: Severity::Error, message: &message, place: None, help: hints });
    }

    /// Columns of the terminal as the shell says, within what can be read.
    fn width(&self) -> usize {
        let columns = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
        columns.unwrap_or(120usize).clamp(60, 240)
    }
}
