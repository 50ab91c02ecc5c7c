//! The `gw` binary: everything is in the library.

use std::process::ExitCode;

/// Compiling and every request allocate small things on many threads: measured a third cheaper than the system's (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    gw::cli::main()
}
