//! The `gw` binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    gw::cli::main()
}
