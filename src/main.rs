//! Centrale: an inbound call centre server.

mod server;

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    match server::serve::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(std::io::stderr(), "centrale: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}
