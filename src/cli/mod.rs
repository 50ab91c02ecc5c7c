//! Arguments in, one call, one rendering.

use std::io::{BufRead, Write};
use std::process::ExitCode;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let stdin = std::io::stdin().lock();
    let mut stdout = std::io::BufWriter::new(std::io::stdout().lock());
    for line in stdin.lines().map_while(Result::ok) {
        if writeln!(stdout, "{}", crate::app::batch::answer(&line)).is_err() {
            break;
        }
    }
    ExitCode::SUCCESS
}
