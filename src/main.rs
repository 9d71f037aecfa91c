//! Centrale: an inbound call centre server.

mod server;

use std::process::ExitCode;

fn main() -> ExitCode {
    server::cli::run()
}
