//! Real clients against the real process: sipp callers and phones, baresip as an
//! operator, over loopback. A client that is not installed is a failure.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test with real clients has a real clock, and may stop at surprises"
)]

mod admission;
mod asks;
mod backend;
mod callbacks;
mod caller;
mod calls;
mod client;
mod commands;
#[path = "../../benches/overload/crowd.rs"]
mod crowd;
mod customers;
mod dialogs;
mod digest;
mod disk;
mod endings;
mod given_up;
mod keys;
mod life;
#[path = "../../benches/overload/server.rs"]
mod loaded;
mod many;
#[path = "../../benches/overload/strangers.rs"]
mod mob;
mod network;
mod outside;
mod overload;
mod phones;
mod picks;
mod pjsua;
mod ports;
mod raw;
mod reach;
mod recordings;
mod registrar;
mod refusals;
mod relay;
mod replaces;
mod secure;
mod server;
mod sizes;
mod shows;
mod sound;
mod spoken;
mod standards;
mod strangers;
mod targets;
mod throng;
mod tones;
mod torture;
mod walk;
mod webhooks;
mod wire;

use std::time::{Duration, Instant};

/// What has to come does so long before, even on a machine that has little time for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A machine that does other things may be so many times slower for a while. Who waits for
/// what comes loses nothing by it.
const SLOWER: u64 = 5;

/// Waits until something is so, for as many seconds as it takes a machine that has the time;
/// `false` if it never is.
fn comes(seconds: u64, mut so: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + Duration::from_secs(seconds * SLOWER);
    let (_keep, pause) = std::sync::mpsc::channel::<()>();
    loop {
        // Looked at once more after the end: it is this program that may have stood still.
        let last = Instant::now() >= until;
        if so() {
            return true;
        }
        if last {
            return false;
        }
        pause.recv_timeout(Duration::from_millis(20)).ok();
    }
}

/// The same, and panics with what it was waiting for.
fn eventually(what: &str, seconds: u64, so: impl FnMut() -> bool) {
    assert!(comes(seconds, so), "not within {seconds} s: {what}");
}
