//! Five million broken messages: none panics, and none takes longer than 100 µs.
//!
//! `cargo bench --bench mutate`; `-- N` for another number, `-- N SEED` for others.

#![expect(
    clippy::print_stdout,
    reason = "the one who runs it reads what it prints, a script how it ends"
)]

mod messages;
mod reader;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use bytes::Bytes;
use messages::Random;
use reader::Reader;

/// How long the whole way of one datagram may take.
const LIMIT: Duration = Duration::from_micros(100);

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|arg| arg.parse().ok());
    // `cargo test --benches` only tries it.
    let usual = if std::env::args().any(|arg| arg == "--test") {
        1_000
    } else {
        5_000_000
    };
    let count: u64 = numbers.next().unwrap_or(usual);
    let seed: u64 = numbers.next().unwrap_or(1);
    let seeds = messages::seeds();
    let mut random = Random(seed);
    let mut reader = Reader::new(now());
    let (mut longest, mut slow, mut bytes_in_all) = (Duration::ZERO, 0, 0);
    for index in 0..count {
        let before = random.clone();
        let bytes = Bytes::from(messages::next(&mut random, &seeds));
        bytes_in_all += bytes.len();
        let took = catch_unwind(AssertUnwindSafe(|| {
            reader::read(&bytes);
            if index % 8 == 0 {
                reader.receive_stream(&bytes);
            }
            time(&mut reader, &bytes)
        }));
        let Ok(took) = took else {
            println!(
                "message {index}, seed {:#x}: panic on {:?}",
                before.0, bytes
            );
            std::process::exit(1);
        };
        if took > LIMIT {
            println!(
                "message {index}, seed {:#x}: {took:?} for {} bytes",
                before.0,
                bytes.len()
            );
            slow += 1;
        }
        longest = longest.max(took);
        reader.wait(Duration::from_millis(5));
    }
    println!(
        "{count} messages, {} MB, longest {longest:?}, slower than {LIMIT:?}: {slow}",
        bytes_in_all / 1_000_000
    );
    if slow > 0 {
        std::process::exit(1);
    }
}

/// How long a datagram takes; a long one is taken in up to 29 times more, for what took
/// long may have been the scheduler. An endpoint of its own each time, lest it be answered
/// from memory.
fn time(reader: &mut Reader, bytes: &Bytes) -> Duration {
    let mut least = Duration::MAX;
    for attempt in 0..30 {
        if attempt > 0 {
            *reader = Reader::new(now());
        }
        let start = now();
        reader.receive(bytes);
        least = least.min(start.elapsed());
        if least <= LIMIT {
            break;
        }
    }
    least
}

#[expect(clippy::disallowed_methods, reason = "it measures")]
fn now() -> Instant {
    Instant::now()
}
