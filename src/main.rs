//! Centrale: an inbound call centre server.

mod server;

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Memory by the list of a size and page, with nothing to sweep together later.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    server::cli::run()
}
