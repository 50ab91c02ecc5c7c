//! The `gw` binary: everything is in the library.

use std::process::ExitCode;

/// Compiling and every request allocate small things on many threads: measured a third cheaper than the system's (docs/performance.md).
/// Without huge pages: the kernel clears two megabytes for the first small thing in them, which was most of a start, and a request does
/// not miss them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    gw::cli::main()
}
