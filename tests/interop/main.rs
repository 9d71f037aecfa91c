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
mod digest;
mod disk;
mod endings;
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
mod relay;
mod replaces;
mod secure;
mod server;
mod sizes;
mod sound;
mod spoken;
mod standards;
mod strangers;
mod throng;
mod tones;
mod torture;
mod walk;
mod webhooks;
mod wire;

use std::time::{Duration, Instant};

/// Waits until something is so; panics with what it was waiting for.
fn eventually(what: &str, seconds: u64, mut so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(seconds);
    let (_keep, pause) = std::sync::mpsc::channel::<()>();
    while !so() {
        assert!(Instant::now() < until, "not within {seconds} s: {what}");
        pause.recv_timeout(Duration::from_millis(20)).ok();
    }
}
