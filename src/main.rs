//! Centrale: an inbound call centre server.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    writeln!(
        std::io::stdout(),
        "centrale {version}: no listener is built in yet; see README.md"
    )
}
